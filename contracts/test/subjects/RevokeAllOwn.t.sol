// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { ISubjects, RevokeAll } from "../../src/interfaces/ISubjects.sol";
import { Base } from "../Base.t.sol";

contract RevokeAllOwnTest is Base {
    function test_the_patients_own_transaction() public {
        vm.expectEmit(address(subjects));
        emit ISubjects.AllRevoked(subject, 2, hashOf(PATIENT));
        vm.prank(vm.addr(PATIENT));
        subjects.revokeAllOwn(RevokeAll(subject, 1));
        assertEq(subjects.subjectOf(subject).epoch, 2, "epoch");
    }

    function test_nobody_elses(address sender) public {
        vm.assume(sender != vm.addr(PATIENT));
        expectNoStanding(keccak256(abi.encodePacked(sender)));
        vm.prank(sender);
        subjects.revokeAllOwn(RevokeAll(subject, 1));
    }

    function test_a_registrars_transaction_has_no_right() public {
        expectNoStanding(hashOf(REGISTRAR_1));
        vm.prank(vm.addr(REGISTRAR_1));
        subjects.revokeAllOwn(RevokeAll(subject, 1));
    }

    function test_again_has_no_effect() public {
        revokeAll(1);
        vm.recordLogs();
        vm.prank(vm.addr(PATIENT));
        subjects.revokeAllOwn(RevokeAll(subject, 1));
        assertEq(countLogs(), 0, "events");
        assertEq(subjects.subjectOf(subject).epoch, 2, "epoch");
    }

    function test_a_future_epoch_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(ISubjects.EpochAhead.selector, subject, 1, 2));
        vm.prank(vm.addr(PATIENT));
        subjects.revokeAllOwn(RevokeAll(subject, 2));
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        subjects.revokeAllOwn(RevokeAll(unknown, 1));
    }
}
