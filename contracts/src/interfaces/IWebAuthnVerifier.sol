// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IERC7913SignatureVerifier } from "@openzeppelin/contracts/interfaces/IERC7913.sol";

/// @title The one verifier of passkeys: WebAuthn assertions by P-256 keys (ES256).
/// @notice A passkey as a signer is this contract's address ‖ x ‖ y, 84 bytes (ERC-7913). Contracts accept this verifier
/// and no other: one of a signer's own choice could answer yes to everything.
///
/// A signature is abi.encode(bytes32 r, bytes32 s, uint256 challengeIndex, uint256 typeIndex, bytes authenticatorData,
/// string clientDataJSON), exactly as the encoder writes it, without a byte after it. It is valid when
/// - the relying party's hash in authenticatorData is this consortium's;
/// - the user was present and verified (PIN or biometrics);
/// - clientDataJSON has `"type":"webauthn.get"` at typeIndex, and at challengeIndex `"challenge":"..."` with the 32 bytes
///   of the EIP-712 digest in base64url without padding;
/// - r and s, s in the lower half, sign sha256(authenticatorData ‖ sha256(clientDataJSON)) for a key on the curve.
/// The origin is not compared: an authenticator signs only for pages of the relying party.
interface IWebAuthnVerifier is IERC7913SignatureVerifier {
    /// @notice The relying party that this consortium's passkeys belong to.
    /// @return hash SHA-256 of the relying party id, such as a domain name.
    function rpIdHash() external view returns (bytes32 hash);
}
