// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { SafeCast } from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import { Grant, GrantItem, GrantState, IGrants, Review, ReviewState } from "./interfaces/IGrants.sol";
import { Badge, IMembers } from "./interfaces/IMembers.sol";
import { IStudies } from "./interfaces/IStudies.sol";
import { Approval, Authority, ISubjects, Subject } from "./interfaces/ISubjects.sol";
import { IWebAuthnVerifier } from "./interfaces/IWebAuthnVerifier.sol";
import { Hashes } from "./libraries/Hashes.sol";
import { Ids } from "./libraries/Ids.sol";
import { Registrars } from "./libraries/Registrars.sol";
import { Reviews } from "./libraries/Reviews.sol";
import { Rules } from "./libraries/Rules.sol";
import { SignerCheck } from "./libraries/SignerCheck.sol";
import { Staff } from "./libraries/Staff.sol";

/// @title Grants
/// @notice What was allowed, by patients or by the law, and what is owed for it.
contract Grants is IGrants, EIP712 {
    using Reviews for Reviews.Book;

    bytes32 private constant REVOKE_TYPEHASH = keccak256("Revoke(bytes32 grantId)");
    bytes32 private constant REVIEW_TYPEHASH = keccak256("Review(bytes32 grantId,uint8 outcome,bytes32 report)");

    uint8 private constant LIVE = 1;
    uint8 private constant REVOKED = 2;
    uint8 private constant JUSTIFIED = 1;
    uint8 private constant NOT_JUSTIFIED = 2;

    IMembers private immutable _MEMBERS;
    ISubjects private immutable _SUBJECTS;
    IStudies private immutable _STUDIES;
    IWebAuthnVerifier private immutable _VERIFIER;
    mapping(bytes32 grantId => GrantState stored) private _grants;
    Reviews.Book private _reviews;

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
        bool late = _requireTerms(terms);
        uint40 expiry = SafeCast.toUint40(terms.notAfter);
        bytes32 digest = _hashTypedDataV4(grantId);
        if (terms.basis == Rules.CONSENT) {
            _requireCount(approvals, 1);
            expiry = _requirePatient(terms, approvals[0], digest, expiry);
            _give(grantId, terms, expiry);
        } else {
            uint32 custodian = _requireSubject(terms);
            if (terms.basis != Rules.EMERGENCY) {
                _requireCustodian(terms, approvals, digest, custodian);
                _give(grantId, terms, expiry);
            } else {
                uint32 institution = Ids.institutionOf(terms.grantee);
                (bytes32 first, bytes32 second) = _requireRequesters(terms, approvals, digest, late);
                // One that arrives after its window opens nothing, and shall not stay unseen.
                if (!late) _requireNoneOverdue(institution);
                _give(grantId, terms, expiry);
                _oweReview(grantId, institution, first, second);
            }
        }
    }

    /// @inheritdoc IGrants
    function grantBatch(GrantItem[] calldata items) external override returns (bool[] memory given) {
        given = new bool[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            // A call of its own, so that what one item reverts with ends that item alone. Nobody has a right as sender.
            try this.grant(items[i].terms, items[i].approvals) returns (bytes32) {
                given[i] = true;
            } catch {
                given[i] = false;
            }
        }
    }

    /// @inheritdoc IGrants
    function review(Review calldata review_, Approval calldata approval) external override {
        bytes32 grantId = review_.grantId;
        ReviewState memory owed = _reviews.get(grantId);
        bytes20 subject = _grants[grantId].subject;
        if (owed.state == Reviews.NONE) revert ReviewUnknown(grantId);
        uint8 outcome = review_.outcome;
        if (outcome != JUSTIFIED && outcome != NOT_JUSTIFIED) revert OutcomeUnknown(outcome);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(REVIEW_TYPEHASH, review_)));
        Badge memory badge = Staff.requireOfficer(_MEMBERS, approval, digest, subject);
        (uint32 institution, bytes32 by) = (badge.institution, badge.person);
        if (_reviews.hasSpoken(grantId, institution)) return;
        if (by == owed.first || by == owed.second) revert NoStanding(subject, by);
        if (owed.state == Reviews.OWED) {
            _reviews.file(grantId, institution);
            emit ReviewFiled(grantId, by, outcome, review_.report);
        } else {
            _reviews.note(grantId, institution);
            emit ReviewContested(grantId, by, outcome, review_.report);
        }
    }

    /// @inheritdoc IGrants
    function revoke(Grant calldata terms, Approval calldata approval) external override {
        bytes32 grantId = Hashes.ofGrant(terms);
        if (_grants[grantId].state == REVOKED) return;
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(REVOKE_TYPEHASH, grantId)));
        bytes32 by = approval.credential.length == 0
            ? _requireOutsideBadges(terms, approval, digest)
            : _requireConcerned(terms, approval, digest);
        _revoke(grantId, terms.subject, by);
    }

    /// @inheritdoc IGrants
    function revokeOwn(Grant calldata terms) external override {
        bytes32 grantId = Hashes.ofGrant(terms);
        if (_grants[grantId].state == REVOKED) return;
        bytes32 by = SignerCheck.hashOf(msg.sender);
        if (!_SUBJECTS.isPatientSide(terms.subject, by)) revert NoStanding(terms.subject, by);
        _revoke(grantId, terms.subject, by);
    }

    /// @inheritdoc IGrants
    function revokeOwnById(bytes32 grantId) external override {
        GrantState storage stored = _grants[grantId];
        (bytes20 subject, uint8 state) = (stored.subject, stored.state);
        if (state == REVOKED) return;
        bytes32 by = SignerCheck.hashOf(msg.sender);
        if (!_SUBJECTS.isPatientSide(subject, by)) revert NoStanding(subject, by);
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
    function reviewOf(bytes32 grantId) external view override returns (ReviewState memory) {
        return _reviews.get(grantId);
    }

    /// @inheritdoc IGrants
    function oldestOwedBy(uint32 institution) external view override returns (bytes32 grantId, uint40 dueAt) {
        return _reviews.oldestOf(institution);
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

    /// @dev One slot, one event.
    function _give(bytes32 grantId, Grant calldata terms, uint40 expiry) private {
        _grants[grantId] = GrantState(terms.subject, terms.epoch, expiry, LIVE, terms.basis);
        emit Granted(grantId, terms.subject, terms.grantee, terms, expiry);
    }

    /// @dev Puts an emergency's review on the institution's account.
    function _oweReview(bytes32 grantId, uint32 institution, bytes32 first, bytes32 second) private {
        uint40 dueAt = uint40(block.timestamp + Rules.REVIEW_WITHIN);
        _reviews.owe(grantId, institution, dueAt, first, second);
        emit ReviewOwed(grantId, institution, dueAt, first, second);
    }

    /// @dev Reverts while the institution owes a review that is overdue.
    function _requireNoneOverdue(uint32 institution) private view {
        (bytes32 oldest, uint40 dueAt) = _reviews.oldestOf(institution);
        if (oldest != 0 && block.timestamp >= dueAt) revert ReviewOverdue(institution, oldest);
    }

    /// @dev Reverts unless the terms are ones that their basis allows now. An emergency may also arrive after its window,
    /// for the record alone: true then.
    function _requireTerms(Grant calldata terms) private view returns (bool late) {
        uint8 basis = terms.basis;
        uint32 allowed = Rules.purposesOf(basis);
        if (allowed == 0) revert BasisUnknown(basis);
        if (terms.purposes == 0 || terms.purposes & ~allowed != 0) revert PurposesRefused(allowed, terms.purposes);
        if (terms.actions == 0 || terms.actions & ~Rules.ALL_ACTIONS != 0) {
            revert ActionsRefused(Rules.ALL_ACTIONS, terms.actions);
        }
        if (Ids.institutionOf(terms.grantee) == 0) revert GranteeRefused(terms.grantee);
        if (basis == Rules.PAPER && terms.terms == 0) revert DocumentMissing();
        uint64 longest = Rules.longestOf(basis);
        (uint64 notBefore, uint64 notAfter) = (terms.notBefore, terms.notAfter);
        bool fits = notBefore < notAfter && notAfter <= type(uint40).max && notAfter - notBefore <= longest;
        bool over = block.timestamp >= notAfter;
        bool emergency = basis == Rules.EMERGENCY;
        late = fits && over && emergency && block.timestamp < notBefore + Rules.REVIEW_WITHIN;
        bool ahead = emergency && notBefore > block.timestamp + Rules.EMERGENCY_AHEAD;
        if (!fits || ahead || (over && !late)) revert WindowRefused(notBefore, notAfter, longest);
        if (block.timestamp >= terms.relayBy) revert RelayedLate(terms.relayBy, uint64(block.timestamp));
    }

    function _requireCount(Approval[] calldata approvals, uint256 expected) private pure {
        if (approvals.length != expected) revert ApprovalsMismatch(expected, approvals.length);
    }

    /// @dev The custodian of an enrolled subject whose current epoch the terms name.
    function _requireSubject(Grant calldata terms) private view returns (uint32) {
        Subject memory subject = _SUBJECTS.subjectOf(terms.subject);
        _requireEpoch(terms, subject);
        return subject.custodian;
    }

    function _requireEpoch(Grant calldata terms, Subject memory subject) private pure {
        if (subject.custodian == 0) revert SubjectUnknown(terms.subject);
        if (terms.epoch != subject.epoch) revert EpochMismatch(subject.epoch, terms.epoch);
    }

    /// @dev CONSENT: reverts unless the subject's current signer, or a live representative within its powers, approved.
    /// Returns the expiry: a grant never outlives the power behind it.
    function _requirePatient(Grant calldata terms, Approval calldata approval, bytes32 digest, uint40 expiry)
        private
        view
        returns (uint40)
    {
        bytes32 by = keccak256(approval.signer);
        (Subject memory subject, Authority memory authority) = _SUBJECTS.authorityOf(terms.subject, by);
        _requireEpoch(terms, subject);
        bool may = authority.powers & Rules.MAY_GRANT != 0 && approval.credential.length == 0;
        if (!may) revert NoStanding(terms.subject, by);
        if (terms.purposes & ~authority.purposes != 0) revert PurposesRefused(authority.purposes, terms.purposes);
        if (terms.notBefore >= authority.end) {
            revert WindowRefused(terms.notBefore, terms.notAfter, Rules.longestOf(terms.basis));
        }
        SignerCheck.requireSignedBy(approval.signer, digest, approval.signature, _VERIFIER);
        return authority.end < expiry ? authority.end : expiry;
    }

    /// @dev PAPER: two persons of the custodian. CARE, LAW: an officer of the custodian.
    function _requireCustodian(Grant calldata terms, Approval[] calldata approvals, bytes32 digest, uint32 custodian)
        private
        view
    {
        bool paper = terms.basis == Rules.PAPER;
        _requireCount(approvals, paper ? 2 : 1);
        Badge memory first = Staff.requireActing(_MEMBERS, approvals[0], digest, terms.subject);
        bool may = first.institution == custodian && (paper || Staff.isOfficer(first));
        if (!may) revert NoStanding(terms.subject, first.person);
        if (!paper) return;
        Badge memory second = Staff.requireActing(_MEMBERS, approvals[1], digest, terms.subject);
        if (second.institution != custodian) revert NoStanding(terms.subject, second.person);
        if (second.person == first.person) revert PersonRepeated(first.person);
    }

    /// @dev EMERGENCY: two persons of the grantee's institution who may treat in an emergency. One that arrives after its
    /// window opens nothing, so its badges are judged as they were when it began.
    function _requireRequesters(Grant calldata terms, Approval[] calldata approvals, bytes32 digest, bool late)
        private
        view
        returns (bytes32 first, bytes32 second)
    {
        _requireCount(approvals, 2);
        first = _requester(terms, approvals[0], digest, late);
        second = _requester(terms, approvals[1], digest, late);
        if (second == first) revert PersonRepeated(first);
    }

    function _requester(Grant calldata terms, Approval calldata approval, bytes32 digest, bool late)
        private
        view
        returns (bytes32)
    {
        Badge memory badge = late
            ? Staff.requireThen(_MEMBERS, approval, digest, terms.subject, terms.notBefore)
            : Staff.requireActing(_MEMBERS, approval, digest, terms.subject);
        bool may = badge.institution == Ids.institutionOf(terms.grantee)
            && Rules.purposesOfRoles(badge.roles) & Rules.ETREAT != 0;
        if (!may) revert NoStanding(terms.subject, badge.person);
        return badge.person;
    }

    /// @dev Who revokes without a badge: somebody of the patient's side, or a registrar of the custodian.
    function _requireOutsideBadges(Grant calldata terms, Approval calldata approval, bytes32 digest)
        private
        view
        returns (bytes32 by)
    {
        SignerCheck.requireSignedBy(approval.signer, digest, approval.signature, _VERIFIER);
        by = keccak256(approval.signer);
        if (_SUBJECTS.isPatientSide(terms.subject, by)) return by;
        if (!Registrars.mayRevoke(_MEMBERS, _custodianOf(terms.subject), by)) revert NoStanding(terms.subject, by);
    }

    /// @dev Who revokes with a badge: the grantee, or an officer of the grantee or of the custodian. The requester's side
    /// does not end an emergency before it was carried: that would keep it from being reviewed.
    function _requireConcerned(Grant calldata terms, Approval calldata approval, bytes32 digest)
        private
        view
        returns (bytes32 by)
    {
        Badge memory badge = Staff.requireLeaving(_MEMBERS, approval, digest, terms.subject);
        by = badge.person;
        bool officer = Staff.isOfficer(badge);
        bool requester = by == terms.grantee || (officer && terms.grantee == Ids.granteeOf(badge.institution));
        bool hides = terms.basis == Rules.EMERGENCY && _grants[Hashes.ofGrant(terms)].state == 0;
        bool concerned = (requester && !hides) || (officer && badge.institution == _custodianOf(terms.subject));
        if (!concerned) revert NoStanding(terms.subject, by);
    }

    /// @dev The custodian of a subject that was enrolled.
    function _custodianOf(bytes20 subject) private view returns (uint32 custodian) {
        custodian = _SUBJECTS.subjectOf(subject).custodian;
        if (custodian == 0) revert SubjectUnknown(subject);
    }
}
