// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import { IMembers } from "./interfaces/IMembers.sol";
import { Approval, Enrol, ISubjects, RevokeAll, Signer, Subject } from "./interfaces/ISubjects.sol";
import { IWebAuthnVerifier } from "./interfaces/IWebAuthnVerifier.sol";
import { Registrars } from "./libraries/Registrars.sol";
import { SignerCheck } from "./libraries/SignerCheck.sol";

/// @title Subjects
/// @notice Patients, as pseudonyms, and who signs for them.
contract Subjects is ISubjects, EIP712 {
    bytes32 private constant ENROL_TYPEHASH = keccak256("Enrol(uint32 custodian,bytes32 salt,bytes32 signerHash)");
    bytes32 private constant REVOKE_ALL_TYPEHASH = keccak256("RevokeAll(bytes20 subject,uint32 epoch)");

    IMembers private immutable _MEMBERS;
    IWebAuthnVerifier private immutable _VERIFIER;
    mapping(bytes20 subject => Subject stored) private _subjects;
    /// @dev A signer is current while its index is its subject's signerIndex: replacing one is a single write, former
    /// ones stay known, and a signer that serves somebody can never be given to somebody else.
    mapping(bytes32 signerHash => Signer stored) private _signers;

    constructor(IMembers members_, IWebAuthnVerifier verifier_) EIP712("fiducia", "1") {
        (_MEMBERS, _VERIFIER) = (members_, verifier_);
    }

    /// @inheritdoc ISubjects
    function enrol(
        Enrol calldata enrolment,
        bytes calldata registrarSignature,
        bytes calldata signer,
        bytes calldata signature
    ) external override returns (bytes20 subject) {
        bytes32 signerHash = enrolment.signerHash;
        subject = subjectId(enrolment.custodian, enrolment.salt);
        if (_subjects[subject].custodian != 0) {
            if (_signers[signerHash].subject == subject) return subject;
            revert SubjectExists(subject);
        }
        if (keccak256(signer) != signerHash) revert SignerMismatch(signerHash, keccak256(signer));
        if (_signers[signerHash].index != 0) revert SignerTaken(signerHash);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(ENROL_TYPEHASH, enrolment)));
        Registrars.requireActing(_MEMBERS, enrolment.custodian, Registrars.hashOfSigner(digest, registrarSignature));
        SignerCheck.requireSignedBy(signer, digest, signature, _VERIFIER);
        _subjects[subject] = Subject({ custodian: enrolment.custodian, epoch: 1, flags: 0, signerIndex: 1 });
        _signers[signerHash] = Signer({ subject: subject, index: 1 });
        emit Enrolled(subject, enrolment.custodian, signerHash);
    }

    /// @inheritdoc ISubjects
    function revokeAll(RevokeAll calldata revocation, Approval calldata approval) external override {
        bytes20 subject = revocation.subject;
        uint32 custodian = _subjects[subject].custodian;
        if (custodian == 0) revert SubjectUnknown(subject);
        bytes32 by = keccak256(approval.signer);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(REVOKE_ALL_TYPEHASH, revocation)));
        SignerCheck.requireSignedBy(approval.signer, digest, approval.signature, _VERIFIER);
        if (_signers[by].subject != subject && !Registrars.mayRevoke(_MEMBERS, custodian, by)) {
            revert NoStanding(subject, by);
        }
        _raise(revocation, by);
    }

    /// @inheritdoc ISubjects
    function revokeAllOwn(RevokeAll calldata revocation) external override {
        bytes32 by = SignerCheck.hashOf(msg.sender);
        if (_subjects[revocation.subject].custodian == 0) revert SubjectUnknown(revocation.subject);
        if (_signers[by].subject != revocation.subject) revert NoStanding(revocation.subject, by);
        _raise(revocation, by);
    }

    /// @inheritdoc ISubjects
    function members() external view override returns (IMembers) {
        return _MEMBERS;
    }

    /// @inheritdoc ISubjects
    function verifier() external view override returns (IWebAuthnVerifier) {
        return _VERIFIER;
    }

    /// @inheritdoc ISubjects
    function subjectOf(bytes20 subject) external view override returns (Subject memory) {
        return _subjects[subject];
    }

    /// @inheritdoc ISubjects
    function signerOf(bytes32 signerHash) external view override returns (Signer memory) {
        return _signers[signerHash];
    }

    /// @inheritdoc ISubjects
    function subjectAndSigner(bytes20 subject, bytes32 signerHash)
        external
        view
        override
        returns (Subject memory stored, bool current)
    {
        stored = _subjects[subject];
        Signer storage signer = _signers[signerHash];
        current = stored.signerIndex != 0 && signer.subject == subject && signer.index == stored.signerIndex;
    }

    /// @inheritdoc ISubjects
    function subjectId(uint32 custodian, bytes32 salt) public pure override returns (bytes20) {
        return bytes20(keccak256(abi.encodePacked("fiducia/v1/subject", custodian, salt)));
    }

    /// @dev Ends the signed epoch, unless it ended before.
    function _raise(RevokeAll calldata revocation, bytes32 by) private {
        uint32 current = _subjects[revocation.subject].epoch;
        if (revocation.epoch > current) revert EpochAhead(revocation.subject, current, revocation.epoch);
        if (revocation.epoch < current) return;
        _subjects[revocation.subject].epoch = current + 1;
        emit AllRevoked(revocation.subject, current + 1, by);
    }
}
