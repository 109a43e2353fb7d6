// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grants } from "../../src/Grants.sol";
import { Members } from "../../src/Members.sol";
import { Releases } from "../../src/Releases.sol";
import { Studies } from "../../src/Studies.sol";
import { Subjects } from "../../src/Subjects.sol";
import { Grant, GrantState } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Evidence, KeyRequest } from "../../src/interfaces/IReleases.sol";
import { Study } from "../../src/interfaces/IStudies.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";
import { Replay } from "./Replay.sol";

/// @title What the handler knows, and how it makes valid structs.
abstract contract HandlerBase is Base {
    using TypedData for *;

    uint256 internal constant FIRST_PATIENT = 20_000;
    uint256 internal constant MOST = 5;

    Replay public replay = new Replay();
    bytes32[] public studyIds;
    bytes20[] public patients;
    KeyRequest[] internal _requests;
    Grant[] internal _terms;

    mapping(bytes32 grantId => bytes32 studyId) internal _granted;
    mapping(bytes32 grantId => bool revoked) public revoked;
    mapping(bytes32 studyId => uint16 revision) public highest;
    mapping(string action => uint256 count) public calls;

    constructor() {
        vm.recordLogs();
        setUp();
        replay.take(vm.getRecordedLogs());
        studyIds.push(studyId);
        patients.push(subject);
        highest[studyId] = 1;
    }

    modifier replayed(string memory action) {
        vm.recordLogs();
        _;
        replay.take(vm.getRecordedLogs());
        ++calls[action];
    }

    function requests() external view returns (KeyRequest[] memory) {
        return _requests;
    }

    function terms() external view returns (Grant[] memory) {
        return _terms;
    }

    function studyCount() external view returns (uint256) {
        return studyIds.length;
    }

    function ledgerMembers() external view returns (Members) {
        return members;
    }

    function ledgerSubjects() external view returns (Subjects) {
        return subjects;
    }

    function ledgerStudies() external view returns (Studies) {
        return studies;
    }

    function ledgerGrants() external view returns (Grants) {
        return grants;
    }

    function ledgerReleases() external view returns (Releases) {
        return releases;
    }

    function keyOf(bytes20 of_) public view returns (uint256) {
        for (uint256 i = 0; i < patients.length; ++i) {
            if (patients[i] == of_) return i == 0 ? PATIENT : FIRST_PATIENT + i;
        }
        return 0;
    }

    function _newTerms(uint256 which, uint256 length, uint256 scope, uint256 purposes)
        internal
        view
        returns (Grant memory given)
    {
        bytes32 id = studyIds[which % studyIds.length];
        given = defaultGrant();
        given.subject = studies.studyOf(id).subject;
        given.scope = scope % 3 == 0 ? bytes32(0) : scope % 3 == 1 ? id : keccak256(abi.encode(id, uint32(1)));
        given.anchoredBy = scope % 2 == 0 ? FOREVER : uint64(block.timestamp);
        given.purposes = purposes % 4 == 0 ? 2 : 1 + uint32(bound(purposes, 0, 31)) * 2;
        (given.notBefore, given.relayBy) = (uint64(block.timestamp), uint64(block.timestamp + 1));
        given.notAfter = uint64(block.timestamp + bound(length, 1 hours, 30 days));
        given.epoch = subjects.subjectOf(given.subject).epoch;
        given.salt = keccak256(abi.encode("grant", _terms.length, block.timestamp));
    }

    function _give(Grant memory given) internal {
        grants.grant(given, oneApproval(patientApproval(keyOf(given.subject), given.hash())));
        _terms.push(given);
    }

    function _revoke(Grant memory given, uint256 how) internal {
        uint256 key = keyOf(given.subject);
        bytes32 grantId = given.hash();
        if (how % 3 == 0) {
            vm.prank(vm.addr(key));
            grants.revokeOwn(given);
        } else {
            key = how % 3 == 1 ? key : REGISTRAR_1;
            grants.revoke(given, patientApproval(key, TypedData.hashRevoke(grantId)));
        }
        revoked[grantId] = true;
    }

    function _evidence(uint256 which, uint256 study, uint16 revision, uint8 purpose)
        internal
        view
        returns (Evidence memory)
    {
        Grant memory leaned = _terms[which % _terms.length];
        KeyRequest memory request = defaultRequest(leaned.hash());
        // Mostly what the grant is about, sometimes anything.
        request.studyId = study % 4 == 0 ? studyIds[study % studyIds.length] : _granted[request.grantId];
        (request.revision, request.series, request.purpose) = (revision % 4 == 0 ? 2 : 1, 1, purpose % 4 == 0 ? 1 : 0);
        request.notAfter = uint64(block.timestamp + 2 hours);
        request.salt = keccak256(abi.encode("request", _requests.length));
        Badge memory badge = defaultBadge();
        (badge.notBefore, badge.notAfter) = (uint64(block.timestamp), uint64(block.timestamp + 12 hours));
        badge.epoch = members.institutionOf(REQUESTER).badgeEpoch;
        return evidenceOf(request, leaned, badge);
    }

    function _seen(KeyRequest memory request) internal view returns (bool) {
        bytes32 requestId = request.hash();
        for (uint256 i = 0; i < _requests.length; ++i) {
            if (_requests[i].hash() == requestId) return true;
        }
        return false;
    }

    /// @dev What must be true when a release is recorded, told from the replayed events.
    function _recorded(KeyRequest memory request) internal {
        _requests.push(request);
        Study memory study = replay.studyOf(request.studyId);
        assertEq(study.status, 1, "a release of a study that is not anchored");
        assertFalse(replay.revisionWithdrawn(request.studyId, request.revision), "of a withdrawn revision");
        if (request.grantId == 0) return;
        GrantState memory state = replay.grantOf(request.grantId);
        assertEq(state.state, 1, "a release without a live grant");
        assertFalse(revoked[request.grantId], "a release under a revoked grant");
        assertEq(state.epoch, replay.subjectOf(study.subject).epoch, "a release in another epoch");
        assertTrue(block.timestamp < state.expiry, "a release under an expired grant");
        assertEq(state.subject, study.subject, "a release under another subject's grant");
    }
}
