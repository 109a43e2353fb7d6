// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "./IErrors.sol";
import { Grant, GrantState, IGrants } from "./IGrants.sol";
import { Badge, IMembers, Standing } from "./IMembers.sol";
import { IStudies, Study } from "./IStudies.sol";
import { Approval, Authority, ISubjects, Subject } from "./ISubjects.sol";

/// @notice EIP-712: somebody asks for the keys of a study. Its struct hash is the request id.
/// @param studyId The study.
/// @param revision The revision, from 1.
/// @param series The series, or 0 for every series of that revision.
/// @param grantId The grant it leans on; 0 for own access.
/// @param purpose The position of one purpose (see Grant).
/// @param action The position of one action (see Grant).
/// @param person The badge's person; 0 for own access.
/// @param recipient SHA-256 of the HPKE key that the keys are sealed to: a GATEWAY key of the person's institution; any
/// key for own access.
/// @param notAfter First second after the request.
/// @param salt Random.
struct KeyRequest {
    bytes32 studyId;
    uint16 revision;
    uint32 series;
    bytes32 grantId;
    uint8 purpose;
    uint8 action;
    bytes32 person;
    bytes32 recipient;
    uint64 notAfter;
    bytes32 salt;
}

/// @notice Everything that a release is decided from, beyond what the chain knows.
/// @param request The request.
/// @param grant The grant whose struct hash the request names.
/// @param badge The requester's badge.
/// @param issuerSignature 65 bytes over the badge in the members' domain.
/// @param sessionSignature 65 bytes over the request in the releases' domain by the badge's session.
struct Evidence {
    KeyRequest request;
    Grant grant;
    Badge badge;
    bytes issuerSignature;
    bytes sessionSignature;
}

/// @notice EIP-712: a trustee handed keys over while the chain stalled, on basis EMERGENCY.
/// @param requestId The request's struct hash.
/// @param handedOverAt When, by the trustee's clock.
struct Late {
    bytes32 requestId;
    uint64 handedOverAt;
}

/// @notice A release, as stored.
/// @param recordedAt Block time of the record; 0 when there is none.
/// @param lapse First second after the release.
/// @param institution The requester's institution; 0 for own access.
/// @param epoch Its badge epoch when recorded; for own access the subject's grant epoch.
/// @param late Whether it was recorded after the hand-over; such a release was never open.
struct ReleaseState {
    uint40 recordedAt;
    uint40 lapse;
    uint32 institution;
    uint32 epoch;
    bool late;
}

/// @notice Every fact that a decision needs, at one block.
/// @param time The block's time.
/// @param standing What the members know of the badge and the recipient.
/// @param study The study.
/// @param revisionWithdrawn Whether the requested revision is withdrawn.
/// @param subject The study's subject.
/// @param exports The regions that the custodian's studies may be released to.
/// @param grant The grant that the request names.
/// @param release The release of this request, if it was recorded.
struct Facts {
    uint64 time;
    Standing standing;
    Study study;
    bool revisionWithdrawn;
    Subject subject;
    uint64 exports;
    GrantState grant;
    ReleaseState release;
}

/// @notice Why a request is refused, numbered in the order of the checks; the first that fails is the reason.
enum Reason {
    NONE, // 0: nothing stands against it
    ISSUER_UNPUBLISHED, // 1: the badge is not signed by a live ISSUER key of its institution
    INSTITUTION_INACTIVE, // 2: the badge's institution is suspended
    BADGE_EPOCH, // 3: the institution ended all badges of that epoch
    BADGE_WINDOW, // 4: before notBefore, or notAfter is reached
    PERSON_WITHDRAWN, // 5: the person was withdrawn
    TRAINING_LAPSED, // 6: trainedUntil is reached
    REQUEST_SIGNATURE, // 7: the request is not signed by the badge's session (own access: by the signer)
    PERSON_PREFIX, // 8: the badge's person has another institution's prefix
    PERSON_MISMATCH, // 9: the request names another person (own access: names any)
    REQUEST_WINDOW, // 10: the request's notAfter is reached
    STUDY_UNKNOWN, // 11: never anchored
    REVISION_UNKNOWN, // 12: revision 0, or above the latest
    REVISION_WITHDRAWN, // 13: that revision was withdrawn
    STUDY_WITHDRAWN, // 14: the whole study was withdrawn
    STUDY_ERASED, // 15: the study was erased
    GRANT_MISMATCH, // 16: the request's grantId is not the struct hash of the grant (own access: is not 0)
    GRANT_SUBJECT, // 17: the grant is another subject's
    GRANT_UNKNOWN, // 18: the grant was never carried to the chain
    GRANT_REVOKED, // 19: the grant was revoked
    GRANT_EPOCH, // 20: everything granted in that epoch was revoked
    RESTRICTED, // 21: the subject is restricted, and the basis is not LAW or EMERGENCY
    SCOPE, // 22: the grant does not cover that study or series
    GRANTEE, // 23: the grant is for another person or institution
    PURPOSE_NOT_GRANTED, // 24: the grant does not have the purpose
    PURPOSE_NOT_FOR_ROLE, // 25: none of the badge's roles may use the purpose
    ACTION_NOT_GRANTED, // 26: the grant does not have the action (own access: there is no such action)
    GRANT_NOT_YET, // 27: before the grant's notBefore
    GRANT_EXPIRED, // 28: the grant's expiry is reached
    REGION, // 29: the requester's region is not among the custodian's exports
    RECIPIENT_UNPUBLISHED, // 30: the recipient is not a live GATEWAY key of the requester's institution
    OWN_SIGNER, // 31: own access, and the signer is neither the subject's current one nor a representative with ACCESS
    OWN_PURPOSE, // 32: own access is for PATRQT or FAMRQT only, and a representative's for the appointment's purposes
    LATE_BASIS, // 33: late, and the grant's basis is not EMERGENCY
    LATE_TIME, // 34: late, and the hand-over lies ahead, or the review is due
    LATE_TRUSTEE // 35: late, and not signed by a BROKER_SIGN key of the custodian that was live at the hand-over
}

/// @title The decisions.
/// @notice The ledger itself checks the grant and records the release in one transaction. EIP-712 domain: "fiducia",
/// "1", chain id, this address.
interface IReleases is IErrors {
    /// @notice The request is refused.
    /// @param requestId The request's struct hash.
    /// @param reason The first check that failed.
    error Refused(bytes32 requestId, Reason reason);

    /// @notice A release was recorded.
    /// @param requestId The request's struct hash.
    /// @param studyId The study.
    /// @param person The person; 0 for own access.
    /// @param request The request as it was signed.
    /// @param institution The requester's institution; 0 for own access.
    /// @param epoch Its badge epoch; for own access the subject's grant epoch.
    /// @param recordedAt The block's time.
    /// @param lapse First second after the release.
    event Released(
        bytes32 indexed requestId,
        bytes32 indexed studyId,
        bytes32 indexed person,
        KeyRequest request,
        uint32 institution,
        uint32 epoch,
        uint40 recordedAt,
        uint40 lapse
    );

    /// @notice A hand-over during a stall of the chain was recorded afterwards. It opens nothing.
    /// @param requestId The request's struct hash.
    /// @param studyId The study.
    /// @param person The person.
    /// @param request The request as it was signed.
    /// @param institution The requester's institution.
    /// @param epoch The badge's epoch.
    /// @param recordedAt The block's time.
    /// @param handedOverAt When the trustee handed the keys over, by its clock.
    event ReleasedLate(
        bytes32 indexed requestId,
        bytes32 indexed studyId,
        bytes32 indexed person,
        KeyRequest request,
        uint32 institution,
        uint32 epoch,
        uint40 recordedAt,
        uint64 handedOverAt
    );

    /// @notice A request of a batch was refused, after its signatures were verified. Bad signatures leave no trace,
    /// so nobody can forge a denial.
    /// @param requestId The request's struct hash.
    /// @param studyId The study that it names.
    /// @param person The badge's person.
    /// @param institution The institution whose issuer signed the badge.
    /// @param reason The first check that failed.
    event Denied(
        bytes32 indexed requestId, bytes32 indexed studyId, bytes32 indexed person, uint32 institution, Reason reason
    );

    /// @notice Record a release, or revert with Refused. A request that was recorded already has no effect.
    /// @param evidence The request and what it leans on.
    /// @return requestId The request's struct hash.
    function record(Evidence calldata evidence) external returns (bytes32 requestId);

    /// @notice Record what can be recorded, skip the rest, and emit Denied for what was refused after its signatures
    /// were verified.
    /// @param evidence The requests and what they lean on.
    /// @return reasons One per request, in order; NONE when it is recorded now or was before.
    function recordBatch(Evidence[] calldata evidence) external returns (Reason[] memory reasons);

    /// @notice Record a patient's own access, or revert with Refused. Recorded already: no effect. Order of checks:
    /// REQUEST_SIGNATURE, PERSON_MISMATCH, REQUEST_WINDOW, STUDY_*, REVISION_*, GRANT_MISMATCH, OWN_SIGNER,
    /// OWN_PURPOSE, ACTION_NOT_GRANTED (as numbered, but for the last two OWN ones, which stand where written here).
    /// @param request The request, with grantId 0 and person 0.
    /// @param approval By the subject's current signer or a live representative with ACCESS, with an empty credential. A
    /// representative's release lapses with the appointment.
    /// @return requestId The request's struct hash.
    function recordOwn(KeyRequest calldata request, Approval calldata approval) external returns (bytes32 requestId);

    /// @notice Record a hand-over on basis EMERGENCY that was made while the chain stalled, or revert with Refused.
    /// Recorded already: no effect. Judged at the time of the hand-over, from what cannot be taken back: ISSUER_UNPUBLISHED,
    /// BADGE_WINDOW, TRAINING_LAPSED, REQUEST_*, PERSON_PREFIX, PERSON_MISMATCH, STUDY_UNKNOWN, REVISION_UNKNOWN,
    /// GRANT_MISMATCH, GRANT_SUBJECT, GRANT_UNKNOWN, LATE_BASIS, SCOPE to GRANT_EXPIRED, RECIPIENT_UNPUBLISHED, LATE_TIME,
    /// LATE_TRUSTEE. What was revoked, withdrawn or suspended since does not hide what was done.
    /// @param evidence The request and what it leans on; its grant was carried before.
    /// @param handedOverAt When the trustee handed the keys over.
    /// @param signature 65 bytes over Late by a BROKER_SIGN key of the custodian.
    /// @return requestId The request's struct hash.
    function recordLate(Evidence calldata evidence, uint64 handedOverAt, bytes calldata signature)
        external
        returns (bytes32 requestId);

    /// @notice Whether a release is recorded, has not lapsed, and everything it leaned on still stands now: grant,
    /// restriction, study and revision, institution, badge epoch, person, recipient. Own access: the subject's epoch
    /// is unchanged and the study is not erased.
    /// @param request The request.
    /// @return open Whether a key may be handed over.
    function isOpen(KeyRequest calldata request) external view returns (bool open);

    /// @notice The first reason against a request, decided as record does, whether it was recorded before or not.
    /// @param evidence The request and what it leans on.
    /// @return reason NONE when it would be recorded.
    function check(Evidence calldata evidence) external view returns (Reason reason);

    /// @notice The first reason against an own access, decided as recordOwn does.
    /// @param request The request.
    /// @param approval By the subject's signer.
    /// @return reason NONE when it would be recorded.
    function checkOwn(KeyRequest calldata request, Approval calldata approval) external view returns (Reason reason);

    /// @notice Every fact that a decision needs, at one block. Nothing is judged, no signature is read.
    /// @param request The request.
    /// @param badge The requester's badge.
    /// @param issuer The address that signed the badge.
    /// @return facts The facts.
    function factsOf(KeyRequest calldata request, Badge calldata badge, address issuer)
        external
        view
        returns (Facts memory facts);

    /// @notice The same for an own access: standing is about nobody, grant is unknown.
    /// @param request The request.
    /// @param signerHash keccak256 of the signer bytes that ask.
    /// @return facts The facts.
    /// @return authority What that signer may do for the study's subject.
    function ownFactsOf(KeyRequest calldata request, bytes32 signerHash)
        external
        view
        returns (Facts memory facts, Authority memory authority);

    /// @notice The members this contract asks.
    /// @return contract_ The contract.
    function members() external view returns (IMembers contract_);

    /// @notice The subjects this contract asks.
    /// @return contract_ The contract.
    function subjects() external view returns (ISubjects contract_);

    /// @notice The studies this contract asks.
    /// @return contract_ The contract.
    function studies() external view returns (IStudies contract_);

    /// @notice The grants this contract asks.
    /// @return contract_ The contract.
    function grants() external view returns (IGrants contract_);

    /// @notice One release.
    /// @param requestId The request's struct hash.
    /// @return stored All zeros when there is none.
    function releaseOf(bytes32 requestId) external view returns (ReleaseState memory stored);

    /// @notice The struct hash of a request.
    /// @param request The request.
    /// @return requestId Its id.
    function requestIdOf(KeyRequest calldata request) external pure returns (bytes32 requestId);
}
