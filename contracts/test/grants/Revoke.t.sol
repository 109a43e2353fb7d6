// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Grant, GrantState, IGrants } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract RevokeTest is GrantBase {
    using TypedData for *;

    function structHash() private view returns (bytes32) {
        return TypedData.hashRevoke(defaultGrant().hash());
    }

    function test_the_patient_revokes() public {
        Grant memory terms = defaultGrant();
        give(terms);
        Approval memory approval = patientApproval(PATIENT, structHash());
        vm.expectEmit(address(grants));
        emit IGrants.Revoked(terms.hash(), subject, hashOf(PATIENT));
        grants.revoke(terms, approval);
        assertEq(grants.grantOf(terms.hash()), GrantState(subject, 1, uint40(terms.notAfter), 2, 1));
    }

    function test_before_it_came() public {
        Grant memory terms = defaultGrant();
        Approval memory approval = patientApproval(PATIENT, structHash());
        vm.expectEmit(address(grants));
        emit IGrants.Revoked(terms.hash(), subject, hashOf(PATIENT));
        grants.revoke(terms, approval);
        assertEq(grants.grantOf(terms.hash()), GrantState(subject, 0, 0, 2, 0));
    }

    function test_again_has_no_effect() public {
        Grant memory terms = defaultGrant();
        revoke(terms);
        vm.recordLogs();
        revoke(terms);
        vm.prank(vm.addr(PATIENT));
        grants.revokeOwn(terms);
        assertEq(countLogs(), 0, "events");
    }

    function test_after_the_grant_is_over_and_the_epoch_gone() public {
        Grant memory terms = defaultGrant();
        give(terms);
        revokeAll(1);
        vm.warp(terms.notAfter + 1 days);
        revoke(terms);
        assertEq(grants.grantOf(terms.hash()).state, 2, "state");
    }

    function test_a_registrar_of_the_custodian() public {
        give(defaultGrant());
        grants.revoke(defaultGrant(), patientApproval(REGISTRAR_1, structHash()));
        assertEq(grants.grantOf(defaultGrant().hash()).state, 2, "state");
    }

    function test_a_registrar_of_a_suspended_custodian() public {
        suspendCustodian();
        test_a_registrar_of_the_custodian();
    }

    function test_the_patient_whatever_members_do() public {
        eraseStudy(studyId);
        restrict(subject, PATIENT);
        suspendCustodian();
        endSigner(CUSTODIAN, GOVERNOR_1, Kinds.REGISTRAR, REGISTRAR_1, uint64(NOW));
        endSigner(CUSTODIAN, GOVERNOR_1, Kinds.ISSUER, ISSUER_1, uint64(NOW));
        test_the_patient_revokes();
    }

    function test_an_ended_registrar_may_not() public {
        endSigner(CUSTODIAN, GOVERNOR_1, Kinds.REGISTRAR, REGISTRAR_1, uint64(NOW));
        Approval memory approval = patientApproval(REGISTRAR_1, structHash());
        Grant memory terms = defaultGrant();
        expectNoStanding(hashOf(REGISTRAR_1));
        grants.revoke(terms, approval);
    }

    function test_nobody_else(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT && key != REGISTRAR_1);
        Approval memory approval = patientApproval(key, structHash());
        Grant memory terms = defaultGrant();
        expectNoStanding(hashOf(key));
        grants.revoke(terms, approval);
    }

    function test_another_hospitals_registrar_may_not() public {
        Approval memory approval = patientApproval(REGISTRAR_2, structHash());
        Grant memory terms = defaultGrant();
        expectNoStanding(hashOf(REGISTRAR_2));
        grants.revoke(terms, approval);
    }

    function test_a_signature_over_the_grant_is_none_over_its_end() public {
        Grant memory terms = defaultGrant();
        Approval memory approval = patientApproval(PATIENT, terms.hash());
        expectSignatureInvalid(address(grants), structHash());
        grants.revoke(terms, approval);
    }

    function test_an_unsupported_signer(bytes memory signer) public {
        vm.assume(signer.length != 20);
        Grant memory terms = defaultGrant();
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignerUnsupported.selector, signer));
        grants.revoke(terms, Approval(signer, "", ""));
    }

    function test_the_zero_address_signs_nothing() public {
        Grant memory terms = defaultGrant();
        bytes memory zero = abi.encodePacked(address(0));
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignerUnsupported.selector, zero));
        grants.revoke(terms, Approval(zero, new bytes(65), ""));
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject);
        Grant memory terms = defaultGrant();
        terms.subject = unknown;
        Approval memory approval = patientApproval(PATIENT, TypedData.hashRevoke(terms.hash()));
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        grants.revoke(terms, approval);
    }

    function test_nobody_signs_for_the_zero_subject() public {
        Grant memory terms = defaultGrant();
        terms.subject = 0;
        Approval memory approval = patientApproval(STRANGER, TypedData.hashRevoke(terms.hash()));
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, bytes20(0)));
        grants.revoke(terms, approval);
    }

    // Staff.

    function test_the_grantee_gives_it_back() public {
        Grant memory terms = defaultGrant();
        Badge memory badge = defaultBadge();
        badge.trainedUntil = 0; // less access needs no training
        Approval memory approval = staffApproval(SESSION, ISSUER_2, badge, structHash());
        vm.expectEmit(address(grants));
        emit IGrants.Revoked(terms.hash(), subject, PERSON);
        grants.revoke(terms, approval);
    }

    function test_an_officer_of_the_custodian() public {
        Approval memory approval = officerAtGrants(CUSTODIAN, structHash());
        suspendCustodian();
        grants.revoke(defaultGrant(), approval);
        assertEq(grants.grantOf(defaultGrant().hash()).state, 2, "state");
    }

    function test_an_officer_of_a_grantee_institution() public {
        Grant memory terms = defaultGrant();
        terms.grantee = bytes32(bytes4(REQUESTER));
        bytes32 hash = TypedData.hashRevoke(terms.hash());
        Badge memory clinician = defaultBadge();
        Approval memory refused = staffApproval(SESSION, ISSUER_2, clinician, hash);
        expectNoStanding(clinician.person);
        grants.revoke(terms, refused);
        grants.revoke(terms, officerAtGrants(REQUESTER, hash));
        assertEq(grants.grantOf(terms.hash()).state, 2, "state");
    }

    function test_an_officer_elsewhere_may_not() public {
        refuseStaff(officerBadge(REQUESTER), ISSUER_2, officerOf(REQUESTER));
    }

    function test_another_clinician_may_not() public {
        Badge memory badge = defaultBadge();
        badge.person = colleaguePerson();
        refuseStaff(badge, ISSUER_2, SESSION);
    }

    function test_other_roles_of_the_custodian_may_not(uint32 roles) public {
        Badge memory badge = officerBadge(CUSTODIAN);
        badge.roles = roles & ~Rules.OFFICER;
        refuseStaff(badge, ISSUER_1, officerOf(CUSTODIAN));
    }

    function test_the_badge_is_good() public {
        Badge memory badge = defaultBadge();
        badge.epoch = 2;
        refuseStaff(badge, ISSUER_2, SESSION);
        badge = defaultBadge();
        badge.notBefore = uint64(NOW + 1);
        refuseStaff(badge, ISSUER_2, SESSION);
        badge = defaultBadge();
        badge.notAfter = uint64(NOW);
        refuseStaff(badge, ISSUER_2, SESSION);
        refuseStaff(defaultBadge(), ISSUER_1, SESSION);
        badge = officerBadge(CUSTODIAN);
        badge.institution = REQUESTER; // a person of hospital 1 under hospital 2's issuer
        refuseStaff(badge, ISSUER_2, officerOf(CUSTODIAN));
        badge = defaultBadge();
        badge.session = vm.addr(STRANGER);
        refuseStaff(badge, ISSUER_2, SESSION);
        withdrawPerson();
        refuseStaff(defaultBadge(), ISSUER_2, SESSION);
    }

    function test_not_after_the_issuers_end() public {
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, uint64(NOW));
        refuseStaff(defaultBadge(), ISSUER_2, SESSION);
    }

    function refuseStaff(Badge memory badge, uint256 issuer, uint256 session) private {
        Grant memory terms = defaultGrant();
        Approval memory approval = staffApproval(session, issuer, badge, structHash());
        expectNoStanding(badge.person);
        grants.revoke(terms, approval);
    }
}
