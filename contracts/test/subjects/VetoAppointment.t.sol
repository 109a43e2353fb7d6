// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Appoint, Approval, ISubjects, Representative, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

contract VetoAppointmentTest is SubjectBase {
    using SubjectTypedData for *;

    function begun() private returns (Appoint memory given) {
        given = defaultAppointment(subject);
        appoint(given);
    }

    function stop(Appoint memory given, uint256 by) private {
        subjects.vetoAppointment(given, veto(by, given.subject, given.hash()));
    }

    function test_the_signer_stops_it_until_it_begins(uint256 time) public {
        Appoint memory given = begun();
        vm.warp(bound(time, NOW, NOW + APPOINTMENT_DELAY - 1));
        Approval memory approval = veto(PATIENT, subject, given.hash());
        vm.expectEmit(address(subjects));
        emit ISubjects.AppointmentVetoed(subject, hashOf(REPRESENTATIVE), hashOf(PATIENT));
        subjects.vetoAppointment(given, approval);
        assertEq(subjects.representativeOf(subject, hashOf(REPRESENTATIVE)), Representative(0, 0, 0, 0, 0));
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 0, 1, 2, 0, 0));
        vm.warp(NOW + APPOINTMENT_DELAY);
        assertFalse(subjects.isPatientSide(subject, hashOf(REPRESENTATIVE)), "live");
    }

    function test_not_once_it_began() public {
        Appoint memory given = begun();
        vm.warp(NOW + APPOINTMENT_DELAY);
        expectNothingWaits(subject);
        stop(given, PATIENT);
        vm.warp(NOW + APPOINTMENT_DELAY - 1);
        stop(given, PATIENT);
    }

    function test_a_former_signer_may() public {
        Appoint memory given = begun();
        rotate(PATIENT, NEXT);
        stop(given, PATIENT);
        assertEq(subjects.representativeOf(subject, hashOf(REPRESENTATIVE)).from, 0, "stopped");
    }

    function test_a_live_representative_may() public {
        appointLive(bare, 162, 0);
        Appoint memory given = defaultAppointment(bare);
        appoint(given);
        Approval memory approval = veto(162, bare, given.hash());
        vm.expectEmit(address(subjects));
        emit ISubjects.AppointmentVetoed(bare, hashOf(REPRESENTATIVE), hashOf(162));
        subjects.vetoAppointment(given, approval);
        assertEq(subjects.representativeOf(bare, hashOf(REPRESENTATIVE)).from, 0, "stopped");
        assertTrue(subjects.isPatientSide(bare, hashOf(162)), "the other goes on");
    }

    function test_one_that_waits_itself_may_not() public {
        Appoint memory given = begun();
        expectNoStanding(hashOf(REPRESENTATIVE));
        stop(given, REPRESENTATIVE);
    }

    function test_one_whose_appointment_ended_may_not() public {
        Appoint memory short = defaultAppointment(subject);
        (short.representative, short.notAfter) = (hashOf(162), uint64(NOW + 3 days));
        appoint(short);
        vm.warp(NOW + 3 days);
        Appoint memory given = begun();
        expectNoStanding(hashOf(162));
        stop(given, 162);
        vm.warp(NOW + 3 days - 1);
        stop(given, 162);
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        Appoint memory given = begun();
        Approval memory approval = veto(key, subject, given.hash());
        expectNoStanding(hashOf(key));
        subjects.vetoAppointment(given, approval);
    }

    function test_another_subjects_signer_may_not() public {
        enrol(667, keccak256("another salt"));
        Appoint memory given = begun();
        expectNoStanding(hashOf(667));
        stop(given, 667);
    }

    function test_a_registrar_may_not() public {
        Appoint memory given = begun();
        expectNoStanding(hashOf(REGISTRAR_1));
        stop(given, REGISTRAR_1);
    }

    function test_the_veto_names_the_appointment() public {
        Appoint memory given = begun();
        Approval memory approval = veto(PATIENT, subject, keccak256("another matter"));
        expectSignatureInvalid(address(subjects), SubjectTypedData.hashVeto(subject, given.hash()));
        subjects.vetoAppointment(given, approval);
    }

    function test_the_veto_names_the_subject() public {
        Appoint memory given = begun();
        Approval memory approval = veto(PATIENT, bare, given.hash());
        expectSignatureInvalid(address(subjects), SubjectTypedData.hashVeto(subject, given.hash()));
        subjects.vetoAppointment(given, approval);
    }

    function test_a_veto_counts_against_one_appointment() public {
        Appoint memory first = begun();
        stop(first, PATIENT);
        begun();
        expectNothingWaits(subject);
        stop(first, PATIENT);
        assertEq(subjects.representativeOf(subject, hashOf(REPRESENTATIVE)).serial, 2, "the second waits");
    }

    function test_again_nothing_waits() public {
        Appoint memory given = begun();
        stop(given, PATIENT);
        expectNothingWaits(subject);
        stop(given, PATIENT);
    }

    function test_nothing_waited() public {
        Appoint memory given = defaultAppointment(subject);
        expectNothingWaits(subject);
        stop(given, PATIENT);
        given.serial = 0; // an empty slot's
        expectNothingWaits(subject);
        stop(given, PATIENT);
    }

    function test_the_veto_ends_no_grant() public {
        bytes32 grantId = give(defaultGrant());
        Appoint memory given = begun();
        stop(given, PATIENT);
        assertEq(subjects.subjectOf(subject).epoch, 1, "epoch");
        assertEq(grants.grantOf(grantId).epoch, 1, "grant's epoch");
    }

    function test_an_unknown_subject(bytes20 unknown, uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(unknown != subject && unknown != bare);
        Appoint memory given = defaultAppointment(subject);
        given.subject = unknown;
        Approval memory approval = veto(key, unknown, given.hash());
        expectNoStanding(unknown, hashOf(key));
        subjects.vetoAppointment(given, approval);
    }

    function test_the_zero_subject_is_nobodys() public {
        Appoint memory given = defaultAppointment(0);
        expectNoStanding(0, hashOf(STRANGER));
        stop(given, STRANGER);
    }

    function test_powers_do_not_matter() public {
        appointLive(subject, 162, Rules.MAY_ACCESS);
        Appoint memory given = begun();
        stop(given, 162);
        assertEq(subjects.representativeOf(subject, hashOf(REPRESENTATIVE)).from, 0, "stopped");
    }
}
