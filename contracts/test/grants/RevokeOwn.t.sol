// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, IGrants } from "../../src/interfaces/IGrants.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract RevokeOwnTest is Base {
    using TypedData for *;

    function test_the_patients_own_transaction() public {
        Grant memory terms = defaultGrant();
        give(terms);
        vm.expectEmit(address(grants));
        emit IGrants.Revoked(terms.hash(), subject, hashOf(PATIENT));
        vm.prank(vm.addr(PATIENT));
        grants.revokeOwn(terms);
        assertEq(grants.grantOf(terms.hash()).state, 2, "state");
    }

    function test_before_it_came() public {
        vm.prank(vm.addr(PATIENT));
        grants.revokeOwn(defaultGrant());
        assertEq(grants.grantOf(defaultGrant().hash()).state, 2, "state");
    }

    function test_nobody_elses(address sender) public {
        vm.assume(sender != vm.addr(PATIENT));
        Grant memory terms = defaultGrant();
        expectNoStanding(keccak256(abi.encodePacked(sender)));
        vm.prank(sender);
        grants.revokeOwn(terms);
    }

    function test_a_registrars_transaction_has_no_right() public {
        Grant memory terms = defaultGrant();
        expectNoStanding(hashOf(REGISTRAR_1));
        vm.prank(vm.addr(REGISTRAR_1));
        grants.revokeOwn(terms);
    }

    function test_another_subjects_patient() public {
        enrol(667, keccak256("another salt"));
        Grant memory terms = defaultGrant();
        expectNoStanding(hashOf(667));
        vm.prank(vm.addr(667));
        grants.revokeOwn(terms);
    }

    function test_the_zero_subject_is_nobodys(address sender) public {
        Grant memory terms = defaultGrant();
        terms.subject = 0;
        bytes32 by = keccak256(abi.encodePacked(sender));
        vm.expectRevert(abi.encodeWithSelector(bytes4(keccak256("NoStanding(bytes20,bytes32)")), bytes20(0), by));
        vm.prank(sender);
        grants.revokeOwn(terms);
    }
}
