// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { NarrowExports } from "../../src/interfaces/IMembers.sol";
import { Evidence, IReleases, Late, Reason, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { GrantTypedData } from "../utils/GrantTypedData.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";
import { RecordLateBase } from "./RecordLateBase.t.sol";

/// @notice Recording late, what taking back since does not hide, and reasons 33 to 35.
contract RecordLateTest is RecordLateBase {
    using TypedData for *;
    using GrantTypedData for *;
    using SubjectTypedData for *;

    function test_records(uint32 epoch) public {
        _badge.epoch = epoch; // whichever was current then
        bytes32 requestId = _request.hash();
        (Evidence memory given, bytes memory signature) = (evidence(), trustee(BROKER_1));
        vm.expectEmit(address(releases));
        emit IReleases.ReleasedLate(
            requestId, studyId, PERSON, _request, REQUESTER, epoch, uint40(BACK), HANDED_OVER_AT
        );
        assertEq(releases.recordLate(given, HANDED_OVER_AT, signature), requestId, "request id");
        ReleaseState memory expected = ReleaseState(uint40(BACK), uint40(BACK), REQUESTER, epoch, true);
        assertEq(releases.releaseOf(requestId), expected);
    }

    function test_it_was_never_open() public {
        accept();
        for (uint256 time = BACK; time <= BACK + 1 days; time += 1 hours) {
            vm.warp(time);
            assertFalse(releases.isOpen(_request), "open");
        }
    }

    function test_again_has_no_effect() public {
        accept();
        vm.warp(BACK + 10);
        vm.recordLogs();
        assertEq(releases.recordLate(evidence(), _at, trustee(BROKER_1)), _request.hash(), "request id");
        releases.recordLate(evidence(), _at + 1, "");
        assertEq(countLogs(), 0, "events");
        assertEq(releases.releaseOf(_request.hash()).recordedAt, BACK, "recorded at");
    }

    function test_what_was_recorded_late_is_not_recorded_anew() public {
        inTheWindow();
        accept();
        vm.recordLogs();
        releases.record(evidence());
        assertEq(countLogs(), 0, "events");
        assertFalse(releases.isOpen(_request), "open");
    }

    function test_what_was_recorded_in_time_is_not_late() public {
        inTheWindow();
        releases.record(evidence());
        vm.recordLogs();
        releases.recordLate(evidence(), _at, trustee(BROKER_1));
        assertEq(countLogs(), 0, "events");
        assertFalse(releases.releaseOf(_request.hash()).late, "late");
        assertTrue(releases.isOpen(_request), "open");
    }

    /// @dev Back to the second of the hand-over, where the grant is in its window.
    function inTheWindow() private {
        vm.warp(HANDED_OVER_AT);
    }

    function test_also_to_be_seen_on_the_facts() public {
        accept();
        assertTrue(releases.factsOf(_request, _badge, vm.addr(ISSUER_2)).release.late, "late");
    }

    // What was taken back since does not hide what was done.

    function test_the_grant_was_revoked_since() public {
        revoke(_grant);
        accept();
    }

    function test_everything_was_revoked_since() public {
        revokeAll(1);
        accept();
    }

    function test_processing_was_restricted_since() public {
        restrict(subject, PATIENT);
        accept();
    }

    function test_the_revision_was_withdrawn_since() public {
        withdraw(studyId, 1);
        accept();
    }

    function test_the_study_was_erased_since() public {
        eraseStudy(studyId);
        accept();
    }

    function test_the_badges_were_ended_since() public {
        endBadges(REQUESTER);
        accept();
    }

    function test_the_person_was_withdrawn_since() public {
        withdrawPerson();
        accept();
    }

    function test_the_institution_was_suspended_since() public {
        suspend(REQUESTER);
        accept();
    }

    function test_the_custodian_was_suspended_since() public {
        suspend(CUSTODIAN);
        accept();
    }

    function test_exports_were_narrowed_since() public {
        NarrowExports memory narrowing = NarrowExports(CUSTODIAN, 1, 1);
        members.narrowExports(narrowing, signMembers(GOVERNOR_1, narrowing.hash()));
        accept();
    }

    function test_the_review_was_filed_since() public {
        fileReview(_grant.hash(), REQUESTER);
        accept();
    }

    // 33: the basis.

    function test_33_late_basis() public {
        for (uint8 basis = 1; basis <= 4; ++basis) {
            _grant = grantOn(basis);
            (_grant.relayBy, _grant.notAfter) = (FOREVER, uint64(BACK + 1 days));
            regrant();
            refuse(Reason.LATE_BASIS);
        }
    }

    // 34: the time.

    function test_34_a_hand_over_that_lies_ahead() public {
        vm.warp(NOW + 59 minutes);
        _at = uint64(NOW + 59 minutes + 1);
        refuse(Reason.LATE_TIME);
        _at = uint64(NOW + 59 minutes);
        accept();
    }

    function test_34_until_the_review_is_due() public {
        vm.warp(BACK + 72 hours);
        refuse(Reason.LATE_TIME);
        vm.warp(BACK + 72 hours - 1);
        accept();
    }

    function test_34_also_when_it_was_filed() public {
        fileReview(_grant.hash(), REQUESTER);
        vm.warp(BACK + 72 hours);
        refuse(Reason.LATE_TIME);
    }

    // 35: the trustee.

    function test_35_any_other_key(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != BROKER_1);
        refuse(evidence(), trustee(key), Reason.LATE_TRUSTEE);
    }

    function test_35_keys_of_other_kinds() public {
        refuse(evidence(), trustee(REGISTRAR_1), Reason.LATE_TRUSTEE);
        refuse(evidence(), trustee(ISSUER_1), Reason.LATE_TRUSTEE);
    }

    function test_35_another_institutions_trustee() public {
        publishSigner(REQUESTER, GOVERNOR_2, Kinds.BROKER_SIGN, STRANGER);
        refuse(evidence(), trustee(STRANGER), Reason.LATE_TRUSTEE);
    }

    function test_35_a_malformed_signature(bytes memory signature) public {
        vm.assume(signature.length != 65);
        refuse(evidence(), signature, Reason.LATE_TRUSTEE);
    }

    function test_35_a_high_s() public {
        refuse(evidence(), malleate(trustee(BROKER_1)), Reason.LATE_TRUSTEE);
    }

    function test_35_another_time_than_was_signed(uint64 time) public {
        time = uint64(bound(time, NOW, NOW + 2 hours - 1));
        vm.assume(time != _at);
        bytes memory signature = trustee(BROKER_1);
        _at = time;
        refuse(evidence(), signature, Reason.LATE_TRUSTEE);
    }

    function test_35_another_request_than_was_signed() public {
        bytes memory signature = trustee(BROKER_1);
        _request.salt = 0;
        refuse(evidence(), signature, Reason.LATE_TRUSTEE);
    }

    function test_35_signed_for_another_contract() public {
        bytes memory signature = signGrants(BROKER_1, Late(_request.hash(), _at).hash());
        refuse(evidence(), signature, Reason.LATE_TRUSTEE);
    }

    function test_35_live_at_the_hand_over() public {
        endSigner(CUSTODIAN, GOVERNOR_1, Kinds.BROKER_SIGN, BROKER_1, HANDED_OVER_AT + 1);
        accept();
    }

    function test_35_ended_at_the_hand_over() public {
        endSigner(CUSTODIAN, GOVERNOR_1, Kinds.BROKER_SIGN, BROKER_1, HANDED_OVER_AT);
        refuse(Reason.LATE_TRUSTEE);
    }

    function test_35_of_the_custodian_of_the_day() public {
        transfer(subject, PATIENT);
        refuse(Reason.LATE_TRUSTEE);
        publishSigner(REQUESTER, GOVERNOR_2, Kinds.BROKER_SIGN, BROKER_1);
        accept();
    }

    function test_no_right_of_the_sender() public {
        Evidence memory given = evidence();
        expectRefused(_request, Reason.LATE_TRUSTEE);
        vm.prank(vm.addr(BROKER_1));
        releases.recordLate(given, _at, "");
    }
}
