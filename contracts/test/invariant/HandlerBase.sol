// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Badge, Vote } from "../../src/interfaces/IMembers.sol";
import { Erasure, Study } from "../../src/interfaces/IStudies.sol";
import { Approval, Representative, Subject } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";
import { Replay } from "./Replay.sol";

/// @title What the handler knows: who holds which key, and what was seen of subjects and studies so far.
abstract contract HandlerBase is GrantBase {
    using TypedData for *;

    uint256 internal constant MOST = 5;
    uint256 internal constant MOST_STUDIES = 12;
    uint256 internal constant FIRST_KEY = 20_000;
    uint256 internal constant FIRST_REPRESENTATIVE = 30_000;
    uint256 internal constant REPRESENTATIVES = 3;

    Replay public replay = new Replay();
    bytes32[] public studyIds;
    bytes20[] public patients;
    uint256 internal _nextKey = FIRST_KEY;

    mapping(uint32 institution => uint256 key) internal _governors;
    mapping(bytes20 subject => uint256[] keys) internal _signerKeys;
    mapping(bytes20 subject => Subject stored) internal _seenSubject;
    mapping(bytes32 studyId => Study stored) internal _seenStudy;
    mapping(bytes32 studyId => Erasure stored) internal _seenErasure;
    mapping(bytes32 studyId => uint16 revision) public highest;

    /// @notice How often something was refused as foretold.
    mapping(bytes4 refusal => uint256 count) public refusals;

    bool public somethingFell;
    bool public aHeldStudyWasErased;

    constructor() {
        vm.recordLogs();
        setUp();
        for (uint32 i = 1; i <= 3; ++i) {
            _governors[i] = governorOf(i);
            if (i != CUSTODIAN) publishSigner(i, governorOf(i), Kinds.BROKER_SIGN, brokerOf(i));
        }
        replay.take(vm.getRecordedLogs());
        studyIds.push(studyId);
        highest[studyId] = 1;
        patients.push(subject);
        patients.push(bare);
        _signerKeys[subject].push(PATIENT);
        _watch();
    }

    modifier replayed() {
        vm.recordLogs();
        _;
        replay.take(vm.getRecordedLogs());
        _watch();
    }

    function studyCount() external view returns (uint256) {
        return studyIds.length;
    }

    function patientCount() external view returns (uint256) {
        return patients.length;
    }

    /// @dev What was seen before the last action, compared with what is there now.
    function _watch() private {
        for (uint256 i = 0; i < patients.length; ++i) {
            Subject memory now_ = subjects.subjectOf(patients[i]);
            Subject memory before = _seenSubject[patients[i]];
            bool fell = now_.serial < before.serial || now_.epoch < before.epoch
                || now_.signerIndex < before.signerIndex || now_.liftedSerial < before.liftedSerial
                || now_.liftedSerial >= now_.serial || now_.recoveries < before.recoveries;
            if (fell) somethingFell = true;
            _seenSubject[patients[i]] = now_;
        }
        for (uint256 i = 0; i < studyIds.length; ++i) {
            _watchStudy(studyIds[i]);
        }
    }

    function _watchStudy(bytes32 id) private {
        (Study memory now_, Study memory before) = (studies.studyOf(id), _seenStudy[id]);
        Erasure memory erasure = studies.erasureOf(id);
        bool fell = now_.status < before.status || now_.revision < before.revision
            || now_.retainUntilDay < before.retainUntilDay || erasure.holdSerial < _seenErasure[id].holdSerial;
        if (fell) somethingFell = true;
        if (now_.status == 3 && before.status != 3 && _seenErasure[id].held) aHeldStudyWasErased = true;
        (_seenStudy[id], _seenErasure[id]) = (now_, erasure);
    }

    // Whose keys.

    function brokerOf(uint32 institution) internal pure returns (uint256) {
        return BROKER_1 - 1 + institution;
    }

    function registrarOf(uint32 institution) internal pure returns (uint256) {
        return 110 + institution;
    }

    /// @dev The key of the current signer; 0 while there is none.
    function keyOf(bytes20 of_) public view returns (uint256) {
        uint256 count = _signerKeys[of_].length;
        return count == 0 ? 0 : _signerKeys[of_][count - 1];
    }

    function signerKeysOf(bytes20 of_) external view returns (uint256[] memory) {
        return _signerKeys[of_];
    }

    function custodianOf(bytes20 of_) public view returns (uint32) {
        return subjects.subjectOf(of_).custodian;
    }

    function isActive(uint32 institution) internal view returns (bool) {
        return members.institutionOf(institution).active;
    }

    function representativeKey(uint256 which) internal pure returns (uint256) {
        return FIRST_REPRESENTATIVE + which % REPRESENTATIVES;
    }

    function isLive(bytes20 of_, uint256 key) internal view returns (bool) {
        Representative memory stored = replay.representativeOf(of_, hashOf(key));
        return stored.from <= block.timestamp && block.timestamp < stored.notAfter;
    }

    /// @dev A live representative with that power (0: any), starting to look at `which`; 0 when there is none.
    function _representative(bytes20 of_, uint256 which, uint32 power) internal view returns (uint256) {
        for (uint256 i = 0; i < REPRESENTATIVES; ++i) {
            uint256 key = representativeKey(which % REPRESENTATIVES + i);
            uint32 powers = replay.representativeOf(of_, hashOf(key)).powers;
            if (isLive(of_, key) && (power == 0 || powers & power != 0)) return key;
        }
        return 0;
    }

    /// @dev Somebody of the patient's side: a signer, current or former, or a representative; 0 when there is nobody.
    function _patientSide(bytes20 of_, uint256 which) internal view returns (uint256) {
        uint256 representative = _representative(of_, which, 0);
        uint256 count = _signerKeys[of_].length;
        if (count == 0 || (which % 3 == 0 && representative != 0)) return representative;
        return _signerKeys[of_][which % count];
    }

    /// @dev Who decides with that power: the current signer or a representative; 0 when there is neither.
    function _decider(bytes20 of_, uint256 which, uint32 power) internal view returns (uint256) {
        uint256 representative = _representative(of_, which, power);
        uint256 current = keyOf(of_);
        return current == 0 || (which % 3 == 0 && representative != 0) ? representative : current;
    }

    // What they sign.

    /// @dev A badge that is good now, unless its institution is suspended or its person withdrawn.
    function _badge(uint32 institution, uint256 session, uint32 roles) internal view returns (Badge memory badge) {
        badge = badgeOf(institution, session, roles);
        (badge.notBefore, badge.notAfter) = (uint64(block.timestamp), uint64(block.timestamp + 12 hours));
        badge.trainedUntil = uint64(block.timestamp + 1 days);
        badge.epoch = members.institutionOf(institution).badgeEpoch;
    }

    function _officer(address where, uint32 institution, bytes32 structHash) internal view returns (Approval memory) {
        uint256 session = officerOf(institution);
        return staffAt(where, session, _badge(institution, session, Rules.OFFICER), structHash);
    }

    /// @dev An officer and a clerk of an institution.
    function _twoOf(address where, uint32 institution, bytes32 structHash) internal view returns (Approval[] memory) {
        Approval memory second = staffAt(where, CLERK, _badge(institution, CLERK, Rules.REGISTRAR), structHash);
        return two(_officer(where, institution, structHash), second);
    }

    /// @dev Officers of `count` institutions, the custodian's first; none when one of them is suspended.
    function _officers(uint256 count, uint32 custodian, bytes32 structHash)
        internal
        view
        returns (Approval[] memory approvals)
    {
        approvals = new Approval[](count);
        for (uint32 i = 0; i < count; ++i) {
            uint32 institution = (custodian - 1 + i) % 3 + 1;
            if (!isActive(institution)) return new Approval[](0);
            approvals[i] = _officer(address(subjects), institution, structHash);
        }
    }

    /// @dev Every active institution but one votes.
    function _votes(bytes32 structHash, uint32 excluded) internal view returns (Vote[] memory cast) {
        uint256 count = 0;
        for (uint32 i = 1; i <= 3; ++i) {
            if (i != excluded && isActive(i)) ++count;
        }
        cast = new Vote[](count);
        count = 0;
        for (uint32 i = 1; i <= 3; ++i) {
            if (i != excluded && isActive(i)) cast[count++] = Vote(i, signMembers(_governors[i], structHash));
        }
    }
}
