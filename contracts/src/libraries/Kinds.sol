// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Kinds of published keys, as they are signed in Publish.
library Kinds {
    uint8 internal constant REGISTRAR = 1;
    uint8 internal constant ISSUER = 2;
    uint8 internal constant GATEWAY = 3;
    uint8 internal constant BROKER_KEM = 4;
    uint8 internal constant BROKER_SIGN = 5;
    uint8 internal constant LOG = 6;

    /// @dev Whether keys of this kind are 20-byte addresses that sign for the chain.
    function isAddress(uint8 kind) internal pure returns (bool) {
        return kind == REGISTRAR || kind == ISSUER || kind == BROKER_SIGN;
    }
}
