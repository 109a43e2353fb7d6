// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Grant, GrantState, IGrants } from "../../src/interfaces/IGrants.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract GrantTest is Base {
    using TypedData for *;

    function approvalsOf(Grant memory terms) private view returns (Approval[] memory) {
        return oneApproval(patientApproval(PATIENT, terms.hash()));
    }

    function refuse(Grant memory terms, bytes memory data) private {
        Approval[] memory approvals = approvalsOf(terms);
        vm.expectRevert(data);
        grants.grant(terms, approvals);
    }

    function test_the_patient_grants(bytes32 scope, uint64 anchoredBy, uint32 purposes, uint32 actions, bytes32 salt)
        public
    {
        Grant memory terms = defaultGrant();
        (terms.scope, terms.anchoredBy, terms.salt) = (scope, anchoredBy, salt);
        terms.purposes = uint32(bound(purposes, 1, 1023)) & 0x1BF;
        vm.assume(terms.purposes != 0);
        terms.actions = uint32(bound(actions, 1, 31));
        Approval[] memory approvals = approvalsOf(terms);
        vm.expectEmit(address(grants));
        emit IGrants.Granted(terms.hash(), subject, PERSON, terms, uint40(terms.notAfter));
        bytes32 grantId = grants.grant(terms, approvals);
        assertEq(grantId, terms.hash(), "grant id");
        assertEq(grants.grantIdOf(terms), grantId, "grantIdOf");
        GrantState memory stored = grants.grantOf(grantId);
        assertEq(bytes32(stored.subject), bytes32(subject), "subject");
        assertEq(stored.epoch, 1, "epoch");
        assertEq(stored.expiry, terms.notAfter, "expiry");
        assertEq(stored.state, 1, "state");
        assertEq(stored.basis, 1, "basis");
    }

    function test_again_has_no_effect() public {
        Grant memory terms = defaultGrant();
        give(terms);
        vm.warp(terms.relayBy);
        vm.recordLogs();
        give(terms);
        assertEq(countLogs(), 0, "events");
    }

    function test_a_revoked_grant_never_lives_again() public {
        Grant memory terms = defaultGrant();
        give(terms);
        revoke(terms);
        refuse(terms, abi.encodeWithSelector(IGrants.GrantRevoked.selector, terms.hash()));
    }

    function test_a_grant_revoked_before_it_came_never_lives() public {
        Grant memory terms = defaultGrant();
        revoke(terms);
        refuse(terms, abi.encodeWithSelector(IGrants.GrantRevoked.selector, terms.hash()));
    }

    function test_there_are_five_bases(uint8 basis) public {
        vm.assume(basis == 0 || basis > Rules.EMERGENCY);
        Grant memory terms = defaultGrant();
        terms.basis = basis;
        refuse(terms, abi.encodeWithSelector(IGrants.BasisUnknown.selector, basis));
    }

    function test_one_approval_exactly(uint256 count) public {
        count = bound(count, 0, 4);
        vm.assume(count != 1);
        Grant memory terms = defaultGrant();
        Approval[] memory approvals = new Approval[](count);
        for (uint256 i = 0; i < count; ++i) {
            approvals[i] = patientApproval(PATIENT, terms.hash());
        }
        vm.expectRevert(abi.encodeWithSelector(IGrants.ApprovalsMismatch.selector, 1, count));
        grants.grant(terms, approvals);
    }

    function test_purposes(uint32 purposes) public {
        uint32 allowed = 0x1BF; // all but PUBHLTH and HLEGAL
        vm.assume(purposes == 0 || purposes & ~allowed != 0);
        Grant memory terms = defaultGrant();
        terms.purposes = purposes;
        refuse(terms, abi.encodeWithSelector(IGrants.PurposesRefused.selector, allowed, purposes));
    }

    function test_actions(uint32 actions) public {
        vm.assume(actions == 0 || actions > 31);
        Grant memory terms = defaultGrant();
        terms.actions = actions;
        refuse(terms, abi.encodeWithSelector(IGrants.ActionsRefused.selector, 31, actions));
    }

    function test_a_grantee_has_an_institution(uint224 rest) public {
        Grant memory terms = defaultGrant();
        terms.grantee = bytes32(uint256(rest));
        refuse(terms, abi.encodeWithSelector(IGrants.GranteeRefused.selector, terms.grantee));
    }

    function test_an_empty_window(uint64 notBefore, uint64 notAfter) public {
        vm.assume(notBefore >= notAfter);
        refuseWindow(notBefore, notAfter);
    }

    function test_a_window_that_is_over(uint64 notBefore, uint64 notAfter) public {
        notAfter = uint64(bound(notAfter, 1, NOW));
        notBefore = uint64(bound(notBefore, 0, notAfter - 1));
        refuseWindow(notBefore, notAfter);
    }

    function test_a_window_of_more_than_ten_years(uint64 notBefore, uint64 length) public {
        notBefore = uint64(bound(notBefore, 0, type(uint40).max));
        length = uint64(bound(length, 3650 days + 1, type(uint40).max));
        refuseWindow(notBefore, notBefore + length);
    }

    function test_an_end_that_does_not_fit_its_slot(uint64 notAfter) public {
        notAfter = uint64(bound(notAfter, uint64(type(uint40).max) + 1, FOREVER));
        refuseWindow(notAfter - 1, notAfter);
    }

    function test_exactly_ten_years() public {
        Grant memory terms = defaultGrant();
        terms.notAfter = terms.notBefore + 3650 days;
        give(terms);
        assertEq(grants.grantOf(terms.hash()).expiry, terms.notAfter, "expiry");
    }

    function test_until_the_last_second_of_relaying() public {
        Grant memory terms = defaultGrant();
        vm.warp(terms.relayBy - 1);
        give(terms);
        assertEq(grants.grantOf(terms.hash()).state, 1, "state");
    }

    function test_relayed_late(uint256 time) public {
        Grant memory terms = defaultGrant();
        time = bound(time, terms.relayBy, terms.notAfter - 1);
        vm.warp(time);
        refuse(terms, abi.encodeWithSelector(IGrants.RelayedLate.selector, terms.relayBy, uint64(time)));
    }

    function test_another_epoch(uint32 epoch) public {
        vm.assume(epoch != 2);
        revokeAll(1);
        Grant memory terms = defaultGrant();
        terms.epoch = epoch;
        refuse(terms, abi.encodeWithSelector(IGrants.EpochMismatch.selector, 2, epoch));
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject);
        Grant memory terms = defaultGrant();
        terms.subject = unknown;
        refuse(terms, abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
    }

    function test_only_the_subjects_signer(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        Grant memory terms = defaultGrant();
        Approval[] memory approvals = oneApproval(patientApproval(key, terms.hash()));
        expectNoStanding(hashOf(key));
        grants.grant(terms, approvals);
    }

    function test_a_registrar_cannot_consent() public {
        Grant memory terms = defaultGrant();
        Approval[] memory approvals = oneApproval(patientApproval(REGISTRAR_1, terms.hash()));
        expectNoStanding(hashOf(REGISTRAR_1));
        grants.grant(terms, approvals);
    }

    function test_the_patients_name_under_anothers_signature(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        Grant memory terms = defaultGrant();
        Approval[] memory approvals = oneApproval(patientApproval(PATIENT, terms.hash()));
        approvals[0].signature = signGrants(key, terms.hash());
        expectSignatureInvalid(address(grants), terms.hash());
        grants.grant(terms, approvals);
    }

    function test_the_own_transaction_is_no_consent() public {
        Grant memory terms = defaultGrant();
        Approval[] memory approvals = oneApproval(Approval(signerOf(PATIENT), "", ""));
        expectSignatureInvalid(address(grants), terms.hash());
        vm.prank(vm.addr(PATIENT));
        grants.grant(terms, approvals);
    }

    function test_a_patient_has_no_credential() public {
        Grant memory terms = defaultGrant();
        Approval[] memory approvals = approvalsOf(terms);
        approvals[0].credential = hex"00";
        expectNoStanding(hashOf(PATIENT));
        grants.grant(terms, approvals);
    }

    function test_a_high_s_is_refused() public {
        Grant memory terms = defaultGrant();
        Approval[] memory approvals = approvalsOf(terms);
        approvals[0].signature = malleate(approvals[0].signature);
        expectSignatureInvalid(address(grants), terms.hash());
        grants.grant(terms, approvals);
    }

    function test_v_is_27_or_28(uint8 v) public {
        vm.assume(v != 27 && v != 28);
        Grant memory terms = defaultGrant();
        Approval[] memory approvals = approvalsOf(terms);
        approvals[0].signature[64] = bytes1(v);
        expectSignatureInvalid(address(grants), terms.hash());
        grants.grant(terms, approvals);
    }

    function test_changed_terms_are_not_what_was_signed(Grant memory changed) public {
        Grant memory terms = defaultGrant();
        (changed.basis, changed.subject, changed.epoch) = (terms.basis, terms.subject, terms.epoch);
        (changed.purposes, changed.actions) = (terms.purposes, terms.actions);
        (changed.notBefore, changed.notAfter, changed.relayBy) = (terms.notBefore, terms.notAfter, terms.relayBy);
        changed.grantee = bytes32(bytes4(REQUESTER)) | changed.grantee;
        vm.assume(changed.hash() != terms.hash());
        Approval[] memory approvals = approvalsOf(terms);
        expectSignatureInvalid(address(grants), changed.hash());
        grants.grant(changed, approvals);
    }

    function test_code_at_the_patients_address_changes_nothing() public {
        vm.etch(vm.addr(PATIENT), hex"5f5ffd");
        give(defaultGrant());
        assertEq(grants.grantOf(defaultGrant().hash()).state, 1, "state");
    }

    function refuseWindow(uint64 notBefore, uint64 notAfter) private {
        Grant memory terms = defaultGrant();
        (terms.notBefore, terms.notAfter) = (notBefore, notAfter);
        refuse(terms, abi.encodeWithSelector(IGrants.WindowRefused.selector, notBefore, notAfter, 3650 days));
    }
}
