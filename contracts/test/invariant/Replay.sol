// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { GrantState, IGrants } from "../../src/interfaces/IGrants.sol";
import { IMembers } from "../../src/interfaces/IMembers.sol";
import { IReleases, KeyRequest, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { IStudies, Study } from "../../src/interfaces/IStudies.sol";
import { ISubjects, Signer, Subject } from "../../src/interfaces/ISubjects.sol";
import { Vm } from "../utils/Vm.sol";

/// @title The ledger's storage, rebuilt from its events and nothing else.
contract Replay {
    mapping(uint32 institution => bool active) public active;
    mapping(uint32 institution => uint32 epoch) public badgeEpoch;
    mapping(uint32 institution => mapping(uint8 kind => mapping(bytes32 keyHash => uint64 end))) public keyEnd;
    mapping(bytes32 person => bool withdrawn) public withdrawn;
    mapping(bytes20 subject => Subject replayed) private _subjects;
    mapping(bytes32 signerHash => Signer replayed) private _signers;
    mapping(bytes32 studyId => Study replayed) private _studies;
    mapping(bytes32 studyId => mapping(uint16 revision => bytes32 manifest)) public manifests;
    mapping(bytes32 studyId => mapping(uint16 revision => bool withdrawn)) public revisionWithdrawn;
    mapping(bytes32 grantId => GrantState replayed) private _grants;
    mapping(bytes32 requestId => ReleaseState replayed) private _releases;
    mapping(bytes32 requestId => uint256 count) public recordedTimes;

    function subjectOf(bytes20 subject) external view returns (Subject memory) {
        return _subjects[subject];
    }

    function signerOf(bytes32 signerHash) external view returns (Signer memory) {
        return _signers[signerHash];
    }

    function studyOf(bytes32 studyId) external view returns (Study memory) {
        return _studies[studyId];
    }

    function grantOf(bytes32 grantId) external view returns (GrantState memory) {
        return _grants[grantId];
    }

    function releaseOf(bytes32 requestId) external view returns (ReleaseState memory) {
        return _releases[requestId];
    }

    /// @dev Two states have no verb yet; tests that write them into storage tell the replay as well.
    function setFlags(bytes20 subject, uint8 flags) external {
        _subjects[subject].flags = flags;
    }

    function setStatus(bytes32 studyId, uint8 status) external {
        _studies[studyId].status = status;
    }

    function take(Vm.Log[] calldata logs) external {
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32 kind = logs[i].topics[0];
            bool known = _members(kind, logs[i]) || _subjectsAndStudies(kind, logs[i]) || _decisions(kind, logs[i]);
            require(known, "an event that replay does not know");
        }
    }

    function _members(bytes32 kind, Vm.Log calldata log) private returns (bool) {
        if (kind == IMembers.Admitted.selector) {
            (active[_u32(log, 1)], badgeEpoch[_u32(log, 1)]) = (true, 1);
        } else if (kind == IMembers.Suspended.selector) {
            active[_u32(log, 1)] = false;
        } else if (kind == IMembers.Reinstated.selector) {
            active[_u32(log, 1)] = true;
        } else if (kind == IMembers.Published.selector) {
            keyEnd[_u32(log, 1)][uint8(_u32(log, 2))][log.topics[3]] = abi.decode(log.data, (uint64));
        } else if (kind == IMembers.BadgeEpochRaised.selector) {
            badgeEpoch[_u32(log, 1)] = abi.decode(log.data, (uint32));
        } else if (kind == IMembers.PersonWithdrawn.selector) {
            withdrawn[log.topics[2]] = true;
        } else {
            return false;
        }
        return true;
    }

    function _subjectsAndStudies(bytes32 kind, Vm.Log calldata log) private returns (bool) {
        bytes32 first = log.topics[1];
        if (kind == ISubjects.Enrolled.selector) {
            _subjects[_subject(log, 1)] = Subject(_u32(log, 2), 1, 0, 1);
            _signers[abi.decode(log.data, (bytes32))] = Signer(_subject(log, 1), 1);
        } else if (kind == ISubjects.AllRevoked.selector) {
            _subjects[_subject(log, 1)].epoch = abi.decode(log.data, (uint32));
        } else if (kind == IStudies.Anchored.selector) {
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
        } else {
            return false;
        }
        return true;
    }

    function _decisions(bytes32 kind, Vm.Log calldata log) private returns (bool) {
        bytes32 first = log.topics[1];
        if (kind == IGrants.Granted.selector) {
            // terms: 13 words, of which basis is the first and epoch the tenth; then the expiry
            uint256[14] memory words = abi.decode(log.data, (uint256[14]));
            _grants[first] = GrantState(_subject(log, 2), uint32(words[9]), uint40(words[13]), 1, uint8(words[0]));
        } else if (kind == IGrants.Revoked.selector) {
            (_grants[first].subject, _grants[first].state) = (_subject(log, 2), 2);
        } else if (kind == IReleases.Released.selector) {
            (, uint32 institution, uint32 epoch, uint40 time, uint40 lapse) =
                abi.decode(log.data, (KeyRequest, uint32, uint32, uint40, uint40));
            _releases[first] = ReleaseState(time, lapse, institution, epoch);
            ++recordedTimes[first];
        } else {
            return kind == IReleases.Denied.selector;
        }
        return true;
    }

    function _u32(Vm.Log calldata log, uint256 topic) private pure returns (uint32) {
        return uint32(uint256(log.topics[topic]));
    }

    function _subject(Vm.Log calldata log, uint256 topic) private pure returns (bytes20) {
        return bytes20(log.topics[topic]);
    }
}
