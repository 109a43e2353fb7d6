// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IGrants, Review, ReviewState } from "../../src/interfaces/IGrants.sol";
import { Admit, Badge } from "../../src/interfaces/IMembers.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { GrantTypedData } from "../utils/GrantTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @notice Hospital 2 opened an emergency; an officer of any hospital reviews it, once for each.
contract ReviewTest is GrantBase {
    using TypedData for *;
    using GrantTypedData for *;

    bytes32 private _grantId;

    function setUp() public override {
        super.setUp();
        _grantId = giveOn(grantOn(Rules.EMERGENCY));
    }

    function reviewOf(uint8 outcome) private view returns (Review memory) {
        return Review(_grantId, outcome, REPORT);
    }

    function file(uint32 institution, uint8 outcome) private {
        grants.review(reviewOf(outcome), officerAtGrants(institution, reviewOf(outcome).hash()));
    }

    function expectFiled(bytes32 by, uint8 outcome) private {
        vm.expectEmit(address(grants));
        emit IGrants.ReviewFiled(_grantId, by, outcome, REPORT);
    }

    function expectContested(bytes32 by, uint8 outcome) private {
        vm.expectEmit(address(grants));
        emit IGrants.ReviewContested(_grantId, by, outcome, REPORT);
    }

    function refuse(Badge memory badge, uint256 session) private {
        Review memory given = reviewOf(1);
        Approval memory approval = atGrants(session, badge, given.hash());
        vm.expectRevert(noStanding(badge.person));
        grants.review(given, approval);
    }

    function assertFiled() private view {
        ReviewState memory filed = ReviewState(REQUESTER, uint40(NOW + 72 hours), 2, PERSON, colleaguePerson());
        assertEq(grants.reviewOf(_grantId), filed);
        assertOldest(REQUESTER, 0, 0);
    }

    function test_the_requesters_officer_files_it(uint256 seed, bytes32 report) public {
        Review memory given = Review(_grantId, uint8(1 + seed % 2), report);
        Approval memory approval = officerAtGrants(REQUESTER, given.hash());
        vm.expectEmit(address(grants));
        emit IGrants.ReviewFiled(_grantId, officerPerson(REQUESTER), given.outcome, report);
        grants.review(given, approval);
        assertFiled();
    }

    function test_any_other_institutions_officer_files_it() public {
        expectFiled(officerPerson(BYSTANDER), 2);
        file(BYSTANDER, 2);
        assertFiled();
    }

    function test_the_custodians_officer_files_it() public {
        expectFiled(officerPerson(CUSTODIAN), 1);
        file(CUSTODIAN, 1);
        assertFiled();
    }

    function test_also_when_it_is_overdue() public {
        vm.warp(NOW + 90 days);
        expectFiled(officerPerson(REQUESTER), 1);
        file(REQUESTER, 1);
        assertFiled();
    }

    function test_also_after_the_grant_was_revoked() public {
        revoke(grantOn(Rules.EMERGENCY));
        file(REQUESTER, 1);
        assertFiled();
    }

    function test_not_one_of_the_two_who_opened_it() public {
        Badge memory badge = defaultBadge();
        badge.roles |= Rules.OFFICER;
        refuse(badge, SESSION);
        badge = colleagueBadge();
        badge.roles |= Rules.OFFICER;
        refuse(badge, COLLEAGUE);
        assertEq(grants.reviewOf(_grantId).state, 1, "state");
    }

    function test_not_one_of_the_two_under_another_session() public {
        Badge memory badge = badgeOf(REQUESTER, STRANGER, Rules.OFFICER);
        badge.person = PERSON;
        refuse(badge, STRANGER);
    }

    function test_only_officers(uint32 roles) public {
        uint32 institution = 1 + roles % 3;
        Badge memory badge = officerBadge(institution);
        badge.roles = roles & ~Rules.OFFICER;
        refuse(badge, officerOf(institution));
    }

    function test_nothing_is_owed_for_other_grants() public {
        for (uint8 basis = 1; basis <= 4; ++basis) {
            refuseUnknown(Review(give(basis).hash(), 1, REPORT));
        }
    }

    function test_nothing_is_owed_for_what_nobody_opened(bytes32 unknown) public {
        vm.assume(unknown != _grantId);
        refuseUnknown(Review(unknown, 1, REPORT));
    }

    function refuseUnknown(Review memory given) private {
        Approval memory approval = officerAtGrants(REQUESTER, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IGrants.ReviewUnknown.selector, given.grantId));
        grants.review(given, approval);
    }

    function test_two_outcomes(uint8 outcome) public {
        vm.assume(outcome != 1 && outcome != 2);
        Approval memory approval = officerAtGrants(REQUESTER, reviewOf(outcome).hash());
        vm.expectRevert(abi.encodeWithSelector(IGrants.OutcomeUnknown.selector, outcome));
        grants.review(reviewOf(outcome), approval);
    }

    function test_a_changed_report_is_not_what_was_signed() public {
        Approval memory approval = officerAtGrants(REQUESTER, reviewOf(1).hash());
        Review memory changed = reviewOf(2);
        vm.expectRevert(signatureInvalid(changed.hash()));
        grants.review(changed, approval);
    }

    // Contesting what was filed.

    function test_another_institution_contests() public {
        file(REQUESTER, 1);
        expectContested(officerPerson(CUSTODIAN), 2);
        file(CUSTODIAN, 2);
        assertFiled();
        expectContested(officerPerson(BYSTANDER), 1); // finds beside what was filed
        file(BYSTANDER, 1);
        assertFiled();
    }

    function test_what_another_filed_a_third_contests() public {
        file(BYSTANDER, 1);
        expectContested(officerPerson(CUSTODIAN), 2);
        file(CUSTODIAN, 2);
        assertFiled();
    }

    function test_the_requester_contests_what_another_filed() public {
        file(BYSTANDER, 2);
        expectContested(officerPerson(REQUESTER), 1);
        file(REQUESTER, 1);
        assertFiled();
    }

    function test_one_of_the_two_does_not_contest_either() public {
        file(BYSTANDER, 2);
        Badge memory badge = defaultBadge();
        badge.roles |= Rules.OFFICER;
        refuse(badge, SESSION);
        badge = colleagueBadge();
        badge.roles |= Rules.OFFICER;
        refuse(badge, COLLEAGUE);
    }

    function test_the_same_institution_again_has_no_effect() public {
        file(REQUESTER, 1);
        file(CUSTODIAN, 2);
        vm.recordLogs();
        file(REQUESTER, 1);
        file(REQUESTER, 2);
        file(CUSTODIAN, 2);
        file(CUSTODIAN, 1);
        // another officer of it, too
        Review memory given = reviewOf(1);
        grants.review(given, atGrants(STRANGER, badgeOf(CUSTODIAN, STRANGER, Rules.OFFICER), given.hash()));
        assertEq(countLogs(), 0, "events");
    }

    function test_who_filed_does_not_contest() public {
        file(BYSTANDER, 1);
        vm.recordLogs();
        file(BYSTANDER, 2);
        assertEq(countLogs(), 0, "events");
    }

    function test_contesting_is_counted_for_each_grant() public {
        bytes32 first = _grantId;
        file(REQUESTER, 1);
        file(CUSTODIAN, 2);
        _grantId = openEmergency(2);
        assertTrue(first != _grantId, "another one");
        expectFiled(officerPerson(CUSTODIAN), 1);
        file(CUSTODIAN, 1);
        expectContested(officerPerson(BYSTANDER), 1);
        file(BYSTANDER, 1);
    }

    function test_an_institution_admitted_since_contests() public {
        Admit memory admission = Admit(vm.addr(governorOf(4)), 0, 3, members.round());
        members.admit(admission, votes(admission.hash(), 1, GOVERNOR_1, 2, GOVERNOR_2));
        publishSigner(4, governorOf(4), Kinds.ISSUER, issuerOf(4));
        file(REQUESTER, 1);
        expectContested(officerPerson(4), 2);
        file(4, 2);
    }
}
