// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title What the contracts may answer when they refuse a signature.
/// @notice Every error carries the value that was refused, never a person's identity.
interface IErrors {
    /// @notice The signature is malformed (not 65 bytes, high s, v other than 27 or 28; a passkey's: see
    /// IWebAuthnVerifier) or by somebody else.
    /// @param digest The EIP-712 digest that should have been signed.
    error SignatureInvalid(bytes32 digest);

    /// @notice The signer bytes name no kind of signer that this ledger accepts.
    /// @param signer The refused bytes; an EOA is its 20 address bytes, a passkey the ledger's one verifier ‖ x ‖ y.
    error SignerUnsupported(bytes signer);

    /// @notice The key was never published by that institution under that kind, or it has ended, or the institution is
    /// suspended and the act would give more access.
    /// @param institution The institution that would have to publish it.
    /// @param kind The kind it would have to be published under (see IMembers).
    /// @param keyHash The hash of the key.
    error KeyNotLive(uint32 institution, uint8 kind, bytes32 keyHash);

    /// @notice The institution is suspended or was never admitted.
    /// @param institution The institution.
    error InstitutionInactive(uint32 institution);

    /// @notice The subject was never enrolled.
    /// @param subject The subject.
    error SubjectUnknown(bytes20 subject);

    /// @notice Whoever signed has no standing in this matter.
    /// @param subject The subject it concerns.
    /// @param by keccak256 of the signer bytes, or the person of the badge.
    error NoStanding(bytes20 subject, bytes32 by);
}
