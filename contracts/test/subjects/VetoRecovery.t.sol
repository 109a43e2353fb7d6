// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Appoint, Approval, ISubjects, Recover, Recovery, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

contract VetoRecoveryTest is SubjectBase {
    using SubjectTypedData for *;

    function first() private returns (Recover memory given) {
        given = defaultRecovery(subject, 1);
        recover(given);
    }

    /// @dev The patient stopped the first attempt; a second waits.
    function second() private returns (Recover memory given) {
        vetoRecovery(first(), PATIENT);
        given = defaultRecovery(subject, 2);
        recover(given);
    }

    /// @dev With the expected event; nothing of the recovery stays but whether it is contested.
    function checkStops(Recover memory given, uint256 by, bool contested) private {
        Subject memory before = subjects.subjectOf(given.subject);
        Approval memory approval = veto(by, given.subject, given.hash());
        vm.expectEmit(address(subjects));
        emit ISubjects.RecoveryVetoed(given.subject, given.attempt, contested, hashOf(by));
        subjects.vetoRecovery(given, approval);
        assertEq(subjects.recoveryOf(given.subject), Recovery(0, 0, 0, 0, contested));
        assertEq(subjects.subjectOf(given.subject), before);
        vm.warp(block.timestamp + RECOVERY_DELAY);
        expectNothingWaits(given.subject);
        subjects.completeRecovery(given.subject);
    }

    function expectRefused(Recover memory given, uint256 by) private {
        expectNoStanding(given.subject, hashOf(by));
        vetoRecovery(given, by);
    }

    function test_the_signer_stops_a_first_attempt() public {
        checkStops(first(), PATIENT, true);
    }

    function test_until_it_is_completed() public {
        Recover memory given = first();
        vm.warp(NOW + RECOVERY_DELAY + 365 days);
        checkStops(given, PATIENT, true);
    }

    function test_a_former_signer_stops_a_first_attempt() public {
        rotate(PATIENT, 172);
        checkStops(first(), PATIENT, true);
    }

    function test_a_representative_stops_a_first_attempt_and_contests_nothing(uint32 powers) public {
        appointLive(subject, REPRESENTATIVE, powers & Rules.ALL_POWERS);
        checkStops(first(), REPRESENTATIVE, false);
    }

    function test_a_representative_stops_one_while_there_is_no_signer() public {
        appointLive(bare, REPRESENTATIVE, 0);
        Recover memory given = defaultRecovery(bare, 1);
        recover(given);
        checkStops(given, REPRESENTATIVE, false);
    }

    function test_a_representative_stops_a_second_attempt() public {
        appointLive(subject, REPRESENTATIVE, 0);
        checkStops(second(), REPRESENTATIVE, true);
    }

    function test_a_representative_takes_no_contest_back() public {
        appointLive(subject, REPRESENTATIVE, 0);
        vetoRecovery(first(), PATIENT);
        checkStops(first(), REPRESENTATIVE, true);
    }

    function test_a_former_signer_that_represents_stops_both() public {
        rotate(PATIENT, 172);
        Appoint memory given = defaultAppointment(subject);
        given.representative = hashOf(PATIENT);
        subjects.appoint(given, one(signed(172, given.hash())));
        vm.warp(NOW + APPOINTMENT_DELAY);
        checkStops(second(), PATIENT, true);
    }

    function test_signers_stop_no_second_attempt() public {
        rotate(PATIENT, 172);
        Recover memory given = second();
        expectRefused(given, PATIENT);
        expectRefused(given, 172);
        assertEq(subjects.recoveryOf(subject).attempt, 2, "it waits");
    }

    function test_a_representative_only_while_the_appointment_lasts() public {
        appoint(defaultAppointment(subject));
        Recover memory given = first();
        vm.warp(NOW + APPOINTMENT_DELAY - 1);
        expectRefused(given, REPRESENTATIVE);
        vm.warp(APPOINTED_UNTIL);
        expectRefused(given, REPRESENTATIVE);
        vm.warp(APPOINTED_UNTIL - 1);
        vetoRecovery(given, REPRESENTATIVE);
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        Recover memory given = first();
        Approval memory approval = veto(key, subject, given.hash());
        expectNoStanding(hashOf(key));
        subjects.vetoRecovery(given, approval);
    }

    function test_the_new_signer_may_not() public {
        expectRefused(first(), NEXT);
    }

    function test_another_subjects_signer_and_representative_may_not() public {
        enrol(667, keccak256("another salt"));
        appointLive(bare, REPRESENTATIVE, Rules.ALL_POWERS);
        Recover memory given = first();
        expectRefused(given, 667);
        expectRefused(given, REPRESENTATIVE);
    }

    function test_the_custodian_may_not() public {
        Recover memory given = first();
        expectRefused(given, REGISTRAR_1);
        expectRefused(given, officerOf(CUSTODIAN));
    }

    function test_again_nothing_waits() public {
        Recover memory given = first();
        vetoRecovery(given, PATIENT);
        expectNothingWaits(subject);
        vetoRecovery(given, PATIENT);
    }

    function test_nothing_waited(bool representative) public {
        appointLive(subject, REPRESENTATIVE, 0);
        Recover memory given = defaultRecovery(subject, 1);
        expectNothingWaits(subject);
        vetoRecovery(given, representative ? REPRESENTATIVE : PATIENT);
    }

    function test_nothing_waits_once_it_is_completed() public {
        Recover memory given = first();
        vm.warp(NOW + RECOVERY_DELAY);
        subjects.completeRecovery(subject);
        expectNothingWaits(subject);
        vetoRecovery(given, PATIENT);
    }

    function test_a_veto_counts_against_one_recovery() public {
        Recover memory given = first();
        vetoRecovery(given, PATIENT);
        first();
        expectNothingWaits(subject);
        vetoRecovery(given, PATIENT);
        assertEq(subjects.recoveryOf(subject).serial, 1, "the other waits");
    }

    function test_the_veto_names_the_recovery() public {
        Recover memory given = first();
        Approval memory approval = veto(PATIENT, subject, keccak256("another matter"));
        expectSignatureInvalid(address(subjects), SubjectTypedData.hashVeto(subject, given.hash()));
        subjects.vetoRecovery(given, approval);
    }

    function test_an_unknown_subject(bytes20 unknown, uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(unknown != subject && unknown != bare);
        Recover memory given = Recover(unknown, hashOf(NEXT), 1, 0);
        Approval memory approval = veto(key, unknown, given.hash());
        expectNothingWaits(unknown);
        subjects.vetoRecovery(given, approval);
    }

    function test_the_zero_subjects_recovery_is_nobodys() public {
        expectNothingWaits(0);
        vetoRecovery(Recover(0, hashOf(NEXT), 1, 0), STRANGER);
    }
}
