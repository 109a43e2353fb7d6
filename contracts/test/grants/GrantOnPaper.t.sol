// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Grant, GrantState, IGrants } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract GrantOnPaperTest is GrantBase {
    using TypedData for *;

    function paper() private view returns (Grant memory) {
        return grantOn(Rules.PAPER);
    }

    function refuseBoth(Approval memory first, Approval memory second, bytes memory expected) private {
        refuseGrant(paper(), two(first, second), expected);
    }

    function test_two_of_the_custodians_staff(uint32 purposes, uint32 actions) public {
        Grant memory terms = paper();
        terms.purposes = uint32(bound(purposes, 1, 1023)) & 0x1BF;
        vm.assume(terms.purposes != 0);
        terms.actions = uint32(bound(actions, 1, 31));
        Approval[] memory approvals = approvalsOf(terms);
        vm.expectEmit(address(grants));
        emit IGrants.Granted(terms.hash(), subject, PERSON, terms, uint40(terms.notAfter));
        assertEq(grants.grant(terms, approvals), terms.hash(), "grant id");
        assertEq(grants.grantOf(terms.hash()), GrantState(subject, 1, uint40(terms.notAfter), 1, 2));
    }

    function test_no_review_is_owed() public {
        vm.recordLogs();
        bytes32 grantId = giveOn(paper());
        assertEq(countLogs(), 1, "events");
        assertEq(grants.reviewOf(grantId).state, 0, "review");
        assertOldest(CUSTODIAN, 0, 0);
    }

    function test_in_either_order_and_with_any_role(uint32 roles) public {
        bytes32 grantId = paper().hash();
        Badge memory badge = clerkBadge();
        badge.roles = roles;
        grants.grant(paper(), two(atGrants(CLERK, badge, grantId), officerAtGrants(CUSTODIAN, grantId)));
        assertEq(grants.grantOf(grantId).state, 1, "state");
    }

    function test_for_a_patient_without_a_device() public {
        Grant memory terms = paper();
        terms.subject = bare;
        giveOn(terms);
        assertEq(grants.grantOf(terms.hash()), GrantState(bare, 1, uint40(terms.notAfter), 1, 2));
    }

    function test_again_has_no_effect() public {
        giveOn(paper());
        vm.warp(paper().relayBy);
        vm.recordLogs();
        giveOn(paper());
        assertEq(countLogs(), 0, "events");
    }

    function test_the_document_is_named() public {
        Grant memory terms = paper();
        terms.terms = 0;
        refuseGrant(terms, abi.encodeWithSelector(IGrants.DocumentMissing.selector));
    }

    function test_two_approvals_exactly(uint256 count) public {
        count = bound(count, 0, 4);
        vm.assume(count != 2);
        Approval[] memory approvals = new Approval[](count);
        for (uint256 i = 0; i < count; ++i) {
            approvals[i] = officerAtGrants(CUSTODIAN, paper().hash());
        }
        refuseGrant(paper(), approvals, approvalsMismatch(2, count));
    }

    function test_two_different_persons() public {
        bytes32 person = officerPerson(CUSTODIAN);
        Approval memory first = officerAtGrants(CUSTODIAN, paper().hash());
        refuseBoth(first, first, abi.encodeWithSelector(IGrants.PersonRepeated.selector, person));
        Badge memory badge = officerBadge(CUSTODIAN);
        (badge.session, badge.roles) = (vm.addr(CLERK), Rules.NURSE);
        Approval memory second = atGrants(CLERK, badge, paper().hash());
        refuseBoth(first, second, abi.encodeWithSelector(IGrants.PersonRepeated.selector, person));
    }

    function test_both_of_the_custodian() public {
        bytes32 grantId = paper().hash();
        Approval memory own = officerAtGrants(CUSTODIAN, grantId);
        Approval memory other = officerAtGrants(REQUESTER, grantId);
        refuseBoth(own, other, noStanding(officerPerson(REQUESTER)));
        refuseBoth(other, own, noStanding(officerPerson(REQUESTER)));
    }

    function test_of_the_custodian_of_the_day() public {
        transfer(subject, PATIENT);
        Grant memory terms = paper();
        refuseGrant(terms, noStanding(officerPerson(CUSTODIAN)));
        grants.grant(terms, two(officerAtGrants(REQUESTER, terms.hash()), colleague(terms.hash())));
        assertEq(grants.grantOf(terms.hash()).state, 1, "state");
    }

    function test_the_patients_signature_is_none_of_staffs() public {
        Approval memory patient = patientApproval(PATIENT, paper().hash());
        vm.expectRevert(bytes(""));
        grants.grant(paper(), two(patient, patient));
    }

    function test_purposes_are_a_patients(uint32 purposes) public {
        vm.assume(purposes == 0 || purposes & ~uint32(0x1BF) != 0);
        Grant memory terms = paper();
        terms.purposes = purposes;
        refuseGrant(terms, abi.encodeWithSelector(IGrants.PurposesRefused.selector, 0x1BF, purposes));
    }

    function test_at_most_ten_years() public {
        Grant memory terms = paper();
        terms.notAfter = terms.notBefore + 3650 days + 1;
        refuseGrant(terms, windowRefused(terms, 3650 days));
        terms.notAfter -= 1;
        giveOn(terms);
        assertEq(grants.grantOf(terms.hash()).expiry, terms.notAfter, "expiry");
    }

    function test_not_when_it_is_over() public {
        Grant memory terms = paper();
        (terms.notBefore, terms.notAfter) = (uint64(NOW - 1), uint64(NOW));
        refuseGrant(terms, windowRefused(terms, 3650 days));
    }

    function test_not_when_it_comes_late() public {
        Grant memory terms = paper();
        vm.warp(terms.relayBy);
        refuseGrant(terms, abi.encodeWithSelector(IGrants.RelayedLate.selector, terms.relayBy, terms.relayBy));
    }

    function test_another_epoch(uint32 epoch) public {
        vm.assume(epoch != 2);
        revokeAll(1);
        Grant memory terms = paper();
        terms.epoch = epoch;
        refuseGrant(terms, abi.encodeWithSelector(IGrants.EpochMismatch.selector, 2, epoch));
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        Grant memory terms = paper();
        terms.subject = unknown;
        refuseGrant(terms, abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
    }

    function test_a_revoked_one_never_lives() public {
        revoke(paper());
        refuseGrant(paper(), abi.encodeWithSelector(IGrants.GrantRevoked.selector, paper().hash()));
    }
}
