// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Appoint, Approval, ISubjects, Restrict, Subject } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

contract RestrictTest is SubjectBase {
    using SubjectTypedData for *;

    function restriction() private view returns (Restrict memory) {
        return Restrict(subject, serialOf(subject));
    }

    /// @dev With the expected event; nothing but the flag changes.
    function checkRestricts(Approval memory approval, bytes32 by) private {
        Restrict memory given = restriction();
        Subject memory before = subjects.subjectOf(subject);
        vm.expectEmit(address(subjects));
        emit ISubjects.Restricted(subject, by);
        subjects.restrict(given, approval);
        before.flags = 1;
        assertEq(subjects.subjectOf(subject), before);
    }

    function checkMay(uint256 key) private {
        checkRestricts(signed(key, restriction().hash()), hashOf(key));
    }

    function expectRefused(uint256 key) private {
        Restrict memory given = restriction();
        Approval memory approval = signed(key, given.hash());
        expectNoStanding(hashOf(key));
        subjects.restrict(given, approval);
    }

    function expectRefused(uint256 session, Badge memory badge) private {
        Restrict memory given = restriction();
        Approval memory approval = staff(session, badge, given.hash());
        expectNoStanding(badge.person);
        subjects.restrict(given, approval);
    }

    function test_the_patient_may() public {
        checkMay(PATIENT);
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 1, 1, 1, 0, 0));
    }

    function test_a_former_signer_may() public {
        rotate(PATIENT, NEXT);
        checkMay(PATIENT);
    }

    function test_a_live_representative_may(uint32 powers) public {
        appointLive(subject, REPRESENTATIVE, powers & Rules.ALL_POWERS);
        checkMay(REPRESENTATIVE);
    }

    function test_a_representative_only_while_the_appointment_lasts() public {
        Appoint memory given = defaultAppointment(subject);
        appoint(given);
        vm.warp(NOW + APPOINTMENT_DELAY - 1);
        expectRefused(REPRESENTATIVE);
        vm.warp(APPOINTED_UNTIL);
        expectRefused(REPRESENTATIVE);
        vm.warp(APPOINTED_UNTIL - 1);
        checkMay(REPRESENTATIVE);
    }

    function test_a_representative_from_the_first_second_on() public {
        appoint(defaultAppointment(subject));
        vm.warp(NOW + APPOINTMENT_DELAY);
        checkMay(REPRESENTATIVE);
    }

    function test_a_registrar_of_the_custodian_may(bool suspended) public {
        if (suspended) suspendCustodian();
        checkMay(REGISTRAR_1);
    }

    function test_an_officer_of_the_custodian_may(bool suspended) public {
        if (suspended) suspendCustodian();
        checkRestricts(officer(CUSTODIAN, restriction().hash()), officerBadge(CUSTODIAN).person);
    }

    function test_an_officer_needs_no_training() public {
        Badge memory badge = officerBadge(CUSTODIAN);
        badge.trainedUntil = 0;
        checkRestricts(staff(officerOf(CUSTODIAN), badge, restriction().hash()), badge.person);
    }

    function test_the_custodians_other_staff_may_not(uint32 roles) public {
        roles &= ~Rules.OFFICER;
        expectRefused(CLERK, badgeOf(CUSTODIAN, CLERK, roles));
    }

    function test_another_institutions_officer_may_not() public {
        expectRefused(officerOf(REQUESTER), officerBadge(REQUESTER));
    }

    function test_not_with_a_badge_that_is_over() public {
        Badge memory badge = officerBadge(CUSTODIAN);
        badge.notAfter = uint64(NOW);
        expectRefused(officerOf(CUSTODIAN), badge);
    }

    function test_an_ended_registrar_may_not() public {
        endSigner(CUSTODIAN, GOVERNOR_1, Kinds.REGISTRAR, REGISTRAR_1, uint64(NOW));
        expectRefused(REGISTRAR_1);
    }

    function test_another_institutions_registrar_may_not() public {
        expectRefused(REGISTRAR_2);
    }

    function test_the_former_custodian_may_not() public {
        transfer(subject, PATIENT);
        expectRefused(REGISTRAR_1);
        expectRefused(officerOf(CUSTODIAN), officerBadge(CUSTODIAN));
        checkMay(REGISTRAR_2);
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT && key != REGISTRAR_1);
        expectRefused(key);
    }

    function test_another_subjects_signer_may_not() public {
        enrol(667, keccak256("another salt"));
        expectRefused(667);
    }

    function test_whoever_restricts_signs(bool badge) public {
        Restrict memory given = restriction();
        Approval memory approval = badge ? officer(CUSTODIAN, given.hash()) : signed(PATIENT, given.hash());
        approval.signature = signSubjects(STRANGER, given.hash());
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.restrict(given, approval);
    }

    function test_a_credential_makes_a_patient_no_staff() public {
        Restrict memory given = restriction();
        Approval memory approval = signed(PATIENT, given.hash());
        approval.credential = officer(CUSTODIAN, given.hash()).credential;
        expectNoStanding(officerBadge(CUSTODIAN).person);
        subjects.restrict(given, approval);
    }

    function test_again_has_no_effect() public {
        restrict(subject, PATIENT);
        vm.recordLogs();
        restrict(subject, PATIENT);
        restrict(subject, REGISTRAR_1);
        assertEq(countLogs(), 0, "events");
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 1, 1, 1, 0, 0));
    }

    function test_it_is_never_late() public {
        Restrict memory given = Restrict(subject, 1);
        Approval memory approval = signed(PATIENT, given.hash());
        rotate(PATIENT, NEXT);
        transfer(subject, NEXT);
        subjects.restrict(given, approval);
        assertEq(subjects.subjectOf(subject), Subject(REQUESTER, 1, 1, 2, 3, 0, 0));
    }

    function test_what_was_signed_before_a_lift_is_over() public {
        Restrict memory given = Restrict(subject, 1);
        Approval memory approval = signed(PATIENT, given.hash());
        subjects.restrict(given, approval);
        lift(subject, PATIENT);
        expectSerialMismatch(subject, 2, 1);
        subjects.restrict(given, approval);
        restrict(subject, PATIENT);
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 1, 1, 2, 1, 0));
    }

    function test_any_serial_since_the_lift_will_do() public {
        rotate(PATIENT, NEXT); // 1
        lift(subject, NEXT); // 2
        rotate(NEXT, 172); // 3
        rotate(172, 173); // 4
        Restrict memory given = Restrict(subject, 2);
        expectSerialMismatch(subject, 5, 2);
        subjects.restrict(given, signed(173, given.hash()));
        given.serial = 3;
        subjects.restrict(given, signed(173, given.hash()));
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 1, 4, 5, 2, 0));
    }

    function test_serials_that_never_were(uint32 serial) public {
        vm.assume(serial != 1);
        Restrict memory given = Restrict(subject, serial);
        Approval memory approval = signed(PATIENT, given.hash());
        expectSerialMismatch(subject, 1, serial);
        subjects.restrict(given, approval);
    }

    function test_a_subject_without_a_signer() public {
        Restrict memory given = Restrict(bare, 1);
        subjects.restrict(given, signed(REGISTRAR_1, given.hash()));
        assertEq(subjects.subjectOf(bare), Subject(CUSTODIAN, 1, 1, 0, 1, 0, 0));
        assertEq(subjects.subjectOf(subject).flags, 0, "the other");
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        subjects.restrict(Restrict(unknown, 1), Approval("", "", ""));
    }
}
