// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { ECDSA } from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import { IErrors } from "../interfaces/IErrors.sol";

/// @title The one place where signatures are checked.
/// @notice Signer bytes are ERC-7913's. This version knows one kind: the 20 bytes of an EOA, checked by plain ECDSA
/// with a low s, 65 bytes, v 27 or 28. Code at the address is never called, so a delegation (EIP-7702) can neither
/// answer for its owner nor lock the owner out. Other lengths name a verifier of the signer's own choice, which could
/// answer yes to everything: refused. Another kind becomes a further branch of `isSignedBy` and `requireSupported`.
library SignerCheck {
    /// @dev What contracts store and keys are published as: keccak256 of the 20 address bytes.
    function hashOf(address account) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(account));
    }

    /// @dev The account that signed, or the zero address when the signature is malformed.
    function recover(bytes32 digest, bytes calldata signature) internal pure returns (address signer) {
        ECDSA.RecoverError refused;
        (signer, refused,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (refused != ECDSA.RecoverError.NoError) return address(0);
    }

    /// @dev Whether the account signed. Never true for the zero address.
    function isSignedBy(address account, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        return account != address(0) && recover(digest, signature) == account;
    }

    /// @dev Whether the signer signed; false for signers that are not supported.
    function isSignedBy(bytes calldata signer, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        return isSignedBy(accountOf(signer), digest, signature);
    }

    /// @dev Whether the bytes are a kind of signer that this ledger accepts.
    function isSupported(bytes calldata signer) internal pure returns (bool) {
        return accountOf(signer) != address(0);
    }

    /// @dev The EOA that the bytes name, or the zero address, which nobody signs for.
    function accountOf(bytes calldata signer) internal pure returns (address) {
        // exactly 20 bytes are left where the cast is made
        // forge-lint: disable-next-line(unsafe-typecast)
        return signer.length == 20 ? address(bytes20(signer)) : address(0);
    }

    /// @dev Reverts unless the signer is supported and signed.
    function requireSignedBy(bytes calldata signer, bytes32 digest, bytes calldata signature) internal pure {
        if (!isSupported(signer)) revert IErrors.SignerUnsupported(signer);
        if (!isSignedBy(signer, digest, signature)) revert IErrors.SignatureInvalid(digest);
    }
}
