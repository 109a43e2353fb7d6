// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import { IMembers } from "./interfaces/IMembers.sol";
import { Anchor, IStudies, Revise, Study, Withdraw } from "./interfaces/IStudies.sol";
import { ISubjects } from "./interfaces/ISubjects.sol";
import { Registrars } from "./libraries/Registrars.sol";

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

    uint8 private constant ANCHORED = 1;
    uint8 private constant WITHDRAWN = 2;

    IMembers private immutable _MEMBERS;
    ISubjects private immutable _SUBJECTS;
    mapping(bytes32 studyId => Study stored) private _studies;
    /// @inheritdoc IStudies
    mapping(bytes32 studyId => mapping(uint16 revision => bytes32 manifest)) public override manifestOf;
    mapping(bytes32 studyId => mapping(uint16 revision => bool withdrawn)) private _withdrawn;

    constructor(IMembers members_, ISubjects subjects_) EIP712("fiducia", "1") {
        (_MEMBERS, _SUBJECTS) = (members_, subjects_);
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
            if (study.status != ANCHORED) return;
            _studies[studyId].status = WITHDRAWN;
        } else {
            if (_withdrawn[studyId][revision]) return;
            _withdrawn[studyId][revision] = true;
        }
        emit Withdrawn(studyId, study.subject, revision);
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
