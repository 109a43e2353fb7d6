// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Evidence, IReleases, KeyRequest, Reason, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract RecordTest is Base {
    using TypedData for *;

    Grant private _grant;
    KeyRequest private _request;
    Badge private _badge;

    function setUp() public override {
        super.setUp();
        _grant = defaultGrant();
        give(_grant);
        _request = defaultRequest(_grant.hash());
        _badge = defaultBadge();
    }

    /// @dev Signs what the test made of the three structs and expects the one reason from check and record alike.
    function refuse(Reason reason) private {
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        refuse(evidence, reason);
    }

    function refuse(Evidence memory evidence, Reason reason) private {
        assertEq(uint256(releases.check(evidence)), uint256(reason), "check");
        expectRefused(evidence.request, reason);
        releases.record(evidence);
    }

    function accept() private {
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        assertEq(uint256(releases.check(evidence)), 0, "check");
        bytes32 requestId = releases.record(evidence);
        assertEq(releases.releaseOf(requestId).recordedAt, block.timestamp, "recorded at");
    }

    /// @dev Gives the grant again after the test changed its terms, and leans the request on it.
    function regrant() private {
        give(_grant);
        _request.grantId = _grant.hash();
    }

    function test_records() public {
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        bytes32 requestId = evidence.request.hash();
        uint40 lapse = uint40(NOW + 1 hours);
        vm.expectEmit(address(releases));
        emit IReleases.Released(requestId, studyId, PERSON, _request, REQUESTER, 1, uint40(NOW), lapse);
        assertEq(releases.record(evidence), requestId, "request id");
        assertEq(releases.requestIdOf(_request), requestId, "requestIdOf");
        ReleaseState memory stored = releases.releaseOf(requestId);
        assertEq(stored.recordedAt, NOW, "recorded at");
        assertEq(stored.lapse, lapse, "lapse");
        assertEq(stored.institution, REQUESTER, "institution");
        assertEq(stored.epoch, 1, "epoch");
        assertTrue(releases.isOpen(_request), "open");
    }

    function test_again_has_no_effect() public {
        accept();
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        vm.warp(NOW + 10 days);
        vm.recordLogs();
        releases.record(evidence);
        assertEq(countLogs(), 0, "events");
        assertEq(releases.releaseOf(_request.hash()).recordedAt, NOW, "recorded at");
    }

    function test_the_lapse_is_the_earliest_of_four_ends(uint64 request, uint64 grant_, uint64 badge) public {
        _request.notAfter = uint64(bound(request, NOW + 1, NOW + 24 hours));
        _grant.notAfter = uint64(bound(grant_, NOW + 1, NOW + 24 hours));
        _badge.notAfter = uint64(bound(badge, NOW + 1, NOW + 24 hours));
        regrant();
        accept();
        uint256 expected = NOW + 8 hours;
        if (_request.notAfter < expected) expected = _request.notAfter;
        if (_grant.notAfter < expected) expected = _grant.notAfter;
        if (_badge.notAfter < expected) expected = _badge.notAfter;
        assertEq(releases.releaseOf(_request.hash()).lapse, expected, "lapse");
    }

    // 1 to 6: the badge.

    function test_1_issuer_unpublished(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != ISSUER_2);
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        evidence.issuerSignature = signMembers(key, _badge.hash());
        refuse(evidence, Reason.ISSUER_UNPUBLISHED);
    }

    function test_1_issuer_malformed(bytes memory signature) public {
        vm.assume(signature.length != 65);
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        evidence.issuerSignature = signature;
        refuse(evidence, Reason.ISSUER_UNPUBLISHED);
    }

    function test_1_issuer_ended(uint64 end) public {
        end = uint64(bound(end, 1, NOW));
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, end);
        refuse(Reason.ISSUER_UNPUBLISHED);
    }

    function test_1_issuer_of_another_institution() public {
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        evidence.issuerSignature = signMembers(ISSUER_1, _badge.hash());
        refuse(evidence, Reason.ISSUER_UNPUBLISHED);
    }

    function test_2_institution_inactive() public {
        suspendRequester();
        refuse(Reason.INSTITUTION_INACTIVE);
        reinstateRequester();
        accept();
    }

    function test_3_badge_epoch(uint32 epoch) public {
        vm.assume(epoch != 1);
        _badge.epoch = epoch;
        refuse(Reason.BADGE_EPOCH);
    }

    function test_3_badge_epoch_raised() public {
        raiseBadgeEpoch();
        refuse(Reason.BADGE_EPOCH);
    }

    function test_4_badge_window() public {
        _badge.notBefore = uint64(NOW + 1);
        refuse(Reason.BADGE_WINDOW);
        (_badge.notBefore, _badge.notAfter) = (0, uint64(NOW));
        refuse(Reason.BADGE_WINDOW);
        (_badge.notBefore, _badge.notAfter) = (uint64(NOW), uint64(NOW + 1));
        accept();
    }

    function test_5_person_withdrawn() public {
        withdrawPerson();
        refuse(Reason.PERSON_WITHDRAWN);
    }

    function test_6_training_lapsed() public {
        _badge.trainedUntil = uint64(NOW);
        refuse(Reason.TRAINING_LAPSED);
        _badge.trainedUntil = uint64(NOW + 1);
        accept();
    }

    // 7 to 10: the request.

    function test_7_request_signature(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != SESSION);
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        evidence.sessionSignature = signReleases(key, _request.hash());
        refuse(evidence, Reason.REQUEST_SIGNATURE);
    }

    function test_7_request_signature_malformed(bytes memory signature) public {
        vm.assume(signature.length != 65);
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        evidence.sessionSignature = signature;
        refuse(evidence, Reason.REQUEST_SIGNATURE);
    }

    function test_7_request_changed(KeyRequest memory changed) public {
        vm.assume(changed.hash() != _request.hash());
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        evidence.request = changed;
        refuse(evidence, Reason.REQUEST_SIGNATURE);
    }

    function test_7_the_zero_session_signs_nothing() public {
        _badge.session = address(0);
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        evidence.sessionSignature = new bytes(65);
        refuse(evidence, Reason.REQUEST_SIGNATURE);
    }

    function test_8_person_prefix(uint32 institution, uint224 rest) public {
        vm.assume(institution != REQUESTER);
        _badge.person = bytes32(bytes4(institution)) | bytes32(uint256(rest));
        _request.person = _badge.person;
        refuse(Reason.PERSON_PREFIX);
    }

    function test_9_person_mismatch(bytes32 person) public {
        vm.assume(person != PERSON);
        _request.person = person;
        refuse(Reason.PERSON_MISMATCH);
    }

    function test_10_request_window(uint64 notAfter) public {
        _request.notAfter = uint64(bound(notAfter, 0, NOW));
        refuse(Reason.REQUEST_WINDOW);
        _request.notAfter = uint64(NOW + 1);
        accept();
    }

    // 11 to 15: the study.

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
        accept();
        _request.revision = 2;
        accept();
    }

    function test_13_revision_withdrawn() public {
        revise(studyId, 2, sha256("two"));
        withdraw(studyId, 1);
        refuse(Reason.REVISION_WITHDRAWN);
        _request.revision = 2;
        accept();
    }

    function test_14_study_withdrawn() public {
        withdraw(studyId, 0);
        refuse(Reason.STUDY_WITHDRAWN);
    }

    function test_15_study_erased() public {
        setStatus(studyId, 3);
        refuse(Reason.STUDY_ERASED);
    }

    // 16 to 21: the grant.

    function test_16_grant_mismatch(bytes32 grantId) public {
        vm.assume(grantId != _grant.hash());
        _request.grantId = grantId;
        refuse(Reason.GRANT_MISMATCH);
    }

    function test_17_grant_of_another_subject() public {
        bytes20 other = enrol(667, keccak256("another salt"));
        (_grant.subject, _grant.scope, _grant.anchoredBy) = (other, 0, FOREVER);
        grants.grant(_grant, oneApproval(patientApproval(667, _grant.hash())));
        _request.grantId = _grant.hash();
        refuse(Reason.GRANT_SUBJECT);
    }

    function test_18_grant_unknown(bytes32 salt) public {
        vm.assume(salt != _grant.salt);
        _grant.salt = salt;
        _request.grantId = _grant.hash();
        refuse(Reason.GRANT_UNKNOWN);
    }

    function test_19_grant_revoked() public {
        revoke(_grant);
        refuse(Reason.GRANT_REVOKED);
    }

    function test_20_grant_epoch() public {
        revokeAll(1);
        refuse(Reason.GRANT_EPOCH);
    }

    function test_21_restricted(uint8 flags) public {
        setFlags(subject, flags | 1);
        refuse(Reason.RESTRICTED);
        setFlags(subject, flags & 0xFE);
        accept();
    }

    // 22 to 28: the terms.

    function test_22_scope_of_one_study(bytes32 scope) public {
        vm.assume(scope != studyId && scope != 0);
        _grant.scope = scope;
        regrant();
        refuse(Reason.SCOPE);
    }

    function test_22_scope_of_all_so_far(uint64 anchoredBy) public {
        (_grant.scope, _grant.anchoredBy) = (0, uint64(bound(anchoredBy, 0, NOW - 1)));
        regrant();
        refuse(Reason.SCOPE);
        _grant.anchoredBy = uint64(NOW);
        regrant();
        accept();
    }

    function test_22_scope_of_future_ones_too() public {
        (_grant.scope, _grant.anchoredBy) = (0, FOREVER);
        regrant();
        vm.warp(NOW + 1);
        _request.studyId = anchor(subject, keccak256("later"), sha256("later"));
        accept();
    }

    function test_22_scope_of_one_series(uint32 granted, uint32 asked) public {
        granted = uint32(bound(granted, 1, type(uint32).max));
        vm.assume(granted != asked);
        _grant.scope = keccak256(abi.encode(studyId, granted));
        regrant();
        _request.series = asked;
        refuse(Reason.SCOPE);
        _request.series = 0;
        refuse(Reason.SCOPE);
        _request.series = granted;
        accept();
    }

    function test_22_series_zero_is_no_series() public {
        _grant.scope = keccak256(abi.encode(studyId, uint32(0)));
        regrant();
        refuse(Reason.SCOPE);
    }

    function test_22_any_series_of_a_granted_study(uint32 series) public {
        _request.series = series;
        accept();
    }

    function test_23_grantee(bytes32 grantee) public {
        grantee |= bytes32(uint256(1 << 224));
        vm.assume(grantee != PERSON && grantee != bytes32(bytes4(REQUESTER)));
        _grant.grantee = grantee;
        regrant();
        refuse(Reason.GRANTEE);
    }

    function test_23_an_institution_is_everybody_in_it(uint224 rest) public {
        _grant.grantee = bytes32(bytes4(REQUESTER));
        regrant();
        _badge.person = bytes32(bytes4(REQUESTER)) | bytes32(uint256(rest));
        _request.person = _badge.person;
        accept();
    }

    function test_24_purpose_not_granted(uint8 purpose) public {
        vm.assume(purpose != 0);
        _request.purpose = purpose;
        refuse(Reason.PURPOSE_NOT_GRANTED);
    }

    function test_25_purpose_not_for_role(uint32 roles) public {
        _badge.roles = roles & ~(Rules.PHYSICIAN | Rules.RADIOLOGIST | Rules.TECHNOLOGIST | Rules.NURSE);
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
        _grant.notBefore = uint64(NOW + 1);
        regrant();
        refuse(Reason.GRANT_NOT_YET);
        vm.warp(NOW + 1);
        accept();
    }

    function test_28_grant_expired() public {
        _grant.notAfter = uint64(NOW + 10);
        regrant();
        vm.warp(NOW + 10);
        refuse(Reason.GRANT_EXPIRED);
        vm.warp(NOW + 9);
        accept();
    }

    // 29 and 30: the destination.

    function test_29_region() public {
        _asBystander();
        refuse(Reason.REGION);
    }

    function test_30_recipient_unpublished(bytes32 recipient) public {
        vm.assume(recipient != GATEWAY);
        _request.recipient = recipient;
        refuse(Reason.RECIPIENT_UNPUBLISHED);
    }

    function test_30_recipient_ended() public {
        vm.warp(KEYS_END - 1);
        (_badge.notAfter, _badge.trainedUntil, _request.notAfter) = (FOREVER, FOREVER, FOREVER);
        (_grant.notAfter, _grant.relayBy) = (KEYS_END + 1, FOREVER);
        regrant();
        accept();
        _request.salt = 0;
        vm.warp(NOW);
        endGateway(uint64(NOW));
        refuse(Reason.RECIPIENT_UNPUBLISHED);
    }

    function test_the_order_of_checks_from_the_last_to_the_first() public {
        // Each line breaks one more fact, further to the left: the reason moves with it.
        endGateway(1);
        refuse(Reason.RECIPIENT_UNPUBLISHED);
        _grant.notAfter = uint64(NOW + 10);
        regrant();
        vm.warp(NOW + 10);
        refuse(Reason.GRANT_EXPIRED);
        _request.action = 9;
        refuse(Reason.ACTION_NOT_GRANTED);
        _badge.roles = 0;
        refuse(Reason.PURPOSE_NOT_FOR_ROLE);
        _request.purpose = 9;
        refuse(Reason.PURPOSE_NOT_GRANTED);
        setFlags(subject, 1);
        refuse(Reason.RESTRICTED);
        revokeAll(1);
        refuse(Reason.GRANT_EPOCH);
        revoke(_grant);
        refuse(Reason.GRANT_REVOKED);
        _request.grantId = 0;
        refuse(Reason.GRANT_MISMATCH);
        withdraw(studyId, 0);
        refuse(Reason.STUDY_WITHDRAWN);
        withdraw(studyId, 1);
        refuse(Reason.REVISION_WITHDRAWN);
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
        _badge.person = PERSON;
        withdrawPerson();
        refuse(Reason.PERSON_WITHDRAWN);
        _badge.notAfter = 0;
        refuse(Reason.BADGE_WINDOW);
        raiseBadgeEpoch();
        refuse(Reason.BADGE_EPOCH);
        suspendRequester();
        refuse(Reason.INSTITUTION_INACTIVE);
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, 1);
        refuse(Reason.ISSUER_UNPUBLISHED);
    }

    /// @dev The clinician moves to hospital 3, in region 2, which hospital 1 does not export to.
    function _asBystander() private {
        publishSigner(BYSTANDER, GOVERNOR_3, Kinds.ISSUER, ISSUER_2);
        (_badge.institution, _badge.person) = (BYSTANDER, bytes32(bytes4(BYSTANDER)) | bytes32(uint256(1)));
        _request.person = _grant.grantee = _badge.person;
        regrant();
    }
}
