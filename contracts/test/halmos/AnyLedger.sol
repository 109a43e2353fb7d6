// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grants } from "../../src/Grants.sol";
import { Members } from "../../src/Members.sol";
import { Releases } from "../../src/Releases.sol";
import { Studies } from "../../src/Studies.sol";
import { Subjects } from "../../src/Subjects.sol";
import { GrantState } from "../../src/interfaces/IGrants.sol";
import { Badge, Founder, Institution } from "../../src/interfaces/IMembers.sol";
import { KeyRequest } from "../../src/interfaces/IReleases.sol";
import { Study } from "../../src/interfaces/IStudies.sol";
import { Approval, Representative, Signer, Subject } from "../../src/interfaces/ISubjects.sol";
import { IWebAuthnVerifier } from "../../src/interfaces/IWebAuthnVerifier.sol";
import { TypedData } from "../utils/TypedData.sol";
import { Vm } from "../utils/Vm.sol";
import { AnyVerifier } from "./AnyVerifier.sol";
import { Svm } from "./Svm.sol";

/// @dev What a staff member gives: a badge, its issuer's signature, and the session's under the matter.
struct Given {
    Badge badge;
    bytes issuerSignature;
    bytes sessionSignature;
}

/// @title The real contracts, at any time, in any state: whatever is proven here holds for every history.
/// @notice Also for states that no history leads to, so a proof may need to say what it does not speak of. Signatures are
/// what ecrecover and a verifier say, about which nothing is assumed. What a proof demands is read from plain storage
/// and written down a second time here, not asked of the code that is proven. What has no fixed length (arrays, bytes)
/// has those that an annotation names; a call of any function has a credential in it that is none.
abstract contract AnyLedger {
    using TypedData for *;

    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    Svm internal constant svm = Svm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);

    uint8 internal constant LIVE = 1;
    uint8 internal constant REVOKED = 2;
    uint8 internal constant ANCHORED = 1;
    uint8 internal constant ISSUER = 2;
    uint8 internal constant CONSENT = 1;
    uint8 internal constant PAPER = 2;
    uint8 internal constant CARE = 3;
    uint8 internal constant LAW = 4;
    uint8 internal constant EMERGENCY = 5;
    uint32 internal constant MAY_GRANT = 1;
    uint32 internal constant MAY_ACCESS = 2;
    uint32 internal constant OFFICER = 64;

    AnyVerifier internal verifier;
    Members internal members;
    Subjects internal subjects;
    Studies internal studies;
    Grants internal grants;
    Releases internal releases;

    function setUp() public {
        Founder[] memory founders = new Founder[](1);
        founders[0] = Founder(address(1), 0, 1);
        verifier = new AnyVerifier();
        members = new Members(founders);
        subjects = new Subjects(members, IWebAuthnVerifier(address(verifier)), 3 days, 7 days);
        studies = new Studies(members, subjects);
        grants = new Grants(members, subjects, studies);
        releases = new Releases(members, subjects, studies, grants);
        svm.enableSymbolicStorage(address(verifier));
        svm.enableSymbolicStorage(address(members));
        svm.enableSymbolicStorage(address(subjects));
        svm.enableSymbolicStorage(address(studies));
        svm.enableSymbolicStorage(address(grants));
        svm.enableSymbolicStorage(address(releases));
        vm.warp(svm.createUint(39, "time")); // a second less than 40 bits hold: until the year 19391
    }

    /// @dev Any call of any function of a contract by anybody; returns whether it went through.
    function anyCall(string memory name, address target) internal returns (bool done) {
        return anyCallBut(name, target, 0, 0);
    }

    /// @dev The same, but for two functions.
    function anyCallBut(string memory name, address target, bytes4 one, bytes4 other) internal returns (bool done) {
        bytes memory data = svm.createCalldata(name);
        vm.assume(bytes4(data) != one && bytes4(data) != other);
        vm.prank(address(uint160(svm.createUint(160, "sender"))));
        // solhint-disable-next-line avoid-low-level-calls
        (done,) = target.call(data);
    }

    /// @dev Whether the request's grant is live now, for its study.
    function isLive(KeyRequest calldata request) internal view returns (bool) {
        (Study memory study, bool withdrawn) = studies.studyAt(request.studyId, request.revision);
        Subject memory subject = subjects.subjectOf(study.subject);
        GrantState memory grant = grants.grantOf(request.grantId);
        bool blocked = subject.flags & 1 != 0 && grant.basis != LAW && grant.basis != EMERGENCY;
        return study.status == ANCHORED && !withdrawn && grant.state == LIVE && grant.epoch == subject.epoch
            && block.timestamp < grant.expiry && !blocked;
    }

    function isCurrentSigner(bytes20 subject, bytes32 signerHash) internal view returns (bool) {
        Signer memory signer = subjects.signerOf(signerHash);
        return signer.subject == subject && signer.index != 0 && signer.index == subjects.subjectOf(subject).signerIndex;
    }

    function isLiveRepresentative(bytes20 subject, bytes32 signerHash) internal view returns (bool) {
        Representative memory stored = subjects.representativeOf(subject, signerHash);
        return stored.from <= block.timestamp && block.timestamp < stored.notAfter;
    }

    /// @dev Whether one of the patient's side signed: an account by ecrecover, a passkey by this ledger's verifier.
    function isSignedBy(bytes calldata signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signer.length == 20) {
            return bytes20(signer) != 0 && recovered(digest, signature) == address(bytes20(signer));
        }
        return signer.length == 84 && address(bytes20(signer)) == address(verifier)
            && verifier.verify(signer[20:], digest, signature) == AnyVerifier.verify.selector;
    }

    /// @dev Whether a live badge of an active institution, good in every way, stands under the digest.
    function isVouchedFor(Given calldata given, bytes32 digest) internal view returns (bool) {
        Badge calldata badge = given.badge;
        Institution memory institution = members.institutionOf(badge.institution);
        address issuer = recovered(TypedData.digest(address(members), badge.hash()), given.issuerSignature);
        bytes32 keyHash = keccak256(abi.encodePacked(issuer));
        return issuer != address(0) && block.timestamp < members.keyEnd(badge.institution, ISSUER, keyHash)
            && institution.active && badge.epoch == institution.badgeEpoch && badge.notBefore <= block.timestamp
            && block.timestamp < badge.notAfter && block.timestamp < badge.trainedUntil
            && !members.isWithdrawn(badge.person) && uint32(bytes4(badge.person)) == badge.institution
            && recovered(digest, given.sessionSignature) == badge.session && badge.session != address(0);
    }

    function approvalOf(Given calldata given) internal pure returns (Approval memory) {
        bytes memory credential = abi.encode(given.badge, given.issuerSignature);
        return Approval(abi.encodePacked(given.badge.session), given.sessionSignature, credential);
    }

    /// @dev What ecrecover says about 65 bytes.
    function recovered(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        return ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
    }
}
