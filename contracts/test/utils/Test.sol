// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Vm } from "./Vm.sol";

/// @title A test contract's tools: cheatcodes, assertions that say what they compare, bounded fuzz values.
abstract contract Test {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    function assertTrue(bool condition, string memory what) internal pure {
        vm.assertTrue(condition, what);
    }

    function assertFalse(bool condition, string memory what) internal pure {
        vm.assertFalse(condition, what);
    }

    function assertEq(uint256 left, uint256 right, string memory what) internal pure {
        vm.assertEq(left, right, what);
    }

    function assertEq(bytes32 left, bytes32 right, string memory what) internal pure {
        vm.assertEq(left, right, what);
    }

    function assertEq(address left, address right, string memory what) internal pure {
        vm.assertEq(left, right, what);
    }

    /// @dev The last call used at most that much gas for each of its operations: a receipt's figure when isolated.
    function under(uint256 target, uint256 operations) internal view {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.assertLe(used, target * operations, string.concat("gas of one: ", vm.toString(used / operations)));
    }

    /// @dev Folds a fuzzed value into [low, high], keeping values that are inside already.
    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        if (value >= low && value <= high) return value;
        unchecked {
            uint256 size = high - low + 1;
            return size == 0 ? value : low + (value % size);
        }
    }
}
