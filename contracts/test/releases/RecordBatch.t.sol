// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Evidence, IReleases, KeyRequest, Reason } from "../../src/interfaces/IReleases.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract RecordBatchTest is GrantBase {
    using TypedData for *;

    function setUp() public override {
        super.setUp();
        give(defaultGrant());
    }

    function itemOf(uint256 salt) private view returns (Evidence memory) {
        Grant memory terms = defaultGrant();
        KeyRequest memory request = defaultRequest(terms.hash());
        request.salt = bytes32(salt);
        return evidenceOf(request, terms, defaultBadge());
    }

    /// @dev Carries one item in a batch and expects its reason and the number of events.
    function alone(Evidence memory item, Reason reason, uint256 events) private {
        Evidence[] memory batch = new Evidence[](1);
        batch[0] = item;
        vm.recordLogs();
        Reason[] memory reasons = releases.recordBatch(batch);
        assertEq(uint256(reasons[0]), uint256(reason), "reason");
        assertEq(countLogs(), events, "events");
    }

    function test_all_good_items_are_recorded(uint256 count) public {
        count = bound(count, 0, 12);
        Evidence[] memory batch = new Evidence[](count);
        for (uint256 i = 0; i < count; ++i) {
            batch[i] = itemOf(i);
        }
        vm.recordLogs();
        Reason[] memory reasons = releases.recordBatch(batch);
        assertEq(countLogs(), count, "events");
        assertEq(reasons.length, count, "reasons");
        for (uint256 i = 0; i < count; ++i) {
            assertEq(uint256(reasons[i]), 0, "reason");
            assertTrue(releases.isOpen(batch[i].request), "open");
        }
    }

    function test_a_bad_item_is_skipped_and_denied() public {
        Evidence[] memory batch = new Evidence[](3);
        (batch[0], batch[2]) = (itemOf(0), itemOf(2));
        Grant memory terms = defaultGrant();
        KeyRequest memory request = defaultRequest(terms.hash());
        request.purpose = 4;
        batch[1] = evidenceOf(request, terms, defaultBadge());
        vm.expectEmit(address(releases));
        emit IReleases.Released(
            batch[0].request.hash(), studyId, PERSON, batch[0].request, REQUESTER, 1, uint40(NOW), uint40(NOW + 1 hours)
        );
        vm.expectEmit(address(releases));
        emit IReleases.Denied(request.hash(), studyId, PERSON, REQUESTER, Reason.PURPOSE_NOT_GRANTED);
        Reason[] memory reasons = releases.recordBatch(batch);
        assertEq(uint256(reasons[0]), 0, "first");
        assertEq(uint256(reasons[1]), uint256(Reason.PURPOSE_NOT_GRANTED), "second");
        assertEq(uint256(reasons[2]), 0, "third");
        assertEq(releases.releaseOf(request.hash()).recordedAt, 0, "denied");
        assertTrue(releases.isOpen(batch[2].request), "third open");
    }

    function test_the_same_item_twice_is_recorded_once() public {
        Evidence[] memory batch = new Evidence[](2);
        batch[0] = batch[1] = itemOf(0);
        vm.recordLogs();
        Reason[] memory reasons = releases.recordBatch(batch);
        assertEq(countLogs(), 1, "events");
        assertEq(uint256(reasons[1]), 0, "second");
    }

    function test_bad_session_signatures_leave_no_trace(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != SESSION);
        Evidence memory item = itemOf(0);
        item.sessionSignature = signReleases(key, item.request.hash());
        alone(item, Reason.REQUEST_SIGNATURE, 0);
        item.sessionSignature = "";
        alone(item, Reason.REQUEST_SIGNATURE, 0);
    }

    function test_a_badge_of_ones_own_leaves_no_trace(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != ISSUER_2);
        Evidence memory item = itemOf(0);
        item.issuerSignature = signMembers(key, item.badge.hash());
        alone(item, Reason.ISSUER_UNPUBLISHED, 0);
        item.issuerSignature = "";
        alone(item, Reason.ISSUER_UNPUBLISHED, 0);
    }

    function test_an_ended_issuer_leaves_no_trace() public {
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, uint64(NOW));
        alone(itemOf(0), Reason.ISSUER_UNPUBLISHED, 0);
    }

    function test_a_bad_badge_and_a_bad_session_leave_no_trace() public {
        Evidence memory item = itemOf(0);
        item.sessionSignature = signReleases(STRANGER, item.request.hash());
        raiseBadgeEpoch();
        alone(item, Reason.BADGE_EPOCH, 0);
        alone(itemOf(1), Reason.BADGE_EPOCH, 1);
    }

    function test_a_denied_request_can_still_be_recorded_later() public {
        Evidence memory item = itemOf(0);
        restrict(subject, PATIENT);
        alone(item, Reason.RESTRICTED, 1);
        lift(subject, PATIENT);
        alone(item, Reason.NONE, 1);
        assertTrue(releases.isOpen(item.request), "open");
    }

    function test_check_says_what_a_batch_says(uint8 purpose, uint8 action, uint16 revision, uint32 roles) public {
        Grant memory terms = defaultGrant();
        KeyRequest memory request = defaultRequest(terms.hash());
        Badge memory badge = defaultBadge();
        (request.purpose, request.action, request.revision) = (purpose % 3, action % 4, revision % 3);
        badge.roles = roles;
        Evidence memory item = evidenceOf(request, terms, badge);
        alone(item, releases.check(item), 1);
    }
}
