// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../../src/interfaces/IGrants.sol";
import { Evidence, IReleases, KeyRequest, Reason } from "../../src/interfaces/IReleases.sol";
import { Study } from "../../src/interfaces/IStudies.sol";
import { Approval, RevokeAll } from "../../src/interfaces/ISubjects.sol";
import { TypedData } from "../utils/TypedData.sol";
import { HandlerBase } from "./HandlerBase.sol";

/// @title What may happen to the ledger, in any order. Every action is bounded to one that must succeed, or whose
/// refusal is foretold; any other revert fails the run.
contract Handler is HandlerBase {
    using TypedData for *;

    // The world around.

    function wait(uint256 seconds_) external {
        vm.warp(block.timestamp + bound(seconds_, 1, 3 hours));
    }

    function enrolPatient() external replayed("enrol") {
        if (patients.length >= MOST) return;
        uint256 i = patients.length;
        patients.push(enrol(FIRST_PATIENT + i, keccak256(abi.encode("patient", i))));
    }

    function suspendOrReinstate(uint256 seed) external replayed("suspend") {
        if (!members.institutionOf(REQUESTER).active) reinstateRequester();
        else if (seed % 16 == 3) suspendRequester();
    }

    function endBadges(uint256 seed) external replayed("badges") {
        if (seed % 4 == 3) raiseBadgeEpoch();
    }

    function withdrawTheClinician(uint256 seed) external replayed("person") {
        if (seed % 512 == 37) withdrawPerson();
    }

    function endTheGateway(uint256 seed) external replayed("gateway") {
        uint64 end = uint64(block.timestamp + 1 hours);
        if (seed % 64 == 37 && end < members.keyEnd(REQUESTER, 3, GATEWAY)) endGateway(end);
    }

    function restrict(uint256 who, uint256 seed) external {
        bytes20 of_ = patients[who % patients.length];
        bool on = seed % 4 == 3;
        setFlags(of_, on ? 1 : 0);
        replay.setFlags(of_, on ? 1 : 0);
    }

    // Studies.

    function anchorStudy(uint256 who, bytes32 manifest) external replayed("anchor") {
        if (studyIds.length >= MOST || manifest == 0) return;
        bytes32 salt = keccak256(abi.encode("study", studyIds.length));
        bytes32 id = anchor(patients[who % patients.length], salt, manifest);
        studyIds.push(id);
        highest[id] = 1;
    }

    function reviseStudy(uint256 which, bytes32 manifest) external replayed("revise") {
        bytes32 id = studyIds[which % studyIds.length];
        Study memory study = studies.studyOf(id);
        if (study.status != 1 || manifest == 0) return;
        revise(id, study.revision + 1, manifest);
        highest[id] = study.revision + 1;
    }

    function withdrawStudy(uint256 which, uint256 revision, uint256 seed) external replayed("withdraw") {
        bytes32 id = studyIds[which % studyIds.length];
        if (seed % 8 != 3) return;
        uint256 low = seed % 64 == 3 ? 0 : 1;
        withdraw(id, uint16(bound(revision, low, highest[id])));
    }

    function eraseStudy(uint256 which, uint256 seed) external {
        bytes32 id = studyIds[which % studyIds.length];
        if (seed % 64 != 7) return;
        setStatus(id, 3);
        replay.setStatus(id, 3);
    }

    // Grants.

    function giveGrant(uint256 which, uint256 length, uint256 scope, uint256 purposes) external replayed("grant") {
        Grant memory given = _newTerms(which, length, scope, purposes);
        _give(given);
        _granted[given.hash()] = studyIds[which % studyIds.length];
        assertEq(grants.grantOf(given.hash()).state, 1, "given");
    }

    function revokeGrant(uint256 which, uint256 how) external replayed("revoke") {
        if (_terms.length == 0 || how % 2 == 0) return;
        _revoke(_terms[which % _terms.length], how / 2);
    }

    function revokeBeforeItComes(uint256 which, uint256 how) external replayed("tombstone") {
        Grant memory never = _newTerms(which, 1 days, 0, 1);
        _revoke(never, how);
        try this.giveAgain(never) {
            assertTrue(false, "a revoked grant came to live");
        } catch { }
    }

    function giveAgain(Grant memory given) external {
        _give(given);
    }

    function revokeEverything(uint256 who, uint256 seed) external replayed("revoke all") {
        if (seed % 4 < 2) return;
        bytes20 of_ = patients[who % patients.length];
        RevokeAll memory revocation = RevokeAll(of_, subjects.subjectOf(of_).epoch);
        uint256 key = keyOf(of_);
        if (seed % 4 == 2) {
            vm.prank(vm.addr(key));
            subjects.revokeAllOwn(revocation);
        } else {
            Approval memory approval = Approval(signerOf(key), signSubjects(key, revocation.hash()), "");
            subjects.revokeAll(revocation, approval);
        }
    }

    // Releases.

    function recordOne(uint256 which, uint256 study, uint16 revision, uint8 purpose) external replayed("record") {
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
    function giveAndRecord(uint256 which, uint256 scope) external replayed("day") {
        Grant memory given = _newTerms(which, 10 days, scope, 1);
        _give(given);
        _granted[given.hash()] = studyIds[which % studyIds.length];
        replay.take(vm.getRecordedLogs()); // the events so far; those of the record follow
        _recordOrRefused(_evidence(_terms.length - 1, 1, 1, 1));
    }

    function recordMany(uint256 which, uint256 study, uint8 purpose) external replayed("batch") {
        if (_terms.length == 0) return;
        Evidence[] memory batch = new Evidence[](3);
        for (uint256 i = 0; i < 3; ++i) {
            batch[i] = _evidence(which % 1000 + i, study, 1, purpose);
            batch[i].request.salt = bytes32(i);
            batch[i] = evidenceOf(batch[i].request, batch[i].grant, batch[i].badge);
        }
        Reason[] memory reasons = releases.recordBatch(batch);
        for (uint256 i = 0; i < 3; ++i) {
            if (reasons[i] == Reason.NONE && !_seen(batch[i].request)) _recorded(batch[i].request);
        }
    }

    function recordAgain(uint256 which) external replayed("again") {
        if (_requests.length == 0) return;
        KeyRequest memory request = _requests[which % _requests.length];
        Evidence memory evidence = evidenceOf(request, defaultGrant(), defaultBadge());
        releases.record(evidence);
    }

    function recordOwnAccess(uint256 study) external replayed("own") {
        KeyRequest memory request = defaultOwnRequest();
        request.studyId = studyIds[study % studyIds.length];
        request.notAfter = uint64(block.timestamp + 1 hours);
        request.salt = keccak256(abi.encode("own", _requests.length));
        Approval memory approval = ownApproval(keyOf(studies.studyOf(request.studyId).subject), request);
        if (releases.checkOwn(request, approval) != Reason.NONE) return;
        releases.recordOwn(request, approval);
        _recorded(request);
    }
}
