// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, GrantItem, Review } from "../src/interfaces/IGrants.sol";
import { Evidence, KeyRequest, Late } from "../src/interfaces/IReleases.sol";
import { Appoint, Approval, Enrol, EnrolItem, Recover, Rotate } from "../src/interfaces/ISubjects.sol";
import { Rules } from "../src/libraries/Rules.sol";
import { GrantBase } from "./GrantBase.t.sol";
import { GrantTypedData } from "./utils/GrantTypedData.sol";
import { SubjectTypedData } from "./utils/SubjectTypedData.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @notice As GasTest, for whoever decides besides the patient, the other bases, and the batches. The design has no
/// target for these: each has the one that keeps it from growing unseen.
contract WholeGasTest is GrantBase {
    using TypedData for *;
    using SubjectTypedData for *;
    using GrantTypedData for *;

    uint256 private constant _ENROLMENTS = 100;
    uint256 private constant _GRANTS = 50;

    EnrolItem[] private _enrolments;
    bytes private _registrars;
    GrantItem[] private _items;

    /// @dev Everything is signed beforehand, so that a test is the operation and little else.
    function setUp() public override {
        super.setUp();
        appointLive(subject, REPRESENTATIVE, Rules.ALL_POWERS);
        give(termsOn(Rules.CONSENT));
        for (uint256 i = 0; i < _ENROLMENTS; ++i) {
            EnrolItem storage item = _enrolments.push();
            item.enrolment = Enrol(CUSTODIAN, keccak256(abi.encode("gas", i)), hashOf(10_000 + i));
            (item.signer, item.signature) = (signerOf(10_000 + i), signSubjects(10_000 + i, item.enrolment.hash()));
        }
        EnrolItem[] memory enrolments = _enrolments;
        _registrars = signSubjects(REGISTRAR_1, enrolments.hash());
        for (uint256 i = 0; i < _GRANTS; ++i) {
            Grant memory terms = termsOn(Rules.CONSENT);
            terms.subject = enrol(20_000 + i, keccak256(abi.encode("granting", i)));
            GrantItem storage item = _items.push();
            item.terms = terms;
            item.approvals.push(patientApproval(20_000 + i, terms.hash()));
        }
    }

    /// @dev From now on, which is two days after NOW.
    function termsOn(uint8 basis) private view returns (Grant memory terms) {
        terms = grantOn(basis);
        uint64 length = terms.notAfter - terms.notBefore;
        (terms.notBefore, terms.relayBy) = (uint64(block.timestamp), FOREVER);
        terms.notAfter = terms.notBefore + length;
    }

    function emergency() private view returns (Grant memory terms, Approval[] memory approvals) {
        terms = termsOn(Rules.EMERGENCY);
        approvals = two(doctor(terms.hash()), colleague(terms.hash()));
    }

    function doctor(bytes32 structHash) private view returns (Approval memory) {
        return atGrants(STRANGER, badgeOf(REQUESTER, STRANGER, Rules.PHYSICIAN), structHash);
    }

    // Enrolling and deciding.

    function test_enrol_100() public {
        subjects.enrolBatch(_enrolments, _registrars);
        under(63_000, _ENROLMENTS);
    }

    function test_enrol_without_a_device() public {
        enrolBare(keccak256("gas"));
        under(68_000, 1);
    }

    function test_rotate() public {
        Rotate memory rotation = Rotate(subject, hashOf(NEXT), 2);
        Approval memory approval = signed(PATIENT, rotation.hash());
        subjects.rotate(rotation, signerOf(NEXT), signSubjects(NEXT, rotation.hash()), approval);
        under(75_000, 1);
    }

    function test_appoint() public {
        Appoint memory appointment = defaultAppointment(subject);
        appointment.representative = hashOf(STRANGER);
        subjects.appoint(appointment, one(signed(PATIENT, appointment.hash())));
        under(74_000, 1);
    }

    function test_restrict() public {
        restrict(subject, PATIENT);
        under(43_000, 1);
    }

    function test_recover() public {
        Recover memory recovery = defaultRecovery(subject, 1);
        bytes32 structHash = recovery.hash();
        subjects.recover(recovery, signerOf(NEXT), signSubjects(NEXT, structHash), officers(2, structHash));
        under(161_000, 1);
    }

    // Granting on every basis.

    function test_grant_by_a_representative() public {
        Grant memory terms = termsOn(Rules.CONSENT);
        terms.salt = keccak256("gas");
        grants.grant(terms, one(patientApproval(REPRESENTATIVE, terms.hash())));
        under(85_000, 1);
    }

    function test_grant_on_paper() public {
        Grant memory terms = termsOn(Rules.PAPER);
        grants.grant(terms, approvalsOf(terms));
        under(130_000, 1);
    }

    function test_grant_for_care() public {
        Grant memory terms = termsOn(Rules.CARE);
        grants.grant(terms, approvalsOf(terms));
        under(105_000, 1);
    }

    function test_grant_in_an_emergency() public {
        (Grant memory terms, Approval[] memory approvals) = emergency();
        grants.grant(terms, approvals);
        under(250_000, 1);
    }

    function test_review() public {
        (Grant memory terms, Approval[] memory approvals) = emergency();
        grants.grant(terms, approvals);
        Review memory found = Review(terms.hash(), 1, REPORT);
        grants.review(found, officerAtGrants(REQUESTER, found.hash()));
        under(102_000, 1);
    }

    function test_grant_50() public {
        grants.grantBatch(_items);
        under(63_000, _GRANTS);
    }

    function test_revoke_by_a_representative() public {
        Grant memory terms = termsOn(Rules.CONSENT);
        grants.revoke(terms, patientApproval(REPRESENTATIVE, TypedData.hashRevoke(terms.hash())));
        under(53_000, 1);
    }

    // Recording.

    function test_record_own_by_a_representative() public {
        KeyRequest memory request = defaultOwnRequest();
        request.notAfter = FOREVER;
        releases.recordOwn(request, ownApproval(REPRESENTATIVE, request));
        under(102_000, 1);
    }

    function test_record_late() public {
        (Grant memory terms, Approval[] memory approvals) = emergency();
        grants.grant(terms, approvals);
        KeyRequest memory request = defaultRequest(terms.hash());
        (request.purpose, request.notAfter) = (1, FOREVER);
        Evidence memory evidence = evidenceOf(request, terms, badgeOf(REQUESTER, SESSION, Rules.PHYSICIAN));
        evidence.badge.person = PERSON;
        evidence = evidenceOf(request, terms, evidence.badge);
        uint64 handedOverAt = uint64(block.timestamp);
        bytes memory signature = signReleases(BROKER_1, Late(request.hash(), handedOverAt).hash());
        releases.recordLate(evidence, handedOverAt, signature);
        under(152_000, 1);
    }
}
