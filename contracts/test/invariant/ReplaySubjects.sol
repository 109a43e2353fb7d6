// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IMembers, Institution } from "../../src/interfaces/IMembers.sol";
import { Appoint, ISubjects, Recovery, Representative, Signer, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { Vm } from "../utils/Vm.sol";

/// @title What Members and Subjects keep, rebuilt from their events and nothing else.
abstract contract ReplaySubjects {
    mapping(uint32 institution => Institution replayed) private _institutions;
    mapping(uint32 institution => mapping(uint8 kind => mapping(bytes32 keyHash => uint64 end))) public keyEnd;
    mapping(bytes32 person => bool withdrawn) public withdrawn;
    mapping(bytes20 subject => Subject replayed) private _subjects;
    mapping(bytes32 signerHash => Signer replayed) private _signers;
    mapping(bytes20 subject => mapping(bytes32 representative => Representative replayed)) private _representatives;
    mapping(bytes20 subject => Recovery replayed) private _recoveries;

    function institutionOf(uint32 institution) external view returns (Institution memory) {
        return _institutions[institution];
    }

    function subjectOf(bytes20 subject) external view returns (Subject memory) {
        return _subjects[subject];
    }

    function signerOf(bytes32 signerHash) external view returns (Signer memory) {
        return _signers[signerHash];
    }

    function representativeOf(bytes20 subject, bytes32 representative) external view returns (Representative memory) {
        return _representatives[subject][representative];
    }

    function recoveryOf(bytes20 subject) external view returns (Recovery memory) {
        return _recoveries[subject];
    }

    function _takeMembers(bytes32 kind, Vm.Log calldata log) internal returns (bool) {
        uint32 number = _u32(log, 1);
        Institution storage institution = _institutions[number];
        if (kind == IMembers.Admitted.selector) {
            (uint8 region, uint64 exports,) = abi.decode(log.data, (uint8, uint64, uint64));
            _institutions[number] = Institution(_address(log, 2), region, exports, true, 1);
        } else if (kind == IMembers.Suspended.selector) {
            institution.active = false;
        } else if (kind == IMembers.Reinstated.selector) {
            institution.active = true;
        } else if (kind == IMembers.GovernorReplaced.selector) {
            institution.governor = _address(log, 2);
        } else if (kind == IMembers.ExportsChanged.selector) {
            (institution.exports,) = abi.decode(log.data, (uint64, uint64));
        } else if (kind == IMembers.Published.selector) {
            keyEnd[number][uint8(_u32(log, 2))][log.topics[3]] = abi.decode(log.data, (uint64));
        } else if (kind == IMembers.BadgeEpochRaised.selector) {
            institution.badgeEpoch = abi.decode(log.data, (uint32));
        } else if (kind == IMembers.PersonWithdrawn.selector) {
            withdrawn[log.topics[2]] = true;
        } else {
            return false;
        }
        return true;
    }

    function _takeSubjects(bytes32 kind, Vm.Log calldata log) internal returns (bool) {
        bytes20 subject = _subject(log, 1);
        Subject storage stored = _subjects[subject];
        if (kind == ISubjects.Enrolled.selector) {
            bytes32 signerHash = abi.decode(log.data, (bytes32));
            _subjects[subject] = Subject(_u32(log, 2), 1, 0, signerHash == 0 ? 0 : 1, 1, 0, 0);
            if (signerHash != 0) _signers[signerHash] = Signer(subject, 1);
        } else if (kind == ISubjects.AllRevoked.selector) {
            stored.epoch = abi.decode(log.data, (uint32));
        } else if (kind == ISubjects.Rotated.selector) {
            _replaceSigner(subject, log);
            ++stored.serial;
        } else if (kind == ISubjects.Restricted.selector) {
            stored.flags |= Rules.RESTRICTED;
        } else if (kind == ISubjects.Lifted.selector) {
            stored.flags &= ~Rules.RESTRICTED;
            stored.liftedSerial = abi.decode(log.data, (uint32));
            stored.serial = stored.liftedSerial + 1;
        } else if (kind == ISubjects.Transferred.selector) {
            stored.custodian = _u32(log, 3);
            ++stored.serial;
            delete _recoveries[subject];
        } else {
            return _takeWaiting(kind, log, subject);
        }
        return true;
    }

    /// @dev Appointments and recoveries: what waits, begins and ends.
    function _takeWaiting(bytes32 kind, Vm.Log calldata log, bytes20 subject) private returns (bool) {
        if (kind == ISubjects.Appointed.selector) {
            (Appoint memory given, uint40 from) = abi.decode(log.data, (Appoint, uint40));
            _representatives[subject][log.topics[2]] =
                Representative(given.powers, given.purposes, from, uint40(given.notAfter), given.serial);
            _subjects[subject].serial = given.serial + 1;
        } else if (kind == ISubjects.AppointmentVetoed.selector || kind == ISubjects.Dismissed.selector) {
            delete _representatives[subject][log.topics[2]];
        } else if (kind == ISubjects.RecoveryBegun.selector) {
            (uint8 attempt, uint32 serial, uint40 readyAt,) = abi.decode(log.data, (uint8, uint32, uint40, uint32[]));
            bool contested = _recoveries[subject].contested;
            _recoveries[subject] = Recovery(log.topics[2], readyAt, attempt, serial, contested);
            _subjects[subject].recoveries = serial + 1;
        } else if (kind == ISubjects.RecoveryVetoed.selector) {
            (, bool contested) = abi.decode(log.data, (uint8, bool));
            _recoveries[subject] = Recovery(0, 0, 0, 0, contested);
        } else if (kind == ISubjects.Recovered.selector) {
            delete _recoveries[subject];
            _replaceSigner(subject, log);
        } else {
            return false;
        }
        return true;
    }

    function _replaceSigner(bytes20 subject, Vm.Log calldata log) private {
        uint32 index = abi.decode(log.data, (uint32));
        _signers[log.topics[2]] = Signer(subject, index);
        _subjects[subject].signerIndex = index;
    }

    function _u32(Vm.Log calldata log, uint256 topic) internal pure returns (uint32) {
        return topic < log.topics.length ? uint32(uint256(log.topics[topic])) : 0;
    }

    function _address(Vm.Log calldata log, uint256 topic) internal pure returns (address) {
        return address(uint160(uint256(log.topics[topic])));
    }

    function _subject(Vm.Log calldata log, uint256 topic) internal pure returns (bytes20) {
        return bytes20(log.topics[topic]);
    }
}
