// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Approval, ISubjects, RevokeAll } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract RevokeAllTest is Base {
    using TypedData for *;

    function approvalOf(uint256 key, RevokeAll memory revocation) private view returns (Approval memory) {
        return Approval(signerOf(key), signSubjects(key, revocation.hash()), "");
    }

    function test_the_patient_revokes_all() public {
        RevokeAll memory revocation = RevokeAll(subject, 1);
        Approval memory approval = approvalOf(PATIENT, revocation);
        vm.expectEmit(address(subjects));
        emit ISubjects.AllRevoked(subject, 2, hashOf(PATIENT));
        subjects.revokeAll(revocation, approval);
        assertEq(subjects.subjectOf(subject).epoch, 2, "epoch");
    }

    function test_a_registrar_of_the_custodian_may() public {
        RevokeAll memory revocation = RevokeAll(subject, 1);
        subjects.revokeAll(revocation, approvalOf(REGISTRAR_1, revocation));
        assertEq(subjects.subjectOf(subject).epoch, 2, "epoch");
    }

    function test_a_registrar_of_a_suspended_custodian_may() public {
        suspendCustodian();
        test_a_registrar_of_the_custodian_may();
    }

    function test_an_ended_registrar_may_not() public {
        endSigner(CUSTODIAN, GOVERNOR_1, Kinds.REGISTRAR, REGISTRAR_1, uint64(NOW));
        RevokeAll memory revocation = RevokeAll(subject, 1);
        Approval memory approval = approvalOf(REGISTRAR_1, revocation);
        expectNoStanding(hashOf(REGISTRAR_1));
        subjects.revokeAll(revocation, approval);
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT && key != REGISTRAR_1);
        RevokeAll memory revocation = RevokeAll(subject, 1);
        Approval memory approval = approvalOf(key, revocation);
        expectNoStanding(hashOf(key));
        subjects.revokeAll(revocation, approval);
    }

    function test_another_subjects_signer_may_not() public {
        enrol(667, keccak256("another salt"));
        RevokeAll memory revocation = RevokeAll(subject, 1);
        Approval memory approval = approvalOf(667, revocation);
        expectNoStanding(hashOf(667));
        subjects.revokeAll(revocation, approval);
    }

    function test_an_old_epoch_has_no_effect() public {
        revokeAll(1);
        revokeAll(2);
        vm.recordLogs();
        revokeAll(1);
        assertEq(countLogs(), 0, "events");
        assertEq(subjects.subjectOf(subject).epoch, 3, "epoch");
    }

    function test_a_future_epoch_is_refused(uint32 epoch) public {
        epoch = uint32(bound(epoch, 2, type(uint32).max));
        RevokeAll memory revocation = RevokeAll(subject, epoch);
        Approval memory approval = approvalOf(PATIENT, revocation);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.EpochAhead.selector, subject, 1, epoch));
        subjects.revokeAll(revocation, approval);
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject);
        RevokeAll memory revocation = RevokeAll(unknown, 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        subjects.revokeAll(revocation, Approval("", "", ""));
    }

    function test_a_signature_for_another_contract(address elsewhere) public {
        vm.assume(elsewhere != address(subjects));
        RevokeAll memory revocation = RevokeAll(subject, 1);
        bytes memory signature = sign(PATIENT, TypedData.digest(elsewhere, revocation.hash()));
        expectSignatureInvalid(address(subjects), revocation.hash());
        subjects.revokeAll(revocation, Approval(signerOf(PATIENT), signature, ""));
    }

    function test_an_empty_signature_is_none() public {
        RevokeAll memory revocation = RevokeAll(subject, 1);
        expectSignatureInvalid(address(subjects), revocation.hash());
        vm.prank(vm.addr(PATIENT));
        subjects.revokeAll(revocation, Approval(signerOf(PATIENT), "", ""));
    }
}
