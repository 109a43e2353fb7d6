// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Reviews } from "../src/libraries/Reviews.sol";
import { Test } from "./utils/Test.sol";

/// @notice The queue against a list that is searched from its beginning, over random histories.
contract ReviewsTest is Test {
    using Reviews for Reviews.Book;

    Reviews.Book private _book;
    bytes32[] private _all;
    mapping(bytes32 grantId => bool whether) private _filed;

    function owe(uint32 institution) private {
        bytes32 grantId = keccak256(abi.encode(_all.length));
        _all.push(grantId);
        _book.owe(grantId, institution, uint40(_all.length), bytes32(uint256(1)), bytes32(uint256(2)));
        assertEq(_book.get(grantId).state, 1, "owed");
    }

    function file(bytes32 grantId) private {
        _book.file(grantId, 9);
        _filed[grantId] = true;
        assertEq(_book.get(grantId).state, 2, "filed");
        assertTrue(_book.hasSpoken(grantId, 9), "spoken");
        // nothing of it is left in the queue
        assertEq(_book.links[grantId].older, 0, "older");
        assertEq(_book.links[grantId].newer, 0, "newer");
    }

    /// @dev Walks each institution's queue from both ends; it holds what is owed, in order, and nothing else.
    function assertQueue(uint32 institution) private view {
        bytes32 previous = 0;
        for (uint256 i = 0; i < _all.length; ++i) {
            bytes32 grantId = _all[i];
            if (_filed[grantId] || _book.get(grantId).institution != institution) continue;
            assertEq(_book.links[grantId].older, previous, "older");
            if (previous == 0) {
                (bytes32 oldest, uint40 dueAt) = _book.oldestOf(institution);
                assertEq(oldest, grantId, "oldest");
                assertEq(dueAt, i + 1, "due at");
            } else {
                assertEq(_book.links[previous].newer, grantId, "newer");
            }
            previous = grantId;
        }
        assertEq(_book.newest[institution], previous, "newest");
        if (previous == 0) {
            (bytes32 oldest, uint40 dueAt) = _book.oldestOf(institution);
            assertEq(oldest, 0, "none owed");
            assertEq(dueAt, 0, "none due");
        } else {
            assertEq(_book.links[previous].newer, 0, "after the newest");
        }
    }

    function test_histories(uint256[24] memory steps) public {
        for (uint256 i = 0; i < steps.length; ++i) {
            uint256 step = steps[i];
            if (step % 5 < 3 || _all.length == 0) owe(uint32(1 + (step >> 8) % 2));
            else if (!_filed[_all[(step >> 8) % _all.length]]) file(_all[(step >> 8) % _all.length]);
            assertQueue(1);
            assertQueue(2);
        }
    }

    function test_every_order_of_four() public {
        for (uint256 order = 0; order < 256; ++order) {
            for (uint256 i = 0; i < 4; ++i) {
                owe(1);
            }
            uint256 from = _all.length - 4;
            for (uint256 i = 0; i < 4; ++i) {
                bytes32 grantId = _all[from + (order >> (2 * i)) % 4];
                if (!_filed[grantId]) file(grantId);
            }
            for (uint256 i = from; i < from + 4; ++i) {
                if (!_filed[_all[i]]) file(_all[i]);
            }
            (bytes32 oldest,) = _book.oldestOf(1);
            assertEq(oldest, 0, "empty");
            assertEq(_book.newest[1], 0, "empty from behind");
        }
    }
}
