// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";
import { SafeCast } from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import { IGrants } from "./interfaces/IGrants.sol";
import { Badge, IMembers } from "./interfaces/IMembers.sol";
import { Evidence, Facts, IReleases, KeyRequest, Late, Reason, ReleaseState } from "./interfaces/IReleases.sol";
import { IStudies } from "./interfaces/IStudies.sol";
import { Approval, Authority, ISubjects } from "./interfaces/ISubjects.sol";
import { IWebAuthnVerifier } from "./interfaces/IWebAuthnVerifier.sol";
import { Hashes } from "./libraries/Hashes.sol";
import { Kinds } from "./libraries/Kinds.sol";
import { Policy } from "./libraries/Policy.sol";
import { Rules } from "./libraries/Rules.sol";
import { SignerCheck } from "./libraries/SignerCheck.sol";

/// @title Releases
/// @notice The decisions: facts are gathered here, judged in Policy, and recorded in one slot and one event.
contract Releases is IReleases, EIP712 {
    bytes32 private constant REQUEST_TYPEHASH = keccak256(
        "KeyRequest(bytes32 studyId,uint16 revision,uint32 series,bytes32 grantId,uint8 purpose,uint8 action,bytes32 person,bytes32 recipient,uint64 notAfter,bytes32 salt)"
    );

    bytes32 private constant LATE_TYPEHASH = keccak256("Late(bytes32 requestId,uint64 handedOverAt)");

    IMembers private immutable _MEMBERS;
    ISubjects private immutable _SUBJECTS;
    IStudies private immutable _STUDIES;
    IGrants private immutable _GRANTS;
    IWebAuthnVerifier private immutable _VERIFIER;
    mapping(bytes32 requestId => ReleaseState stored) private _releases;

    constructor(IMembers members_, ISubjects subjects_, IStudies studies_, IGrants grants_) EIP712("fiducia", "1") {
        (_MEMBERS, _SUBJECTS, _STUDIES, _GRANTS) = (members_, subjects_, studies_, grants_);
        _VERIFIER = subjects_.verifier();
    }

    /// @inheritdoc IReleases
    function record(Evidence calldata evidence) external override returns (bytes32 requestId) {
        requestId = requestIdOf(evidence.request);
        if (_releases[requestId].recordedAt != 0) return requestId;
        (Reason reason, Facts memory facts,) = _judge(evidence, requestId);
        if (reason != Reason.NONE) revert Refused(requestId, reason);
        _record(requestId, evidence, facts);
    }

    /// @inheritdoc IReleases
    function recordBatch(Evidence[] calldata evidence) external override returns (Reason[] memory reasons) {
        reasons = new Reason[](evidence.length);
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        for (uint256 i = 0; i < evidence.length; ++i) {
            reasons[i] = _recordOrDeny(evidence[i]);
            // Nothing that an item put into memory outlives it: give the memory back, whose price grows with its square.
            assembly ("memory-safe") {
                mstore(0x40, free)
            }
        }
    }

    /// @inheritdoc IReleases
    function recordOwn(KeyRequest calldata request, Approval calldata approval)
        external
        override
        returns (bytes32 requestId)
    {
        requestId = requestIdOf(request);
        if (_releases[requestId].recordedAt != 0) return requestId;
        (Reason reason, Facts memory facts, uint40 end) = _judgeOwn(request, approval, requestId);
        if (reason != Reason.NONE) revert Refused(requestId, reason);
        uint256 lapse = Math.min(Math.min(request.notAfter, end), block.timestamp + Rules.LONGEST_RELEASE);
        _store(requestId, request, 0, facts.subject.epoch, lapse);
    }

    /// @inheritdoc IReleases
    function recordLate(Evidence calldata evidence, uint64 handedOverAt, bytes calldata signature)
        external
        override
        returns (bytes32 requestId)
    {
        KeyRequest calldata request = evidence.request;
        Badge calldata badge = evidence.badge;
        requestId = requestIdOf(request);
        if (_releases[requestId].recordedAt != 0) return requestId;
        Reason reason = _judgeLate(evidence, requestId, handedOverAt, signature);
        if (reason != Reason.NONE) revert Refused(requestId, reason);
        uint40 time = uint40(block.timestamp);
        _releases[requestId] = ReleaseState(time, time, badge.institution, badge.epoch, true);
        emit ReleasedLate(
            requestId, request.studyId, request.person, request, badge.institution, badge.epoch, time, handedOverAt
        );
    }

    /// @inheritdoc IReleases
    function isOpen(KeyRequest calldata request) external view override returns (bool) {
        bytes32 requestId = requestIdOf(request);
        ReleaseState memory release = _releases[requestId];
        if (release.recordedAt == 0 || block.timestamp >= release.lapse) return false;
        Facts memory facts = _facts(request);
        facts.release = release;
        if (release.institution == 0) return Policy.standsOwn(facts);
        facts.standing = _MEMBERS.standingOf(release.institution, address(0), request.person, request.recipient);
        return Policy.stands(facts);
    }

    /// @inheritdoc IReleases
    function check(Evidence calldata evidence) external view override returns (Reason reason) {
        (reason,,) = _judge(evidence, requestIdOf(evidence.request));
    }

    /// @inheritdoc IReleases
    function checkOwn(KeyRequest calldata request, Approval calldata approval)
        external
        view
        override
        returns (Reason reason)
    {
        (reason,,) = _judgeOwn(request, approval, requestIdOf(request));
    }

    /// @inheritdoc IReleases
    function factsOf(KeyRequest calldata request, Badge calldata badge, address issuer)
        external
        view
        override
        returns (Facts memory facts)
    {
        facts = _facts(request);
        facts.release = _releases[requestIdOf(request)];
        facts.standing = _MEMBERS.standingOf(badge.institution, issuer, badge.person, request.recipient);
        facts.exports = _MEMBERS.exportsOf(facts.subject.custodian);
    }

    /// @inheritdoc IReleases
    function ownFactsOf(KeyRequest calldata request, bytes32 signerHash)
        external
        view
        override
        returns (Facts memory facts, Authority memory authority)
    {
        facts = _facts(request);
        facts.release = _releases[requestIdOf(request)];
        facts.exports = _MEMBERS.exportsOf(facts.subject.custodian);
        (, authority) = _SUBJECTS.authorityOf(facts.study.subject, signerHash);
    }

    /// @inheritdoc IReleases
    function members() external view override returns (IMembers) {
        return _MEMBERS;
    }

    /// @inheritdoc IReleases
    function subjects() external view override returns (ISubjects) {
        return _SUBJECTS;
    }

    /// @inheritdoc IReleases
    function studies() external view override returns (IStudies) {
        return _STUDIES;
    }

    /// @inheritdoc IReleases
    function grants() external view override returns (IGrants) {
        return _GRANTS;
    }

    /// @inheritdoc IReleases
    function releaseOf(bytes32 requestId) external view override returns (ReleaseState memory) {
        return _releases[requestId];
    }

    /// @inheritdoc IReleases
    function requestIdOf(KeyRequest calldata request) public pure override returns (bytes32) {
        return keccak256(abi.encode(REQUEST_TYPEHASH, request));
    }

    /// @dev One item of a batch: recorded, denied in the open, or, when its signatures are bad, passed over in silence.
    function _recordOrDeny(Evidence calldata evidence) private returns (Reason) {
        bytes32 requestId = requestIdOf(evidence.request);
        if (_releases[requestId].recordedAt != 0) return Reason.NONE;
        (Reason reason, Facts memory facts, bool signed) = _judge(evidence, requestId);
        if (reason == Reason.NONE) {
            _record(requestId, evidence, facts);
        } else if (signed && reason != Reason.ISSUER_UNPUBLISHED) {
            Badge calldata badge = evidence.badge;
            emit Denied(requestId, evidence.request.studyId, badge.person, badge.institution, reason);
        }
        return reason;
    }

    /// @dev Records a staff member's release: the earliest of four ends is its lapse.
    function _record(bytes32 requestId, Evidence calldata evidence, Facts memory facts) private {
        uint256 lapse = Math.min(
            Math.min(evidence.request.notAfter, facts.grant.expiry),
            Math.min(evidence.badge.notAfter, block.timestamp + Rules.LONGEST_RELEASE)
        );
        _store(requestId, evidence.request, evidence.badge.institution, evidence.badge.epoch, lapse);
    }

    /// @dev One slot, one event.
    function _store(bytes32 requestId, KeyRequest calldata request, uint32 institution, uint32 epoch, uint256 lapse)
        private
    {
        uint40 time = uint40(block.timestamp);
        uint40 end = SafeCast.toUint40(lapse);
        _releases[requestId] = ReleaseState(time, end, institution, epoch, false);
        emit Released(requestId, request.studyId, request.person, request, institution, epoch, time, end);
    }

    /// @dev Gathers the facts and decides; also says whether the badge's session signed the request. Nothing here is a
    /// named return of a struct: those are zeroed in memory first, in vain.
    function _judge(Evidence calldata evidence, bytes32 requestId) private view returns (Reason, Facts memory, bool) {
        KeyRequest calldata request = evidence.request;
        Badge calldata badge = evidence.badge;
        Facts memory facts = _facts(request);
        (facts.standing, facts.exports) =
            _MEMBERS.standingAndExports(badge, evidence.issuerSignature, request.recipient, facts.subject.custodian);
        bool signed = SignerCheck.isSignedBy(badge.session, _hashTypedDataV4(requestId), evidence.sessionSignature);
        bytes32 grantId = Hashes.ofGrant(evidence.grant);
        return (Policy.decide(facts, request, evidence.grant, badge, signed, grantId), facts, signed);
    }

    /// @dev The same for a patient's own access; also the end of the power that asks.
    function _judgeOwn(KeyRequest calldata request, Approval calldata approval, bytes32 requestId)
        private
        view
        returns (Reason reason, Facts memory facts, uint40 end)
    {
        facts = _facts(request);
        bytes32 digest = _hashTypedDataV4(requestId);
        bool signed = approval.credential.length == 0
            && SignerCheck.isSignedBy(approval.signer, digest, approval.signature, _VERIFIER);
        (, Authority memory authority) = _SUBJECTS.authorityOf(facts.study.subject, keccak256(approval.signer));
        reason = Policy.decideOwn(facts, request, signed, authority);
        end = authority.end;
    }

    /// @dev The same for a hand-over that was made while the chain stalled.
    function _judgeLate(Evidence calldata evidence, bytes32 requestId, uint64 handedOverAt, bytes calldata signature)
        private
        view
        returns (Reason reason)
    {
        (, Facts memory facts, bool signed) = _judge(evidence, requestId);
        facts.time = handedOverAt;
        bytes32 grantId = Hashes.ofGrant(evidence.grant);
        reason = Policy.decideLate(facts, evidence.request, evidence.grant, evidence.badge, signed, grantId);
        if (reason != Reason.NONE) return reason;
        bool due = block.timestamp >= _GRANTS.reviewOf(grantId).dueAt;
        if (due || handedOverAt > block.timestamp) return Reason.LATE_TIME;
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(LATE_TYPEHASH, Late(requestId, handedOverAt))));
        address trustee = SignerCheck.recover(digest, signature);
        bytes32 keyHash = SignerCheck.hashOf(trustee);
        bool live = handedOverAt < _MEMBERS.keyEnd(facts.subject.custodian, Kinds.BROKER_SIGN, keyHash);
        if (trustee == address(0) || !live) return Reason.LATE_TRUSTEE;
    }

    /// @dev Every fact at this block that all who ask need: what the members know depends on who asks, and there is no
    /// release yet where one is decided.
    function _facts(KeyRequest calldata request) private view returns (Facts memory facts) {
        facts.time = uint64(block.timestamp);
        (facts.study, facts.revisionWithdrawn) = _STUDIES.studyAt(request.studyId, request.revision);
        facts.subject = _SUBJECTS.subjectOf(facts.study.subject);
        facts.grant = _GRANTS.grantOf(request.grantId);
    }
}
