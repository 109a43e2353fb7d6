// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IMembers, Reinstate, Vote } from "../../src/interfaces/IMembers.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract ReinstateTest is Base {
    using TypedData for *;

    function test_majority_reinstates() public {
        suspendRequester();
        Reinstate memory reinstatement = Reinstate(REQUESTER, 2);
        Vote[] memory signed = votes(reinstatement.hash(), 1, GOVERNOR_1, 3, GOVERNOR_3);
        vm.expectEmit(address(members));
        emit IMembers.Reinstated(REQUESTER, 2);
        members.reinstate(reinstatement, signed);
        assertTrue(members.institutionOf(REQUESTER).active, "active");
        assertEq(members.activeCount(), 3, "active count");
    }

    function test_the_suspended_one_has_no_vote() public {
        suspendRequester();
        Reinstate memory reinstatement = Reinstate(REQUESTER, 2);
        Vote[] memory signed = votes(reinstatement.hash(), 1, GOVERNOR_1, 2, GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VoteInvalid.selector, 2));
        members.reinstate(reinstatement, signed);
    }

    function test_one_of_two_is_no_majority() public {
        suspendRequester();
        Reinstate memory reinstatement = Reinstate(REQUESTER, 2);
        Vote[] memory signed = votes(reinstatement.hash(), 1, GOVERNOR_1);
        vm.expectRevert(abi.encodeWithSelector(IMembers.MajorityMissing.selector, 1, 2));
        members.reinstate(reinstatement, signed);
    }

    function test_active_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(IMembers.StatusUnchanged.selector, REQUESTER, true));
        members.reinstate(Reinstate(REQUESTER, 1), new Vote[](0));
    }

    function test_unknown_is_refused(uint32 institution) public {
        vm.assume(institution == 0 || institution > 3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.InstitutionUnknown.selector, institution));
        members.reinstate(Reinstate(institution, 1), new Vote[](0));
    }
}
