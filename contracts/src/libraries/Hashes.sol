// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../interfaces/IGrants.sol";

/// @title The struct hash that two contracts need.
library Hashes {
    bytes32 private constant GRANT_TYPEHASH = keccak256(
        "Grant(uint8 basis,bytes20 subject,bytes32 scope,uint64 anchoredBy,bytes32 grantee,uint32 purposes,uint32 actions,uint64 notBefore,uint64 notAfter,uint32 epoch,uint64 relayBy,bytes32 terms,bytes32 salt)"
    );

    /// @dev The EIP-712 struct hash of a grant: its id. Every member is one word, so the ABI encoding is EIP-712's.
    function ofGrant(Grant calldata terms) internal pure returns (bytes32) {
        return keccak256(abi.encode(GRANT_TYPEHASH, terms));
    }
}
