// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, IGrants } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @notice Several reviews owed at once: whichever is filed, the oldest that is left is known, and whether it is overdue.
contract ReviewQueueTest is GrantBase {
    using TypedData for *;

    bytes32[] private _grantIds;
    bool[] private _filed;

    /// @dev Emergencies at NOW, NOW + 1 hour, ...
    function open(uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            vm.warp(NOW + i * 1 hours);
            _grantIds.push(openEmergency(i));
            _filed.push(false);
        }
    }

    function file(uint256 i) private {
        if (_filed[i]) return;
        fileReview(_grantIds[i], REQUESTER);
        _filed[i] = true;
        assertEq(grants.reviewOf(_grantIds[i]).state, 2, "filed");
    }

    /// @dev The oldest as a list says it.
    function assertQueue() private view {
        for (uint256 i = 0; i < _grantIds.length; ++i) {
            if (_filed[i]) continue;
            return assertOldest(REQUESTER, _grantIds[i], NOW + i * 1 hours + 72 hours);
        }
        assertOldest(REQUESTER, 0, 0);
    }

    function test_from_the_oldest_to_the_newest() public {
        open(3);
        assertQueue();
        for (uint256 i = 0; i < 3; ++i) {
            file(i);
            assertQueue();
        }
    }

    function test_from_the_newest_to_the_oldest() public {
        open(3);
        for (uint256 i = 3; i > 0; --i) {
            file(i - 1);
            assertQueue();
        }
    }

    function test_the_middle_first() public {
        open(5);
        uint8[5] memory order = [2, 1, 3, 0, 4];
        for (uint256 i = 0; i < 5; ++i) {
            file(order[i]);
            assertQueue();
        }
    }

    function test_again_after_the_queue_ran_empty() public {
        open(2);
        file(1);
        file(0);
        vm.warp(NOW + 2 hours);
        _grantIds.push(openEmergency(9));
        _filed.push(false);
        assertQueue();
        file(2);
        assertQueue();
    }

    function test_one_queue_for_each_institution() public {
        open(2);
        Grant memory terms = grantOn(Rules.EMERGENCY);
        (terms.grantee, terms.relayBy) = (bytes32(bytes4(BYSTANDER)), FOREVER);
        bytes32 grantId = terms.hash();
        Approval memory first = atGrants(SESSION, badgeOf(BYSTANDER, SESSION, Rules.NURSE), grantId);
        grants.grant(terms, two(first, atGrants(COLLEAGUE, badgeOf(BYSTANDER, COLLEAGUE, Rules.NURSE), grantId)));
        assertOldest(BYSTANDER, grantId, NOW + 73 hours);
        assertQueue();
        fileReview(grantId, CUSTODIAN);
        assertOldest(BYSTANDER, 0, 0);
        assertQueue();
    }

    // Overdue.

    function terms_() private view returns (Grant memory terms) {
        terms = grantOn(Rules.EMERGENCY);
        (terms.notBefore, terms.notAfter) = (uint64(block.timestamp), uint64(block.timestamp + 1 hours));
        (terms.relayBy, terms.salt) = (FOREVER, keccak256("one more"));
    }

    function approvals() private view returns (Approval[] memory) {
        bytes32 grantId = terms_().hash();
        Badge memory badge = badgeOf(REQUESTER, STRANGER, Rules.PHYSICIAN);
        return two(colleague(grantId), atGrants(STRANGER, badge, grantId));
    }

    function refuseOverdue(bytes32 oldest) private {
        refuseGrant(terms_(), approvals(), abi.encodeWithSelector(IGrants.ReviewOverdue.selector, REQUESTER, oldest));
        assertEq(grants.grantOf(terms_().hash()).state, 0, "state");
    }

    function accept() private {
        grants.grant(terms_(), approvals());
        assertEq(grants.grantOf(terms_().hash()).state, 1, "state");
    }

    function test_no_other_emergency_from_the_due_time_on() public {
        open(2);
        vm.warp(NOW + 72 hours);
        refuseOverdue(_grantIds[0]);
        vm.warp(NOW + 90 days);
        refuseOverdue(_grantIds[0]);
        file(1);
        refuseOverdue(_grantIds[0]);
        file(0);
        accept();
    }

    function test_until_the_second_before() public {
        open(1);
        vm.warp(NOW + 72 hours - 1);
        accept();
    }

    function test_the_next_oldest_blocks_as_well() public {
        open(2);
        vm.warp(NOW + 73 hours);
        file(0);
        refuseOverdue(_grantIds[1]);
        vm.warp(NOW + 73 hours - 1);
        accept();
    }

    function test_other_bases_are_not_blocked() public {
        open(1);
        vm.warp(NOW + 72 hours);
        for (uint8 basis = 1; basis <= 4; ++basis) {
            Grant memory terms = grantOn(basis);
            terms.relayBy = FOREVER;
            giveOn(terms);
            assertEq(grants.grantOf(terms.hash()).state, 1, "state");
        }
    }

    function test_other_institutions_are_not_blocked() public {
        open(1);
        vm.warp(NOW + 72 hours);
        Grant memory terms = terms_();
        terms.grantee = bytes32(bytes4(BYSTANDER));
        bytes32 grantId = terms.hash();
        Approval memory first = atGrants(SESSION, badgeOf(BYSTANDER, SESSION, Rules.NURSE), grantId);
        grants.grant(terms, two(first, atGrants(COLLEAGUE, badgeOf(BYSTANDER, COLLEAGUE, Rules.NURSE), grantId)));
        assertEq(grants.grantOf(grantId).state, 1, "state");
    }
}
