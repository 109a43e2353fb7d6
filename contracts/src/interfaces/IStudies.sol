// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "./IErrors.sol";
import { IMembers } from "./IMembers.sol";
import { Approval, ISubjects } from "./ISubjects.sol";

/// @notice EIP-712: a registrar anchors a study's first manifest. It becomes revision 1.
/// @param subject The subject.
/// @param salt Random; the study id is derived from the subject's custodian and the salt.
/// @param manifest SHA-256 of the manifest.
/// @param retainUntilDay Days since 1970-01-01 UTC.
struct Anchor {
    bytes20 subject;
    bytes32 salt;
    bytes32 manifest;
    uint32 retainUntilDay;
}

/// @notice EIP-712: many anchors under one registrar's signature.
struct AnchorBatch {
    Anchor[] anchors;
}

/// @notice EIP-712: a registrar anchors the next revision.
/// @param studyId The study.
/// @param revision Exactly one higher than the current one.
/// @param manifest SHA-256 of the manifest.
struct Revise {
    bytes32 studyId;
    uint16 revision;
    bytes32 manifest;
}

/// @notice EIP-712: a registrar withdraws one revision or the whole study, for good.
/// @param studyId The study.
/// @param revision The revision, or 0 for the whole study.
struct Withdraw {
    bytes32 studyId;
    uint16 revision;
}

/// @notice EIP-712: a registrar keeps a study for longer.
/// @param studyId The study.
/// @param retainUntilDay Days since 1970-01-01 UTC; never earlier than before.
struct Retain {
    bytes32 studyId;
    uint32 retainUntilDay;
}

/// @notice EIP-712: a legal hold: the study is not erased until two institutions lift it.
/// @param studyId The study.
/// @param serial The study's hold serial: how many holds were lifted.
/// @param terms Salted hash of what the hold rests on.
struct Hold {
    bytes32 studyId;
    uint32 serial;
    bytes32 terms;
}

/// @notice EIP-712: a legal hold is lifted.
/// @param studyId The study.
/// @param serial The hold's serial.
struct LiftHold {
    bytes32 studyId;
    uint32 serial;
}

/// @notice EIP-712: the patient's side asks for a study's erasure. It is withdrawn at once.
struct RequestErasure {
    bytes32 studyId;
}

/// @notice EIP-712: a registrar records that a withdrawn study was erased.
/// @param studyId The study.
/// @param certificate SHA-256 of the certificate of erasure.
struct Erase {
    bytes32 studyId;
    bytes32 certificate;
}

/// @notice A study, as stored.
/// @param subject The subject; zero when the study was never anchored.
/// @param revision The latest revision, from 1.
/// @param status 0 unknown, 1 anchored, 2 withdrawn, 3 erased.
/// @param retainUntilDay Days since 1970-01-01 UTC.
/// @param anchoredAt Block time of the first anchor.
struct Study {
    bytes20 subject;
    uint16 revision;
    uint8 status;
    uint32 retainUntilDay;
    uint40 anchoredAt;
}

/// @notice What stands for and against a study's erasure, as stored.
/// @param holdSerial How many holds were lifted.
/// @param held Whether a legal hold stands.
/// @param requested Whether the patient's side asked for the erasure.
/// @param certificate SHA-256 of the certificate; 0 until the study is erased.
struct Erasure {
    uint32 holdSerial;
    bool held;
    bool requested;
    bytes32 certificate;
}

/// @title Which studies exist, and the digest of every revision.
/// @notice A study id is never a DICOM UID nor a hash of one. EIP-712 domain: "fiducia", "1", chain id, this address.
interface IStudies is IErrors {
    /// @notice The study is anchored already, with other content.
    /// @param studyId The study.
    error StudyExists(bytes32 studyId);

    /// @notice The study was never anchored.
    /// @param studyId The study.
    error StudyUnknown(bytes32 studyId);

    /// @notice The study is withdrawn or erased and takes no further revision, or erased with another certificate.
    /// @param studyId The study.
    /// @param status Its status.
    error StudyClosed(bytes32 studyId, uint8 status);

    /// @notice Revisions rise by one; withdrawn revisions must exist.
    /// @param studyId The study.
    /// @param current The latest revision.
    /// @param given The refused revision.
    error RevisionMismatch(bytes32 studyId, uint16 current, uint16 given);

    /// @notice A manifest digest must not be zero.
    error ManifestZero();

    /// @notice Retention never ends earlier than it was said before.
    /// @param studyId The study.
    /// @param current The day now.
    /// @param given The refused day.
    error RetentionShortened(bytes32 studyId, uint32 current, uint32 given);

    /// @notice The act was signed for another hold of the study.
    /// @param studyId The study.
    /// @param current Its hold serial.
    /// @param given The signed serial.
    error HoldMismatch(bytes32 studyId, uint32 current, uint32 given);

    /// @notice Not two officers of two institutions, the custodian's first.
    /// @param studyId The study.
    error HoldApprovalsRefused(bytes32 studyId);

    /// @notice A legal hold stands: the study is not erased.
    /// @param studyId The study.
    error StudyHeld(bytes32 studyId);

    /// @notice Only a withdrawn study is erased.
    /// @param studyId The study.
    error StudyNotWithdrawn(bytes32 studyId);

    /// @notice The retention day has not come, and the patient's side did not ask.
    /// @param studyId The study.
    /// @param retainUntilDay Days since 1970-01-01 UTC.
    error RetentionRuns(bytes32 studyId, uint32 retainUntilDay);

    /// @notice A certificate's digest must not be zero.
    error CertificateZero();

    /// @notice A study was anchored, as revision 1.
    /// @param studyId The study.
    /// @param subject Its subject.
    /// @param manifest SHA-256 of its manifest.
    /// @param retainUntilDay Days since 1970-01-01 UTC.
    /// @param anchoredAt The block's time.
    event Anchored(
        bytes32 indexed studyId, bytes20 indexed subject, bytes32 manifest, uint32 retainUntilDay, uint40 anchoredAt
    );

    /// @notice A study got a further revision.
    /// @param studyId The study.
    /// @param subject Its subject.
    /// @param revision The revision.
    /// @param manifest SHA-256 of its manifest.
    event Revised(bytes32 indexed studyId, bytes20 indexed subject, uint16 revision, bytes32 manifest);

    /// @notice A revision or a whole study was withdrawn.
    /// @param studyId The study.
    /// @param subject Its subject.
    /// @param revision The revision, or 0 for the whole study.
    event Withdrawn(bytes32 indexed studyId, bytes20 indexed subject, uint16 revision);

    /// @notice A study is kept for longer.
    /// @param studyId The study.
    /// @param retainUntilDay Days since 1970-01-01 UTC.
    event Retained(bytes32 indexed studyId, uint32 retainUntilDay);

    /// @notice A legal hold stands.
    /// @param studyId The study.
    /// @param serial The hold's serial.
    /// @param terms Salted hash of what it rests on.
    /// @param by The officer's person.
    event Held(bytes32 indexed studyId, uint32 serial, bytes32 terms, bytes32 indexed by);

    /// @notice A legal hold was lifted.
    /// @param studyId The study.
    /// @param serial The hold's serial.
    /// @param by The person of the custodian's officer.
    /// @param second The person of the other institution's officer.
    event HoldLifted(bytes32 indexed studyId, uint32 serial, bytes32 indexed by, bytes32 indexed second);

    /// @notice The patient's side asked for a study's erasure. Withdrawn follows unless it was withdrawn before.
    /// @param studyId The study.
    /// @param subject Its subject.
    /// @param by keccak256 of the signer bytes.
    event ErasureRequested(bytes32 indexed studyId, bytes20 indexed subject, bytes32 indexed by);

    /// @notice A study was erased.
    /// @param studyId The study.
    /// @param subject Its subject.
    /// @param certificate SHA-256 of the certificate.
    event Erased(bytes32 indexed studyId, bytes20 indexed subject, bytes32 certificate);

    /// @notice Anchor a study. Exactly the same anchor again has no effect.
    /// @param anchor_ What the registrar signed.
    /// @param signature 65 bytes by a live REGISTRAR key of the subject's custodian.
    /// @return studyId keccak256("fiducia/v1/study" ‖ custodian (4 bytes) ‖ salt).
    function anchor(Anchor calldata anchor_, bytes calldata signature) external returns (bytes32 studyId);

    /// @notice Anchor many studies under one signature over AnchorBatch.
    /// @param anchors What the registrar signed.
    /// @param signature 65 bytes by a live REGISTRAR key of every subject's custodian.
    /// @return studyIds One per anchor, in order.
    function anchorBatch(Anchor[] calldata anchors, bytes calldata signature)
        external
        returns (bytes32[] memory studyIds);

    /// @notice Anchor the next revision of a study. Exactly the latest revision again has no effect.
    /// @param revision_ What the registrar signed.
    /// @param signature 65 bytes by a live REGISTRAR key of the custodian.
    function revise(Revise calldata revision_, bytes calldata signature) external;

    /// @notice Withdraw a revision or a whole study for good; digests stay readable. Again has no effect.
    /// @param withdrawal What the registrar signed.
    /// @param signature 65 bytes by a live REGISTRAR key of the custodian, active or not.
    function withdraw(Withdraw calldata withdrawal, bytes calldata signature) external;

    /// @notice Keep a study for longer. The same day again has no effect.
    /// @param retention What the registrar signed.
    /// @param signature 65 bytes by a live REGISTRAR key of the custodian.
    function retain(Retain calldata retention, bytes calldata signature) external;

    /// @notice Put a study under legal hold, at once. A hold that stands has no second.
    /// @param hold_ What was signed.
    /// @param approval By an OFFICER with a live badge of the custodian, which is active.
    function hold(Hold calldata hold_, Approval calldata approval) external;

    /// @notice Lift a legal hold.
    /// @param lifting What was signed.
    /// @param approvals Two, by OFFICERs with live badges of two active institutions, the custodian's first.
    function liftHold(LiftHold calldata lifting, Approval[] calldata approvals) external;

    /// @notice Ask for a study's erasure; it is withdrawn at once. Again has no effect.
    /// @param request What was signed.
    /// @param approval By the subject's current signer, or a live representative with GRANT.
    function requestErasure(RequestErasure calldata request, Approval calldata approval) external;

    /// @notice Record that a withdrawn study was erased, for good. Exactly the same again has no effect.
    /// @param erasure What the registrar signed.
    /// @param signature 65 bytes by a live REGISTRAR key of the custodian.
    function erase(Erase calldata erasure, bytes calldata signature) external;

    /// @notice The members this contract asks.
    /// @return contract_ The contract.
    function members() external view returns (IMembers contract_);

    /// @notice The subjects this contract asks.
    /// @return contract_ The contract.
    function subjects() external view returns (ISubjects contract_);

    /// @notice One study.
    /// @param studyId The study.
    /// @return stored All zeros when it was never anchored.
    function studyOf(bytes32 studyId) external view returns (Study memory stored);

    /// @notice One study, and whether one of its revisions is withdrawn, in one call.
    /// @param studyId The study.
    /// @param revision The revision asked about.
    /// @return stored The study; all zeros when it was never anchored.
    /// @return revisionWithdrawn Whether that revision is withdrawn.
    function studyAt(bytes32 studyId, uint16 revision)
        external
        view
        returns (Study memory stored, bool revisionWithdrawn);

    /// @notice What stands for and against a study's erasure.
    /// @param studyId The study.
    /// @return stored All zeros for most.
    function erasureOf(bytes32 studyId) external view returns (Erasure memory stored);

    /// @notice A revision's manifest digest, readable for ever.
    /// @param studyId The study.
    /// @param revision The revision, from 1.
    /// @return manifest SHA-256 of the manifest; zero when there is no such revision.
    function manifestOf(bytes32 studyId, uint16 revision) external view returns (bytes32 manifest);

    /// @notice The study id that custodian and salt give.
    /// @param custodian The custodian.
    /// @param salt The salt.
    /// @return studyId keccak256("fiducia/v1/study" ‖ custodian (4 bytes) ‖ salt).
    function studyIdOf(uint32 custodian, bytes32 salt) external pure returns (bytes32 studyId);
}
