// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IMembers, Suspend, Vote } from "../../src/interfaces/IMembers.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract SuspendTest is Base {
    using TypedData for *;

    function test_others_suspend() public {
        Suspend memory suspension = Suspend(REQUESTER, 1);
        Vote[] memory signed = votes(suspension.hash(), 1, GOVERNOR_1, 3, GOVERNOR_3);
        vm.expectEmit(address(members));
        emit IMembers.Suspended(REQUESTER, 1);
        members.suspend(suspension, signed);
        assertFalse(members.institutionOf(REQUESTER).active, "active");
        assertEq(members.activeCount(), 2, "active count");
        assertEq(members.round(), 2, "round");
    }

    function test_one_of_two_others_is_no_majority() public {
        Suspend memory suspension = Suspend(REQUESTER, 1);
        Vote[] memory signed = votes(suspension.hash(), 1, GOVERNOR_1);
        vm.expectRevert(abi.encodeWithSelector(IMembers.MajorityMissing.selector, 1, 2));
        members.suspend(suspension, signed);
    }

    function test_nobody_votes_on_their_own_suspension() public {
        Suspend memory suspension = Suspend(REQUESTER, 1);
        Vote[] memory signed = votes(suspension.hash(), 1, GOVERNOR_1, 2, GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VoteInvalid.selector, 2));
        members.suspend(suspension, signed);
    }

    function test_unknown_or_suspended_is_refused(uint32 institution) public {
        vm.assume(institution == 0 || institution > 3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.StatusUnchanged.selector, institution, false));
        members.suspend(Suspend(institution, 1), new Vote[](0));
    }

    function test_the_last_active_institution_stays() public {
        suspendRequester();
        Suspend memory third = Suspend(BYSTANDER, 2);
        members.suspend(third, votes(third.hash(), 1, GOVERNOR_1));
        vm.expectRevert(abi.encodeWithSelector(IMembers.MajorityMissing.selector, 0, 0));
        members.suspend(Suspend(CUSTODIAN, 3), new Vote[](0));
    }

    function test_a_round_passes_once() public {
        suspendRequester();
        reinstateRequester();
        Suspend memory old = Suspend(REQUESTER, 1);
        Vote[] memory signed = votes(old.hash(), 1, GOVERNOR_1, 3, GOVERNOR_3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.RoundMismatch.selector, 3, 1));
        members.suspend(old, signed);
    }
}
