// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../interfaces/IErrors.sol";
import { IMembers } from "../interfaces/IMembers.sol";
import { Kinds } from "./Kinds.sol";
import { SignerCheck } from "./SignerCheck.sol";

/// @title Who signs for a custodian.
/// @notice Two strengths: towards more access the institution must be active; towards less a live key is enough, so
/// that nothing members do to an institution keeps its patients from revoking.
library Registrars {
    /// @dev keccak256 of the registrar that signed; reverts when the signature is malformed.
    function hashOfSigner(bytes32 digest, bytes calldata signature) internal pure returns (bytes32) {
        address registrar = SignerCheck.recover(digest, signature);
        if (registrar == address(0)) revert IErrors.SignatureInvalid(digest);
        return SignerCheck.hashOf(registrar);
    }

    /// @dev Reverts unless the key is live and its institution active.
    function requireActing(IMembers members, uint32 custodian, bytes32 keyHash) internal view {
        if (!members.isKey(custodian, Kinds.REGISTRAR, keyHash)) {
            revert IErrors.KeyNotLive(custodian, Kinds.REGISTRAR, keyHash);
        }
    }

    /// @dev Whether the key is live, its institution active or not: enough to take access away.
    function mayRevoke(IMembers members, uint32 custodian, bytes32 keyHash) internal view returns (bool) {
        return block.timestamp < members.keyEnd(custodian, Kinds.REGISTRAR, keyHash);
    }
}
