// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Grant, GrantState, IGrants } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @title What an officer of the custodian opens alone: CARE and LAW.
abstract contract GrantByOfficer is GrantBase {
    using TypedData for *;

    function basis() internal pure virtual returns (uint8);

    function allowed() internal pure virtual returns (uint32);

    function longest() internal pure virtual returns (uint64);

    function terms_() internal view returns (Grant memory) {
        return grantOn(basis());
    }

    function test_the_officer_grants(uint32 purposes) public {
        Grant memory terms = terms_();
        terms.purposes = purposes & allowed();
        vm.assume(terms.purposes != 0);
        Approval[] memory approvals = approvalsOf(terms);
        vm.expectEmit(address(grants));
        emit IGrants.Granted(terms.hash(), subject, PERSON, terms, uint40(terms.notAfter));
        assertEq(grants.grant(terms, approvals), terms.hash(), "grant id");
        assertEq(grants.grantOf(terms.hash()), GrantState(subject, 1, uint40(terms.notAfter), 1, basis()));
    }

    function test_no_review_is_owed() public {
        vm.recordLogs();
        bytes32 grantId = giveOn(terms_());
        assertEq(countLogs(), 1, "events");
        assertEq(grants.reviewOf(grantId).state, 0, "review");
        assertOldest(CUSTODIAN, 0, 0);
        assertOldest(REQUESTER, 0, 0);
    }

    function test_for_a_patient_without_a_device() public {
        Grant memory terms = terms_();
        terms.subject = bare;
        giveOn(terms);
        assertEq(grants.grantOf(terms.hash()), GrantState(bare, 1, uint40(terms.notAfter), 1, basis()));
    }

    function test_again_has_no_effect() public {
        giveOn(terms_());
        vm.warp(terms_().relayBy);
        vm.recordLogs();
        giveOn(terms_());
        assertEq(countLogs(), 0, "events");
    }

    function test_no_document_is_needed() public {
        Grant memory terms = terms_();
        terms.terms = 0;
        giveOn(terms);
        assertEq(grants.grantOf(terms.hash()).state, 1, "state");
    }

    function test_one_approval_exactly(uint256 count) public {
        count = bound(count, 0, 4);
        vm.assume(count != 1);
        Approval[] memory approvals = new Approval[](count);
        for (uint256 i = 0; i < count; ++i) {
            approvals[i] = officerAtGrants(CUSTODIAN, terms_().hash());
        }
        refuseGrant(terms_(), approvals, approvalsMismatch(1, count));
    }

    function test_other_roles_may_not(uint32 roles) public {
        Badge memory badge = officerBadge(CUSTODIAN);
        badge.roles = roles & ~uint32(1 << 6);
        Approval memory approval = atGrants(officerOf(CUSTODIAN), badge, terms_().hash());
        refuseGrant(terms_(), one(approval), noStanding(badge.person));
    }

    function test_other_roles_beside(uint32 roles) public {
        Badge memory badge = officerBadge(CUSTODIAN);
        badge.roles = roles | 1 << 6;
        grants.grant(terms_(), one(atGrants(officerOf(CUSTODIAN), badge, terms_().hash())));
        assertEq(grants.grantOf(terms_().hash()).state, 1, "state");
    }

    function test_officers_elsewhere_may_not() public {
        bytes32 grantId = terms_().hash();
        refuseGrant(terms_(), one(officerAtGrants(REQUESTER, grantId)), noStanding(officerPerson(REQUESTER)));
        refuseGrant(terms_(), one(officerAtGrants(BYSTANDER, grantId)), noStanding(officerPerson(BYSTANDER)));
    }

    function test_of_the_custodian_of_the_day() public {
        transfer(subject, PATIENT);
        Grant memory terms = terms_();
        refuseGrant(terms, noStanding(officerPerson(CUSTODIAN)));
        grants.grant(terms, one(officerAtGrants(REQUESTER, terms.hash())));
        assertEq(grants.grantOf(terms.hash()).state, 1, "state");
    }

    function test_the_patients_signature_is_none_of_staffs() public {
        Approval memory patient = patientApproval(PATIENT, terms_().hash());
        vm.expectRevert(bytes(""));
        grants.grant(terms_(), one(patient));
    }

    function test_purposes(uint32 purposes) public {
        vm.assume(purposes == 0 || purposes & ~allowed() != 0);
        Grant memory terms = terms_();
        terms.purposes = purposes;
        refuseGrant(terms, abi.encodeWithSelector(IGrants.PurposesRefused.selector, allowed(), purposes));
    }

    function test_at_most() public {
        Grant memory terms = terms_();
        terms.notAfter = terms.notBefore + longest() + 1;
        refuseGrant(terms, windowRefused(terms, longest()));
        terms.notAfter -= 1;
        giveOn(terms);
        assertEq(grants.grantOf(terms.hash()).expiry, terms.notAfter, "expiry");
    }

    function test_not_when_it_is_over() public {
        Grant memory terms = terms_();
        (terms.notBefore, terms.notAfter) = (uint64(NOW - 1), uint64(NOW));
        refuseGrant(terms, windowRefused(terms, longest()));
    }

    function test_another_epoch(uint32 epoch) public {
        vm.assume(epoch != 1);
        Grant memory terms = terms_();
        terms.epoch = epoch;
        refuseGrant(terms, abi.encodeWithSelector(IGrants.EpochMismatch.selector, 1, epoch));
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        Grant memory terms = terms_();
        terms.subject = unknown;
        refuseGrant(terms, abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
    }

    function test_a_revoked_one_never_lives() public {
        revoke(terms_());
        refuseGrant(terms_(), abi.encodeWithSelector(IGrants.GrantRevoked.selector, terms_().hash()));
    }
}

contract GrantForCareTest is GrantByOfficer {
    function basis() internal pure override returns (uint8) {
        return 3;
    }

    function allowed() internal pure override returns (uint32) {
        return 0x001;
    }

    function longest() internal pure override returns (uint64) {
        return 30 days;
    }
}

contract GrantByLawTest is GrantByOfficer {
    function basis() internal pure override returns (uint8) {
        return 4;
    }

    function allowed() internal pure override returns (uint32) {
        return 0x240;
    }

    function longest() internal pure override returns (uint64) {
        return 365 days;
    }
}
