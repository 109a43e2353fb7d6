// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Base64 } from "@openzeppelin/contracts/utils/Base64.sol";

import { Base64Url } from "../src/libraries/Base64Url.sol";
import { Test } from "./utils/Test.sol";

contract Base64UrlTest is Test {
    function judge(bytes32 data) private pure {
        (bytes32 first, bytes11 last) = Base64Url.encode(data);
        string memory expected = Base64.encodeURL(abi.encodePacked(data));
        assertEq(keccak256(abi.encodePacked(first, last)), keccak256(bytes(expected)), "as the library");
    }

    function test_any_bytes(bytes32 data) public pure {
        judge(data);
    }

    function test_every_character_at_every_place() public pure {
        for (uint256 value = 0; value < 64; ++value) {
            for (uint256 place = 0; place < 43; ++place) {
                // The last character stands for four bits and two zeros.
                judge(bytes32(place < 42 ? value << (250 - 6 * place) : value >> 2));
            }
        }
    }

    function test_one_character_everywhere() public pure {
        for (uint256 value = 0; value < 64; ++value) {
            uint256 data = 0;
            for (uint256 place = 0; place < 43; ++place) {
                data = place < 42 ? data << 6 | value : data << 4 | value >> 2;
            }
            judge(bytes32(data));
        }
        judge(0);
        judge(bytes32(type(uint256).max));
    }
}
