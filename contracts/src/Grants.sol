// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { SafeCast } from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import { Grant, GrantState, IGrants } from "./interfaces/IGrants.sol";
import { Badge, IMembers, Standing } from "./interfaces/IMembers.sol";
import { IStudies } from "./interfaces/IStudies.sol";
import { Approval, ISubjects, Subject } from "./interfaces/ISubjects.sol";
import { IWebAuthnVerifier } from "./interfaces/IWebAuthnVerifier.sol";
import { Hashes } from "./libraries/Hashes.sol";
import { Ids } from "./libraries/Ids.sol";
import { Registrars } from "./libraries/Registrars.sol";
import { Rules } from "./libraries/Rules.sol";
import { SignerCheck } from "./libraries/SignerCheck.sol";

/// @title Grants
/// @notice What patients allowed.
contract Grants is IGrants, EIP712 {
    bytes32 private constant REVOKE_TYPEHASH = keccak256("Revoke(bytes32 grantId)");

    uint8 private constant LIVE = 1;
    uint8 private constant REVOKED = 2;

    IMembers private immutable _MEMBERS;
    ISubjects private immutable _SUBJECTS;
    IStudies private immutable _STUDIES;
    IWebAuthnVerifier private immutable _VERIFIER;
    mapping(bytes32 grantId => GrantState stored) private _grants;

    constructor(IMembers members_, ISubjects subjects_, IStudies studies_) EIP712("fiducia", "1") {
        (_MEMBERS, _SUBJECTS, _STUDIES) = (members_, subjects_, studies_);
        _VERIFIER = subjects_.verifier();
    }

    /// @inheritdoc IGrants
    function grant(Grant calldata terms, Approval[] calldata approvals) external override returns (bytes32 grantId) {
        grantId = Hashes.ofGrant(terms);
        uint8 state = _grants[grantId].state;
        if (state == LIVE) return grantId;
        if (state == REVOKED) revert GrantRevoked(grantId);
        _requireTerms(terms);
        if (approvals.length != 1) revert ApprovalsMismatch(1, approvals.length);
        _requirePatient(terms, approvals[0], _hashTypedDataV4(grantId));
        uint40 expiry = SafeCast.toUint40(terms.notAfter);
        _grants[grantId] = GrantState(terms.subject, terms.epoch, expiry, LIVE, terms.basis);
        emit Granted(grantId, terms.subject, terms.grantee, terms, expiry);
    }

    /// @inheritdoc IGrants
    function revoke(Grant calldata terms, Approval calldata approval) external override {
        bytes32 grantId = Hashes.ofGrant(terms);
        if (_grants[grantId].state == REVOKED) return;
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(REVOKE_TYPEHASH, grantId)));
        SignerCheck.requireSignedBy(approval.signer, digest, approval.signature, _VERIFIER);
        bytes32 by = approval.credential.length == 0 ? _outsideBadges(terms, approval.signer) : _staff(terms, approval);
        _revoke(grantId, terms.subject, by);
    }

    /// @inheritdoc IGrants
    function revokeOwn(Grant calldata terms) external override {
        bytes32 grantId = Hashes.ofGrant(terms);
        if (_grants[grantId].state == REVOKED) return;
        bytes32 by = SignerCheck.hashOf(msg.sender);
        if (!_isPatientSide(terms.subject, by)) revert NoStanding(terms.subject, by);
        _revoke(grantId, terms.subject, by);
    }

    /// @inheritdoc IGrants
    function revokeOwnById(bytes32 grantId) external override {
        GrantState storage stored = _grants[grantId];
        (bytes20 subject, uint8 state) = (stored.subject, stored.state);
        if (state == REVOKED) return;
        bytes32 by = SignerCheck.hashOf(msg.sender);
        if (!_isPatientSide(subject, by)) revert NoStanding(subject, by);
        _revoke(grantId, subject, by);
    }

    /// @inheritdoc IGrants
    function members() external view override returns (IMembers) {
        return _MEMBERS;
    }

    /// @inheritdoc IGrants
    function subjects() external view override returns (ISubjects) {
        return _SUBJECTS;
    }

    /// @inheritdoc IGrants
    function studies() external view override returns (IStudies) {
        return _STUDIES;
    }

    /// @inheritdoc IGrants
    function grantOf(bytes32 grantId) external view override returns (GrantState memory) {
        return _grants[grantId];
    }

    /// @inheritdoc IGrants
    function grantIdOf(Grant calldata terms) external pure override returns (bytes32) {
        return Hashes.ofGrant(terms);
    }

    /// @dev Ends a grant for good, carried before or not.
    function _revoke(bytes32 grantId, bytes20 subject, bytes32 by) private {
        GrantState storage stored = _grants[grantId];
        if (stored.state == 0) stored.subject = subject; // a live one has it
        stored.state = REVOKED;
        emit Revoked(grantId, subject, by);
    }

    /// @dev Reverts unless the terms are ones that a patient may sign now.
    function _requireTerms(Grant calldata terms) private view {
        if (terms.basis != Rules.CONSENT) revert BasisUnsupported(terms.basis);
        uint32 allowed = Rules.purposesOf(terms.basis);
        if (terms.purposes == 0 || terms.purposes & ~allowed != 0) revert PurposesRefused(allowed, terms.purposes);
        if (terms.actions == 0 || terms.actions & ~Rules.ALL_ACTIONS != 0) {
            revert ActionsRefused(Rules.ALL_ACTIONS, terms.actions);
        }
        if (Ids.institutionOf(terms.grantee) == 0) revert GranteeRefused(terms.grantee);
        uint64 longest = Rules.longestOf(terms.basis);
        (uint64 notBefore, uint64 notAfter) = (terms.notBefore, terms.notAfter);
        bool empty = notBefore >= notAfter || block.timestamp >= notAfter || notAfter > type(uint40).max;
        if (empty || notAfter - notBefore > longest) revert WindowRefused(notBefore, notAfter, longest);
        if (block.timestamp >= terms.relayBy) revert RelayedLate(terms.relayBy, uint64(block.timestamp));
    }

    /// @dev Reverts unless the subject's current signer approved, in the subject's current epoch.
    function _requirePatient(Grant calldata terms, Approval calldata approval, bytes32 digest) private view {
        bytes32 by = keccak256(approval.signer);
        (Subject memory subject, bool current) = _SUBJECTS.subjectAndSigner(terms.subject, by);
        if (subject.custodian == 0) revert SubjectUnknown(terms.subject);
        if (terms.epoch != subject.epoch) revert EpochMismatch(subject.epoch, terms.epoch);
        if (!current || approval.credential.length != 0) revert NoStanding(terms.subject, by);
        SignerCheck.requireSignedBy(approval.signer, digest, approval.signature, _VERIFIER);
    }

    /// @dev The signer, if it is the patient's (now or formerly) or a registrar of the custodian.
    function _outsideBadges(Grant calldata terms, bytes calldata signer) private view returns (bytes32 by) {
        by = keccak256(signer);
        if (_isPatientSide(terms.subject, by)) return by;
        if (!Registrars.mayRevoke(_MEMBERS, _custodianOf(terms.subject), by)) revert NoStanding(terms.subject, by);
    }

    /// @dev The badge's person, if the grantee, or an officer of the grantee or of the custodian. Neither training nor
    /// an active institution is needed to take access away.
    function _staff(Grant calldata terms, Approval calldata approval) private view returns (bytes32 by) {
        (Badge memory badge, bytes memory issuerSignature) = abi.decode(approval.credential, (Badge, bytes));
        by = badge.person;
        Standing memory standing = _MEMBERS.standing(badge, issuerSignature, 0);
        uint256 time = block.timestamp;
        bool valid = time < standing.issuerEnd && badge.epoch == standing.badgeEpoch && badge.notBefore <= time
            && time < badge.notAfter && !standing.personWithdrawn && Ids.institutionOf(by) == badge.institution
            && SignerCheck.isAccount(approval.signer) && badge.session == SignerCheck.accountOf(approval.signer);
        bool officer = badge.roles & Rules.OFFICER != 0;
        bool concerned = by == terms.grantee || (officer && terms.grantee == Ids.granteeOf(badge.institution))
            || (officer && badge.institution == _custodianOf(terms.subject));
        if (!valid || !concerned) revert NoStanding(terms.subject, by);
    }

    function _isPatientSide(bytes20 subject, bytes32 signerHash) private view returns (bool) {
        return subject != 0 && _SUBJECTS.signerOf(signerHash).subject == subject;
    }

    /// @dev The custodian of a subject that was enrolled.
    function _custodianOf(bytes20 subject) private view returns (uint32 custodian) {
        custodian = _SUBJECTS.subjectOf(subject).custodian;
        if (custodian == 0) revert SubjectUnknown(subject);
    }
}
