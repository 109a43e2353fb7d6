// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Appoint, Approval, ISubjects, Representative, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

/// @notice Appointments by the patient; AppointByStaff has those while there is no signer.
contract AppointTest is SubjectBase {
    using SubjectTypedData for *;

    uint40 private constant _FROM = uint40(NOW + APPOINTMENT_DELAY);
    uint32 private constant _ALLOWED = Rules.ALL_PURPOSES & ~(Rules.PUBHLTH | Rules.HLEGAL);

    function approved(Appoint memory given) private view returns (Approval[] memory) {
        return one(signed(PATIENT, given.hash()));
    }

    function expectRefused(Appoint memory given) private {
        Approval[] memory approvals = approved(given);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.AppointmentRefused.selector, subject));
        subjects.appoint(given, approvals);
    }

    function expectExists(Appoint memory given) private {
        Approval[] memory approvals = approved(given);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.RepresentativeExists.selector, subject, given.representative));
        subjects.appoint(given, approvals);
    }

    function test_the_patient_appoints(bytes32 representative, uint32 powers, uint32 purposes, uint64 end) public {
        vm.assume(representative != 0);
        end = uint64(bound(end, _FROM + 1, type(uint40).max));
        (powers, purposes) = (powers & Rules.ALL_POWERS, purposes & _ALLOWED);
        Appoint memory given = Appoint(subject, representative, powers, purposes, end, 1, TERMS);
        Approval[] memory approvals = approved(given);
        vm.expectEmit(address(subjects));
        emit ISubjects.Appointed(subject, representative, given, _FROM, hashOf(PATIENT));
        subjects.appoint(given, approvals);
        assertEq(
            subjects.representativeOf(subject, representative), Representative(powers, purposes, _FROM, uint40(end), 1)
        );
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 0, 1, 2, 0, 0));
        assertEq(subjects.representativeOf(bare, representative), Representative(0, 0, 0, 0, 0));
    }

    function test_the_end_comes_after_the_delay(uint64 end) public {
        Appoint memory given = defaultAppointment(subject);
        given.notAfter = uint64(bound(end, 0, _FROM));
        expectRefused(given);
        given.notAfter = _FROM;
        expectRefused(given);
        given.notAfter = _FROM + 1;
        appoint(given);
        assertEq(subjects.representativeOf(subject, hashOf(REPRESENTATIVE)).notAfter, _FROM + 1, "end");
    }

    function test_the_end_is_a_time_that_fits(uint64 end) public {
        Appoint memory given = defaultAppointment(subject);
        given.notAfter = uint64(bound(end, uint64(type(uint40).max) + 1, type(uint64).max));
        expectRefused(given);
        given.notAfter = uint64(type(uint40).max) + 1;
        expectRefused(given);
        given.notAfter = type(uint40).max;
        appoint(given);
        assertEq(subjects.representativeOf(subject, hashOf(REPRESENTATIVE)).notAfter, type(uint40).max, "end");
    }

    function test_powers_that_there_are(uint32 powers) public {
        vm.assume(powers > 3);
        Appoint memory given = defaultAppointment(subject);
        given.powers = powers;
        expectRefused(given);
    }

    function test_purposes_that_a_patient_may_give(uint32 purposes) public {
        vm.assume(purposes & ~_ALLOWED != 0);
        Appoint memory given = defaultAppointment(subject);
        given.purposes = purposes;
        expectRefused(given);
    }

    function test_not_for_public_health_nor_courts() public {
        Appoint memory given = defaultAppointment(subject);
        given.purposes = Rules.PUBHLTH;
        expectRefused(given);
        given.purposes = Rules.HLEGAL;
        expectRefused(given);
    }

    function test_nobody_is_no_representative() public {
        Appoint memory given = defaultAppointment(subject);
        given.representative = 0;
        expectRefused(given);
    }

    function test_one_that_waits_exists() public {
        appoint(defaultAppointment(subject));
        expectExists(defaultAppointment(subject));
    }

    function test_one_exists_until_its_end() public {
        Appoint memory given = defaultAppointment(subject);
        given.notAfter = uint64(NOW + 3 days);
        appoint(given);
        vm.warp(NOW + 3 days - 1);
        expectExists(defaultAppointment(subject));
        vm.warp(NOW + 3 days);
        Appoint memory again = defaultAppointment(subject);
        again.powers = Rules.MAY_ACCESS;
        appoint(again);
        assertEq(
            subjects.representativeOf(subject, hashOf(REPRESENTATIVE)),
            Representative(
                Rules.MAY_ACCESS, _ALLOWED, uint40(NOW + 3 days + APPOINTMENT_DELAY), uint40(APPOINTED_UNTIL), 2
            )
        );
    }

    function test_a_dismissed_one_may_be_appointed_again() public {
        appoint(defaultAppointment(subject));
        dismiss(subject, PATIENT);
        appoint(defaultAppointment(subject));
        assertEq(subjects.representativeOf(subject, hashOf(REPRESENTATIVE)).serial, 2, "serial");
    }

    function test_one_may_serve_several() public {
        appoint(defaultAppointment(subject));
        appoint(defaultAppointment(bare));
        assertEq(subjects.representativeOf(bare, hashOf(REPRESENTATIVE)).serial, 1, "serial");
    }

    function test_another_subjects_signer_may_be_one() public {
        enrol(667, keccak256("another salt"));
        Appoint memory given = defaultAppointment(subject);
        given.representative = hashOf(667);
        appoint(given);
        vm.warp(_FROM);
        assertTrue(subjects.isPatientSide(subject, hashOf(667)), "patient's side");
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        Appoint memory given = defaultAppointment(subject);
        Approval[] memory approvals = one(signed(key, given.hash()));
        expectNoStanding(hashOf(key));
        subjects.appoint(given, approvals);
    }

    function test_a_former_signer_may_not() public {
        rotate(PATIENT, NEXT);
        Appoint memory given = defaultAppointment(subject);
        Approval[] memory approvals = approved(given);
        expectNoStanding(hashOf(PATIENT));
        subjects.appoint(given, approvals);
    }

    function test_a_representative_may_not() public {
        appointLive(subject, 162, Rules.ALL_POWERS);
        Appoint memory given = defaultAppointment(subject);
        Approval[] memory approvals = one(signed(162, given.hash()));
        expectNoStanding(hashOf(162));
        subjects.appoint(given, approvals);
    }

    function test_the_custodians_staff_may_not_while_there_is_a_signer() public {
        Appoint memory given = defaultAppointment(subject);
        Approval[] memory approvals = custodians(given.hash());
        expectApprovalsRefused(subject, 2);
        subjects.appoint(given, approvals);
    }

    function test_other_terms_were_not_signed() public {
        Appoint memory given = defaultAppointment(subject);
        Approval[] memory approvals = approved(given);
        given.terms = keccak256("other terms");
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.appoint(given, approvals);
    }

    function test_a_serial_counts_once(uint32 serial) public {
        vm.assume(serial != 1);
        Appoint memory given = defaultAppointment(subject);
        given.serial = serial;
        Approval[] memory approvals = approved(given);
        expectSerialMismatch(subject, 1, serial);
        subjects.appoint(given, approvals);
    }

    function test_a_dismissed_ones_appointment_is_no_replay() public {
        Appoint memory given = defaultAppointment(subject);
        Approval[] memory approvals = approved(given);
        subjects.appoint(given, approvals);
        dismiss(subject, PATIENT);
        expectSerialMismatch(subject, 2, 1);
        subjects.appoint(given, approvals);
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        Appoint memory given = defaultAppointment(subject);
        given.subject = unknown;
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        subjects.appoint(given, new Approval[](0));
    }
}
