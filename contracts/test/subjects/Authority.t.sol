// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Subjects } from "../../src/Subjects.sol";
import { Appoint, Authority, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

/// @notice What somebody may do for a subject now: the question that grants, releases and erasures ask.
contract AuthorityTest is SubjectBase {
    using SubjectTypedData for *;

    function check(bytes20 of_, uint256 key, Authority memory expected) private view {
        (Subject memory stored, Authority memory given) = subjects.authorityOf(of_, hashOf(key));
        assertEq(stored, subjects.subjectOf(of_));
        assertTrue(given.current == expected.current, "current");
        assertTrue(given.former == expected.former, "former");
        assertEq(given.powers, expected.powers, "powers");
        assertEq(given.purposes, expected.purposes, "purposes");
        assertEq(given.end, expected.end, "end");
        bool side = expected.current || expected.former || expected.end != 0;
        assertTrue(subjects.isPatientSide(of_, hashOf(key)) == side, "patient's side");
    }

    function all() private pure returns (Authority memory) {
        return Authority(true, false, 3, 1023, type(uint40).max);
    }

    function none() private pure returns (Authority memory authority) { }

    function former() private pure returns (Authority memory) {
        return Authority(false, true, 0, 0, 0);
    }

    function test_the_signer_may_all() public view {
        check(subject, PATIENT, all());
    }

    function test_nobody_else_may_anything(uint256 key) public view {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        check(subject, key, none());
    }

    function test_a_former_signer_may_only_take_away() public {
        rotate(PATIENT, NEXT);
        check(subject, PATIENT, former());
        check(subject, NEXT, all());
        rotate(NEXT, 172);
        check(subject, PATIENT, former());
        check(subject, NEXT, former());
        check(subject, 172, all());
    }

    function test_a_signer_is_nobody_elsewhere() public {
        enrol(667, keccak256("another salt"));
        check(subject, 667, none());
        check(bare, PATIENT, none());
        check(bare, 667, none());
    }

    function test_a_second_signer_elsewhere_is_nobody_here() public {
        // Index 2 of another subject is not index 2 of this one.
        bytes20 other = enrol(667, keccak256("another salt"));
        rotate(PATIENT, NEXT);
        subject = other;
        rotate(667, 668);
        check(other, NEXT, none());
        check(other, 668, all());
    }

    function test_a_representative_from_and_until(uint32 powers, uint32 purposes, uint64 end, uint256 time) public {
        uint256 from = NOW + APPOINTMENT_DELAY;
        end = uint64(bound(end, from + 1, NOW + 3650 days));
        Appoint memory given = defaultAppointment(subject);
        (given.powers, given.purposes, given.notAfter) = (powers & 3, purposes & Rules.purposesOf(Rules.CONSENT), end);
        appoint(given);
        Authority memory live = Authority(false, false, given.powers, given.purposes, uint40(end));
        check(subject, REPRESENTATIVE, none());
        vm.warp(from - 1);
        check(subject, REPRESENTATIVE, none());
        vm.warp(from);
        check(subject, REPRESENTATIVE, live);
        vm.warp(bound(time, from, end - 1));
        check(subject, REPRESENTATIVE, live);
        vm.warp(end - 1);
        check(subject, REPRESENTATIVE, live);
        vm.warp(end);
        check(subject, REPRESENTATIVE, none());
        check(bare, REPRESENTATIVE, none());
    }

    function test_a_former_signer_may_represent() public {
        rotate(PATIENT, NEXT);
        Appoint memory given = defaultAppointment(subject);
        given.representative = hashOf(PATIENT);
        subjects.appoint(given, one(signed(NEXT, given.hash())));
        check(subject, PATIENT, former());
        vm.warp(NOW + APPOINTMENT_DELAY);
        check(subject, PATIENT, Authority(false, true, 3, given.purposes, uint40(APPOINTED_UNTIL)));
        vm.warp(APPOINTED_UNTIL);
        check(subject, PATIENT, former());
    }

    function test_an_appointment_takes_nothing_from_the_signer() public {
        appointLive(subject, PATIENT, 0);
        check(subject, PATIENT, all());
    }

    function test_nobody_may_anything_for_the_unknown(bytes20 unknown, uint256 key) public view {
        key = bound(key, 1, 1 << 200);
        vm.assume(unknown != subject && unknown != bare);
        check(unknown, key, none());
        check(unknown, PATIENT, none());
        check(0, key, none());
    }

    function test_what_it_was_deployed_with(uint32 appointment, uint32 recovery) public {
        Subjects other = new Subjects(members, verifier, appointment, recovery);
        assertEq(other.appointmentDelay(), appointment, "appointment delay");
        assertEq(other.recoveryDelay(), recovery, "recovery delay");
        assertEq(address(other.members()), address(members), "members");
        assertEq(address(other.verifier()), address(verifier), "verifier");
    }
}
