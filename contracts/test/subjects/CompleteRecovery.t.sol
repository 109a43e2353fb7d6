// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import {
    Authority,
    ISubjects,
    Lift,
    Recover,
    Recovery,
    RevokeAll,
    Rotate,
    Signer,
    Subject
} from "../../src/interfaces/ISubjects.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

contract CompleteRecoveryTest is SubjectBase {
    using TypedData for *;
    using SubjectTypedData for *;

    uint40 private constant _READY = uint40(NOW + RECOVERY_DELAY);

    function checkCompletes(bytes20 of_, Subject memory expected) private {
        vm.expectEmit(address(subjects));
        emit ISubjects.Recovered(of_, hashOf(NEXT), expected.signerIndex);
        vm.expectEmit(address(subjects));
        emit ISubjects.AllRevoked(of_, expected.epoch, hashOf(NEXT));
        vm.prank(vm.addr(STRANGER)); // anyone may
        subjects.completeRecovery(of_);
        assertEq(subjects.subjectOf(of_), expected);
        assertEq(subjects.recoveryOf(of_), Recovery(0, 0, 0, 0, false));
        Signer memory signer = subjects.signerOf(hashOf(NEXT));
        assertEq(signer.subject, of_, "signer's subject");
        assertEq(signer.index, expected.signerIndex, "signer's index");
        (, Authority memory authority) = subjects.authorityOf(of_, hashOf(NEXT));
        assertTrue(authority.current, "current");
    }

    function test_anyone_completes_once_the_delay_is_over(uint256 time) public {
        recover(defaultRecovery(subject, 1));
        vm.warp(bound(time, _READY, _READY + 365 days));
        checkCompletes(subject, Subject(CUSTODIAN, 2, 0, 2, 1, 0, 1));
    }

    function test_not_before(uint256 time) public {
        recover(defaultRecovery(subject, 1));
        vm.warp(bound(time, NOW, _READY - 1));
        vm.expectRevert(abi.encodeWithSelector(ISubjects.RecoveryWaits.selector, subject, _READY));
        subjects.completeRecovery(subject);
    }

    function test_to_the_second() public {
        recover(defaultRecovery(subject, 1));
        vm.warp(_READY - 1);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.RecoveryWaits.selector, subject, _READY));
        subjects.completeRecovery(subject);
        vm.warp(_READY);
        subjects.completeRecovery(subject);
    }

    function test_a_second_attempt_ends_the_contest() public {
        Recover memory first = defaultRecovery(subject, 1);
        recover(first);
        vetoRecovery(first, PATIENT);
        recover(defaultRecovery(subject, 2));
        vm.warp(_READY);
        checkCompletes(subject, Subject(CUSTODIAN, 2, 0, 2, 1, 0, 2));
    }

    function test_the_first_signer_of_a_patient_without_a_device() public {
        recover(defaultRecovery(bare, 1));
        vm.warp(_READY);
        checkCompletes(bare, Subject(CUSTODIAN, 2, 0, 1, 1, 0, 1));
    }

    function test_flags_stay() public {
        restrict(subject, PATIENT);
        recover(defaultRecovery(subject, 1));
        vm.warp(_READY);
        checkCompletes(subject, Subject(CUSTODIAN, 2, 1, 2, 1, 0, 1));
    }

    function test_an_epoch_that_rose_meanwhile_rises_on() public {
        recover(defaultRecovery(subject, 1));
        revokeAll(1);
        vm.warp(_READY);
        checkCompletes(subject, Subject(CUSTODIAN, 3, 0, 2, 1, 0, 1));
    }

    function test_a_rotation_meanwhile_does_not_save_the_signer() public {
        recover(defaultRecovery(subject, 1));
        rotate(PATIENT, 172);
        vm.warp(_READY);
        checkCompletes(subject, Subject(CUSTODIAN, 2, 0, 3, 2, 0, 1));
        (, Authority memory authority) = subjects.authorityOf(subject, hashOf(172));
        assertTrue(authority.former && !authority.current, "former");
    }

    function test_the_lost_signer_is_a_former_one_that_may_revoke() public {
        recoverFully(subject);
        (, Authority memory authority) = subjects.authorityOf(subject, hashOf(PATIENT));
        assertTrue(authority.former && !authority.current, "former");
        RevokeAll memory revocation = RevokeAll(subject, 2);
        subjects.revokeAll(revocation, signed(PATIENT, revocation.hash()));
        assertEq(subjects.subjectOf(subject).epoch, 3, "epoch");
    }

    function test_what_the_lost_signer_signed_counts_for_nothing() public {
        recover(defaultRecovery(subject, 1));
        Rotate memory rotation = Rotate(subject, hashOf(172), 1);
        Lift memory lifting = Lift(subject, 1);
        vm.warp(_READY);
        subjects.completeRecovery(subject);
        expectNoStanding(hashOf(PATIENT));
        subjects.rotate(rotation, signerOf(172), signSubjects(172, rotation.hash()), signed(PATIENT, rotation.hash()));
        expectNoStanding(hashOf(PATIENT));
        subjects.lift(lifting, one(signed(PATIENT, lifting.hash())));
    }

    function test_representatives_go_on() public {
        appoint(defaultAppointment(subject));
        recoverFully(subject);
        assertTrue(subjects.isPatientSide(subject, hashOf(REPRESENTATIVE)), "live");
    }

    function test_again_nothing_waits() public {
        recoverFully(subject);
        expectNothingWaits(subject);
        subjects.completeRecovery(subject);
    }

    function test_nothing_waited() public {
        expectNothingWaits(subject);
        subjects.completeRecovery(subject);
    }

    function test_a_signer_that_serves_meanwhile(bool sameSubject) public {
        recover(defaultRecovery(subject, 1));
        if (sameSubject) rotate(PATIENT, NEXT);
        else enrol(NEXT, keccak256("another salt"));
        vm.warp(_READY);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerTaken.selector, hashOf(NEXT)));
        subjects.completeRecovery(subject);
    }

    function test_two_recoveries_to_one_signer_end_in_one() public {
        recover(defaultRecovery(subject, 1));
        recover(defaultRecovery(bare, 1));
        vm.warp(_READY);
        subjects.completeRecovery(bare);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerTaken.selector, hashOf(NEXT)));
        subjects.completeRecovery(subject);
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        subjects.completeRecovery(unknown);
    }
}
