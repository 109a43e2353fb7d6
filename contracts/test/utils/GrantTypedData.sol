// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Review } from "../../src/interfaces/IGrants.sol";
import { Late } from "../../src/interfaces/IReleases.sol";

/// @title EIP-712 hashing of what is owed for an emergency, written out a second time as TypedData is.
library GrantTypedData {
    function hash(Review memory r) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Review(bytes32 grantId,uint8 outcome,bytes32 report)"), r.grantId, r.outcome, r.report
            )
        );
    }

    function hash(Late memory given) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(keccak256("Late(bytes32 requestId,uint64 handedOverAt)"), given.requestId, given.handedOverAt)
        );
    }
}
