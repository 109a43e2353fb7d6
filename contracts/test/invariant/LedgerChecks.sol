// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grants } from "../../src/Grants.sol";
import { Members } from "../../src/Members.sol";
import { Releases } from "../../src/Releases.sol";
import { Studies } from "../../src/Studies.sol";
import { Subjects } from "../../src/Subjects.sol";
import { Grant, GrantState } from "../../src/interfaces/IGrants.sol";
import { Institution } from "../../src/interfaces/IMembers.sol";
import { KeyRequest, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Study } from "../../src/interfaces/IStudies.sol";
import { Approval, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { Test } from "../utils/Test.sol";
import { TypedData } from "../utils/TypedData.sol";
import { Handler } from "./Handler.sol";
import { Replay } from "./Replay.sol";

/// @title What must be true of the ledger at any time, whatever happened to it.
abstract contract LedgerChecks is Test {
    using TypedData for *;

    Handler internal _handler;
    Replay internal _replay;
    Members private _members;
    Subjects private _subjects;
    Studies private _studies;
    Grants private _grants;
    Releases private _releases;

    function setUp() public {
        _handler = new Handler();
        _replay = _handler.replay();
        (_members, _subjects, _studies) =
        (_handler.ledgerMembers(), _handler.ledgerSubjects(), _handler.ledgerStudies());
        (_grants, _releases) = (_handler.ledgerGrants(), _handler.ledgerReleases());
    }

    function _a_revoked_grant_never_lives_again() internal view {
        Grant[] memory terms = _handler.terms();
        for (uint256 i = 0; i < terms.length; ++i) {
            bytes32 grantId = terms[i].hash();
            if (_handler.revoked(grantId)) assertEq(_grants.grantOf(grantId).state, 2, "a revoked grant lives");
        }
    }

    function _a_request_is_recorded_once() internal view {
        KeyRequest[] memory requests = _handler.requests();
        for (uint256 i = 0; i < requests.length; ++i) {
            assertEq(_replay.recordedTimes(requests[i].hash()), 1, "recorded times");
        }
    }

    function _revisions_only_rise_and_digests_stay() internal view {
        for (uint256 i = 0; i < _handler.studyCount(); ++i) {
            bytes32 id = _handler.studyIds(i);
            uint16 revision = _studies.studyOf(id).revision;
            assertEq(revision, _handler.highest(id), "revision");
            for (uint16 r = 1; r <= revision; ++r) {
                assertTrue(_studies.manifestOf(id, r) != 0, "digest");
                assertEq(_studies.manifestOf(id, r), _replay.manifests(id, r), "digest as anchored");
            }
        }
    }

    function _serials_epochs_and_states_only_rise() internal view {
        assertFalse(_handler.somethingFell(), "a serial, an epoch, a signer's index or a study's state fell");
    }

    function _a_held_study_is_not_erased() internal view {
        assertFalse(_handler.aHeldStudyWasErased(), "a held study was erased");
    }

    function _who_owes_an_overdue_review_opens_no_emergency() internal view {
        assertFalse(_handler.anEmergencyPassedAnOverdueReview(), "an emergency against an overdue review");
    }

    function _no_grant_outlives_the_power_behind_it() internal view {
        Grant[] memory terms = _handler.terms();
        for (uint256 i = 0; i < terms.length; ++i) {
            bytes32 grantId = terms[i].hash();
            uint40 expiry = _grants.grantOf(grantId).expiry;
            assertTrue(expiry <= _handler.powerEnd(grantId), "a grant outlives the power behind it");
            assertTrue(expiry <= terms[i].notAfter, "a grant outlives its terms");
        }
    }

    function _restriction_leaves_law_emergencies_and_own_access() internal view {
        KeyRequest[] memory requests = _handler.requests();
        for (uint256 i = 0; i < requests.length; ++i) {
            bytes20 of_ = _studies.studyOf(requests[i].studyId).subject;
            bool open = _subjects.subjectOf(of_).flags != 0 && _releases.isOpen(requests[i]);
            if (!open || requests[i].grantId == 0) continue;
            assertTrue(_grants.grantOf(requests[i].grantId).basis >= Rules.LAW, "open against the restriction");
        }
    }

    function _events_replay_to_storage() internal view {
        for (uint32 i = 1; i <= 3; ++i) {
            same(abi.encode(_members.institutionOf(i)), abi.encode(_replay.institutionOf(i)), "institution");
            (bytes32 oldest, uint40 dueAt) = _grants.oldestOwedBy(i);
            (bytes32 found, uint40 foundDueAt) = _replay.oldestOwedBy(i);
            same(abi.encode(oldest, dueAt), abi.encode(found, foundDueAt), "oldest owed");
        }
        for (uint256 i = 0; i < _handler.patientCount(); ++i) {
            _replaysSubject(_handler.patients(i));
        }
        for (uint256 i = 0; i < _handler.studyCount(); ++i) {
            bytes32 id = _handler.studyIds(i);
            same(abi.encode(_studies.studyOf(id)), abi.encode(_replay.studyOf(id)), "study");
            same(abi.encode(_studies.erasureOf(id)), abi.encode(_replay.erasureOf(id)), "erasure");
        }
        Grant[] memory terms = _handler.terms();
        for (uint256 i = 0; i < terms.length; ++i) {
            bytes32 id = terms[i].hash();
            same(abi.encode(_grants.grantOf(id)), abi.encode(_replay.grantOf(id)), "grant");
            same(abi.encode(_grants.reviewOf(id)), abi.encode(_replay.reviewOf(id)), "review");
        }
        KeyRequest[] memory requests = _handler.requests();
        for (uint256 i = 0; i < requests.length; ++i) {
            bytes32 id = requests[i].hash();
            same(abi.encode(_releases.releaseOf(id)), abi.encode(_replay.releaseOf(id)), "release");
        }
    }

    function _replaysSubject(bytes20 of_) private view {
        same(abi.encode(_subjects.subjectOf(of_)), abi.encode(_replay.subjectOf(of_)), "subject");
        same(abi.encode(_subjects.recoveryOf(of_)), abi.encode(_replay.recoveryOf(of_)), "recovery");
        uint256[] memory keys = _handler.signerKeysOf(of_);
        for (uint256 i = 0; i < keys.length; ++i) {
            bytes32 by = _hashOf(keys[i]);
            same(abi.encode(_subjects.signerOf(by)), abi.encode(_replay.signerOf(by)), "signer");
        }
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 by = _hashOf(30_000 + i);
            bytes memory stored = abi.encode(_subjects.representativeOf(of_, by));
            same(stored, abi.encode(_replay.representativeOf(of_, by)), "representative");
        }
    }

    function _is_open_is_what_the_events_say() internal view {
        KeyRequest[] memory requests = _handler.requests();
        for (uint256 i = 0; i < requests.length; ++i) {
            bool open = _releases.isOpen(requests[i]);
            assertTrue(open == _isOpen(requests[i]), open ? "open against the events" : "closed against the events");
            if (_handler.revoked(requests[i].grantId)) assertFalse(open, "open after the revoke");
        }
    }

    /// @dev The signer of the day and every one before, in both ways; the custodian's registrar while there is none.
    function _the_patient_can_always_revoke() internal {
        Grant[] memory terms = _handler.terms();
        if (terms.length == 0) return;
        Grant memory last = terms[terms.length - 1];
        for (uint256 i = 0; i < _handler.patientCount(); ++i) {
            last.subject = _handler.patients(i);
            uint256[] memory keys = _handler.signerKeysOf(last.subject);
            if (keys.length == 0) _revokes(last, 110 + _handler.custodianOf(last.subject));
            for (uint256 k = 0; k < keys.length; ++k) {
                last.salt = keccak256(abi.encode("never carried", k));
                vm.prank(vm.addr(keys[k]));
                _grants.revokeOwn(last);
                assertEq(_grants.grantOf(last.hash()).state, 2, "own transaction");
                _revokes(last, keys[k]);
            }
        }
    }

    function _revokes(Grant memory given, uint256 key) private {
        given.salt = keccak256(abi.encode("never carried either", key));
        bytes32 digest = TypedData.digest(address(_grants), TypedData.hashRevoke(given.hash()));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        _grants.revoke(given, Approval(abi.encodePacked(vm.addr(key)), abi.encodePacked(r, s, v), ""));
        assertEq(_grants.grantOf(given.hash()).state, 2, "carried by anyone");
    }

    /// @dev isOpen, decided a second time from the replayed events.
    function _isOpen(KeyRequest memory request) private view returns (bool) {
        ReleaseState memory release = _replay.releaseOf(request.hash());
        if (release.late || block.timestamp >= release.lapse) return false;
        Study memory study = _replay.studyOf(request.studyId);
        Subject memory subject = _replay.subjectOf(study.subject);
        if (release.institution == 0) return subject.epoch == release.epoch && study.status != 3;
        GrantState memory grant = _replay.grantOf(request.grantId);
        bool blocked = subject.flags & 1 == 1 && grant.basis != 4 && grant.basis != 5;
        if (grant.state != 1 || grant.epoch != subject.epoch || blocked) return false;
        if (study.status != 1 || _replay.revisionWithdrawn(request.studyId, request.revision)) return false;
        Institution memory requester = _replay.institutionOf(release.institution);
        if (!requester.active || requester.badgeEpoch != release.epoch || _replay.withdrawn(request.person)) {
            return false;
        }
        return block.timestamp < _replay.keyEnd(release.institution, 3, request.recipient);
    }

    function _hashOf(uint256 key) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(vm.addr(key)));
    }

    function same(bytes memory stored, bytes memory replayed, string memory what) private pure {
        assertEq(keccak256(stored), keccak256(replayed), what);
    }
}
