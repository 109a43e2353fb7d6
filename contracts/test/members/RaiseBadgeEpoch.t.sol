// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IMembers, RaiseBadgeEpoch } from "../../src/interfaces/IMembers.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract RaiseBadgeEpochTest is Base {
    using TypedData for *;

    function test_the_governor_ends_all_badges() public {
        RaiseBadgeEpoch memory raise = RaiseBadgeEpoch(REQUESTER, 1);
        bytes memory signature = signMembers(GOVERNOR_2, raise.hash());
        vm.expectEmit(address(members));
        emit IMembers.BadgeEpochRaised(REQUESTER, 2);
        members.raiseBadgeEpoch(raise, signature);
        assertEq(members.institutionOf(REQUESTER).badgeEpoch, 2, "epoch");
    }

    function test_an_old_epoch_has_no_effect() public {
        raiseBadgeEpoch();
        raiseBadgeEpoch();
        RaiseBadgeEpoch memory old = RaiseBadgeEpoch(REQUESTER, 1);
        vm.recordLogs();
        members.raiseBadgeEpoch(old, signMembers(GOVERNOR_2, old.hash()));
        assertEq(countLogs(), 0, "events");
        assertEq(members.institutionOf(REQUESTER).badgeEpoch, 3, "epoch");
    }

    function test_a_future_epoch_is_refused(uint32 epoch) public {
        epoch = uint32(bound(epoch, 2, type(uint32).max));
        RaiseBadgeEpoch memory raise = RaiseBadgeEpoch(REQUESTER, epoch);
        bytes memory signature = signMembers(GOVERNOR_2, raise.hash());
        vm.expectRevert(abi.encodeWithSelector(IMembers.BadgeEpochAhead.selector, REQUESTER, 1, epoch));
        members.raiseBadgeEpoch(raise, signature);
    }

    function test_only_the_governor(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != GOVERNOR_2);
        RaiseBadgeEpoch memory raise = RaiseBadgeEpoch(REQUESTER, 1);
        bytes memory signature = signMembers(key, raise.hash());
        expectSignatureInvalid(address(members), raise.hash());
        members.raiseBadgeEpoch(raise, signature);
    }

    function test_unknown_institution(uint32 institution) public {
        vm.assume(institution == 0 || institution > 3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.InstitutionUnknown.selector, institution));
        members.raiseBadgeEpoch(RaiseBadgeEpoch(institution, 1), "");
    }

    function test_also_while_suspended() public {
        suspendRequester();
        raiseBadgeEpoch();
        assertEq(members.institutionOf(REQUESTER).badgeEpoch, 2, "epoch");
    }
}
