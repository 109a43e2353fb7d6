// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../src/interfaces/IErrors.sol";
import { RequestErasure } from "../src/interfaces/IStudies.sol";
import {
    Appoint,
    Approval,
    Authority,
    Dismiss,
    Enrol,
    EnrolItem,
    Lift,
    Recover,
    Restrict,
    RevokeAll,
    Rotate,
    Subject,
    Transfer
} from "../src/interfaces/ISubjects.sol";
import { Base } from "./Base.t.sol";
import { SubjectBase } from "./SubjectBase.t.sol";
import { Passkeys } from "./utils/Passkeys.sol";
import { SubjectTypedData } from "./utils/SubjectTypedData.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @notice A patient whose signer is a passkey, and a representative whose is: every verb of who decides.
contract PasskeysDecideTest is SubjectBase, Passkeys {
    using TypedData for *;
    using SubjectTypedData for *;

    uint256 private constant _PARENT = 153;

    function setUp() public override(Base, SubjectBase) {
        super.setUp();
        subject = enrolPasskey(PASSKEY, PASSKEY_SALT);
        studyId = anchor(subject, keccak256("a study of a patient with a passkey"), MANIFEST);
    }

    function passkeyHash(uint256 key) private view returns (bytes32) {
        return keccak256(passkeyOf(key));
    }

    function by(uint256 key, bytes32 structHash) private view returns (Approval memory) {
        return passkeyApproval(key, address(subjects), structHash);
    }

    function authority(uint256 key) private view returns (Authority memory given) {
        (, given) = subjects.authorityOf(subject, passkeyHash(key));
    }

    function appointParent() private {
        Appoint memory given = defaultAppointment(subject);
        given.representative = passkeyHash(_PARENT);
        subjects.appoint(given, one(by(PASSKEY, given.hash())));
        vm.warp(NOW + APPOINTMENT_DELAY);
    }

    function rotateTo(uint256 from, uint256 to) private {
        Rotate memory given = Rotate(subject, passkeyHash(to), serialOf(subject));
        Approval memory new_ = by(to, given.hash());
        subjects.rotate(given, new_.signer, new_.signature, by(from, given.hash()));
    }

    function recoverTo(uint256 key, uint8 attempt) private returns (Recover memory given) {
        given = Recover(subject, passkeyHash(key), attempt, recoveriesOf(subject));
        Approval memory new_ = by(key, given.hash());
        subjects.recover(given, new_.signer, new_.signature, officers(uint256(attempt) + 1, given.hash()));
    }

    function test_enrolled_in_a_batch() public {
        EnrolItem[] memory items = new EnrolItem[](1);
        items[0].enrolment = Enrol(CUSTODIAN, keccak256("another salt"), passkeyHash(OTHER_PASSKEY));
        Approval memory approval = by(OTHER_PASSKEY, items[0].enrolment.hash());
        (items[0].signer, items[0].signature) = (approval.signer, approval.signature);
        bytes20 enrolled = subjects.enrolBatch(items, signSubjects(REGISTRAR_1, items.hash()))[0];
        assertEq(subjects.signerOf(passkeyHash(OTHER_PASSKEY)).subject, enrolled, "subject");
    }

    function test_rotate_to_another_device_and_to_a_wallet() public {
        rotateTo(PASSKEY, OTHER_PASSKEY);
        assertTrue(authority(PASSKEY).former && authority(OTHER_PASSKEY).current, "another device");
        Rotate memory given = Rotate(subject, hashOf(NEXT), 2);
        bytes memory signature = signSubjects(NEXT, given.hash());
        subjects.rotate(given, signerOf(NEXT), signature, by(OTHER_PASSKEY, given.hash()));
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 0, 3, 3, 0, 0));
    }

    function test_a_former_passkey_revokes_and_restricts() public {
        rotateTo(PASSKEY, OTHER_PASSKEY);
        RevokeAll memory revocation = RevokeAll(subject, 1);
        subjects.revokeAll(revocation, by(PASSKEY, revocation.hash()));
        Restrict memory restriction = Restrict(subject, 2);
        subjects.restrict(restriction, by(PASSKEY, restriction.hash()));
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 2, 1, 2, 2, 0, 0));
    }

    function test_restrict_and_lift() public {
        Restrict memory restriction = Restrict(subject, 1);
        subjects.restrict(restriction, by(PASSKEY, restriction.hash()));
        Lift memory lifting = Lift(subject, 1);
        subjects.lift(lifting, one(by(PASSKEY, lifting.hash())));
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 0, 1, 2, 1, 0));
    }

    function test_appoint_and_veto() public {
        Appoint memory given = defaultAppointment(subject);
        subjects.appoint(given, one(by(PASSKEY, given.hash())));
        subjects.vetoAppointment(given, by(PASSKEY, SubjectTypedData.hashVeto(subject, given.hash())));
        assertEq(subjects.representativeOf(subject, hashOf(REPRESENTATIVE)).from, 0, "stopped");
    }

    function test_a_parent_lifts_restricts_and_goes() public {
        appointParent();
        Restrict memory restriction = Restrict(subject, 2);
        subjects.restrict(restriction, by(_PARENT, restriction.hash()));
        Lift memory lifting = Lift(subject, 2);
        subjects.lift(lifting, one(by(_PARENT, lifting.hash())));
        Dismiss memory dismissal = Dismiss(subject, passkeyHash(_PARENT), 3);
        subjects.dismiss(dismissal, one(by(_PARENT, dismissal.hash())));
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 2, 0, 1, 3, 2, 0));
    }

    function test_dismiss() public {
        appointParent();
        Dismiss memory dismissal = Dismiss(subject, passkeyHash(_PARENT), 2);
        subjects.dismiss(dismissal, one(by(PASSKEY, dismissal.hash())));
        assertFalse(subjects.isPatientSide(subject, passkeyHash(_PARENT)), "patient's side");
    }

    function test_recovered_to_a_new_passkey() public {
        recoverTo(OTHER_PASSKEY, 1);
        vm.warp(block.timestamp + RECOVERY_DELAY);
        subjects.completeRecovery(subject);
        assertTrue(authority(OTHER_PASSKEY).current && authority(PASSKEY).former, "recovered");
    }

    function test_vetoes_of_recoveries() public {
        appointParent();
        Recover memory first = recoverTo(OTHER_PASSKEY, 1);
        subjects.vetoRecovery(first, by(PASSKEY, SubjectTypedData.hashVeto(subject, first.hash())));
        Recover memory second = recoverTo(OTHER_PASSKEY, 2);
        Approval memory late = by(PASSKEY, SubjectTypedData.hashVeto(subject, second.hash()));
        expectNoStanding(passkeyHash(PASSKEY));
        subjects.vetoRecovery(second, late);
        subjects.vetoRecovery(second, by(_PARENT, SubjectTypedData.hashVeto(subject, second.hash())));
        assertTrue(subjects.recoveryOf(subject).contested, "contested");
        assertEq(subjects.recoveryOf(subject).readyAt, 0, "stopped");
    }

    function test_transfer() public {
        Transfer memory given = Transfer(subject, REQUESTER, 1);
        subjects.transfer(given, signSubjects(REGISTRAR_2, given.hash()), by(PASSKEY, given.hash()));
        assertEq(subjects.subjectOf(subject).custodian, REQUESTER, "custodian");
    }

    function test_request_erasure() public {
        RequestErasure memory given = RequestErasure(studyId);
        studies.requestErasure(given, passkeyApproval(PASSKEY, address(studies), given.hash()));
        assertTrue(studies.erasureOf(studyId).requested, "requested");
    }

    function test_another_subjects_passkey() public {
        enrolPasskey(OTHER_PASSKEY, keccak256("another salt"));
        Lift memory lifting = Lift(subject, 1);
        Approval[] memory approvals = one(by(OTHER_PASSKEY, lifting.hash()));
        expectNoStanding(passkeyHash(OTHER_PASSKEY));
        subjects.lift(lifting, approvals);
        RequestErasure memory request = RequestErasure(studyId);
        Approval memory approval = passkeyApproval(OTHER_PASSKEY, address(studies), request.hash());
        expectNoStanding(passkeyHash(OTHER_PASSKEY));
        studies.requestErasure(request, approval);
    }

    function test_another_passkeys_signature_under_ones_own_name() public {
        Lift memory lifting = Lift(subject, 1);
        Approval memory approval = by(OTHER_PASSKEY, lifting.hash());
        approval.signer = passkeyOf(PASSKEY);
        expectSignatureInvalid(address(subjects), lifting.hash());
        subjects.lift(lifting, one(approval));
    }

    function test_a_passkey_is_no_staff() public {
        bytes32 structHash = keccak256("whatever");
        Restrict memory restriction = Restrict(subject, 1);
        Approval memory approval = by(PASSKEY, restriction.hash());
        approval.credential = officer(CUSTODIAN, structHash).credential;
        expectNoStanding(officerBadge(CUSTODIAN).person);
        subjects.restrict(restriction, approval);
    }

    function test_a_new_signer_of_another_verifier_is_refused(address other) public {
        vm.assume(other != address(verifier));
        bytes memory signer = bytes.concat(bytes20(other), keyOf(OTHER_PASSKEY));
        Rotate memory given = Rotate(subject, keccak256(signer), 1);
        bytes memory signature = by(OTHER_PASSKEY, given.hash()).signature;
        Approval memory approval = by(PASSKEY, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignerUnsupported.selector, signer));
        subjects.rotate(given, signer, signature, approval);
    }
}
