// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../src/interfaces/IErrors.sol";
import { Grant, IGrants } from "../src/interfaces/IGrants.sol";
import { Badge } from "../src/interfaces/IMembers.sol";
import { Evidence, KeyRequest, Reason } from "../src/interfaces/IReleases.sol";
import { Approval, Authority, Enrol, ISubjects, RevokeAll } from "../src/interfaces/ISubjects.sol";
import { YesVerifier } from "./SignerCheck.t.sol";
import { Assertion, Passkeys } from "./utils/Passkeys.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @notice A patient whose signer is a passkey: every verb of the patient's side, and what is refused.
contract PasskeysTest is Passkeys {
    using TypedData for *;

    bytes20 private _patient;

    function setUp() public override {
        super.setUp();
        _patient = enrolPasskey(PASSKEY, PASSKEY_SALT);
        studyId = anchor(_patient, keccak256("a study of a patient with a passkey"), MANIFEST);
        subject = _patient;
    }

    function enrolment(bytes memory signer, bytes32 salt) private pure returns (Enrol memory) {
        return Enrol(CUSTODIAN, salt, keccak256(signer));
    }

    function approvalOf(Grant memory terms) private view returns (Approval memory) {
        return passkeyApproval(PASSKEY, address(grants), terms.hash());
    }

    function revocationOf(Grant memory terms) private view returns (Approval memory) {
        return passkeyApproval(PASSKEY, address(grants), TypedData.hashRevoke(terms.hash()));
    }

    function refuseGrant(Approval memory approval, bytes memory expected) private {
        vm.expectRevert(expected);
        grants.grant(defaultGrant(), oneApproval(approval));
    }

    function invalid(bytes32 structHash) private view returns (bytes memory) {
        bytes32 digest = TypedData.digest(address(grants), structHash);
        return abi.encodeWithSelector(IErrors.SignatureInvalid.selector, digest);
    }

    function noStanding(uint256 key) private view returns (bytes memory) {
        return abi.encodeWithSelector(IErrors.NoStanding.selector, subject, keccak256(passkeyOf(key)));
    }

    function test_it_is_the_current_signer() public view {
        bytes32 signerHash = keccak256(passkeyOf(PASSKEY));
        assertEq(subjects.signerOf(signerHash).subject, _patient, "subject");
        (, Authority memory authority) = subjects.authorityOf(_patient, signerHash);
        assertTrue(authority.current, "current");
    }

    function test_a_passkey_serves_one_subject() public {
        Enrol memory given = enrolment(passkeyOf(PASSKEY), keccak256("another salt"));
        bytes memory registrar = signSubjects(REGISTRAR_1, given.hash());
        Approval memory approval = passkeyApproval(PASSKEY, address(subjects), given.hash());
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerTaken.selector, given.signerHash));
        subjects.enrol(given, registrar, approval.signer, approval.signature);
    }

    function test_another_verifier_is_not_enrolled() public {
        bytes memory signer = bytes.concat(bytes20(address(new YesVerifier())), keyOf(PASSKEY));
        Enrol memory given = enrolment(signer, keccak256("another salt"));
        bytes memory registrar = signSubjects(REGISTRAR_1, given.hash());
        Approval memory approval = passkeyApproval(PASSKEY, address(subjects), given.hash());
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignerUnsupported.selector, signer));
        subjects.enrol(given, registrar, signer, approval.signature);
    }

    function test_grant_release_revoke() public {
        Grant memory terms = defaultGrant();
        bytes32 grantId = grants.grant(terms, oneApproval(approvalOf(terms)));
        Evidence memory evidence = evidenceOf(defaultRequest(grantId), terms, defaultBadge());
        releases.record(evidence);
        assertTrue(releases.isOpen(evidence.request), "open");
        Approval memory revocation = revocationOf(terms);
        vm.expectEmit(address(grants));
        emit IGrants.Revoked(grantId, _patient, keccak256(passkeyOf(PASSKEY)));
        grants.revoke(terms, revocation);
        assertFalse(releases.isOpen(evidence.request), "closed");
    }

    function test_revoke_before_it_was_carried() public {
        Grant memory terms = defaultGrant();
        grants.revoke(terms, revocationOf(terms));
        refuseGrant(approvalOf(terms), abi.encodeWithSelector(IGrants.GrantRevoked.selector, terms.hash()));
    }

    function test_revoke_all() public {
        RevokeAll memory revocation = RevokeAll(_patient, 1);
        subjects.revokeAll(revocation, passkeyApproval(PASSKEY, address(subjects), revocation.hash()));
        assertEq(subjects.subjectOf(_patient).epoch, 2, "epoch");
    }

    function test_own_access() public {
        KeyRequest memory request = defaultOwnRequest();
        Approval memory approval = passkeyApproval(PASSKEY, address(releases), request.hash());
        assertEq(uint256(releases.checkOwn(request, approval)), uint256(Reason.NONE), "check");
        releases.recordOwn(request, approval);
        assertTrue(releases.isOpen(request), "open");
    }

    function test_high_s() public {
        bytes32 structHash = defaultGrant().hash();
        Assertion memory assertion = assertionOf(TypedData.digest(address(grants), structHash));
        bytes memory data = authenticatorDataOf(assertion);
        (bytes32 r, bytes32 s) = signP256(PASSKEY, data, assertion.clientDataJSON);
        s = bytes32(P256_ORDER - uint256(s));
        bytes memory signature = abi.encode(r, s, 23, 1, data, assertion.clientDataJSON);
        refuseGrant(Approval(passkeyOf(PASSKEY), signature, ""), invalid(structHash));
    }

    function test_another_relying_party() public {
        bytes32 structHash = defaultGrant().hash();
        Assertion memory assertion = assertionOf(TypedData.digest(address(grants), structHash));
        assertion.rpIdHash = sha256("example.org");
        refuseGrant(Approval(passkeyOf(PASSKEY), signAssertion(PASSKEY, assertion), ""), invalid(structHash));
    }

    function test_no_user_verification() public {
        bytes32 structHash = defaultGrant().hash();
        Assertion memory assertion = assertionOf(TypedData.digest(address(grants), structHash));
        assertion.flags = PRESENT;
        refuseGrant(Approval(passkeyOf(PASSKEY), signAssertion(PASSKEY, assertion), ""), invalid(structHash));
    }

    function test_not_an_assertion_at_sign_in() public {
        bytes32 structHash = defaultGrant().hash();
        Assertion memory assertion = assertionOf(keccak256("a challenge for signing in"));
        refuseGrant(Approval(passkeyOf(PASSKEY), signAssertion(PASSKEY, assertion), ""), invalid(structHash));
    }

    function test_another_subjects_passkey() public {
        enrolPasskey(OTHER_PASSKEY, keccak256("another salt"));
        Grant memory terms = defaultGrant();
        refuseGrant(passkeyApproval(OTHER_PASSKEY, address(grants), terms.hash()), noStanding(OTHER_PASSKEY));
        bytes32 revocation = TypedData.hashRevoke(terms.hash());
        Approval memory approval = passkeyApproval(OTHER_PASSKEY, address(grants), revocation);
        vm.expectRevert(noStanding(OTHER_PASSKEY));
        grants.revoke(terms, approval);
        KeyRequest memory request = defaultOwnRequest();
        approval = passkeyApproval(OTHER_PASSKEY, address(releases), request.hash());
        assertEq(uint256(releases.checkOwn(request, approval)), uint256(Reason.OWN_SIGNER), "own access");
        RevokeAll memory all = RevokeAll(_patient, 1);
        approval = passkeyApproval(OTHER_PASSKEY, address(subjects), all.hash());
        vm.expectRevert(noStanding(OTHER_PASSKEY));
        subjects.revokeAll(all, approval);
    }

    function test_another_passkeys_signature_under_ones_own_name() public {
        Grant memory terms = defaultGrant();
        Approval memory approval = passkeyApproval(OTHER_PASSKEY, address(grants), terms.hash());
        approval.signer = passkeyOf(PASSKEY);
        refuseGrant(approval, invalid(terms.hash()));
    }

    function test_replays() public {
        Grant memory terms = defaultGrant();
        Approval memory approval = approvalOf(terms);
        grants.grant(terms, oneApproval(approval));
        vm.recordLogs();
        grants.grant(terms, oneApproval(approval));
        assertEq(countLogs(), 0, "the same again has no effect");
        Grant memory other = defaultGrant();
        other.purposes = 3;
        vm.expectRevert(invalid(other.hash()));
        grants.grant(other, oneApproval(approval));
        vm.expectRevert(invalid(TypedData.hashRevoke(terms.hash())));
        grants.revoke(terms, approval);
        Approval memory revocation = revocationOf(terms);
        grants.revoke(terms, revocation);
        vm.expectRevert(abi.encodeWithSelector(IGrants.GrantRevoked.selector, terms.hash()));
        grants.grant(terms, oneApproval(approval));
    }

    function test_a_replay_of_another_ledgers_approval() public {
        Grant memory terms = defaultGrant();
        refuseGrant(passkeyApproval(PASSKEY, address(this), terms.hash()), invalid(terms.hash()));
    }

    function test_no_account_revokes_as_a_passkey() public {
        // The verifier's address is in the signer's bytes; whoever sent from it would not be the patient.
        Grant memory terms = defaultGrant();
        vm.prank(address(verifier));
        vm.expectRevert(
            abi.encodeWithSelector(IErrors.NoStanding.selector, subject, keccak256(abi.encodePacked(address(verifier))))
        );
        grants.revokeOwn(terms);
    }

    function test_staff_are_no_passkeys() public {
        // A badge whose session is the zero address is nobody's, whatever signs beside it.
        Grant memory terms = defaultGrant();
        Badge memory badge = defaultBadge();
        badge.session = address(0);
        Approval memory approval = revocationOf(terms);
        approval.credential = abi.encode(badge, signMembers(ISSUER_2, badge.hash()));
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoStanding.selector, subject, PERSON));
        grants.revoke(terms, approval);
    }

    function test_any_changed_byte(uint256 place, uint8 change) public {
        vm.assume(change != 0);
        Grant memory terms = defaultGrant();
        Approval memory approval = approvalOf(terms);
        place = bound(place, 0, approval.signature.length - 1);
        approval.signature[place] = bytes1(uint8(approval.signature[place]) ^ change);
        refuseGrant(approval, invalid(terms.hash()));
    }
}
