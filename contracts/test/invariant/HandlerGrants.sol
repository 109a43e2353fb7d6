// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, GrantItem, IGrants, Review } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval, Representative } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantTypedData } from "../utils/GrantTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";
import { HandlerStudies } from "./HandlerStudies.sol";

/// @title What may happen to grants, on every basis, and to what is owed for emergencies.
abstract contract HandlerGrants is HandlerStudies {
    using TypedData for *;
    using GrantTypedData for *;

    Grant[] internal _terms;
    uint256[] internal _emergencies;

    mapping(bytes32 grantId => bytes32 studyId) internal _granted;
    mapping(bytes32 grantId => bool revoked) public revoked;
    mapping(bytes32 grantId => uint256 end) public powerEnd;

    bool public anEmergencyPassedAnOverdueReview;

    function terms() external view returns (Grant[] memory) {
        return _terms;
    }

    /// @dev On a study, on that basis, from now on; good but for who signs it.
    function _newTerms(uint256 which, uint256 length, uint256 scope, uint8 basis)
        internal
        view
        returns (Grant memory given)
    {
        bytes32 id = _which(which);
        given = grantOn(basis);
        given.subject = studies.studyOf(id).subject;
        given.scope = scope % 3 == 0 ? bytes32(0) : scope % 3 == 1 ? id : keccak256(abi.encode(id, uint32(1)));
        given.anchoredBy = scope % 2 == 0 ? FOREVER : uint64(block.timestamp);
        if (scope % 5 == 0) given.grantee = bytes32(bytes4(REQUESTER));
        if (basis <= 2 && scope % 7 == 0) given.purposes = 0x11; // TREAT and HRESCH
        (given.notBefore, given.relayBy) = (uint64(block.timestamp), FOREVER);
        uint256 longest = basis == Rules.EMERGENCY ? 24 hours : 30 days;
        given.notAfter = uint64(block.timestamp + bound(length, 1 hours, longest));
        given.epoch = subjects.subjectOf(given.subject).epoch;
        given.salt = keccak256(abi.encode("grant", _terms.length, block.timestamp));
    }

    function _given(Grant memory given, uint256 which, uint256 end) private {
        bytes32 grantId = given.hash();
        assertEq(grants.grantOf(grantId).state, 1, "given");
        if (given.basis == Rules.EMERGENCY) _emergencies.push(_terms.length);
        _terms.push(given);
        (_granted[grantId], powerEnd[grantId]) = (_which(which), end);
    }

    /// @dev By the patient or a representative; false when there is nobody.
    function _consent(Grant memory given, uint256 which, uint256 by) internal returns (bool) {
        uint256 key = _decider(given.subject, by, Rules.MAY_GRANT);
        if (key == 0) return false;
        uint256 end = FOREVER;
        if (key != keyOf(given.subject)) {
            Representative memory power = replay.representativeOf(given.subject, hashOf(key));
            (given.purposes, end) = (given.purposes & power.purposes, power.notAfter);
        }
        grants.grant(given, one(patientApproval(key, given.hash())));
        _given(given, which, end);
        return true;
    }

    function consent(uint256 which, uint256 length, uint256 scope, uint256 by) external replayed {
        _consent(_newTerms(which, length, scope, Rules.CONSENT), which, by);
    }

    /// @dev PAPER, CARE or LAW.
    function grantByTheCustodian(uint256 which, uint256 length, uint256 scope, uint256 basis) external replayed {
        Grant memory given = _newTerms(which, length, scope, uint8(2 + basis % 3));
        uint32 custodian = custodianOf(given.subject);
        if (!isActive(custodian)) return;
        bytes32 grantId = given.hash();
        if (given.basis == Rules.PAPER) grants.grant(given, _twoOf(address(grants), custodian, grantId));
        else grants.grant(given, one(_officer(address(grants), custodian, grantId)));
        _given(given, which, FOREVER);
    }

    /// @dev Opens one, unless a review is overdue; or carries one that is over.
    function openAnEmergency(uint256 which, uint256 length, uint256 scope, uint256 ago) external replayed {
        Grant memory given = _newTerms(which, length, scope, Rules.EMERGENCY);
        bool late = ago % 4 == 1;
        if (late) {
            uint64 by = uint64(bound(ago, given.notAfter - block.timestamp, 72 hours - 1));
            (given.notBefore, given.notAfter) = (given.notBefore - by, given.notAfter - by);
        }
        if (!late && !isActive(REQUESTER)) return;
        (bytes32 oldest, uint40 dueAt) = replay.oldestOwedBy(REQUESTER);
        bool overdue = oldest != 0 && block.timestamp >= dueAt;
        try grants.grant(given, _requesters(given)) {
            if (overdue && !late) anEmergencyPassedAnOverdueReview = true;
            _given(given, which, FOREVER);
        } catch (bytes memory data) {
            bytes memory expected = abi.encodeWithSelector(IGrants.ReviewOverdue.selector, REQUESTER, oldest);
            assertEq(keccak256(data), keccak256(expected), "refused for another reason");
            assertTrue(overdue && !late, "refused without a reason");
            ++refusals[IGrants.ReviewOverdue.selector];
        }
    }

    /// @dev Two of the requester's staff, with badges from the emergency's first second on.
    function _requesters(Grant memory given) private view returns (Approval[] memory) {
        return two(_requester(COLLEAGUE, given), _requester(STRANGER, given));
    }

    function _requester(uint256 session, Grant memory given) private view returns (Approval memory) {
        Badge memory badge = _badge(REQUESTER, session, Rules.NURSE);
        badge.notBefore = given.notBefore;
        return atGrants(session, badge, given.hash());
    }

    /// @dev A good one, one with a bad signature, the good one again.
    function grantMany(uint256 which, uint256 length, uint256 scope) external replayed {
        Grant memory given = _newTerms(which, length, scope, Rules.CONSENT);
        uint256 key = keyOf(given.subject);
        if (key == 0) return;
        Grant memory bad = _newTerms(which, length, scope, Rules.CONSENT);
        bad.salt = 0;
        GrantItem[] memory items = new GrantItem[](3);
        items[0] = items[2] = GrantItem(given, one(patientApproval(key, given.hash())));
        items[1] = GrantItem(bad, one(patientApproval(key, given.hash())));
        bool[] memory answers = grants.grantBatch(items);
        assertTrue(answers[0] && !answers[1] && answers[2], "a batch gives what is good");
        _given(given, which, FOREVER);
    }

    function revokeGrant(uint256 which, uint256 how) external replayed {
        if (_terms.length == 0 || how % 3 == 0) return;
        _revoke(_terms[which % _terms.length], how / 3);
    }

    function revokeBeforeItComes(uint256 which, uint256 how) external replayed {
        Grant memory never = _newTerms(which, 1 days, 0, Rules.CONSENT);
        if (!_revoke(never, how)) return;
        uint256 key = keyOf(never.subject);
        if (key == 0) return;
        try grants.grant(never, one(patientApproval(key, never.hash()))) {
            assertTrue(false, "a revoked grant came to live");
        } catch { }
    }

    /// @dev By somebody of the patient's side, in three ways, or the custodian's registrar or officer, or the grantee.
    function _revoke(Grant memory given, uint256 how) internal returns (bool) {
        bytes32 grantId = given.hash();
        bytes32 structHash = TypedData.hashRevoke(grantId);
        uint32 custodian = custodianOf(given.subject);
        uint256 key = _patientSide(given.subject, how >> 8);
        uint256 way = how % 6;
        if (way < 3 && key == 0) return false;
        if (way == 0) {
            vm.prank(vm.addr(key));
            grants.revokeOwn(given);
        } else if (way == 1 && grants.grantOf(grantId).state != 0) {
            vm.prank(vm.addr(key));
            grants.revokeOwnById(grantId);
        } else if (way < 4) {
            grants.revoke(given, patientApproval(way == 3 ? registrarOf(custodian) : key, structHash));
        } else if (way == 4) {
            grants.revoke(given, _officer(address(grants), custodian, structHash));
        } else {
            bool unseen = given.basis == Rules.EMERGENCY && grants.grantOf(grantId).state == 0;
            if (unseen || given.grantee != PERSON || replay.withdrawn(PERSON)) return false;
            grants.revoke(given, atGrants(SESSION, _clinician(), structHash));
        }
        revoked[grantId] = true;
        return true;
    }

    /// @dev The clinician, who is an officer and does research as well.
    function _clinician() internal view returns (Badge memory badge) {
        badge = _badge(REQUESTER, SESSION, Rules.PHYSICIAN | Rules.OFFICER | Rules.RESEARCHER);
        badge.person = PERSON;
    }

    /// @dev Files or contests one, often the oldest that is owed, by an officer of any institution.
    function reviewAnEmergency(uint256 which, uint256 by) external replayed {
        uint32 institution = uint32(1 + by % 3);
        if (_emergencies.length == 0 || !isActive(institution)) return;
        bytes32 grantId = _terms[_emergencies[which % _emergencies.length]].hash();
        (bytes32 oldest,) = replay.oldestOwedBy(REQUESTER);
        if (oldest != 0 && (by >> 16) % 2 == 0) grantId = oldest;
        Review memory found = Review(grantId, uint8(1 + (by >> 8) % 2), REPORT);
        grants.review(found, _officer(address(grants), institution, found.hash()));
        assertEq(grants.reviewOf(grantId).state, 2, "filed");
    }
}
