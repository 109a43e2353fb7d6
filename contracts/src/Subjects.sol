// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import { Badge, IMembers } from "./interfaces/IMembers.sol";
import {
    Appoint,
    Approval,
    Authority,
    Dismiss,
    Enrol,
    EnrolItem,
    ISubjects,
    Lift,
    Recover,
    Recovery,
    Representative,
    Restrict,
    RevokeAll,
    Rotate,
    Signer,
    Subject,
    Transfer
} from "./interfaces/ISubjects.sol";
import { IWebAuthnVerifier } from "./interfaces/IWebAuthnVerifier.sol";
import { Registrars } from "./libraries/Registrars.sol";
import { Rules } from "./libraries/Rules.sol";
import { SignerCheck } from "./libraries/SignerCheck.sol";
import { Staff } from "./libraries/Staff.sol";
import { SubjectHashes } from "./libraries/SubjectHashes.sol";

/// @title Subjects
/// @notice Patients, as pseudonyms, and who decides for them.
contract Subjects is ISubjects, EIP712 {
    IMembers private immutable _MEMBERS;
    IWebAuthnVerifier private immutable _VERIFIER;
    uint32 private immutable _APPOINTMENT_DELAY;
    uint32 private immutable _RECOVERY_DELAY;

    mapping(bytes20 subject => Subject stored) private _subjects;
    /// @dev A signer is current while its index is its subject's signerIndex: replacing one is a single write, former
    /// ones stay known, and a signer that serves somebody can never be given to somebody else.
    mapping(bytes32 signerHash => Signer stored) private _signers;
    mapping(bytes20 subject => mapping(bytes32 representative => Representative stored)) private _representatives;
    mapping(bytes20 subject => Recovery stored) private _recoveries;

    constructor(IMembers members_, IWebAuthnVerifier verifier_, uint32 appointmentDelay_, uint32 recoveryDelay_)
        EIP712("fiducia", "1")
    {
        (_MEMBERS, _VERIFIER) = (members_, verifier_);
        (_APPOINTMENT_DELAY, _RECOVERY_DELAY) = (appointmentDelay_, recoveryDelay_);
    }

    // Enrolment.

    /// @inheritdoc ISubjects
    function enrol(
        Enrol calldata enrolment,
        bytes calldata registrarSignature,
        bytes calldata signer,
        bytes calldata signature
    ) external override returns (bytes20 subject) {
        bool enrolled;
        (subject, enrolled) = _isEnrolled(enrolment);
        if (enrolled) return subject;
        _requireNew(enrolment.signerHash, signer);
        bytes32 digest = _hashTypedDataV4(SubjectHashes.hash(enrolment));
        Registrars.requireActing(_MEMBERS, enrolment.custodian, Registrars.hashOfSigner(digest, registrarSignature));
        _enrol(subject, enrolment, digest, signer, signature);
    }

    /// @inheritdoc ISubjects
    function enrolBatch(EnrolItem[] calldata items, bytes calldata registrarSignature)
        external
        override
        returns (bytes20[] memory enrolled)
    {
        bytes32 registrar = Registrars.hashOfSigner(_hashTypedDataV4(SubjectHashes.hash(items)), registrarSignature);
        enrolled = new bytes20[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            Enrol calldata enrolment = items[i].enrolment;
            bool known;
            (enrolled[i], known) = _isEnrolled(enrolment);
            if (known) continue;
            _requireNew(enrolment.signerHash, items[i].signer);
            Registrars.requireActing(_MEMBERS, enrolment.custodian, registrar);
            bytes32 digest = _hashTypedDataV4(SubjectHashes.hash(enrolment));
            _enrol(enrolled[i], enrolment, digest, items[i].signer, items[i].signature);
        }
    }

    // Who decides.

    /// @inheritdoc ISubjects
    function rotate(
        Rotate calldata rotation,
        bytes calldata signer,
        bytes calldata signature,
        Approval calldata approval
    ) external override {
        bytes20 subject = rotation.subject;
        Subject memory stored = _existing(subject);
        bytes32 digest = _hashTypedDataV4(SubjectHashes.hash(rotation));
        bytes32 by = _requirePatientsSignature(approval, digest);
        if (!_isCurrent(subject, stored, by)) revert NoStanding(subject, by);
        _useSerial(subject, stored, rotation.serial);
        _requireNewSigner(rotation.signerHash, digest, signer, signature);
        emit Rotated(subject, rotation.signerHash, _replaceSigner(subject, stored, rotation.signerHash));
    }

    /// @inheritdoc ISubjects
    function appoint(Appoint calldata appointment, Approval[] calldata approvals) external override {
        (bytes20 subject, bytes32 representative) = (appointment.subject, appointment.representative);
        Subject memory stored = _existing(subject);
        bytes32 by = _requireDecision(subject, stored, approvals, _hashTypedDataV4(SubjectHashes.hash(appointment)), 0);
        if (block.timestamp < _representatives[subject][representative].notAfter) {
            revert RepresentativeExists(subject, representative);
        }
        uint40 from = uint40(block.timestamp) + _APPOINTMENT_DELAY;
        uint32 purposes = Rules.purposesOf(Rules.CONSENT);
        bool fits = appointment.powers & ~Rules.ALL_POWERS == 0 && appointment.purposes & ~purposes == 0
            && representative != 0 && from < appointment.notAfter && appointment.notAfter <= type(uint40).max;
        if (!fits) revert AppointmentRefused(subject);
        _useSerial(subject, stored, appointment.serial);
        _representatives[subject][representative] = Representative({
            powers: appointment.powers,
            purposes: appointment.purposes,
            from: from,
            // it fits: compared with the largest value above
            // forge-lint: disable-next-line(unsafe-typecast)
            notAfter: uint40(appointment.notAfter),
            serial: appointment.serial
        });
        emit Appointed(subject, representative, appointment, from, by);
    }

    /// @inheritdoc ISubjects
    function vetoAppointment(Appoint calldata appointment, Approval calldata approval) external override {
        (bytes20 subject, bytes32 representative) = (appointment.subject, appointment.representative);
        bytes32 by = _requireVeto(subject, SubjectHashes.hash(appointment), approval);
        if (!isPatientSide(subject, by)) revert NoStanding(subject, by);
        Representative memory waiting = _representatives[subject][representative];
        bool waits = waiting.serial == appointment.serial && block.timestamp < waiting.from;
        if (!waits) revert NothingWaits(subject);
        delete _representatives[subject][representative];
        emit AppointmentVetoed(subject, representative, by);
    }

    /// @inheritdoc ISubjects
    function dismiss(Dismiss calldata dismissal, Approval[] calldata approvals) external override {
        (bytes20 subject, bytes32 representative) = (dismissal.subject, dismissal.representative);
        Subject memory stored = _existing(subject);
        Representative memory appointed = _representatives[subject][representative];
        if (appointed.serial == 0) revert RepresentativeUnknown(subject, representative);
        bytes32 by = _requireDismissal(dismissal, stored, approvals, appointed.notAfter);
        bool meant = appointed.serial < dismissal.serial && dismissal.serial <= stored.serial;
        if (!meant) revert SerialMismatch(subject, stored.serial, dismissal.serial);
        delete _representatives[subject][representative];
        emit Dismissed(subject, representative, by);
        _raiseEpoch(subject, stored.epoch, by);
    }

    // Restriction.

    /// @inheritdoc ISubjects
    function restrict(Restrict calldata restriction, Approval calldata approval) external override {
        bytes20 subject = restriction.subject;
        Subject memory stored = _existing(subject);
        bytes32 by = _requireLeaving(subject, stored, approval, _hashTypedDataV4(SubjectHashes.hash(restriction)));
        bool meant = stored.liftedSerial < restriction.serial && restriction.serial <= stored.serial;
        if (!meant) revert SerialMismatch(subject, stored.serial, restriction.serial);
        if (stored.flags & Rules.RESTRICTED != 0) return;
        _subjects[subject].flags = stored.flags | Rules.RESTRICTED;
        emit Restricted(subject, by);
    }

    /// @inheritdoc ISubjects
    function lift(Lift calldata lifting, Approval[] calldata approvals) external override {
        bytes20 subject = lifting.subject;
        Subject memory stored = _existing(subject);
        bytes32 digest = _hashTypedDataV4(SubjectHashes.hash(lifting));
        bytes32 by = _requireDecision(subject, stored, approvals, digest, Rules.MAY_GRANT);
        _useSerial(subject, stored, lifting.serial);
        _subjects[subject].flags = stored.flags & ~Rules.RESTRICTED;
        _subjects[subject].liftedSerial = lifting.serial;
        emit Lifted(subject, lifting.serial, by);
    }

    // Recovery.

    /// @inheritdoc ISubjects
    function recover(
        Recover calldata recovery_,
        bytes calldata signer,
        bytes calldata signature,
        Approval[] calldata approvals
    ) external override {
        bytes20 subject = recovery_.subject;
        Subject memory stored = _existing(subject);
        bytes32 digest = _hashTypedDataV4(SubjectHashes.hash(recovery_));
        uint32[] memory institutions = _requireRecovery(recovery_, stored, approvals, digest);
        _countRecovery(subject, stored, recovery_.serial);
        _requireNewSigner(recovery_.signerHash, digest, signer, signature);
        _beginRecovery(recovery_, institutions);
    }

    /// @inheritdoc ISubjects
    function vetoRecovery(Recover calldata recovery_, Approval calldata approval) external override {
        bytes20 subject = recovery_.subject;
        bytes32 by = _requireVeto(subject, SubjectHashes.hash(recovery_), approval);
        Recovery memory waiting = _recoveries[subject];
        bool waits = waiting.readyAt != 0 && waiting.serial == recovery_.serial;
        if (!waits) revert NothingWaits(subject);
        bool signers = _signers[by].subject == subject;
        bool may = _isLive(subject, by) || (signers && waiting.attempt == 1);
        if (!may) revert NoStanding(subject, by);
        bool contested = waiting.contested || signers;
        _recoveries[subject] = Recovery(0, 0, 0, 0, contested);
        emit RecoveryVetoed(subject, waiting.attempt, contested, by);
    }

    /// @inheritdoc ISubjects
    function completeRecovery(bytes20 subject) external override {
        Subject memory stored = _existing(subject);
        Recovery memory waiting = _recoveries[subject];
        if (waiting.readyAt == 0) revert NothingWaits(subject);
        if (block.timestamp < waiting.readyAt) revert RecoveryWaits(subject, waiting.readyAt);
        if (_signers[waiting.signerHash].index != 0) revert SignerTaken(waiting.signerHash);
        delete _recoveries[subject];
        emit Recovered(subject, waiting.signerHash, _replaceSigner(subject, stored, waiting.signerHash));
        _raiseEpoch(subject, stored.epoch, waiting.signerHash);
    }

    // Custody.

    /// @inheritdoc ISubjects
    function transfer(Transfer calldata transfer_, bytes calldata registrarSignature, Approval calldata approval)
        external
        override
    {
        (bytes20 subject, uint32 custodian) = (transfer_.subject, transfer_.custodian);
        Subject memory stored = _existing(subject);
        bytes32 digest = _hashTypedDataV4(SubjectHashes.hash(transfer_));
        bytes32 by = _requirePower(subject, stored, approval, digest, Rules.MAY_GRANT);
        Registrars.requireActing(_MEMBERS, custodian, Registrars.hashOfSigner(digest, registrarSignature));
        if (custodian == stored.custodian) revert CustodianUnchanged(subject, custodian);
        _useSerial(subject, stored, transfer_.serial);
        _subjects[subject].custodian = custodian;
        delete _recoveries[subject];
        emit Transferred(subject, stored.custodian, custodian, by);
    }

    // Revoking everything.

    /// @inheritdoc ISubjects
    function revokeAll(RevokeAll calldata revocation, Approval calldata approval) external override {
        bytes20 subject = revocation.subject;
        Subject memory stored = _existing(subject);
        bytes32 by = _requirePatientsSignature(approval, _hashTypedDataV4(SubjectHashes.hash(revocation)));
        if (!isPatientSide(subject, by) && !Registrars.mayRevoke(_MEMBERS, stored.custodian, by)) {
            revert NoStanding(subject, by);
        }
        _endEpoch(revocation, stored.epoch, by);
    }

    /// @inheritdoc ISubjects
    function revokeAllOwn(RevokeAll calldata revocation) external override {
        Subject memory stored = _existing(revocation.subject);
        bytes32 by = SignerCheck.hashOf(msg.sender);
        if (!isPatientSide(revocation.subject, by)) revert NoStanding(revocation.subject, by);
        _endEpoch(revocation, stored.epoch, by);
    }

    // Views.

    /// @inheritdoc ISubjects
    function members() external view override returns (IMembers) {
        return _MEMBERS;
    }

    /// @inheritdoc ISubjects
    function verifier() external view override returns (IWebAuthnVerifier) {
        return _VERIFIER;
    }

    /// @inheritdoc ISubjects
    function appointmentDelay() external view override returns (uint32) {
        return _APPOINTMENT_DELAY;
    }

    /// @inheritdoc ISubjects
    function recoveryDelay() external view override returns (uint32) {
        return _RECOVERY_DELAY;
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
    function representativeOf(bytes20 subject, bytes32 representative)
        external
        view
        override
        returns (Representative memory)
    {
        return _representatives[subject][representative];
    }

    /// @inheritdoc ISubjects
    function recoveryOf(bytes20 subject) external view override returns (Recovery memory) {
        return _recoveries[subject];
    }

    /// @inheritdoc ISubjects
    function authorityOf(bytes20 subject, bytes32 signerHash)
        external
        view
        override
        returns (Subject memory stored, Authority memory authority)
    {
        stored = _subjects[subject];
        authority = _authorityOf(subject, stored, signerHash);
    }

    /// @inheritdoc ISubjects
    function isPatientSide(bytes20 subject, bytes32 signerHash) public view override returns (bool) {
        return subject != 0 && (_signers[signerHash].subject == subject || _isLive(subject, signerHash));
    }

    /// @inheritdoc ISubjects
    function subjectId(uint32 custodian, bytes32 salt) public pure override returns (bytes20) {
        return bytes20(keccak256(abi.encodePacked("fiducia/v1/subject", custodian, salt)));
    }

    // Steps.

    /// @dev The subject of an enrolment, and whether it was enrolled exactly so. Reverts when it was enrolled otherwise.
    function _isEnrolled(Enrol calldata enrolment) private view returns (bytes20 subject, bool enrolled) {
        subject = subjectId(enrolment.custodian, enrolment.salt);
        Subject storage stored = _subjects[subject];
        if (stored.custodian == 0) return (subject, false);
        enrolled =
            enrolment.signerHash == 0 ? stored.signerIndex == 0 : _signers[enrolment.signerHash].subject == subject;
        if (!enrolled) revert SubjectExists(subject);
    }

    /// @dev Enrols a new subject, with the signer that signed, or with none.
    function _enrol(
        bytes20 subject,
        Enrol calldata enrolment,
        bytes32 digest,
        bytes calldata signer,
        bytes calldata signature
    ) private {
        bytes32 signerHash = enrolment.signerHash;
        uint32 index = 0;
        if (signerHash != 0) {
            SignerCheck.requireSignedBy(signer, digest, signature, _VERIFIER);
            _signers[signerHash] = Signer(subject, 1);
            index = 1;
        }
        Subject storage stored = _subjects[subject]; // new: what is not written here is zero
        (stored.custodian, stored.epoch, stored.signerIndex, stored.serial) = (enrolment.custodian, 1, index, 1);
        emit Enrolled(subject, enrolment.custodian, signerHash);
    }

    function _beginRecovery(Recover calldata begun, uint32[] memory institutions) private {
        uint40 readyAt = uint40(block.timestamp) + _RECOVERY_DELAY;
        Recovery storage stored = _recoveries[begun.subject];
        (stored.signerHash, stored.readyAt) = (begun.signerHash, readyAt);
        (stored.attempt, stored.serial) = (begun.attempt, begun.serial);
        emit RecoveryBegun(begun.subject, begun.signerHash, begun.attempt, begun.serial, readyAt, institutions);
    }

    /// @dev Makes a signer the current one; the one before stays known as a former one.
    function _replaceSigner(bytes20 subject, Subject memory stored, bytes32 signerHash) private returns (uint32 index) {
        index = stored.signerIndex + 1;
        _subjects[subject].signerIndex = index;
        _signers[signerHash] = Signer(subject, index);
    }

    /// @dev Ends the signed epoch, unless it ended before.
    function _endEpoch(RevokeAll calldata revocation, uint32 current, bytes32 by) private {
        if (revocation.epoch > current) revert EpochAhead(revocation.subject, current, revocation.epoch);
        if (revocation.epoch == current) _raiseEpoch(revocation.subject, current, by);
    }

    function _raiseEpoch(bytes20 subject, uint32 current, bytes32 by) private {
        _subjects[subject].epoch = current + 1;
        emit AllRevoked(subject, current + 1, by);
    }

    /// @dev Counts a recovery, so that what was signed for it counts once.
    function _countRecovery(bytes20 subject, Subject memory stored, uint32 serial) private {
        if (serial != stored.recoveries) revert SerialMismatch(subject, stored.recoveries, serial);
        _subjects[subject].recoveries = serial + 1;
    }

    /// @dev Uses the subject's serial up, so that what was signed with it counts once.
    function _useSerial(bytes20 subject, Subject memory stored, uint32 serial) private {
        if (serial != stored.serial) revert SerialMismatch(subject, stored.serial, serial);
        _subjects[subject].serial = serial + 1;
    }

    // Who signed.

    /// @dev Reverts unless the bytes are the signed ones (none for a patient without a device) and serve nobody yet.
    function _requireNew(bytes32 signerHash, bytes calldata signer) private view {
        bytes32 actual = signer.length == 0 ? bytes32(0) : keccak256(signer);
        if (actual != signerHash) revert SignerMismatch(signerHash, actual);
        if (_signers[signerHash].index != 0) revert SignerTaken(signerHash);
    }

    /// @dev Reverts unless the new signer signed and serves nobody yet.
    function _requireNewSigner(bytes32 signerHash, bytes32 digest, bytes calldata signer, bytes calldata signature)
        private
        view
    {
        _requireNew(signerHash, signer);
        SignerCheck.requireSignedBy(signer, digest, signature, _VERIFIER);
    }

    /// @dev The hash of a signer that signed without a badge.
    function _requirePatientsSignature(Approval calldata approval, bytes32 digest) private view returns (bytes32 by) {
        SignerCheck.requireSignedBy(approval.signer, digest, approval.signature, _VERIFIER);
        by = keccak256(approval.signer);
    }

    /// @dev The hash of a signer that signed a veto of that matter.
    function _requireVeto(bytes20 subject, bytes32 matter, Approval calldata approval) private view returns (bytes32) {
        return _requirePatientsSignature(approval, _hashTypedDataV4(SubjectHashes.ofVeto(subject, matter)));
    }

    /// @dev The hash of a signer of the patient's side that has a power; 0 asks for the current signer itself.
    function _requirePower(
        bytes20 subject,
        Subject memory stored,
        Approval calldata approval,
        bytes32 digest,
        uint32 power
    ) private view returns (bytes32 by) {
        by = _requirePatientsSignature(approval, digest);
        Authority memory authority = _authorityOf(subject, stored, by);
        if (!authority.current && authority.powers & power == 0) revert NoStanding(subject, by);
    }

    /// @dev Who decided: one of the patient's side with that power, or, while there is no signer, two of the custodian's
    /// staff, one of them an officer.
    function _requireDecision(
        bytes20 subject,
        Subject memory stored,
        Approval[] calldata approvals,
        bytes32 digest,
        uint32 power
    ) private view returns (bytes32) {
        if (approvals.length == 1) return _requirePower(subject, stored, approvals[0], digest, power);
        if (approvals.length != 2 || stored.signerIndex != 0) revert ApprovalsRefused(subject, approvals.length);
        Badge memory first = Staff.requireActing(_MEMBERS, approvals[0], digest, subject);
        Badge memory second = Staff.requireActing(_MEMBERS, approvals[1], digest, subject);
        bool two = first.person != second.person && first.institution == stored.custodian
            && second.institution == stored.custodian && (Staff.isOfficer(first) || Staff.isOfficer(second));
        if (!two) revert NoStanding(subject, second.person);
        return first.person;
    }

    /// @dev Who dismissed: the current signer, the representative until its end, or officers of three institutions.
    function _requireDismissal(
        Dismiss calldata dismissal,
        Subject memory stored,
        Approval[] calldata approvals,
        uint40 end
    ) private view returns (bytes32 by) {
        bytes20 subject = dismissal.subject;
        bytes32 digest = _hashTypedDataV4(SubjectHashes.hash(dismissal));
        if (approvals.length == 1) {
            by = _requirePatientsSignature(approvals[0], digest);
            bool itself = by == dismissal.representative && block.timestamp < end;
            bool may = itself || _isCurrent(subject, stored, by);
            if (!may) revert NoStanding(subject, by);
        } else {
            (, by) = _requireOfficers(subject, stored.custodian, approvals, digest, 3);
        }
    }

    /// @dev The institutions whose officers approved an attempt that may be made now.
    function _requireRecovery(
        Recover calldata begun,
        Subject memory stored,
        Approval[] calldata approvals,
        bytes32 digest
    ) private view returns (uint32[] memory institutions) {
        Recovery memory before = _recoveries[begun.subject];
        // One whose new signer serves somebody meanwhile can never be completed: it holds no other up.
        bool waits = before.readyAt != 0 && _signers[before.signerHash].index == 0;
        bool second = begun.attempt == 2 && before.contested;
        if (waits || (begun.attempt != 1 && !second)) {
            revert RecoveryRefused(begun.subject, begun.attempt);
        }
        uint256 wanted = stored.signerIndex == 0 ? 1 : uint256(begun.attempt) + 1;
        (institutions,) = _requireOfficers(begun.subject, stored.custodian, approvals, digest, wanted);
    }

    /// @dev The institutions whose officers approved, all different and the custodian first, and the first's person.
    function _requireOfficers(
        bytes20 subject,
        uint32 custodian,
        Approval[] calldata approvals,
        bytes32 digest,
        uint256 wanted
    ) private view returns (uint32[] memory institutions, bytes32 first) {
        if (approvals.length != wanted) revert ApprovalsRefused(subject, approvals.length);
        institutions = new uint32[](wanted);
        for (uint256 i = 0; i < wanted; ++i) {
            Badge memory badge = Staff.requireOfficer(_MEMBERS, approvals[i], digest, subject);
            bool fits = i == 0 ? badge.institution == custodian : badge.institution != custodian;
            if (i == 2 && badge.institution == institutions[1]) fits = false;
            if (!fits) revert NoStanding(subject, badge.person);
            institutions[i] = badge.institution;
            if (i == 0) first = badge.person;
        }
    }

    /// @dev Who may take access away: the patient's side, a registrar of the custodian, or an officer of it.
    function _requireLeaving(bytes20 subject, Subject memory stored, Approval calldata approval, bytes32 digest)
        private
        view
        returns (bytes32 by)
    {
        bool may;
        if (approval.credential.length == 0) {
            by = _requirePatientsSignature(approval, digest);
            may = isPatientSide(subject, by) || Registrars.mayRevoke(_MEMBERS, stored.custodian, by);
        } else {
            Badge memory badge = Staff.requireLeaving(_MEMBERS, approval, digest, subject);
            by = badge.person;
            may = Staff.isOfficer(badge) && badge.institution == stored.custodian;
        }
        if (!may) revert NoStanding(subject, by);
    }

    /// @dev A subject that was enrolled.
    function _existing(bytes20 subject) private view returns (Subject memory stored) {
        stored = _subjects[subject];
        if (stored.custodian == 0) revert SubjectUnknown(subject);
    }

    function _authorityOf(bytes20 subject, Subject memory stored, bytes32 signerHash)
        private
        view
        returns (Authority memory authority)
    {
        Signer memory signer = _signers[signerHash];
        if (signer.index != 0 && signer.subject == subject) {
            if (signer.index == stored.signerIndex) {
                return Authority(true, false, Rules.ALL_POWERS, Rules.ALL_PURPOSES, type(uint40).max);
            }
            authority.former = true;
        }
        Representative memory representative = _representatives[subject][signerHash];
        if (representative.from <= block.timestamp && block.timestamp < representative.notAfter) {
            (authority.powers, authority.purposes) = (representative.powers, representative.purposes);
            authority.end = representative.notAfter;
        }
    }

    function _isCurrent(bytes20 subject, Subject memory stored, bytes32 signerHash) private view returns (bool) {
        Signer memory signer = _signers[signerHash];
        return signer.index != 0 && signer.subject == subject && signer.index == stored.signerIndex;
    }

    /// @dev Whether somebody represents the subject now; a slot that is empty ends before it begins.
    function _isLive(bytes20 subject, bytes32 representative) private view returns (bool) {
        Representative memory stored = _representatives[subject][representative];
        return stored.from <= block.timestamp && block.timestamp < stored.notAfter;
    }
}
