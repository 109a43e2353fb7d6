// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grants } from "../../src/Grants.sol";
import { Releases } from "../../src/Releases.sol";
import { Studies } from "../../src/Studies.sol";
import { Subjects } from "../../src/Subjects.sol";
import { Grant, GrantState } from "../../src/interfaces/IGrants.sol";
import { KeyRequest, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Study } from "../../src/interfaces/IStudies.sol";
import { Approval, Subject } from "../../src/interfaces/ISubjects.sol";
import { Test } from "../utils/Test.sol";
import { TypedData } from "../utils/TypedData.sol";
import { Handler } from "./Handler.sol";
import { Replay } from "./Replay.sol";

/// @notice The invariants of the design, after every bounded action.
contract LedgerInvariants is Test {
    using TypedData for *;

    Handler private _handler;
    Replay private _replay;
    Subjects private _subjects;
    Studies private _studies;
    Grants private _grants;
    Releases private _releases;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() public {
        _handler = new Handler();
        _replay = _handler.replay();
        (_subjects, _studies) = (_handler.ledgerSubjects(), _handler.ledgerStudies());
        (_grants, _releases) = (_handler.ledgerGrants(), _handler.ledgerReleases());
    }

    /// @dev forge asks these two: only the handler's actions are called.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory actions = new bytes4[](20);
        (actions[0], actions[1]) = (Handler.wait.selector, Handler.enrolPatient.selector);
        (actions[2], actions[3]) = (Handler.suspendOrReinstate.selector, Handler.endBadges.selector);
        (actions[4], actions[5]) = (Handler.withdrawTheClinician.selector, Handler.endTheGateway.selector);
        (actions[6], actions[7]) = (Handler.restrict.selector, Handler.anchorStudy.selector);
        (actions[8], actions[9]) = (Handler.reviseStudy.selector, Handler.withdrawStudy.selector);
        (actions[10], actions[11]) = (Handler.eraseStudy.selector, Handler.giveGrant.selector);
        (actions[12], actions[13]) = (Handler.revokeGrant.selector, Handler.revokeBeforeItComes.selector);
        (actions[14], actions[15]) = (Handler.revokeEverything.selector, Handler.recordOne.selector);
        (actions[16], actions[17]) = (Handler.recordMany.selector, Handler.recordOwnAccess.selector);
        (actions[18], actions[19]) = (Handler.recordAgain.selector, Handler.giveAndRecord.selector);
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), actions);
    }

    function invariant_a_revoked_grant_never_lives_again() public view {
        Grant[] memory terms = _handler.terms();
        for (uint256 i = 0; i < terms.length; ++i) {
            bytes32 grantId = terms[i].hash();
            if (_handler.revoked(grantId)) assertEq(_grants.grantOf(grantId).state, 2, "a revoked grant lives");
        }
    }

    function invariant_a_request_is_recorded_once() public view {
        KeyRequest[] memory requests = _handler.requests();
        for (uint256 i = 0; i < requests.length; ++i) {
            assertEq(_replay.recordedTimes(requests[i].hash()), 1, "recorded times");
        }
    }

    function invariant_revisions_only_rise_and_digests_stay() public view {
        for (uint256 i = 0; i < _count(); ++i) {
            bytes32 id = _handler.studyIds(i);
            uint16 revision = _studies.studyOf(id).revision;
            assertEq(revision, _handler.highest(id), "revision");
            for (uint16 r = 1; r <= revision; ++r) {
                assertTrue(_studies.manifestOf(id, r) != 0, "digest");
                assertEq(_studies.manifestOf(id, r), _replay.manifests(id, r), "digest as anchored");
            }
        }
    }

    function invariant_events_replay_to_storage() public view {
        Grant[] memory terms = _handler.terms();
        for (uint256 i = 0; i < terms.length; ++i) {
            bytes32 id = terms[i].hash();
            same(abi.encode(_grants.grantOf(id)), abi.encode(_replay.grantOf(id)), "grant");
            bytes20 of_ = terms[i].subject;
            same(abi.encode(_subjects.subjectOf(of_)), abi.encode(_replay.subjectOf(of_)), "subject");
        }
        for (uint256 i = 0; i < _count(); ++i) {
            bytes32 id = _handler.studyIds(i);
            same(abi.encode(_studies.studyOf(id)), abi.encode(_replay.studyOf(id)), "study");
        }
        KeyRequest[] memory requests = _handler.requests();
        for (uint256 i = 0; i < requests.length; ++i) {
            bytes32 id = requests[i].hash();
            same(abi.encode(_releases.releaseOf(id)), abi.encode(_replay.releaseOf(id)), "release");
        }
        assertTrue(_replay.active(2) == _handler.ledgerMembers().institutionOf(2).active, "active");
        assertEq(_replay.badgeEpoch(2), _handler.ledgerMembers().institutionOf(2).badgeEpoch, "badge epoch");
    }

    function invariant_is_open_is_what_the_events_say() public view {
        KeyRequest[] memory requests = _handler.requests();
        for (uint256 i = 0; i < requests.length; ++i) {
            bool open = _releases.isOpen(requests[i]);
            assertTrue(open == _isOpen(requests[i]), open ? "open against the events" : "closed against the events");
            if (_handler.revoked(requests[i].grantId)) assertFalse(open, "open after the revoke");
        }
    }

    function invariant_the_patient_can_always_revoke() public {
        Grant[] memory terms = _handler.terms();
        if (terms.length == 0) return;
        Grant memory last = terms[terms.length - 1];
        uint256 key = _handler.keyOf(last.subject);
        last.salt = keccak256("never carried");
        vm.prank(vm.addr(key));
        _grants.revokeOwn(last);
        assertEq(_grants.grantOf(last.hash()).state, 2, "own transaction");
        last.salt = keccak256("never carried either");
        bytes32 digest = TypedData.digest(address(_grants), TypedData.hashRevoke(last.hash()));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        _grants.revoke(last, Approval(abi.encodePacked(vm.addr(key)), abi.encodePacked(r, s, v), ""));
        assertEq(_grants.grantOf(last.hash()).state, 2, "carried by anyone");
    }

    /// @dev isOpen, decided a second time from the replayed events.
    function _isOpen(KeyRequest memory request) private view returns (bool) {
        ReleaseState memory release = _replay.releaseOf(request.hash());
        if (block.timestamp >= release.lapse) return false;
        Study memory study = _replay.studyOf(request.studyId);
        Subject memory subject = _replay.subjectOf(study.subject);
        if (release.institution == 0) return subject.epoch == release.epoch && study.status != 3;
        GrantState memory grant = _replay.grantOf(request.grantId);
        if (grant.state != 1 || grant.epoch != subject.epoch || subject.flags & 1 == 1) return false;
        if (study.status != 1 || _replay.revisionWithdrawn(request.studyId, request.revision)) return false;
        if (!_replay.active(release.institution) || _replay.withdrawn(request.person)) return false;
        if (_replay.badgeEpoch(release.institution) != release.epoch) return false;
        return block.timestamp < _replay.keyEnd(release.institution, 3, request.recipient);
    }

    function _count() private view returns (uint256 count) {
        return _handler.studyCount();
    }

    function same(bytes memory stored, bytes memory replayed, string memory what) private pure {
        assertEq(keccak256(stored), keccak256(replayed), what);
    }
}
