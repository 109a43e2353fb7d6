// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "./IErrors.sol";
import { IMembers } from "./IMembers.sol";
import { IWebAuthnVerifier } from "./IWebAuthnVerifier.sol";

/// @notice EIP-712: a registrar and the patient enrol a subject.
/// @param custodian The institution that keeps the patient's studies.
/// @param salt Random; the subject is derived from custodian and salt, so nobody can squat another's.
/// @param signerHash keccak256 of the patient's signer bytes.
struct Enrol {
    uint32 custodian;
    bytes32 salt;
    bytes32 signerHash;
}

/// @notice EIP-712: everything that was granted so far ends.
/// @param subject The subject.
/// @param epoch The grant epoch that ends; the next one is one higher.
struct RevokeAll {
    bytes20 subject;
    uint32 epoch;
}

/// @notice One signature under something that concerns a subject.
/// @param signer Who signs. A registrar or a session key: 20 address bytes. The patient's side: 20 address bytes, or the
/// 84 bytes of a passkey (see IWebAuthnVerifier).
/// @param signature By the signer over the EIP-712 digest: 65 bytes r, s, v; a passkey's as IWebAuthnVerifier says.
/// @param credential Empty for the patient's side and registrars. Staff: abi.encode(Badge badge, bytes
/// issuerSignature), and the signer is the badge's session.
struct Approval {
    bytes signer;
    bytes signature;
    bytes credential;
}

/// @notice A subject, as stored.
/// @param custodian The institution that keeps the patient's studies; 0 when the subject was never enrolled.
/// @param epoch The grant epoch, from 1. Grants of another epoch are dead.
/// @param flags Bit 0: restricted.
/// @param signerIndex The index of the current signer, from 1; 0 while there is none.
struct Subject {
    uint32 custodian;
    uint32 epoch;
    uint8 flags;
    uint32 signerIndex;
}

/// @notice A patient's signer, as stored under keccak256 of its bytes.
/// @param subject The one subject it serves.
/// @param index It is the current signer when this equals the subject's signerIndex, a former one when lower.
struct Signer {
    bytes20 subject;
    uint32 index;
}

/// @title Patients, as pseudonyms, and who signs for them.
/// @notice EIP-712 domain: "fiducia", "1", chain id, this address.
interface ISubjects is IErrors {
    /// @notice The subject is enrolled already, with another signer.
    /// @param subject The subject.
    error SubjectExists(bytes20 subject);

    /// @notice The signer serves a subject already; a patient's signer serves one only, so pseudonyms do not join.
    /// @param signerHash keccak256 of the signer bytes.
    error SignerTaken(bytes32 signerHash);

    /// @notice The signer bytes do not hash to the signed hash.
    /// @param expected The signed hash.
    /// @param actual keccak256 of the given bytes.
    error SignerMismatch(bytes32 expected, bytes32 actual);

    /// @notice The signed epoch lies in the future.
    /// @param subject The subject.
    /// @param current Its epoch.
    /// @param given The signed epoch.
    error EpochAhead(bytes20 subject, uint32 current, uint32 given);

    /// @notice A subject was enrolled, in epoch 1, with signer index 1.
    /// @param subject The subject.
    /// @param custodian Its custodian.
    /// @param signerHash keccak256 of the patient's signer bytes.
    event Enrolled(bytes20 indexed subject, uint32 indexed custodian, bytes32 signerHash);

    /// @notice All grants of a subject ended.
    /// @param subject The subject.
    /// @param epoch The grant epoch from now on.
    /// @param by keccak256 of the signer bytes of whoever revoked.
    event AllRevoked(bytes20 indexed subject, uint32 epoch, bytes32 indexed by);

    /// @notice Enrol a subject. Exactly the same enrolment again has no effect.
    /// @param enrolment What both signed.
    /// @param registrarSignature 65 bytes by a live REGISTRAR key of the custodian.
    /// @param signer The patient's signer: 20 address bytes, or the 84 bytes of a passkey.
    /// @param signature By the patient's signer; see Approval.
    /// @return subject The first 20 bytes of keccak256("fiducia/v1/subject" ‖ custodian (4 bytes) ‖ salt).
    function enrol(
        Enrol calldata enrolment,
        bytes calldata registrarSignature,
        bytes calldata signer,
        bytes calldata signature
    ) external returns (bytes20 subject);

    /// @notice End every grant of a subject. An epoch that already ended has no effect.
    /// @param revocation What was signed.
    /// @param approval By the subject's signer, a former one, or a REGISTRAR key of the custodian, active or not.
    function revokeAll(RevokeAll calldata revocation, Approval calldata approval) external;

    /// @notice End every grant of a subject, as its signer's (or former signer's) own transaction.
    /// @param revocation The subject and the epoch that ends.
    function revokeAllOwn(RevokeAll calldata revocation) external;

    /// @notice The members this contract asks.
    /// @return contract_ The contract.
    function members() external view returns (IMembers contract_);

    /// @notice The one verifier of passkeys that this ledger accepts.
    /// @return contract_ The contract.
    function verifier() external view returns (IWebAuthnVerifier contract_);

    /// @notice One subject.
    /// @param subject The subject.
    /// @return stored All zeros when it was never enrolled.
    function subjectOf(bytes20 subject) external view returns (Subject memory stored);

    /// @notice One patient's signer.
    /// @param signerHash keccak256 of the signer bytes.
    /// @return stored All zeros when it serves nobody.
    function signerOf(bytes32 signerHash) external view returns (Signer memory stored);

    /// @notice A subject and whether somebody is its current signer, in one call.
    /// @param subject The subject.
    /// @param signerHash keccak256 of the signer bytes.
    /// @return stored The subject; all zeros when it was never enrolled.
    /// @return current Whether it is the current signer.
    function subjectAndSigner(bytes20 subject, bytes32 signerHash)
        external
        view
        returns (Subject memory stored, bool current);

    /// @notice The subject that custodian and salt give.
    /// @param custodian The custodian.
    /// @param salt The salt.
    /// @return subject The first 20 bytes of keccak256("fiducia/v1/subject" ‖ custodian (4 bytes) ‖ salt).
    function subjectId(uint32 custodian, bytes32 salt) external pure returns (bytes20 subject);
}
