// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IERC7913SignatureVerifier } from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import { ECDSA } from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import { IErrors } from "../interfaces/IErrors.sol";
import { IWebAuthnVerifier } from "../interfaces/IWebAuthnVerifier.sol";

/// @title The one place where signatures are checked.
/// @notice Signer bytes are ERC-7913's, of two kinds. An EOA is its 20 bytes, checked by plain ECDSA with a low s,
/// 65 bytes, v 27 or 28; code at the address is never called, so a delegation (EIP-7702) can neither answer for its
/// owner nor lock the owner out. A passkey is 84 bytes: the one verifier that this ledger was deployed with, x, y. Any
/// other verifier would be of the signer's own choice and could answer yes to everything, or burn the gas: refused
/// before it is called. Staff, registrars and governors are EOAs; only the patient's side may be either.
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
    function isSignedBy(bytes calldata signer, bytes32 digest, bytes calldata signature, IWebAuthnVerifier verifier)
        internal
        view
        returns (bool)
    {
        if (!isPasskey(signer, verifier)) return isSignedBy(accountOf(signer), digest, signature);
        return verifier.verify(signer[20:], digest, signature) == IERC7913SignatureVerifier.verify.selector;
    }

    /// @dev Whether the bytes name an EOA.
    function isAccount(bytes calldata signer) internal pure returns (bool) {
        return accountOf(signer) != address(0);
    }

    /// @dev Whether the bytes name a passkey of this ledger's verifier.
    function isPasskey(bytes calldata signer, IWebAuthnVerifier verifier) internal pure returns (bool) {
        return signer.length == 84 && address(bytes20(signer[:20])) == address(verifier);
    }

    /// @dev The EOA that the bytes name, or the zero address, which nobody signs for.
    function accountOf(bytes calldata signer) internal pure returns (address) {
        // exactly 20 bytes are left where the cast is made
        // forge-lint: disable-next-line(unsafe-typecast)
        return signer.length == 20 ? address(bytes20(signer)) : address(0);
    }

    /// @dev Reverts unless the signer is supported and signed.
    function requireSignedBy(
        bytes calldata signer,
        bytes32 digest,
        bytes calldata signature,
        IWebAuthnVerifier verifier
    ) internal view {
        if (!isAccount(signer) && !isPasskey(signer, verifier)) {
            revert IErrors.SignerUnsupported(signer);
        }
        if (!isSignedBy(signer, digest, signature, verifier)) revert IErrors.SignatureInvalid(digest);
    }
}
