// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Grant, GrantState, IGrants, ReviewState } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract GrantInEmergencyTest is GrantBase {
    using TypedData for *;

    function emergency() private view returns (Grant memory) {
        return grantOn(Rules.EMERGENCY);
    }

    function refuseBoth(Approval memory first, Approval memory second, bytes memory expected) private {
        refuseGrant(emergency(), two(first, second), expected);
    }

    function test_two_of_the_requesters_staff(uint256 time) public {
        time = bound(time, NOW, NOW + 1 hours - 1);
        vm.warp(time);
        Grant memory terms = emergency();
        bytes32 grantId = terms.hash();
        Approval[] memory approvals = approvalsOf(terms);
        vm.expectEmit(address(grants));
        emit IGrants.Granted(grantId, subject, PERSON, terms, uint40(NOW + 24 hours));
        vm.expectEmit(address(grants));
        emit IGrants.ReviewOwed(grantId, REQUESTER, uint40(time + 72 hours), PERSON, colleaguePerson());
        assertEq(grants.grant(terms, approvals), grantId, "grant id");
        assertEq(grants.grantOf(grantId), GrantState(subject, 1, uint40(NOW + 24 hours), 1, 5));
        ReviewState memory owed = ReviewState(REQUESTER, uint40(time + 72 hours), 1, PERSON, colleaguePerson());
        assertEq(grants.reviewOf(grantId), owed);
        assertOldest(REQUESTER, grantId, time + 72 hours);
        assertOldest(CUSTODIAN, 0, 0);
    }

    function test_to_the_whole_institution() public {
        Grant memory terms = emergency();
        terms.grantee = bytes32(bytes4(REQUESTER));
        giveOn(terms);
        assertEq(grants.reviewOf(terms.hash()).institution, REQUESTER, "who owes");
    }

    function test_roles_that_treat_in_emergencies() public {
        for (uint256 role = 0; role < 8; ++role) {
            Badge memory badge = colleagueBadge();
            badge.roles = uint32(1 << role);
            Grant memory terms = emergency();
            terms.salt = bytes32(role);
            Approval memory first = clinician(terms.hash());
            Approval memory second = atGrants(COLLEAGUE, badge, terms.hash());
            if (role == 0 || role == 1 || role == 3) {
                // PHYSICIAN, RADIOLOGIST, NURSE
                grants.grant(terms, two(first, second));
                assertEq(grants.grantOf(terms.hash()).state, 1, "state");
            } else {
                refuseGrant(terms, two(first, second), noStanding(colleaguePerson()));
                refuseGrant(terms, two(second, first), noStanding(colleaguePerson()));
            }
        }
    }

    function test_both_of_the_grantees_institution() public {
        bytes32 grantId = emergency().hash();
        Badge memory badge = badgeOf(BYSTANDER, COLLEAGUE, Rules.NURSE);
        Approval memory elsewhere = atGrants(COLLEAGUE, badge, grantId);
        refuseBoth(clinician(grantId), elsewhere, noStanding(badge.person));
        refuseBoth(elsewhere, clinician(grantId), noStanding(badge.person));
        badge = badgeOf(CUSTODIAN, COLLEAGUE, Rules.NURSE);
        refuseBoth(clinician(grantId), atGrants(COLLEAGUE, badge, grantId), noStanding(badge.person));
    }

    function test_the_custodians_own_emergency() public {
        Grant memory terms = emergency();
        terms.grantee = bytes32(bytes4(CUSTODIAN));
        bytes32 grantId = terms.hash();
        Approval memory first = atGrants(CLERK, badgeOf(CUSTODIAN, CLERK, Rules.NURSE), grantId);
        Approval memory second = atGrants(STRANGER, badgeOf(CUSTODIAN, STRANGER, Rules.PHYSICIAN), grantId);
        grants.grant(terms, two(first, second));
        assertOldest(CUSTODIAN, grantId, NOW + 72 hours);
        assertOldest(REQUESTER, 0, 0);
    }

    function test_two_different_persons() public {
        bytes memory expected = abi.encodeWithSelector(IGrants.PersonRepeated.selector, PERSON);
        Approval memory first = clinician(emergency().hash());
        refuseBoth(first, first, expected);
        Badge memory badge = defaultBadge();
        (badge.session, badge.roles) = (vm.addr(COLLEAGUE), Rules.NURSE);
        refuseBoth(first, atGrants(COLLEAGUE, badge, emergency().hash()), expected);
    }

    function test_two_approvals_exactly(uint256 count) public {
        count = bound(count, 0, 4);
        vm.assume(count != 2);
        Approval[] memory approvals = new Approval[](count);
        for (uint256 i = 0; i < count; ++i) {
            approvals[i] = clinician(emergency().hash());
        }
        refuseGrant(emergency(), approvals, approvalsMismatch(2, count));
    }

    function test_the_grantee_need_not_be_one_of_the_two() public {
        Grant memory terms = emergency();
        terms.grantee = personOf(REQUESTER, STRANGER);
        giveOn(terms);
        assertEq(grants.grantOf(terms.hash()).state, 1, "state");
    }

    function test_restriction_does_not_block() public {
        restrict(subject, PATIENT);
        giveOn(emergency());
        assertEq(grants.grantOf(emergency().hash()).state, 1, "state");
    }

    function test_for_a_patient_without_a_device() public {
        Grant memory terms = emergency();
        terms.subject = bare;
        giveOn(terms);
        assertEq(grants.grantOf(terms.hash()), GrantState(bare, 1, uint40(NOW + 24 hours), 1, 5));
    }

    function test_again_has_no_effect() public {
        giveOn(emergency());
        vm.warp(NOW + 80 hours); // overdue by now, which matters to others only
        vm.recordLogs();
        giveOn(emergency());
        assertEq(countLogs(), 0, "events");
        assertEq(grants.reviewOf(emergency().hash()).dueAt, NOW + 72 hours, "due at");
    }

    function test_again_after_the_review_owes_no_other() public {
        giveOn(emergency());
        fileReview(emergency().hash(), REQUESTER);
        giveOn(emergency());
        assertEq(grants.reviewOf(emergency().hash()).state, 2, "review");
        assertOldest(REQUESTER, 0, 0);
    }

    function test_purposes(uint32 purposes) public {
        vm.assume(purposes != 2);
        Grant memory terms = emergency();
        terms.purposes = purposes;
        refuseGrant(terms, abi.encodeWithSelector(IGrants.PurposesRefused.selector, 2, purposes));
    }

    function test_at_most_a_day() public {
        Grant memory terms = emergency();
        terms.notAfter += 1;
        refuseGrant(terms, windowRefused(terms, 24 hours));
    }

    function test_an_empty_window(uint64 notBefore, uint64 notAfter) public {
        vm.assume(notBefore >= notAfter);
        Grant memory terms = emergency();
        (terms.notBefore, terms.notAfter) = (notBefore, notAfter);
        refuseGrant(terms, windowRefused(terms, 24 hours));
    }

    /// @dev Else its review could be over before it opens. A minute is for clocks that differ.
    function test_begins_now(uint64 ahead) public {
        ahead = uint64(bound(ahead, 61, 8 hours));
        Grant memory terms = emergency();
        (terms.notBefore, terms.notAfter) = (uint64(NOW + ahead), uint64(NOW + ahead + 1 hours));
        refuseGrant(terms, windowRefused(terms, 24 hours));
        vm.warp(NOW + ahead - 60);
        terms.relayBy = FOREVER;
        giveOn(terms);
        assertEq(grants.grantOf(terms.hash()).state, 1, "state");
    }

    function test_relayed_late() public {
        Grant memory terms = emergency();
        vm.warp(terms.relayBy);
        refuseGrant(terms, abi.encodeWithSelector(IGrants.RelayedLate.selector, terms.relayBy, terms.relayBy));
        vm.warp(terms.relayBy - 1);
        giveOn(terms);
        assertEq(grants.grantOf(terms.hash()).state, 1, "state");
    }

    function test_another_epoch(uint32 epoch) public {
        vm.assume(epoch != 1);
        Grant memory terms = emergency();
        terms.epoch = epoch;
        refuseGrant(terms, abi.encodeWithSelector(IGrants.EpochMismatch.selector, 1, epoch));
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        Grant memory terms = emergency();
        terms.subject = unknown;
        refuseGrant(terms, abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
    }

    function test_a_revoked_one_never_lives_and_owes_nothing() public {
        revoke(emergency());
        refuseGrant(emergency(), abi.encodeWithSelector(IGrants.GrantRevoked.selector, emergency().hash()));
        assertEq(grants.reviewOf(emergency().hash()).state, 0, "review");
    }

    /// @dev The patient ends it; what was opened is still owed a review.
    function test_revoked_the_review_stays_owed() public {
        giveOn(emergency());
        revoke(emergency());
        assertEq(grants.grantOf(emergency().hash()), GrantState(subject, 1, uint40(NOW + 24 hours), 2, 5));
        assertOldest(REQUESTER, emergency().hash(), NOW + 72 hours);
        fileReview(emergency().hash(), REQUESTER);
        assertEq(grants.reviewOf(emergency().hash()).state, 2, "review");
    }
}
