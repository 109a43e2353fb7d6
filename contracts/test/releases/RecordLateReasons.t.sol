// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Evidence, Reason } from "../../src/interfaces/IReleases.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { TypedData } from "../utils/TypedData.sol";
import { RecordLateBase } from "./RecordLateBase.t.sol";

/// @notice Reasons 1 to 30 against recording late, each alone and judged at the hand-over, and the order of all.
contract RecordLateReasonsTest is RecordLateBase {
    using TypedData for *;

    // The badge.

    function test_1_issuer_unpublished(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != ISSUER_2);
        Evidence memory given = evidence();
        given.issuerSignature = signMembers(key, _badge.hash());
        refuse(given, Reason.ISSUER_UNPUBLISHED);
    }

    function test_1_issuer_ended_before() public {
        endIssuer(REQUESTER, HANDED_OVER_AT);
        refuse(Reason.ISSUER_UNPUBLISHED);
    }

    function test_1_issuer_ended_since() public {
        endIssuer(REQUESTER, HANDED_OVER_AT + 1);
        accept();
    }

    function test_4_badge_window() public {
        _badge.notBefore = HANDED_OVER_AT + 1;
        refuse(Reason.BADGE_WINDOW);
        (_badge.notBefore, _badge.notAfter) = (0, HANDED_OVER_AT);
        refuse(Reason.BADGE_WINDOW);
        (_badge.notBefore, _badge.notAfter) = (HANDED_OVER_AT, HANDED_OVER_AT + 1);
        accept();
    }

    function test_6_training_lapsed() public {
        _badge.trainedUntil = HANDED_OVER_AT;
        refuse(Reason.TRAINING_LAPSED);
        _badge.trainedUntil = HANDED_OVER_AT + 1;
        accept();
    }

    // The request.

    function test_7_request_signature(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != SESSION);
        Evidence memory given = evidence();
        given.sessionSignature = signReleases(key, _request.hash());
        refuse(given, Reason.REQUEST_SIGNATURE);
    }

    function test_8_person_prefix(uint32 institution, uint224 rest) public {
        vm.assume(institution != REQUESTER);
        _badge.person = _request.person = bytes32(bytes4(institution)) | bytes32(uint256(rest));
        refuse(Reason.PERSON_PREFIX);
    }

    function test_9_person_mismatch(bytes32 person) public {
        vm.assume(person != PERSON);
        _request.person = person;
        refuse(Reason.PERSON_MISMATCH);
    }

    function test_10_request_window() public {
        _request.notAfter = HANDED_OVER_AT;
        refuse(Reason.REQUEST_WINDOW);
        _request.notAfter = HANDED_OVER_AT + 1;
        accept();
    }

    // The study.

    function test_11_study_unknown(bytes32 unknown) public {
        vm.assume(unknown != studyId);
        _request.studyId = unknown;
        refuse(Reason.STUDY_UNKNOWN);
    }

    function test_12_revision_unknown(uint16 revision) public {
        vm.assume(revision != 1);
        _request.revision = revision;
        refuse(Reason.REVISION_UNKNOWN);
    }

    function test_12_every_revision_of_the_study() public {
        revise(studyId, 2, sha256("two"));
        _request.revision = 2;
        accept();
        _request.revision = 1;
        accept();
    }

    // The grant.

    function test_16_grant_mismatch(bytes32 grantId) public {
        vm.assume(grantId != _grant.hash());
        _request.grantId = grantId;
        refuse(Reason.GRANT_MISMATCH);
    }

    function test_17_grant_of_another_subject() public {
        (_grant.subject, _grant.scope, _grant.anchoredBy) = (bare, 0, FOREVER);
        regrant();
        refuse(Reason.GRANT_SUBJECT);
    }

    function test_18_grant_never_carried(bytes32 salt) public {
        vm.assume(salt != _grant.salt);
        _grant.salt = salt;
        _request.grantId = _grant.hash();
        refuse(Reason.GRANT_UNKNOWN);
    }

    function test_18_grant_revoked_before_it_was_carried() public {
        _grant.salt = 0;
        _request.grantId = _grant.hash();
        revoke(_grant);
        refuse(Reason.GRANT_UNKNOWN);
    }

    // Its terms.

    function test_22_scope() public {
        _grant.scope = keccak256("another study");
        regrant();
        refuse(Reason.SCOPE);
        (_grant.scope, _grant.anchoredBy) = (0, uint64(NOW - 1));
        regrant();
        refuse(Reason.SCOPE);
        _grant.anchoredBy = uint64(NOW);
        regrant();
        accept();
    }

    function test_22_scope_of_one_series() public {
        _grant.scope = keccak256(abi.encode(studyId, uint32(3)));
        regrant();
        refuse(Reason.SCOPE);
        _request.series = 3;
        accept();
    }

    function test_23_grantee() public {
        _grant.grantee = colleaguePerson();
        regrant();
        refuse(Reason.GRANTEE);
        _grant.grantee = bytes32(bytes4(REQUESTER));
        regrant();
        accept();
    }

    function test_24_purpose_not_granted(uint8 purpose) public {
        vm.assume(purpose != 1);
        _request.purpose = purpose;
        refuse(Reason.PURPOSE_NOT_GRANTED);
    }

    function test_25_purpose_not_for_role() public {
        _badge.roles = Rules.TECHNOLOGIST | Rules.OFFICER;
        refuse(Reason.PURPOSE_NOT_FOR_ROLE);
        _badge.roles |= Rules.NURSE;
        accept();
    }

    function test_26_action_not_granted(uint8 action) public {
        vm.assume(action != 1 && action != 2);
        _request.action = action;
        refuse(Reason.ACTION_NOT_GRANTED);
    }

    function test_27_grant_not_yet() public {
        _badge.notBefore = 0;
        _at = uint64(NOW - 1);
        refuse(Reason.GRANT_NOT_YET);
        _at = uint64(NOW);
        accept();
    }

    function test_28_grant_expired() public {
        (_badge.notAfter, _request.notAfter) = (FOREVER, FOREVER);
        _at = uint64(NOW + 24 hours);
        refuse(Reason.GRANT_EXPIRED);
        _at = uint64(NOW + 24 hours - 1);
        accept();
    }

    // The destination.

    function test_30_recipient_unpublished(bytes32 recipient) public {
        vm.assume(recipient != GATEWAY);
        _request.recipient = recipient;
        refuse(Reason.RECIPIENT_UNPUBLISHED);
    }

    function test_30_recipient_ended_before() public {
        endGateway(HANDED_OVER_AT);
        refuse(Reason.RECIPIENT_UNPUBLISHED);
    }

    function test_30_recipient_ended_since() public {
        endGateway(HANDED_OVER_AT + 1);
        accept();
    }

    function test_the_order_of_checks_from_the_last_to_the_first() public {
        // Each line breaks one more fact, further to the left: the reason moves with it.
        endSigner(CUSTODIAN, GOVERNOR_1, Kinds.BROKER_SIGN, BROKER_1, 1);
        refuse(Reason.LATE_TRUSTEE);
        vm.warp(BACK + 72 hours);
        refuse(Reason.LATE_TIME);
        vm.warp(BACK);
        endGateway(1);
        refuse(Reason.RECIPIENT_UNPUBLISHED);
        (_badge.notAfter, _request.notAfter, _at) = (FOREVER, FOREVER, uint64(NOW + 24 hours));
        refuse(Reason.GRANT_EXPIRED);
        (_badge.notBefore, _at) = (0, uint64(NOW - 1));
        refuse(Reason.GRANT_NOT_YET);
        _request.action = 9;
        refuse(Reason.ACTION_NOT_GRANTED);
        _badge.roles = 0;
        refuse(Reason.PURPOSE_NOT_FOR_ROLE);
        _request.purpose = 9;
        refuse(Reason.PURPOSE_NOT_GRANTED);
        _grant.grantee = colleaguePerson();
        regrant();
        refuse(Reason.GRANTEE);
        _grant.scope = keccak256("another study");
        regrant();
        refuse(Reason.SCOPE);
        _grant.basis = Rules.CARE;
        (_grant.purposes, _grant.notAfter) = (Rules.TREAT, uint64(BACK + 1));
        regrant();
        refuse(Reason.LATE_BASIS);
        _orderFromTheGrantOn();
    }

    function _orderFromTheGrantOn() private {
        _grant.salt = 0;
        _request.grantId = _grant.hash();
        refuse(Reason.GRANT_UNKNOWN);
        _grant.subject = bare;
        _request.grantId = _grant.hash();
        refuse(Reason.GRANT_SUBJECT);
        _request.grantId = 0;
        refuse(Reason.GRANT_MISMATCH);
        _request.revision = 7;
        refuse(Reason.REVISION_UNKNOWN);
        _request.studyId = 0;
        refuse(Reason.STUDY_UNKNOWN);
        _request.notAfter = 0;
        refuse(Reason.REQUEST_WINDOW);
        _request.person = 0;
        refuse(Reason.PERSON_MISMATCH);
        _badge.person = 0;
        refuse(Reason.PERSON_PREFIX);
        _badge.session = vm.addr(STRANGER);
        refuse(Reason.REQUEST_SIGNATURE);
        _badge.trainedUntil = 0;
        refuse(Reason.TRAINING_LAPSED);
        _badge.notAfter = 0;
        refuse(Reason.BADGE_WINDOW);
        endIssuer(REQUESTER, 1);
        refuse(Reason.ISSUER_UNPUBLISHED);
    }
}
