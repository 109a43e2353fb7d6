// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, GrantState } from "../../src/interfaces/IGrants.sol";
import { Institution } from "../../src/interfaces/IMembers.sol";
import { Evidence, IReleases, KeyRequest, Late, Reason } from "../../src/interfaces/IReleases.sol";
import { Study } from "../../src/interfaces/IStudies.sol";
import { Approval, Subject } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantTypedData } from "../utils/GrantTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";
import { HandlerGrants } from "./HandlerGrants.sol";

/// @title What may be recorded.
abstract contract HandlerReleases is HandlerGrants {
    using TypedData for *;
    using GrantTypedData for *;

    KeyRequest[] internal _requests;

    function requests() external view returns (KeyRequest[] memory) {
        return _requests;
    }

    /// @dev Mostly what the grant is about, sometimes anything.
    function _evidence(uint256 which, uint256 study, uint256 revision, uint256 purpose)
        private
        view
        returns (Evidence memory)
    {
        Grant memory leaned = _terms[which % _terms.length];
        KeyRequest memory request = defaultRequest(leaned.hash());
        request.studyId = study % 4 == 0 ? _which(study) : _granted[request.grantId];
        (request.revision, request.series) = (revision % 4 == 0 ? 2 : 1, 1);
        request.purpose = purpose % 4 == 0 ? 4 : _firstOf(leaned.purposes);
        request.notAfter = uint64(block.timestamp + 2 hours);
        request.salt = keccak256(abi.encode("request", _requests.length));
        return evidenceOf(request, leaned, _clinician());
    }

    function _firstOf(uint32 purposes) private pure returns (uint8 position) {
        while (purposes != 0 && (purposes >> position) & 1 == 0) ++position;
    }

    function recordOne(uint256 which, uint256 study, uint256 revision, uint256 purpose) external replayed {
        if (_terms.length == 0) return;
        _recordOrRefused(_evidence(which, study, revision, purpose));
    }

    /// @dev Records, or is refused for exactly the reason that check foretold.
    function _recordOrRefused(Evidence memory evidence) private {
        Reason reason = releases.check(evidence);
        try releases.record(evidence) {
            assertEq(uint256(reason), 0, "recorded against a reason");
            _recorded(evidence.request);
        } catch (bytes memory data) {
            bytes memory expected = abi.encodeWithSelector(IReleases.Refused.selector, evidence.request.hash(), reason);
            assertEq(keccak256(data), keccak256(expected), "refused for another reason");
        }
    }

    /// @dev The ordinary day: a grant is given and leaned on.
    function giveAndRecord(uint256 which, uint256 scope, uint256 by) external replayed {
        if (!_consent(_newTerms(which, 10 days, scope, Rules.CONSENT), which, by)) return;
        replay.take(vm.getRecordedLogs()); // the events so far; those of the record follow
        _recordOrRefused(_evidence(_terms.length - 1, 1, 1, 1));
    }

    function recordMany(uint256 which, uint256 study, uint256 purpose) external replayed {
        if (_terms.length == 0) return;
        Evidence[] memory batch = new Evidence[](3);
        for (uint256 i = 0; i < 3; ++i) {
            batch[i] = _evidence(which % 1000 + i, study, 1, purpose);
            batch[i].request.salt = bytes32(i);
            batch[i] = evidenceOf(batch[i].request, batch[i].grant, batch[i].badge);
        }
        Reason[] memory answers = releases.recordBatch(batch);
        for (uint256 i = 0; i < 3; ++i) {
            if (answers[i] == Reason.NONE && !_seen(batch[i].request)) _recorded(batch[i].request);
        }
    }

    function recordAgain(uint256 which) external replayed {
        if (_requests.length == 0) return;
        KeyRequest memory request = _requests[which % _requests.length];
        releases.record(evidenceOf(request, defaultGrant(), defaultBadge()));
        releases.recordLate(evidenceOf(request, defaultGrant(), defaultBadge()), 0, "");
        releases.recordOwn(request, Approval("", "", ""));
    }

    /// @dev By the patient, or a representative with ACCESS.
    function recordOwnAccess(uint256 which, uint256 by) external replayed {
        KeyRequest memory request = defaultOwnRequest();
        request.studyId = _which(which);
        request.notAfter = uint64(block.timestamp + 1 hours);
        request.salt = keccak256(abi.encode("own", _requests.length));
        uint256 key = _decider(studies.studyOf(request.studyId).subject, by, Rules.MAY_ACCESS);
        if (key == 0) return;
        Approval memory approval = ownApproval(key, request);
        if (releases.checkOwn(request, approval) != Reason.NONE) return;
        releases.recordOwn(request, approval);
        _recorded(request);
    }

    /// @dev A hand-over in an emergency, at some second of its window that is past.
    function recordLate(uint256 which, uint256 ago) external replayed {
        if (_emergencies.length == 0) return;
        Grant memory leaned = _terms[_emergencies[which % _emergencies.length]];
        KeyRequest memory request = defaultRequest(leaned.hash());
        (request.studyId, request.series, request.purpose) = (_granted[request.grantId], 1, 1);
        request.notAfter = FOREVER;
        request.salt = keccak256(abi.encode("late", _requests.length));
        Evidence memory evidence = evidenceOf(request, leaned, _clinician());
        (evidence.badge.notBefore, evidence.badge.trainedUntil) = (0, FOREVER);
        evidence = evidenceOf(request, leaned, evidence.badge);
        uint256 last = leaned.notAfter - 1 < block.timestamp ? leaned.notAfter - 1 : block.timestamp;
        uint64 at_ = uint64(bound(ago, leaned.notBefore, last));
        bytes32 structHash = Late(request.hash(), at_).hash();
        bytes memory signature = signReleases(brokerOf(custodianOf(leaned.subject)), structHash);
        bool may = block.timestamp < replay.reviewOf(request.grantId).dueAt
            && at_ < replay.keyEnd(REQUESTER, Kinds.GATEWAY, GATEWAY);
        try releases.recordLate(evidence, at_, signature) {
            assertTrue(may, "recorded late against a reason");
            _requests.push(request);
        } catch {
            assertFalse(may, "refused without a reason");
        }
    }

    function _seen(KeyRequest memory request) private view returns (bool) {
        bytes32 requestId = request.hash();
        for (uint256 i = 0; i < _requests.length; ++i) {
            if (_requests[i].hash() == requestId) return true;
        }
        return false;
    }

    /// @dev What must be true when a release is recorded, told from the replayed events.
    function _recorded(KeyRequest memory request) private {
        _requests.push(request);
        Study memory study = replay.studyOf(request.studyId);
        Subject memory patient = replay.subjectOf(study.subject);
        assertEq(study.status, 1, "a release of a study that is not anchored");
        assertFalse(replay.revisionWithdrawn(request.studyId, request.revision), "of a withdrawn revision");
        if (request.grantId == 0) return;
        GrantState memory state = replay.grantOf(request.grantId);
        assertEq(state.state, 1, "a release without a live grant");
        assertFalse(revoked[request.grantId], "a release under a revoked grant");
        assertEq(state.epoch, patient.epoch, "a release in another epoch");
        assertTrue(block.timestamp < state.expiry, "a release under an expired grant");
        assertEq(bytes32(state.subject), bytes32(study.subject), "a release under another subject's grant");
        assertTrue(patient.flags & 1 == 0 || state.basis >= Rules.LAW, "a release against the restriction");
        Institution memory requester = replay.institutionOf(REQUESTER);
        assertTrue(requester.active, "a release to a suspended institution");
        uint64 exports = replay.institutionOf(patient.custodian).exports;
        assertTrue((exports >> requester.region) & 1 == 1, "a release to a region that is not exported to");
    }
}
