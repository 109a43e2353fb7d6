// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Anchor } from "../../src/interfaces/IStudies.sol";
import { Approval, ISubjects, Recover, Recovery, Subject, Transfer } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

contract TransferTest is SubjectBase {
    using TypedData for *;
    using SubjectTypedData for *;

    function submit(Transfer memory given, uint256 registrar, uint256 by) private {
        subjects.transfer(given, signSubjects(registrar, given.hash()), signed(by, given.hash()));
    }

    function transferOf(bytes20 of_) private view returns (Transfer memory) {
        return Transfer(of_, REQUESTER, serialOf(of_));
    }

    function expectRefused(uint256 by) private {
        Transfer memory given = transferOf(subject);
        bytes memory registrar = signSubjects(REGISTRAR_2, given.hash());
        Approval memory approval = signed(by, given.hash());
        expectNoStanding(hashOf(by));
        subjects.transfer(given, registrar, approval);
    }

    function test_patient_and_new_custodian() public {
        Transfer memory given = Transfer(subject, REQUESTER, 1);
        vm.expectEmit(address(subjects));
        emit ISubjects.Transferred(subject, CUSTODIAN, REQUESTER, hashOf(PATIENT));
        submit(given, REGISTRAR_2, PATIENT);
        assertEq(subjects.subjectOf(subject), Subject(REQUESTER, 1, 0, 1, 2, 0, 0));
    }

    function test_flags_and_what_was_lifted_stay() public {
        lift(subject, PATIENT);
        restrict(subject, PATIENT);
        transfer(subject, PATIENT);
        assertEq(subjects.subjectOf(subject), Subject(REQUESTER, 1, 1, 1, 3, 1, 0));
    }

    function test_a_recovery_that_waited_is_gone_contest_and_all() public {
        Recover memory first = defaultRecovery(subject, 1);
        recover(first);
        vetoRecovery(first, PATIENT);
        recover(defaultRecovery(subject, 2));
        transfer(subject, PATIENT);
        assertEq(subjects.recoveryOf(subject), Recovery(0, 0, 0, 0, false));
        vm.warp(NOW + RECOVERY_DELAY);
        expectNothingWaits(subject);
        subjects.completeRecovery(subject);
    }

    function test_the_new_custodian_keeps_the_studies() public {
        transfer(subject, PATIENT);
        Anchor memory anchor_ = Anchor(subject, keccak256("a study to come"), MANIFEST, 30_000);
        expectKeyNotLive(REQUESTER, Kinds.REGISTRAR, REGISTRAR_1);
        studies.anchor(anchor_, signStudies(REGISTRAR_1, anchor_.hash()));
        bytes32 theirs = studies.anchor(anchor_, signStudies(REGISTRAR_2, anchor_.hash()));
        assertEq(theirs, studies.studyIdOf(REQUESTER, anchor_.salt), "study");
        assertEq(bytes32(studies.studyOf(studyId).subject), bytes32(subject), "the old study stays");
    }

    function test_a_representative_with_the_power_to_grant() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        Transfer memory given = transferOf(subject);
        vm.expectEmit(address(subjects));
        emit ISubjects.Transferred(subject, CUSTODIAN, REQUESTER, hashOf(REPRESENTATIVE));
        submit(given, REGISTRAR_2, REPRESENTATIVE);
        assertEq(subjects.subjectOf(subject).custodian, REQUESTER, "custodian");
    }

    function test_a_representative_while_there_is_no_signer() public {
        appointLive(bare, REPRESENTATIVE, Rules.MAY_GRANT);
        transfer(bare, REPRESENTATIVE);
        assertEq(subjects.subjectOf(bare), Subject(REQUESTER, 1, 0, 0, 3, 0, 0));
    }

    function test_a_representative_without_it_may_not(bool access) public {
        appointLive(subject, REPRESENTATIVE, access ? Rules.MAY_ACCESS : 0);
        expectRefused(REPRESENTATIVE);
    }

    function test_a_representative_only_while_the_appointment_lasts() public {
        appoint(defaultAppointment(subject));
        vm.warp(NOW + APPOINTMENT_DELAY - 1);
        expectRefused(REPRESENTATIVE);
        vm.warp(APPOINTED_UNTIL);
        expectRefused(REPRESENTATIVE);
        vm.warp(APPOINTED_UNTIL - 1);
        transfer(subject, REPRESENTATIVE);
    }

    function test_a_former_signer_may_not() public {
        rotate(PATIENT, NEXT);
        expectRefused(PATIENT);
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        expectRefused(key);
    }

    function test_the_patient_signs() public {
        Transfer memory given = transferOf(subject);
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.transfer(
            given,
            signSubjects(REGISTRAR_2, given.hash()),
            Approval(signerOf(PATIENT), signSubjects(STRANGER, given.hash()), "")
        );
    }

    function test_a_registrar_of_the_new_custodian_signs(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != REGISTRAR_2);
        Transfer memory given = transferOf(subject);
        bytes memory registrar = signSubjects(key, given.hash());
        Approval memory approval = signed(PATIENT, given.hash());
        expectKeyNotLive(REQUESTER, Kinds.REGISTRAR, key);
        subjects.transfer(given, registrar, approval);
    }

    function test_a_malformed_registrar_signature(bytes memory signature) public {
        vm.assume(signature.length != 65);
        Transfer memory given = transferOf(subject);
        Approval memory approval = signed(PATIENT, given.hash());
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.transfer(given, signature, approval);
    }

    function test_not_to_a_suspended_institution() public {
        suspendRequester();
        Transfer memory given = transferOf(subject);
        expectKeyNotLive(REQUESTER, Kinds.REGISTRAR, REGISTRAR_2);
        submit(given, REGISTRAR_2, PATIENT);
    }

    function test_away_from_a_suspended_one() public {
        suspendCustodian();
        transfer(subject, PATIENT);
        assertEq(subjects.subjectOf(subject).custodian, REQUESTER, "custodian");
    }

    function test_not_to_the_custodian_itself() public {
        Transfer memory given = Transfer(subject, CUSTODIAN, 1);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.CustodianUnchanged.selector, subject, CUSTODIAN));
        submit(given, REGISTRAR_1, PATIENT);
    }

    function test_not_to_nobody(uint32 custodian) public {
        vm.assume(custodian == 0 || custodian > 3);
        Transfer memory given = Transfer(subject, custodian, 1);
        expectKeyNotLive(custodian, Kinds.REGISTRAR, REGISTRAR_2);
        submit(given, REGISTRAR_2, PATIENT);
    }

    function test_a_serial_counts_once(uint32 serial) public {
        vm.assume(serial != 1);
        Transfer memory given = Transfer(subject, REQUESTER, serial);
        bytes memory registrar = signSubjects(REGISTRAR_2, given.hash());
        Approval memory approval = signed(PATIENT, given.hash());
        expectSerialMismatch(subject, 1, serial);
        subjects.transfer(given, registrar, approval);
    }

    function test_to_and_fro_is_no_replay() public {
        Transfer memory given = transferOf(subject);
        submit(given, REGISTRAR_2, PATIENT);
        submit(Transfer(subject, CUSTODIAN, 2), REGISTRAR_1, PATIENT);
        expectSerialMismatch(subject, 3, 1);
        submit(given, REGISTRAR_2, PATIENT);
    }

    function test_the_enrolment_again_has_no_effect() public {
        transfer(subject, PATIENT);
        vm.recordLogs();
        assertEq(enrol(PATIENT, SUBJECT_SALT), subject, "subject");
        assertEq(countLogs(), 0, "events");
        assertEq(subjects.subjectOf(subject).custodian, REQUESTER, "custodian");
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        subjects.transfer(Transfer(unknown, REQUESTER, 1), "", Approval("", "", ""));
    }
}
