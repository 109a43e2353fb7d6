// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title What is packed into a person: institution (4 bytes), then 28 random bytes.
library Ids {
    /// @dev The institution that a person, or an institution as grantee, begins with.
    function institutionOf(bytes32 person) internal pure returns (uint32) {
        // the first four bytes are what is asked for
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint32(bytes4(person));
    }

    /// @dev An institution as grantee: its number, then zeros.
    function granteeOf(uint32 institution) internal pure returns (bytes32) {
        return bytes32(bytes4(institution));
    }
}
