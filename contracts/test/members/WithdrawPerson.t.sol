// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IMembers, WithdrawPerson } from "../../src/interfaces/IMembers.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract WithdrawPersonTest is Base {
    using TypedData for *;

    function test_an_issuer_withdraws(uint224 random) public {
        bytes32 person = bytes32(bytes4(REQUESTER)) | bytes32(uint256(random));
        WithdrawPerson memory withdrawal = WithdrawPerson(person);
        bytes memory signature = signMembers(ISSUER_2, withdrawal.hash());
        vm.expectEmit(address(members));
        emit IMembers.PersonWithdrawn(REQUESTER, person);
        members.withdrawPerson(withdrawal, signature);
        assertTrue(members.isWithdrawn(person), "withdrawn");
    }

    function test_again_has_no_effect() public {
        withdrawPerson();
        vm.recordLogs();
        withdrawPerson();
        assertEq(countLogs(), 0, "events");
    }

    function test_only_an_issuer_of_the_persons_institution(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != ISSUER_2);
        WithdrawPerson memory withdrawal = WithdrawPerson(PERSON);
        bytes memory signature = signMembers(key, withdrawal.hash());
        expectKeyNotLive(REQUESTER, Kinds.ISSUER, key);
        members.withdrawPerson(withdrawal, signature);
    }

    function test_the_other_hospitals_issuer_may_not() public {
        WithdrawPerson memory withdrawal = WithdrawPerson(PERSON);
        bytes memory signature = signMembers(ISSUER_1, withdrawal.hash());
        expectKeyNotLive(REQUESTER, Kinds.ISSUER, ISSUER_1);
        members.withdrawPerson(withdrawal, signature);
    }

    function test_not_after_the_keys_end() public {
        WithdrawPerson memory withdrawal = WithdrawPerson(PERSON);
        bytes memory signature = signMembers(ISSUER_2, withdrawal.hash());
        vm.warp(KEYS_END);
        expectKeyNotLive(REQUESTER, Kinds.ISSUER, ISSUER_2);
        members.withdrawPerson(withdrawal, signature);
        vm.warp(KEYS_END - 1);
        members.withdrawPerson(withdrawal, signature);
    }

    function test_also_while_suspended() public {
        suspendRequester();
        withdrawPerson();
        assertTrue(members.isWithdrawn(PERSON), "withdrawn");
    }

    function test_malformed_signatures(bytes memory signature) public {
        vm.assume(signature.length != 65);
        WithdrawPerson memory withdrawal = WithdrawPerson(PERSON);
        expectSignatureInvalid(address(members), withdrawal.hash());
        members.withdrawPerson(withdrawal, signature);
    }
}
