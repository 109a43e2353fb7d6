// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Evidence, IReleases, KeyRequest, Reason, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { TypedData } from "../utils/TypedData.sol";
import { RecordBase } from "./RecordBase.t.sol";

/// @notice Recording, and reasons 1 to 10: the badge and the request.
contract RecordTest is RecordBase {
    using TypedData for *;

    function test_records() public {
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        bytes32 requestId = evidence.request.hash();
        uint40 lapse = uint40(NOW + 1 hours);
        vm.expectEmit(address(releases));
        emit IReleases.Released(requestId, studyId, PERSON, _request, REQUESTER, 1, uint40(NOW), lapse);
        assertEq(releases.record(evidence), requestId, "request id");
        assertEq(releases.requestIdOf(_request), requestId, "requestIdOf");
        assertEq(releases.releaseOf(requestId), ReleaseState(uint40(NOW), lapse, REQUESTER, 1, false));
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
}
