// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Rules } from "../src/libraries/Rules.sol";
import { Test } from "./utils/Test.sol";

/// @notice The table of the design, typed out once more as plain numbers.
contract RulesTest is Test {
    function test_bases() public pure {
        row(1, 0x1BF, 3650 days, true);
        row(2, 0x1BF, 3650 days, true);
        row(3, 0x001, 30 days, true);
        row(4, 0x240, 365 days, false);
        row(5, 0x002, 24 hours, false);
    }

    function test_unknown_bases_allow_nothing(uint8 basis) public pure {
        vm.assume(basis == 0 || basis > 5);
        row(basis, 0, 0, true);
    }

    function test_roles() public pure {
        uint32[8] memory purposes = [uint32(0x003), 0x003, 0x009, 0x003, 0x030, 0x00C, 0x3C0, 0x000];
        for (uint256 i = 0; i < 8; ++i) {
            assertEq(Rules.purposesOfRoles(uint32(1 << i)), purposes[i], "role");
        }
    }

    function test_roles_add_up(uint32 a, uint32 b) public pure {
        uint32 both = Rules.purposesOfRoles(a | b);
        assertEq(both, Rules.purposesOfRoles(a) | Rules.purposesOfRoles(b), "union");
        assertEq(Rules.purposesOfRoles(a & ~uint32(0xFF)), 0, "unknown roles");
    }

    function row(uint8 basis, uint32 purposes, uint64 longest, bool blocked) private pure {
        assertEq(Rules.purposesOf(basis), purposes, "purposes");
        assertEq(Rules.longestOf(basis), longest, "longest");
        assertTrue(Rules.isBlockedByRestriction(basis) == blocked, "restriction");
    }
}
