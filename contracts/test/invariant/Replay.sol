// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { GrantState, IGrants, ReviewState } from "../../src/interfaces/IGrants.sol";
import { IReleases, KeyRequest, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Erasure, IStudies, Study } from "../../src/interfaces/IStudies.sol";
import { Vm } from "../utils/Vm.sol";
import { ReplaySubjects } from "./ReplaySubjects.sol";

/// @title The ledger's storage, rebuilt from its events and nothing else.
contract Replay is ReplaySubjects {
    mapping(bytes32 studyId => Study replayed) private _studies;
    mapping(bytes32 studyId => Erasure replayed) private _erasures;
    mapping(bytes32 studyId => mapping(uint16 revision => bytes32 manifest)) public manifests;
    mapping(bytes32 studyId => mapping(uint16 revision => bool withdrawn)) public revisionWithdrawn;
    mapping(bytes32 grantId => GrantState replayed) private _grants;
    mapping(bytes32 grantId => ReviewState replayed) private _reviews;
    mapping(uint32 institution => bytes32[] grantIds) private _owed;
    mapping(bytes32 requestId => ReleaseState replayed) private _releases;
    mapping(bytes32 requestId => uint256 count) public recordedTimes;

    /// @notice How often each kind of event was told.
    mapping(bytes32 kind => uint256 count) public told;

    function studyOf(bytes32 studyId) external view returns (Study memory) {
        return _studies[studyId];
    }

    function erasureOf(bytes32 studyId) external view returns (Erasure memory) {
        return _erasures[studyId];
    }

    function grantOf(bytes32 grantId) external view returns (GrantState memory) {
        return _grants[grantId];
    }

    function reviewOf(bytes32 grantId) external view returns (ReviewState memory) {
        return _reviews[grantId];
    }

    /// @dev Searched from the first that was ever owed.
    function oldestOwedBy(uint32 institution) external view returns (bytes32 grantId, uint40 dueAt) {
        bytes32[] storage owed = _owed[institution];
        for (uint256 i = 0; i < owed.length; ++i) {
            ReviewState storage review = _reviews[owed[i]];
            if (review.state == 1) return (owed[i], review.dueAt);
        }
    }

    function releaseOf(bytes32 requestId) external view returns (ReleaseState memory) {
        return _releases[requestId];
    }

    function take(Vm.Log[] calldata logs) external {
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32 kind = logs[i].topics[0];
            bool known = _takeMembers(kind, logs[i]) || _takeStudies(kind, logs[i]) || _takeGrants(kind, logs[i])
                || _takeReleases(kind, logs[i]) || _takeSubjects(kind, logs[i]);
            require(known, "an event that replay does not know");
            ++told[kind];
        }
    }

    function _takeStudies(bytes32 kind, Vm.Log calldata log) private returns (bool) {
        bytes32 first = log.topics[1];
        if (kind == IStudies.Anchored.selector) {
            (bytes32 manifest, uint32 day, uint40 time) = abi.decode(log.data, (bytes32, uint32, uint40));
            _studies[first] = Study(_subject(log, 2), 1, 1, day, time);
            manifests[first][1] = manifest;
        } else if (kind == IStudies.Revised.selector) {
            (uint16 revision, bytes32 manifest) = abi.decode(log.data, (uint16, bytes32));
            _studies[first].revision = revision;
            manifests[first][revision] = manifest;
        } else if (kind == IStudies.Withdrawn.selector) {
            uint16 revision = abi.decode(log.data, (uint16));
            if (revision == 0) _studies[first].status = 2;
            else revisionWithdrawn[first][revision] = true;
        } else if (kind == IStudies.Retained.selector) {
            _studies[first].retainUntilDay = abi.decode(log.data, (uint32));
        } else if (kind == IStudies.Held.selector) {
            _erasures[first].held = true;
        } else if (kind == IStudies.HoldLifted.selector) {
            (_erasures[first].held, _erasures[first].holdSerial) = (false, abi.decode(log.data, (uint32)) + 1);
        } else if (kind == IStudies.ErasureRequested.selector) {
            _erasures[first].requested = true;
        } else if (kind == IStudies.Erased.selector) {
            (_studies[first].status, _erasures[first].certificate) = (3, abi.decode(log.data, (bytes32)));
        } else {
            return false;
        }
        return true;
    }

    function _takeGrants(bytes32 kind, Vm.Log calldata log) private returns (bool) {
        bytes32 first = log.topics[1];
        if (kind == IGrants.Granted.selector) {
            // terms: 13 words, of which basis is the first and epoch the tenth; then the expiry
            uint256[14] memory words = abi.decode(log.data, (uint256[14]));
            _grants[first] = GrantState(_subject(log, 2), uint32(words[9]), uint40(words[13]), 1, uint8(words[0]));
        } else if (kind == IGrants.Revoked.selector) {
            (_grants[first].subject, _grants[first].state) = (_subject(log, 2), 2);
        } else if (kind == IGrants.ReviewOwed.selector) {
            (uint40 dueAt, bytes32 one, bytes32 two) = abi.decode(log.data, (uint40, bytes32, bytes32));
            _reviews[first] = ReviewState(_u32(log, 2), dueAt, 1, one, two);
            _owed[_u32(log, 2)].push(first);
        } else if (kind == IGrants.ReviewFiled.selector) {
            _reviews[first].state = 2;
        } else {
            return kind == IGrants.ReviewContested.selector;
        }
        return true;
    }

    function _takeReleases(bytes32 kind, Vm.Log calldata log) private returns (bool) {
        bytes32 first = log.topics[1];
        if (kind == IReleases.Released.selector) {
            (, uint32 institution, uint32 epoch, uint40 time, uint40 lapse) =
                abi.decode(log.data, (KeyRequest, uint32, uint32, uint40, uint40));
            _releases[first] = ReleaseState(time, lapse, institution, epoch, false);
            ++recordedTimes[first];
        } else if (kind == IReleases.ReleasedLate.selector) {
            (, uint32 institution, uint32 epoch, uint40 time,) =
                abi.decode(log.data, (KeyRequest, uint32, uint32, uint40, uint64));
            _releases[first] = ReleaseState(time, time, institution, epoch, true);
            ++recordedTimes[first];
        } else {
            return kind == IReleases.Denied.selector;
        }
        return true;
    }
}
