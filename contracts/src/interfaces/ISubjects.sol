// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "./IErrors.sol";
import { IMembers } from "./IMembers.sol";
import { IWebAuthnVerifier } from "./IWebAuthnVerifier.sol";

/// @notice EIP-712: a registrar and the patient enrol a subject.
/// @param custodian The institution that keeps the patient's studies.
/// @param salt Random; the subject is derived from custodian and salt, so nobody can squat another's.
/// @param signerHash keccak256 of the patient's signer bytes; 0 for a patient without a device.
struct Enrol {
    uint32 custodian;
    bytes32 salt;
    bytes32 signerHash;
}

/// @notice EIP-712: many enrolments under one registrar's signature; each patient signs their own Enrol.
struct EnrolBatch {
    Enrol[] enrolments;
}

/// @notice One enrolment of a batch.
/// @param enrolment The enrolment.
/// @param signer The patient's signer; empty for a patient without a device.
/// @param signature By the patient's signer over the enrolment; empty for a patient without a device.
struct EnrolItem {
    Enrol enrolment;
    bytes signer;
    bytes signature;
}

/// @notice EIP-712: a patient's signer gives way to another one. The old one stays a former signer: it may revoke, for
/// ever.
/// @param subject The subject.
/// @param signerHash keccak256 of the new signer's bytes; the new signer signs this, too.
/// @param serial The subject's serial.
struct Rotate {
    bytes20 subject;
    bytes32 signerHash;
    uint32 serial;
}

/// @notice EIP-712: somebody may decide for a patient: a parent, a guardian, a delegate.
/// @param subject The subject.
/// @param representative keccak256 of the representative's signer bytes; may serve several subjects.
/// @param powers Bit mask: 0 GRANT, 1 ACCESS. Revoking, restricting and vetoing always go with it, also with no power.
/// @param purposes The purposes that the powers are limited to (see Grant).
/// @param notAfter First second after the appointment, such as the day of majority.
/// @param serial The subject's serial.
/// @param terms Salted hash of what the appointment rests on: the words that were shown, a court's order.
struct Appoint {
    bytes20 subject;
    bytes32 representative;
    uint32 powers;
    uint32 purposes;
    uint64 notAfter;
    uint32 serial;
    bytes32 terms;
}

/// @notice EIP-712: an appointment ends, and with it everything that was granted so far.
/// @param subject The subject.
/// @param representative keccak256 of the representative's signer bytes.
/// @param serial Any serial of the subject's later than the appointment's and not later than the current one.
struct Dismiss {
    bytes20 subject;
    bytes32 representative;
    uint32 serial;
}

/// @notice EIP-712: processing is restricted: nothing that rests on the patient's or the hospital's word opens.
/// @param subject The subject.
/// @param serial Any serial of the subject's later than that of the last Lift and not later than the current one.
struct Restrict {
    bytes20 subject;
    uint32 serial;
}

/// @notice EIP-712: the patient's side lifts the restriction.
/// @param subject The subject.
/// @param serial The subject's serial.
struct Lift {
    bytes20 subject;
    uint32 serial;
}

/// @notice EIP-712: institutions give a patient who lost the signer another one, after a delay.
/// @param subject The subject.
/// @param signerHash keccak256 of the new signer's bytes; the new signer signs this, too.
/// @param attempt 1; or 2 once a first attempt was vetoed by the patient's signer or a former one.
/// @param serial How many recoveries of the subject were begun before. Not the subject's serial: whoever stole the signer
/// raises that one at will, and no recovery would ever be in time.
struct Recover {
    bytes20 subject;
    bytes32 signerHash;
    uint8 attempt;
    uint32 serial;
}

/// @notice EIP-712: the patient's side stops an appointment or a recovery while it waits.
/// @param subject The subject.
/// @param matter The struct hash of the Appoint or Recover.
struct Veto {
    bytes20 subject;
    bytes32 matter;
}

/// @notice EIP-712: another institution becomes the custodian.
/// @param subject The subject; it keeps its pseudonym, its grants and its studies.
/// @param custodian The new custodian.
/// @param serial The subject's serial.
struct Transfer {
    bytes20 subject;
    uint32 custodian;
    uint32 serial;
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
/// @param serial From 1. Every act that changes who decides or gives more names it and raises it by one, so that what
/// was signed counts once. What takes away needs no current one: it is never late.
/// @param liftedSerial The serial that the last Lift used; 0 when there was none.
/// @param recoveries How many recoveries were begun: what the next one names.
struct Subject {
    uint32 custodian;
    uint32 epoch;
    uint8 flags;
    uint32 signerIndex;
    uint32 serial;
    uint32 liftedSerial;
    uint32 recoveries;
}

/// @notice A patient's signer, as stored under keccak256 of its bytes.
/// @param subject The one subject it serves.
/// @param index It is the current signer when this equals the subject's signerIndex, a former one when lower.
struct Signer {
    bytes20 subject;
    uint32 index;
}

/// @notice A representative, as stored. Live from `from` until `notAfter`.
/// @param powers Bit mask: 0 GRANT, 1 ACCESS.
/// @param purposes The purposes that the powers are limited to.
/// @param from First second of the appointment; 0 when there is none (never appointed, vetoed, dismissed).
/// @param notAfter First second after it.
/// @param serial The serial that the appointment used.
struct Representative {
    uint32 powers;
    uint32 purposes;
    uint40 from;
    uint40 notAfter;
    uint32 serial;
}

/// @notice A recovery, as stored.
/// @param signerHash keccak256 of the new signer's bytes.
/// @param readyAt From this second on it can be completed; 0 when none waits.
/// @param attempt The attempt that waits.
/// @param serial The serial that it used.
/// @param contested Whether a first attempt was vetoed by the patient's signer or a former one: a second may be made.
struct Recovery {
    bytes32 signerHash;
    uint40 readyAt;
    uint8 attempt;
    uint32 serial;
    bool contested;
}

/// @notice What somebody may do for a subject now.
/// @param current Whether it is the subject's current signer.
/// @param former Whether it is a former signer.
/// @param powers The signer: all; a live representative: the appointment's; others: none.
/// @param purposes The purposes that the powers are limited to; all for the signer.
/// @param end First second after the powers; the largest value for the signer; 0 for who is neither the signer nor a
/// live representative.
struct Authority {
    bool current;
    bool former;
    uint32 powers;
    uint32 purposes;
    uint40 end;
}

/// @title Patients, as pseudonyms, and who signs for them.
/// @notice EIP-712 domain: "fiducia", "1", chain id, this address.
interface ISubjects is IErrors {
    /// @notice The subject is enrolled already, with another signer or with none.
    /// @param subject The subject.
    error SubjectExists(bytes20 subject);

    /// @notice The signer serves a subject already; a patient's signer serves one only, so pseudonyms do not join.
    /// @param signerHash keccak256 of the signer bytes.
    error SignerTaken(bytes32 signerHash);

    /// @notice The signer bytes do not hash to the signed hash.
    /// @param expected The signed hash.
    /// @param actual keccak256 of the given bytes; 0 when there are none.
    error SignerMismatch(bytes32 expected, bytes32 actual);

    /// @notice The signed epoch lies in the future.
    /// @param subject The subject.
    /// @param current Its epoch.
    /// @param given The signed epoch.
    error EpochAhead(bytes20 subject, uint32 current, uint32 given);

    /// @notice The act was signed for another serial of the subject: something else was decided since.
    /// @param subject The subject.
    /// @param current Its serial; of a recovery, how many were begun.
    /// @param given The signed serial.
    error SerialMismatch(bytes20 subject, uint32 current, uint32 given);

    /// @notice Not the number of approvals that this act wants from those who gave them.
    /// @param subject The subject.
    /// @param given How many were given.
    error ApprovalsRefused(bytes20 subject, uint256 given);

    /// @notice The representative is appointed already, from now or later on: dismiss it first.
    /// @param subject The subject.
    /// @param representative keccak256 of the representative's signer bytes.
    error RepresentativeExists(bytes20 subject, bytes32 representative);

    /// @notice Nobody is appointed under that hash.
    /// @param subject The subject.
    /// @param representative keccak256 of the representative's signer bytes.
    error RepresentativeUnknown(bytes20 subject, bytes32 representative);

    /// @notice Unknown powers, purposes that no patient may give, or an end that does not come after the delay.
    /// @param subject The subject.
    error AppointmentRefused(bytes20 subject);

    /// @notice A recovery waits already whose new signer serves nobody yet, or not the attempt that may be made now.
    /// @param subject The subject.
    /// @param attempt The refused attempt.
    error RecoveryRefused(bytes20 subject, uint8 attempt);

    /// @notice Nothing of that kind waits: vetoed, completed, or never begun.
    /// @param subject The subject.
    error NothingWaits(bytes20 subject);

    /// @notice The recovery waits for its delay.
    /// @param subject The subject.
    /// @param readyAt From this second on it can be completed.
    error RecoveryWaits(bytes20 subject, uint40 readyAt);

    /// @notice That institution is the custodian already.
    /// @param subject The subject.
    /// @param custodian The custodian.
    error CustodianUnchanged(bytes20 subject, uint32 custodian);

    /// @notice A subject was enrolled, in epoch 1, with serial 1 and signer index 1 (0 without a device).
    /// @param subject The subject.
    /// @param custodian Its custodian.
    /// @param signerHash keccak256 of the patient's signer bytes; 0 for a patient without a device.
    event Enrolled(bytes20 indexed subject, uint32 indexed custodian, bytes32 signerHash);

    /// @notice All grants of a subject ended.
    /// @param subject The subject.
    /// @param epoch The grant epoch from now on.
    /// @param by keccak256 of the signer bytes of whoever revoked; after Dismissed the same as there, after Recovered the
    /// new signer's.
    event AllRevoked(bytes20 indexed subject, uint32 epoch, bytes32 indexed by);

    /// @notice A subject has another signer. What was granted goes on; the one before is a former signer.
    /// @param subject The subject.
    /// @param signerHash keccak256 of the signer's bytes.
    /// @param index Its index.
    event Rotated(bytes20 indexed subject, bytes32 indexed signerHash, uint32 index);

    /// @notice A representative was appointed; it may be vetoed until `from`.
    /// @param subject The subject.
    /// @param representative keccak256 of the representative's signer bytes.
    /// @param appointment What was signed.
    /// @param from First second of the appointment.
    /// @param by keccak256 of the patient's signer bytes, or the person of the first badge.
    event Appointed(
        bytes20 indexed subject, bytes32 indexed representative, Appoint appointment, uint40 from, bytes32 indexed by
    );

    /// @notice An appointment was stopped before it began.
    /// @param subject The subject.
    /// @param representative keccak256 of the representative's signer bytes.
    /// @param by keccak256 of the signer bytes of whoever vetoed.
    event AppointmentVetoed(bytes20 indexed subject, bytes32 indexed representative, bytes32 indexed by);

    /// @notice An appointment ended. AllRevoked follows: grants end with the power behind them.
    /// @param subject The subject.
    /// @param representative keccak256 of the representative's signer bytes.
    /// @param by keccak256 of the signer bytes of whoever dismissed, or the person of the custodian's officer.
    event Dismissed(bytes20 indexed subject, bytes32 indexed representative, bytes32 indexed by);

    /// @notice Processing was restricted.
    /// @param subject The subject.
    /// @param by keccak256 of the signer bytes of whoever restricted, or the person of the badge.
    event Restricted(bytes20 indexed subject, bytes32 indexed by);

    /// @notice The restriction was lifted.
    /// @param subject The subject.
    /// @param serial The serial that it used.
    /// @param by keccak256 of the signer bytes of whoever lifted, or the person of the first badge.
    event Lifted(bytes20 indexed subject, uint32 serial, bytes32 indexed by);

    /// @notice A recovery began; it may be vetoed until it is completed.
    /// @param subject The subject.
    /// @param signerHash keccak256 of the new signer's bytes.
    /// @param attempt 1, vetoed by anybody of the patient's side, or 2, vetoed by representatives only.
    /// @param serial The serial that it used.
    /// @param readyAt From this second on it can be completed.
    /// @param institutions The institutions whose officers approved, the custodian first.
    event RecoveryBegun(
        bytes20 indexed subject,
        bytes32 indexed signerHash,
        uint8 attempt,
        uint32 serial,
        uint40 readyAt,
        uint32[] institutions
    );

    /// @notice A recovery was stopped.
    /// @param subject The subject.
    /// @param attempt The attempt that waited.
    /// @param contested Whether a second attempt may be made from now on.
    /// @param by keccak256 of the signer bytes of whoever vetoed.
    event RecoveryVetoed(bytes20 indexed subject, uint8 attempt, bool contested, bytes32 indexed by);

    /// @notice A recovery was completed. AllRevoked follows; the signers before are former ones.
    /// @param subject The subject.
    /// @param signerHash keccak256 of the signer's bytes.
    /// @param index Its index.
    event Recovered(bytes20 indexed subject, bytes32 indexed signerHash, uint32 index);

    /// @notice A subject has another custodian. A recovery that waited is gone.
    /// @param subject The subject.
    /// @param from The custodian before.
    /// @param custodian The custodian from now on.
    /// @param by keccak256 of the signer bytes of whoever signed for the patient.
    event Transferred(bytes20 indexed subject, uint32 indexed from, uint32 indexed custodian, bytes32 by);

    /// @notice Enrol a subject. Exactly the same enrolment again has no effect; that of a patient without a device only
    /// while there is no signer.
    /// @param enrolment What both signed.
    /// @param registrarSignature 65 bytes by a live REGISTRAR key of the custodian.
    /// @param signer The patient's signer: 20 address bytes, or the 84 bytes of a passkey. Empty when signerHash is 0.
    /// @param signature By the patient's signer; see Approval. Empty when signerHash is 0.
    /// @return subject The first 20 bytes of keccak256("fiducia/v1/subject" ‖ custodian (4 bytes) ‖ salt).
    function enrol(
        Enrol calldata enrolment,
        bytes calldata registrarSignature,
        bytes calldata signer,
        bytes calldata signature
    ) external returns (bytes20 subject);

    /// @notice Enrol many subjects under one registrar's signature over EnrolBatch. One that is enrolled exactly so
    /// already has no effect; any other refusal refuses all.
    /// @param items What the registrar signed, and each patient's own signature.
    /// @param registrarSignature 65 bytes by a live REGISTRAR key of every custodian.
    /// @return enrolled The subjects, in order.
    function enrolBatch(EnrolItem[] calldata items, bytes calldata registrarSignature)
        external
        returns (bytes20[] memory enrolled);

    /// @notice Give a subject another signer.
    /// @param rotation What the current and the new signer signed.
    /// @param signer The new signer.
    /// @param signature By the new signer.
    /// @param approval By the current signer.
    function rotate(
        Rotate calldata rotation,
        bytes calldata signer,
        bytes calldata signature,
        Approval calldata approval
    ) external;

    /// @notice Appoint a representative, from the appointment delay on.
    /// @param appointment What was signed.
    /// @param approvals One by the current signer; or, while there is no signer, two by different staff of the custodian
    /// with live badges, one of them an OFFICER.
    function appoint(Appoint calldata appointment, Approval[] calldata approvals) external;

    /// @notice Stop an appointment before it begins.
    /// @param appointment The appointment.
    /// @param approval Over Veto, by the current signer, a former one, or a live representative.
    function vetoAppointment(Appoint calldata appointment, Approval calldata approval) external;

    /// @notice End an appointment, begun or not, and every grant with it.
    /// @param dismissal What was signed.
    /// @param approvals One by the current signer, or by the representative until the appointment's end; or three by
    /// OFFICERs with live badges of three active institutions, the custodian's first.
    function dismiss(Dismiss calldata dismissal, Approval[] calldata approvals) external;

    /// @notice Restrict processing, at once. Again has no effect.
    /// @param restriction What was signed.
    /// @param approval By the current signer, a former one, a live representative, a REGISTRAR key of the custodian
    /// (active or not), or an OFFICER of the custodian.
    function restrict(Restrict calldata restriction, Approval calldata approval) external;

    /// @notice Lift the restriction.
    /// @param lifting What was signed.
    /// @param approvals One by the current signer or a live representative with GRANT; or, while there is no signer, two
    /// by different staff of the custodian with live badges, one of them an OFFICER.
    function lift(Lift calldata lifting, Approval[] calldata approvals) external;

    /// @notice Begin a recovery; `completeRecovery` ends it once the delay is over.
    /// @param recovery_ What the officers and the new signer signed.
    /// @param signer The new signer.
    /// @param signature By the new signer.
    /// @param approvals By OFFICERs with live badges of different active institutions, the custodian's first: two for a
    /// first attempt, three for a second, one while there is no signer.
    function recover(
        Recover calldata recovery_,
        bytes calldata signer,
        bytes calldata signature,
        Approval[] calldata approvals
    ) external;

    /// @notice Stop a recovery that waits.
    /// @param recovery_ The recovery.
    /// @param approval Over Veto: a first attempt by the current signer, a former one, or a live representative; a
    /// second by a live representative only.
    function vetoRecovery(Recover calldata recovery_, Approval calldata approval) external;

    /// @notice Complete a recovery whose delay is over; anyone may.
    /// @param subject The subject.
    function completeRecovery(bytes20 subject) external;

    /// @notice Give a subject another custodian.
    /// @param transfer_ What was signed.
    /// @param registrarSignature 65 bytes by a live REGISTRAR key of the new custodian.
    /// @param approval By the current signer, or a live representative with GRANT.
    function transfer(Transfer calldata transfer_, bytes calldata registrarSignature, Approval calldata approval)
        external;

    /// @notice End every grant of a subject. An epoch that already ended has no effect.
    /// @param revocation What was signed.
    /// @param approval By the subject's signer, a former one, a live representative, or a REGISTRAR key of the
    /// custodian, active or not.
    function revokeAll(RevokeAll calldata revocation, Approval calldata approval) external;

    /// @notice End every grant of a subject, as its signer's, a former signer's or a live representative's own
    /// transaction.
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

    /// @notice A subject and what somebody may do for it now, in one call.
    /// @param subject The subject.
    /// @param signerHash keccak256 of the signer bytes.
    /// @return stored The subject; all zeros when it was never enrolled.
    /// @return authority What that signer may do.
    function authorityOf(bytes20 subject, bytes32 signerHash)
        external
        view
        returns (Subject memory stored, Authority memory authority);

    /// @notice Whether somebody is of the patient's side: its signer, a former one, or a live representative. Whoever is
    /// may always take access away.
    /// @param subject The subject.
    /// @param signerHash keccak256 of the signer bytes.
    /// @return whether Whether it is.
    function isPatientSide(bytes20 subject, bytes32 signerHash) external view returns (bool whether);

    /// @notice One representative.
    /// @param subject The subject.
    /// @param representative keccak256 of the representative's signer bytes.
    /// @return stored All zeros when there is no such appointment.
    function representativeOf(bytes20 subject, bytes32 representative)
        external
        view
        returns (Representative memory stored);

    /// @notice The recovery of a subject.
    /// @param subject The subject.
    /// @return stored readyAt is 0 when none waits.
    function recoveryOf(bytes20 subject) external view returns (Recovery memory stored);

    /// @notice How long after its appointment a representative begins, for vetoes.
    /// @return delay_ Seconds.
    function appointmentDelay() external view returns (uint32 delay_);

    /// @notice How long a recovery waits, for vetoes.
    /// @return delay_ Seconds.
    function recoveryDelay() external view returns (uint32 delay_);

    /// @notice The subject that custodian and salt give.
    /// @param custodian The custodian.
    /// @param salt The salt.
    /// @return subject The first 20 bytes of keccak256("fiducia/v1/subject" ‖ custodian (4 bytes) ‖ salt).
    function subjectId(uint32 custodian, bytes32 salt) external pure returns (bytes20 subject);
}
