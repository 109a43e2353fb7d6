// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import { Badge, IMembers } from "./interfaces/IMembers.sol";
import {
    Anchor,
    Erase,
    Erasure,
    Hold,
    IStudies,
    LiftHold,
    RequestErasure,
    Retain,
    Revise,
    Study,
    Withdraw
} from "./interfaces/IStudies.sol";
import { Approval, Authority, ISubjects } from "./interfaces/ISubjects.sol";
import { IWebAuthnVerifier } from "./interfaces/IWebAuthnVerifier.sol";
import { Registrars } from "./libraries/Registrars.sol";
import { Rules } from "./libraries/Rules.sol";
import { SignerCheck } from "./libraries/SignerCheck.sol";
import { Staff } from "./libraries/Staff.sol";

/// @title Studies
/// @notice Which studies exist, and the digest of every revision.
contract Studies is IStudies, EIP712 {
    bytes32 private constant ANCHOR_TYPEHASH =
        keccak256("Anchor(bytes20 subject,bytes32 salt,bytes32 manifest,uint32 retainUntilDay)");
    bytes32 private constant ANCHOR_BATCH_TYPEHASH = keccak256(
        "AnchorBatch(Anchor[] anchors)Anchor(bytes20 subject,bytes32 salt,bytes32 manifest,uint32 retainUntilDay)"
    );
    bytes32 private constant REVISE_TYPEHASH = keccak256("Revise(bytes32 studyId,uint16 revision,bytes32 manifest)");
    bytes32 private constant WITHDRAW_TYPEHASH = keccak256("Withdraw(bytes32 studyId,uint16 revision)");

    bytes32 private constant RETAIN_TYPEHASH = keccak256("Retain(bytes32 studyId,uint32 retainUntilDay)");
    bytes32 private constant HOLD_TYPEHASH = keccak256("Hold(bytes32 studyId,uint32 serial,bytes32 terms)");
    bytes32 private constant LIFT_HOLD_TYPEHASH = keccak256("LiftHold(bytes32 studyId,uint32 serial)");
    bytes32 private constant REQUEST_TYPEHASH = keccak256("RequestErasure(bytes32 studyId)");
    bytes32 private constant ERASE_TYPEHASH = keccak256("Erase(bytes32 studyId,bytes32 certificate)");

    uint8 private constant ANCHORED = 1;
    uint8 private constant WITHDRAWN = 2;
    uint8 private constant ERASED = 3;

    IMembers private immutable _MEMBERS;
    ISubjects private immutable _SUBJECTS;
    IWebAuthnVerifier private immutable _VERIFIER;
    mapping(bytes32 studyId => Study stored) private _studies;
    /// @inheritdoc IStudies
    mapping(bytes32 studyId => mapping(uint16 revision => bytes32 manifest)) public override manifestOf;
    mapping(bytes32 studyId => mapping(uint16 revision => bool withdrawn)) private _withdrawn;
    mapping(bytes32 studyId => Erasure stored) private _erasures;

    constructor(IMembers members_, ISubjects subjects_) EIP712("fiducia", "1") {
        (_MEMBERS, _SUBJECTS) = (members_, subjects_);
        _VERIFIER = subjects_.verifier();
    }

    /// @inheritdoc IStudies
    function anchor(Anchor calldata anchor_, bytes calldata signature) external override returns (bytes32 studyId) {
        bytes32 digest = _hashTypedDataV4(_hash(anchor_));
        (studyId,) = _anchor(anchor_, Registrars.hashOfSigner(digest, signature), 0);
    }

    /// @inheritdoc IStudies
    function anchorBatch(Anchor[] calldata anchors, bytes calldata signature)
        external
        override
        returns (bytes32[] memory studyIds)
    {
        bytes32[] memory hashes = new bytes32[](anchors.length);
        for (uint256 i = 0; i < anchors.length; ++i) {
            hashes[i] = _hash(anchors[i]);
        }
        bytes32 structHash = keccak256(abi.encode(ANCHOR_BATCH_TYPEHASH, keccak256(abi.encodePacked(hashes))));
        bytes32 registrar = Registrars.hashOfSigner(_hashTypedDataV4(structHash), signature);
        studyIds = hashes; // from here on the same memory holds the results
        uint32 custodian = 0;
        for (uint256 i = 0; i < anchors.length; ++i) {
            (studyIds[i], custodian) = _anchor(anchors[i], registrar, custodian);
        }
    }

    /// @inheritdoc IStudies
    function revise(Revise calldata revision_, bytes calldata signature) external override {
        bytes32 studyId = revision_.studyId;
        Study memory study = _existing(studyId);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(REVISE_TYPEHASH, revision_)));
        Registrars.requireActing(_MEMBERS, _custodianOf(study.subject), Registrars.hashOfSigner(digest, signature));
        if (revision_.revision == study.revision && revision_.manifest == manifestOf[studyId][study.revision]) return;
        if (study.status != ANCHORED) revert StudyClosed(studyId, study.status);
        if (revision_.revision != uint256(study.revision) + 1) {
            revert RevisionMismatch(studyId, study.revision, revision_.revision);
        }
        if (revision_.manifest == 0) revert ManifestZero();
        _studies[studyId].revision = revision_.revision;
        manifestOf[studyId][revision_.revision] = revision_.manifest;
        emit Revised(studyId, study.subject, revision_.revision, revision_.manifest);
    }

    /// @inheritdoc IStudies
    function withdraw(Withdraw calldata withdrawal, bytes calldata signature) external override {
        (bytes32 studyId, uint16 revision) = (withdrawal.studyId, withdrawal.revision);
        Study memory study = _existing(studyId);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(WITHDRAW_TYPEHASH, withdrawal)));
        bytes32 registrar = Registrars.hashOfSigner(digest, signature);
        if (!Registrars.mayRevoke(_MEMBERS, _custodianOf(study.subject), registrar)) {
            revert NoStanding(study.subject, registrar);
        }
        if (revision > study.revision) revert RevisionMismatch(studyId, study.revision, revision);
        if (revision == 0) {
            _withdraw(studyId, study);
            return;
        }
        if (_withdrawn[studyId][revision]) return;
        _withdrawn[studyId][revision] = true;
        emit Withdrawn(studyId, study.subject, revision);
    }

    /// @inheritdoc IStudies
    function retain(Retain calldata retention, bytes calldata signature) external override {
        (bytes32 studyId, uint32 day) = (retention.studyId, retention.retainUntilDay);
        Study memory study = _existing(studyId);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(RETAIN_TYPEHASH, retention)));
        Registrars.requireActing(_MEMBERS, _custodianOf(study.subject), Registrars.hashOfSigner(digest, signature));
        if (day < study.retainUntilDay) revert RetentionShortened(studyId, study.retainUntilDay, day);
        if (day == study.retainUntilDay) return;
        _studies[studyId].retainUntilDay = day;
        emit Retained(studyId, day);
    }

    /// @inheritdoc IStudies
    function hold(Hold calldata hold_, Approval calldata approval) external override {
        bytes32 studyId = hold_.studyId;
        bytes20 subject = _existing(studyId).subject;
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(HOLD_TYPEHASH, hold_)));
        Badge memory badge = Staff.requireOfficer(_MEMBERS, approval, digest, subject);
        if (badge.institution != _custodianOf(subject)) revert NoStanding(subject, badge.person);
        Erasure storage erasure = _erasures[studyId];
        if (hold_.serial != erasure.holdSerial) revert HoldMismatch(studyId, erasure.holdSerial, hold_.serial);
        if (erasure.held) return;
        erasure.held = true;
        emit Held(studyId, hold_.serial, hold_.terms, badge.person);
    }

    /// @inheritdoc IStudies
    function liftHold(LiftHold calldata lifting, Approval[] calldata approvals) external override {
        (bytes32 studyId, uint32 serial) = (lifting.studyId, lifting.serial);
        bytes20 subject = _existing(studyId).subject;
        Erasure storage erasure = _erasures[studyId];
        if (!erasure.held || serial != erasure.holdSerial) revert HoldMismatch(studyId, erasure.holdSerial, serial);
        if (approvals.length != 2) revert HoldApprovalsRefused(studyId);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(LIFT_HOLD_TYPEHASH, lifting)));
        Badge memory own = Staff.requireOfficer(_MEMBERS, approvals[0], digest, subject);
        Badge memory other = Staff.requireOfficer(_MEMBERS, approvals[1], digest, subject);
        bool two = own.institution == _custodianOf(subject) && other.institution != own.institution;
        if (!two) revert HoldApprovalsRefused(studyId);
        (erasure.held, erasure.holdSerial) = (false, serial + 1);
        emit HoldLifted(studyId, serial, own.person, other.person);
    }

    /// @inheritdoc IStudies
    function requestErasure(RequestErasure calldata request, Approval calldata approval) external override {
        bytes32 studyId = request.studyId;
        Study memory study = _existing(studyId);
        bytes32 by = keccak256(approval.signer);
        (, Authority memory authority) = _SUBJECTS.authorityOf(study.subject, by);
        bool may = authority.powers & Rules.MAY_GRANT != 0 && approval.credential.length == 0;
        if (!may) revert NoStanding(study.subject, by);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(REQUEST_TYPEHASH, request)));
        SignerCheck.requireSignedBy(approval.signer, digest, approval.signature, _VERIFIER);
        if (_erasures[studyId].requested || study.status == ERASED) return;
        _erasures[studyId].requested = true;
        emit ErasureRequested(studyId, study.subject, by);
        _withdraw(studyId, study);
    }

    /// @inheritdoc IStudies
    function erase(Erase calldata erasure, bytes calldata signature) external override {
        bytes32 studyId = erasure.studyId;
        Study memory study = _existing(studyId);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(ERASE_TYPEHASH, erasure)));
        Registrars.requireActing(_MEMBERS, _custodianOf(study.subject), Registrars.hashOfSigner(digest, signature));
        if (erasure.certificate == 0) revert CertificateZero();
        Erasure memory stored = _erasures[studyId];
        if (stored.certificate == erasure.certificate) return;
        if (study.status == ERASED) revert StudyClosed(studyId, study.status);
        if (study.status != WITHDRAWN) revert StudyNotWithdrawn(studyId);
        if (stored.held) revert StudyHeld(studyId);
        bool due = stored.requested || block.timestamp / 1 days >= study.retainUntilDay;
        if (!due) revert RetentionRuns(studyId, study.retainUntilDay);
        _studies[studyId].status = ERASED;
        _erasures[studyId].certificate = erasure.certificate;
        emit Erased(studyId, study.subject, erasure.certificate);
    }

    /// @inheritdoc IStudies
    function members() external view override returns (IMembers) {
        return _MEMBERS;
    }

    /// @inheritdoc IStudies
    function subjects() external view override returns (ISubjects) {
        return _SUBJECTS;
    }

    /// @inheritdoc IStudies
    function studyOf(bytes32 studyId) external view override returns (Study memory) {
        return _studies[studyId];
    }

    /// @inheritdoc IStudies
    function studyAt(bytes32 studyId, uint16 revision) external view override returns (Study memory, bool) {
        return (_studies[studyId], _withdrawn[studyId][revision]);
    }

    /// @inheritdoc IStudies
    function erasureOf(bytes32 studyId) external view override returns (Erasure memory) {
        return _erasures[studyId];
    }

    /// @inheritdoc IStudies
    function studyIdOf(uint32 custodian, bytes32 salt) public pure override returns (bytes32) {
        return keccak256(abi.encodePacked("fiducia/v1/study", custodian, salt));
    }

    /// @dev Anchors one study. `verified` is a custodian that the registrar is known to act for (0: none).
    function _anchor(Anchor calldata given, bytes32 registrar, uint32 verified)
        private
        returns (bytes32 studyId, uint32 custodian)
    {
        if (given.manifest == 0) revert ManifestZero();
        custodian = _custodianOf(given.subject);
        if (custodian != verified) Registrars.requireActing(_MEMBERS, custodian, registrar);
        studyId = studyIdOf(custodian, given.salt);
        Study memory study = _studies[studyId];
        if (study.status != 0) {
            bool same = study.subject == given.subject && study.retainUntilDay == given.retainUntilDay
                && manifestOf[studyId][1] == given.manifest;
            if (!same) revert StudyExists(studyId);
            return (studyId, custodian);
        }
        uint40 time = uint40(block.timestamp);
        _studies[studyId] = Study(given.subject, 1, ANCHORED, given.retainUntilDay, time);
        manifestOf[studyId][1] = given.manifest;
        emit Anchored(studyId, given.subject, given.manifest, given.retainUntilDay, time);
    }

    /// @dev Withdraws a whole study, unless that was done.
    function _withdraw(bytes32 studyId, Study memory study) private {
        if (study.status != ANCHORED) return;
        _studies[studyId].status = WITHDRAWN;
        emit Withdrawn(studyId, study.subject, 0);
    }

    /// @dev A study that was anchored.
    function _existing(bytes32 studyId) private view returns (Study memory study) {
        study = _studies[studyId];
        if (study.status == 0) revert StudyUnknown(studyId);
    }

    /// @dev The custodian of a subject that was enrolled.
    function _custodianOf(bytes20 subject) private view returns (uint32 custodian) {
        custodian = _SUBJECTS.subjectOf(subject).custodian;
        if (custodian == 0) revert SubjectUnknown(subject);
    }

    function _hash(Anchor calldata given) private pure returns (bytes32) {
        return keccak256(abi.encode(ANCHOR_TYPEHASH, given));
    }
}
