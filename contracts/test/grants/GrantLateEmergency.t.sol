// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, GrantState, IGrants, ReviewState } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Evidence, KeyRequest, Reason } from "../../src/interfaces/IReleases.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @notice An emergency that arrives after its window, when the chain is back: for the record alone.
contract GrantLateEmergencyTest is GrantBase {
    using TypedData for *;

    Badge private _first;
    Badge private _second;

    function setUp() public override {
        super.setUp();
        (_first, _second) = (defaultBadge(), colleagueBadge());
        vm.warp(NOW + 30 hours);
    }

    function late() private view returns (Grant memory terms) {
        terms = grantOn(Rules.EMERGENCY);
        terms.relayBy = FOREVER;
    }

    function approvals() private view returns (Approval[] memory) {
        bytes32 grantId = late().hash();
        return two(atGrants(SESSION, _first, grantId), atGrants(COLLEAGUE, _second, grantId));
    }

    function accept() private {
        grants.grant(late(), approvals());
        assertEq(grants.grantOf(late().hash()).state, 1, "state");
    }

    function refuse(Badge memory badge) private {
        refuseGrant(late(), approvals(), noStanding(badge.person));
    }

    function test_taken_from_the_windows_end_until_the_review_would_be_due(uint256 time) public {
        time = bound(time, NOW + 24 hours, NOW + 72 hours - 1);
        vm.warp(time);
        Grant memory terms = late();
        Approval[] memory both = approvals();
        vm.expectEmit(address(grants));
        emit IGrants.Granted(terms.hash(), subject, PERSON, terms, uint40(NOW + 24 hours));
        vm.expectEmit(address(grants));
        emit IGrants.ReviewOwed(terms.hash(), REQUESTER, uint40(time + 72 hours), PERSON, colleaguePerson());
        grants.grant(terms, both);
        assertEq(grants.grantOf(terms.hash()), GrantState(subject, 1, uint40(NOW + 24 hours), 1, 5));
        ReviewState memory owed = ReviewState(REQUESTER, uint40(time + 72 hours), 1, PERSON, colleaguePerson());
        assertEq(grants.reviewOf(terms.hash()), owed);
        assertOldest(REQUESTER, terms.hash(), time + 72 hours);
    }

    function test_not_later(uint256 time) public {
        time = bound(time, NOW + 72 hours, type(uint40).max);
        vm.warp(time);
        refuseGrant(late(), approvals(), windowRefused(late(), 24 hours));
    }

    function test_counted_from_its_first_second() public {
        Grant memory terms = late();
        terms.notAfter = terms.notBefore + 1;
        vm.warp(NOW + 72 hours - 1);
        giveLate(terms);
        assertEq(grants.grantOf(terms.hash()).expiry, NOW + 1, "expiry");
    }

    function giveLate(Grant memory terms) private {
        bytes32 grantId = terms.hash();
        grants.grant(terms, two(atGrants(SESSION, _first, grantId), atGrants(COLLEAGUE, _second, grantId)));
    }

    function test_a_window_that_never_was(uint64 notBefore, uint64 notAfter) public {
        notAfter = uint64(bound(notAfter, 0, NOW + 30 hours));
        notBefore = uint64(bound(notBefore, notAfter, FOREVER));
        Grant memory terms = late();
        (terms.notBefore, terms.notAfter) = (notBefore, notAfter);
        refuseGrant(terms, windowRefused(terms, 24 hours));
    }

    function test_a_window_of_more_than_a_day() public {
        Grant memory terms = late();
        terms.notAfter += 1;
        refuseGrant(terms, windowRefused(terms, 24 hours));
    }

    function test_other_bases_are_never_late() public {
        uint64[4] memory longest = [uint64(3650 days), 3650 days, 30 days, 365 days];
        for (uint8 basis = 1; basis <= 4; ++basis) {
            Grant memory terms = grantOn(basis);
            (terms.notAfter, terms.relayBy) = (uint64(NOW + 24 hours), FOREVER);
            refuseGrant(terms, windowRefused(terms, longest[basis - 1]));
        }
    }

    function test_relayed_late() public {
        Grant memory terms = late();
        terms.relayBy = uint64(NOW + 30 hours);
        refuseGrant(terms, abi.encodeWithSelector(IGrants.RelayedLate.selector, terms.relayBy, terms.relayBy));
    }

    function test_it_opens_nothing() public {
        accept();
        KeyRequest memory request = defaultRequest(late().hash());
        (request.purpose, request.notAfter) = (1, FOREVER);
        Badge memory badge = defaultBadge();
        badge.notAfter = FOREVER;
        Evidence memory evidence = evidenceOf(request, late(), badge);
        assertEq(uint256(releases.check(evidence)), uint256(Reason.GRANT_EXPIRED), "check");
        assertFalse(releases.isOpen(request), "open");
    }

    function test_again_has_no_effect() public {
        accept();
        vm.warp(NOW + 80 hours);
        vm.recordLogs();
        grants.grant(late(), approvals());
        assertEq(countLogs(), 0, "events");
    }

    /// @dev An overdue review closes the doors of the next emergency; it hides none that is over.
    function test_also_while_another_review_is_overdue() public {
        bytes32 before = openEmergency(1); // at NOW + 30 hours
        vm.warp(NOW + 102 hours);
        Grant memory terms = late();
        (terms.notBefore, terms.notAfter) = (uint64(NOW + 40 hours), uint64(NOW + 41 hours));
        bytes32 grantId = terms.hash();
        grants.grant(terms, two(atGrants(COLLEAGUE, _second, grantId), atGrants(STRANGER, third(), grantId)));
        assertOldest(REQUESTER, before, NOW + 102 hours);
        fileReview(before, REQUESTER);
        assertOldest(REQUESTER, grantId, NOW + 174 hours);
    }

    function third() private pure returns (Badge memory) {
        return badgeOf(REQUESTER, STRANGER, Rules.PHYSICIAN);
    }

    // Badges as they were at the window's first second, from what cannot be taken back since.

    function test_badges_that_are_over_now() public {
        (_first.notAfter, _first.trainedUntil) = (uint64(NOW + 1), uint64(NOW + 1));
        (_second.notAfter, _second.trainedUntil) = (uint64(NOW + 1), uint64(NOW + 1));
        accept();
    }

    function test_badges_of_an_epoch_that_ended_since() public {
        endBadges(REQUESTER);
        accept();
    }

    function test_persons_withdrawn_since() public {
        withdrawStaff(_first);
        withdrawStaff(_second);
        accept();
    }

    function test_an_institution_suspended_since() public {
        suspend(REQUESTER);
        accept();
    }

    function test_an_issuer_that_was_live_then() public {
        endIssuer(REQUESTER, uint64(NOW + 1));
        accept();
    }

    function test_an_issuer_that_had_ended() public {
        endIssuer(REQUESTER, uint64(NOW));
        refuse(_first);
    }

    function test_badges_that_had_not_begun() public {
        _first.notBefore = uint64(NOW + 1);
        refuse(_first);
        (_first.notBefore, _second.notBefore) = (uint64(NOW), uint64(NOW + 1));
        refuse(_second);
    }

    function test_badges_that_were_over() public {
        _first.notAfter = uint64(NOW);
        refuse(_first);
        (_first.notAfter, _second.notAfter) = (uint64(NOW + 1), uint64(NOW));
        refuse(_second);
    }

    function test_training_that_had_lapsed() public {
        _first.trainedUntil = uint64(NOW);
        refuse(_first);
        (_first.trainedUntil, _second.trainedUntil) = (uint64(NOW + 1), uint64(NOW));
        refuse(_second);
    }

    function test_anothers_person() public {
        _first.person = personOf(BYSTANDER, SESSION);
        refuse(_first);
    }

    function test_anothers_issuer() public {
        Approval[] memory both = approvals();
        both[1].credential = abi.encode(_second, signMembers(ISSUER_3, _second.hash()));
        refuseGrant(late(), both, noStanding(_second.person));
    }

    function test_another_session() public {
        _second.session = vm.addr(STRANGER);
        refuse(_second);
    }

    function test_a_session_that_did_not_sign() public {
        Approval[] memory both = approvals();
        both[0].signature = signGrants(STRANGER, late().hash());
        refuseGrant(late(), both, signatureInvalid(late().hash()));
    }

    function test_roles_that_treat_in_emergencies() public {
        _first.roles = Rules.OFFICER;
        refuse(_first);
        (_first.roles, _second.roles) = (Rules.PHYSICIAN, Rules.TECHNOLOGIST);
        refuse(_second);
    }

    function test_of_the_grantees_institution() public {
        _first = badgeOf(BYSTANDER, SESSION, Rules.PHYSICIAN);
        refuse(_first);
    }

    function test_two_different_persons() public {
        _second.person = PERSON;
        refuseGrant(late(), approvals(), abi.encodeWithSelector(IGrants.PersonRepeated.selector, PERSON));
    }

    function test_two_approvals_exactly() public {
        refuseGrant(late(), one(approvals()[0]), approvalsMismatch(2, 1));
    }

    /// @dev In its window an emergency opens doors: its badges are judged now.
    function test_not_late_a_second_before_the_windows_end() public {
        vm.warp(NOW + 24 hours - 1);
        refuse(_first); // twelve hours long
        _first.notAfter = uint64(NOW + 24 hours);
        endBadges(REQUESTER);
        refuse(_first);
    }
}
