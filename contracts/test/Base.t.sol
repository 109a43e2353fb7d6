// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grants } from "../src/Grants.sol";
import { Members } from "../src/Members.sol";
import { Releases } from "../src/Releases.sol";
import { Studies } from "../src/Studies.sol";
import { Subjects } from "../src/Subjects.sol";
import { WebAuthnVerifier } from "../src/WebAuthnVerifier.sol";
import { IErrors } from "../src/interfaces/IErrors.sol";
import { Grant } from "../src/interfaces/IGrants.sol";
import {
    Badge,
    Founder,
    Publish,
    RaiseBadgeEpoch,
    Reinstate,
    Suspend,
    WithdrawPerson
} from "../src/interfaces/IMembers.sol";
import { Evidence, IReleases, KeyRequest, Reason } from "../src/interfaces/IReleases.sol";
import { Anchor, Revise, Withdraw } from "../src/interfaces/IStudies.sol";
import { Approval, Enrol, RevokeAll } from "../src/interfaces/ISubjects.sol";
import { Kinds } from "../src/libraries/Kinds.sol";
import { Rules } from "../src/libraries/Rules.sol";
import { Signing } from "./utils/Signing.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @title One valid world for every test.
/// @notice Hospital 1 is the custodian, hospital 2 asks, hospital 3 stands by. One patient, one study, one clinician
/// of hospital 2. Everything a test needs to change is a `default...` struct to change before it is signed. Nothing is
/// granted yet.
abstract contract Base is Signing {
    using TypedData for *;

    uint32 internal constant APPOINTMENT_DELAY = 2 days;
    uint32 internal constant RECOVERY_DELAY = 7 days;

    bytes20 internal subject;
    bytes32 internal studyId;

    function setUp() public virtual {
        vm.warp(NOW);
        deploy();
        publishDefaults();
        subject = enrol(PATIENT, SUBJECT_SALT);
        studyId = anchor(subject, STUDY_SALT, MANIFEST);
    }

    // The world, step by step.

    /// @dev Three founders in regions 0, 1, 2; each exports to regions 0 and 1.
    function deploy() internal {
        Founder[] memory founders = new Founder[](3);
        founders[0] = Founder(vm.addr(GOVERNOR_1), 0, 3);
        founders[1] = Founder(vm.addr(GOVERNOR_2), 1, 3);
        founders[2] = Founder(vm.addr(GOVERNOR_3), 2, 3);
        verifier = new WebAuthnVerifier(RP_ID_HASH);
        members = new Members(founders);
        subjects = new Subjects(members, verifier, APPOINTMENT_DELAY, RECOVERY_DELAY);
        studies = new Studies(members, subjects);
        grants = new Grants(members, subjects, studies);
        releases = new Releases(members, subjects, studies, grants);
    }

    function publishDefaults() internal {
        publishSigner(CUSTODIAN, GOVERNOR_1, Kinds.REGISTRAR, REGISTRAR_1);
        publishSigner(CUSTODIAN, GOVERNOR_1, Kinds.ISSUER, ISSUER_1);
        publishSigner(REQUESTER, GOVERNOR_2, Kinds.REGISTRAR, REGISTRAR_2);
        publishSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2);
        publish(Publish(REQUESTER, Kinds.GATEWAY, GATEWAY, KEYS_END), GATEWAY_KEY, GOVERNOR_2);
    }

    function publish(Publish memory publication, bytes memory key, uint256 governor) internal {
        members.publish(publication, key, "https://broker.example", signMembers(governor, publication.hash()));
    }

    function publishSigner(uint32 institution, uint256 governor, uint8 kind, uint256 key) internal {
        publish(Publish(institution, kind, hashOf(key), KEYS_END), signerOf(key), governor);
    }

    /// @dev Ends a key of secp256k1 at `end`.
    function endSigner(uint32 institution, uint256 governor, uint8 kind, uint256 key, uint64 end) internal {
        publish(Publish(institution, kind, hashOf(key), end), signerOf(key), governor);
    }

    /// @dev Ends hospital 2's gateway key at `end`.
    function endGateway(uint64 end) internal {
        publish(Publish(REQUESTER, Kinds.GATEWAY, GATEWAY, end), GATEWAY_KEY, GOVERNOR_2);
    }

    function enrol(uint256 patient, bytes32 salt) internal returns (bytes20) {
        Enrol memory enrolment = Enrol(CUSTODIAN, salt, hashOf(patient));
        bytes32 structHash = enrolment.hash();
        return subjects.enrol(
            enrolment, signSubjects(REGISTRAR_1, structHash), signerOf(patient), signSubjects(patient, structHash)
        );
    }

    function anchor(bytes20 of_, bytes32 salt, bytes32 manifest) internal returns (bytes32) {
        Anchor memory anchor_ = Anchor(of_, salt, manifest, 30_000);
        return studies.anchor(anchor_, signStudies(REGISTRAR_1, anchor_.hash()));
    }

    function revise(bytes32 study, uint16 revision, bytes32 manifest) internal {
        Revise memory revision_ = Revise(study, revision, manifest);
        studies.revise(revision_, signStudies(REGISTRAR_1, revision_.hash()));
    }

    function withdraw(bytes32 study, uint16 revision) internal {
        Withdraw memory withdrawal = Withdraw(study, revision);
        studies.withdraw(withdrawal, signStudies(REGISTRAR_1, withdrawal.hash()));
    }

    function give(Grant memory terms) internal returns (bytes32) {
        return grants.grant(terms, oneApproval(patientApproval(PATIENT, terms.hash())));
    }

    function revoke(Grant memory terms) internal {
        grants.revoke(terms, patientApproval(PATIENT, TypedData.hashRevoke(terms.hash())));
    }

    function revokeAll(uint32 epoch) internal {
        RevokeAll memory revocation = RevokeAll(subject, epoch);
        subjects.revokeAll(revocation, Approval(signerOf(PATIENT), signSubjects(PATIENT, revocation.hash()), ""));
    }

    /// @dev Hospitals 1 and 3 suspend hospital 2.
    function suspendRequester() internal {
        Suspend memory suspension = Suspend(REQUESTER, members.round());
        members.suspend(suspension, votes(suspension.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3));
    }

    /// @dev Hospitals 2 and 3 suspend hospital 1.
    function suspendCustodian() internal {
        Suspend memory suspension = Suspend(CUSTODIAN, members.round());
        members.suspend(suspension, votes(suspension.hash(), REQUESTER, GOVERNOR_2, BYSTANDER, GOVERNOR_3));
    }

    function reinstateRequester() internal {
        Reinstate memory reinstatement = Reinstate(REQUESTER, members.round());
        members.reinstate(reinstatement, votes(reinstatement.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3));
    }

    function raiseBadgeEpoch() internal {
        RaiseBadgeEpoch memory raise = RaiseBadgeEpoch(REQUESTER, members.institutionOf(REQUESTER).badgeEpoch);
        members.raiseBadgeEpoch(raise, signMembers(GOVERNOR_2, raise.hash()));
    }

    function withdrawPerson() internal {
        WithdrawPerson memory withdrawal = WithdrawPerson(PERSON);
        members.withdrawPerson(withdrawal, signMembers(ISSUER_2, withdrawal.hash()));
    }

    // Valid structs to change before signing.

    /// @dev The whole study to the one clinician, TREAT, VIEW and RETAIN, for 30 days.
    function defaultGrant() internal view returns (Grant memory) {
        return Grant({
            basis: Rules.CONSENT,
            subject: subject,
            scope: studyId,
            anchoredBy: 0,
            grantee: PERSON,
            purposes: Rules.TREAT,
            actions: 6,
            notBefore: uint64(NOW),
            notAfter: uint64(NOW + 30 days),
            epoch: 1,
            relayBy: uint64(NOW + 1 hours),
            terms: keccak256("what was shown"),
            salt: keccak256("a grant's salt")
        });
    }

    /// @dev The clinician, a PHYSICIAN of hospital 2, for 12 hours.
    function defaultBadge() internal pure returns (Badge memory) {
        return Badge({
            institution: REQUESTER,
            person: PERSON,
            session: vm.addr(SESSION),
            roles: Rules.PHYSICIAN,
            trainedUntil: uint64(NOW + 100 days),
            notBefore: uint64(NOW),
            notAfter: uint64(NOW + 12 hours),
            epoch: 1
        });
    }

    /// @dev The whole first revision, for treatment, to view, within an hour.
    function defaultRequest(bytes32 grantId) internal view returns (KeyRequest memory) {
        return KeyRequest({
            studyId: studyId,
            revision: 1,
            series: 0,
            grantId: grantId,
            purpose: 0,
            action: 1,
            person: PERSON,
            recipient: GATEWAY,
            notAfter: uint64(NOW + 1 hours),
            salt: keccak256("a request's salt")
        });
    }

    /// @dev The patient's own request, to retain, with a key of their own.
    function defaultOwnRequest() internal view returns (KeyRequest memory request) {
        request = defaultRequest(0);
        (request.person, request.recipient) = (0, sha256("the patient's own key"));
        (request.purpose, request.action) = (7, 2);
    }

    /// @dev Signs badge and request with the default issuer and session.
    function evidenceOf(KeyRequest memory request, Grant memory terms, Badge memory badge)
        internal
        view
        returns (Evidence memory)
    {
        return Evidence({
            request: request,
            grant: terms,
            badge: badge,
            issuerSignature: signMembers(ISSUER_2, badge.hash()),
            sessionSignature: signReleases(SESSION, request.hash())
        });
    }

    /// @dev Everything valid; records as it is once the default grant was given.
    function defaultEvidence() internal view returns (Evidence memory) {
        Grant memory terms = defaultGrant();
        return evidenceOf(defaultRequest(terms.hash()), terms, defaultBadge());
    }

    // Expectations.

    function expectSignatureInvalid(address verifyingContract, bytes32 structHash) internal {
        bytes32 digest = TypedData.digest(verifyingContract, structHash);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignatureInvalid.selector, digest));
    }

    function expectNoStanding(bytes32 by) internal {
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoStanding.selector, subject, by));
    }

    function expectKeyNotLive(uint32 institution, uint8 kind, uint256 key) internal {
        vm.expectRevert(abi.encodeWithSelector(IErrors.KeyNotLive.selector, institution, kind, hashOf(key)));
    }

    function expectRefused(KeyRequest memory request, Reason reason) internal {
        vm.expectRevert(abi.encodeWithSelector(IReleases.Refused.selector, request.hash(), reason));
    }

    /// @dev How many events a contract emitted since recordLogs.
    function countLogs() internal returns (uint256) {
        return vm.getRecordedLogs().length;
    }
}
