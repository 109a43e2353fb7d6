// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, GrantItem, IGrants } from "../../src/interfaces/IGrants.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract GrantBatchTest is GrantBase {
    using TypedData for *;

    function itemOf(uint8 basis, uint256 salt) private view returns (GrantItem memory) {
        Grant memory terms = grantOn(basis);
        terms.salt = bytes32(salt);
        return GrantItem(terms, approvalsOf(terms));
    }

    function stateOf(GrantItem memory item) private view returns (uint8) {
        return grants.grantOf(item.terms.hash()).state;
    }

    /// @dev Carries it between two good ones, which live all the same.
    function refuseAlone(GrantItem memory bad) private {
        GrantItem[] memory items = new GrantItem[](3);
        (items[0], items[1], items[2]) = (itemOf(Rules.CONSENT, 1), bad, itemOf(Rules.CONSENT, 2));
        vm.recordLogs();
        bool[] memory given = grants.grantBatch(items);
        assertEq(countLogs(), 2, "events");
        assertEq(given.length, 3, "answers");
        assertTrue(given[0] && !given[1] && given[2], "given");
        assertEq(stateOf(items[0]), 1, "first");
        assertEq(stateOf(items[2]), 1, "third");
    }

    function test_every_basis() public {
        GrantItem[] memory items = new GrantItem[](5);
        for (uint8 basis = 1; basis <= 5; ++basis) {
            items[basis - 1] = itemOf(basis, basis);
        }
        for (uint256 i = 0; i < 5; ++i) {
            Grant memory terms = items[i].terms;
            vm.expectEmit(address(grants));
            emit IGrants.Granted(terms.hash(), subject, PERSON, terms, uint40(terms.notAfter));
        }
        vm.expectEmit(address(grants));
        emit IGrants.ReviewOwed(items[4].terms.hash(), REQUESTER, uint40(NOW + 72 hours), PERSON, colleaguePerson());
        bool[] memory given = grants.grantBatch(items);
        for (uint256 i = 0; i < 5; ++i) {
            assertTrue(given[i], "given");
            assertEq(grants.grantOf(items[i].terms.hash()).basis, i + 1, "basis");
        }
        assertOldest(REQUESTER, items[4].terms.hash(), NOW + 72 hours);
    }

    function test_an_empty_one_gives_nothing() public {
        vm.recordLogs();
        assertEq(grants.grantBatch(new GrantItem[](0)).length, 0, "answers");
        assertEq(countLogs(), 0, "events");
    }

    function test_a_bad_item_ends_itself_alone() public {
        GrantItem memory bad = itemOf(Rules.CONSENT, 7);
        bad.approvals[0].signature = signGrants(STRANGER, bad.terms.hash());
        refuseAlone(bad);
        assertEq(stateOf(bad), 0, "bad");
    }

    function test_so_does_one_that_reverts_without_data() public {
        GrantItem memory bad = itemOf(Rules.PAPER, 7);
        bad.approvals[1].credential = hex"00";
        refuseAlone(bad);
        assertEq(stateOf(bad), 0, "bad");
    }

    function test_so_does_one_of_no_basis() public {
        GrantItem memory bad = itemOf(Rules.CONSENT, 7);
        bad.terms.basis = 6;
        refuseAlone(bad);
    }

    function test_so_does_a_revoked_one() public {
        GrantItem memory bad = itemOf(Rules.CONSENT, 7);
        revoke(bad.terms);
        refuseAlone(bad);
        assertEq(stateOf(bad), 2, "bad");
    }

    /// @dev Nothing remains of what an emergency wrote before it was refused.
    function test_so_does_an_emergency_while_a_review_is_overdue() public {
        bytes32 before = openEmergency(1);
        vm.warp(NOW + 72 hours);
        GrantItem memory bad = itemOf(Rules.EMERGENCY, 7);
        (bad.terms.notBefore, bad.terms.notAfter) = (uint64(NOW + 72 hours), uint64(NOW + 73 hours));
        bad.terms.relayBy = FOREVER;
        bytes32 grantId = bad.terms.hash();
        bad.approvals = two(colleague(grantId), atGrants(STRANGER, badgeOf(REQUESTER, STRANGER, Rules.NURSE), grantId));
        GrantItem[] memory items = new GrantItem[](1);
        items[0] = bad;
        vm.recordLogs();
        assertFalse(grants.grantBatch(items)[0], "given");
        assertEq(countLogs(), 0, "events");
        assertEq(stateOf(bad), 0, "grant");
        assertEq(grants.reviewOf(grantId).state, 0, "review");
        assertOldest(REQUESTER, before, NOW + 72 hours);
    }

    function test_one_that_lives_already_is_given() public {
        GrantItem[] memory items = new GrantItem[](2);
        items[0] = items[1] = itemOf(Rules.CONSENT, 1);
        vm.recordLogs();
        bool[] memory given = grants.grantBatch(items);
        assertEq(countLogs(), 1, "events");
        assertTrue(given[0] && given[1], "given");
    }

    function test_the_same_batch_again_has_no_effect() public {
        GrantItem[] memory items = new GrantItem[](2);
        (items[0], items[1]) = (itemOf(Rules.CONSENT, 1), itemOf(Rules.EMERGENCY, 2));
        grants.grantBatch(items);
        vm.recordLogs();
        bool[] memory given = grants.grantBatch(items);
        assertEq(countLogs(), 0, "events");
        assertTrue(given[0] && given[1], "given");
    }

    /// @dev The contract calls itself for each item: that makes nobody's transaction of it.
    function test_the_batch_has_no_right_of_its_own() public {
        GrantItem memory bad = itemOf(Rules.CONSENT, 7);
        bad.approvals = one(Approval(abi.encodePacked(address(grants)), "", ""));
        refuseAlone(bad);
    }
}
