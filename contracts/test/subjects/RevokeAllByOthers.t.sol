// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Approval, ISubjects, RevokeAll, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @notice Everything granted is ended by representatives, former signers and registrars: signed, or by their own
/// transaction.
contract RevokeAllByOthersTest is SubjectBase {
    using TypedData for *;

    function revocation(bytes20 of_) private view returns (RevokeAll memory) {
        return RevokeAll(of_, subjects.subjectOf(of_).epoch);
    }

    function act(RevokeAll memory given, uint256 by, bool own) private {
        if (own) {
            vm.prank(vm.addr(by));
            subjects.revokeAllOwn(given);
        } else {
            subjects.revokeAll(given, signed(by, given.hash()));
        }
    }

    function checkMay(bytes20 of_, uint256 by, bool own) private {
        RevokeAll memory given = revocation(of_);
        Subject memory expected = subjects.subjectOf(of_);
        expected.epoch += 1;
        vm.expectEmit(address(subjects));
        emit ISubjects.AllRevoked(of_, expected.epoch, hashOf(by));
        act(given, by, own);
        assertEq(subjects.subjectOf(of_), expected);
    }

    function expectRefused(bytes20 of_, uint256 by, bool own) private {
        RevokeAll memory given = revocation(of_);
        expectNoStanding(of_, hashOf(by));
        act(given, by, own);
    }

    function test_a_representative_whatever_its_powers(uint32 powers, bool own) public {
        appointLive(subject, REPRESENTATIVE, powers & Rules.ALL_POWERS);
        checkMay(subject, REPRESENTATIVE, own);
    }

    function test_only_while_the_appointment_lasts(bool own) public {
        appoint(defaultAppointment(subject));
        vm.warp(NOW + APPOINTMENT_DELAY - 1);
        expectRefused(subject, REPRESENTATIVE, own);
        vm.warp(NOW + APPOINTMENT_DELAY);
        checkMay(subject, REPRESENTATIVE, own);
        vm.warp(APPOINTED_UNTIL - 1);
        checkMay(subject, REPRESENTATIVE, own);
        vm.warp(APPOINTED_UNTIL);
        expectRefused(subject, REPRESENTATIVE, own);
    }

    function test_not_once_dismissed(bool own) public {
        appointLive(subject, REPRESENTATIVE, Rules.ALL_POWERS);
        dismiss(subject, PATIENT);
        expectRefused(subject, REPRESENTATIVE, own);
    }

    function test_another_subjects_representative_may_not(bool own) public {
        appointLive(bare, REPRESENTATIVE, Rules.ALL_POWERS);
        expectRefused(subject, REPRESENTATIVE, own);
        checkMay(bare, REPRESENTATIVE, own);
    }

    function test_former_signers_for_ever(bool own) public {
        rotate(PATIENT, 172);
        rotate(172, 173);
        recoverFully(subject);
        vm.warp(block.timestamp + 3650 days);
        checkMay(subject, PATIENT, own);
        checkMay(subject, 172, own);
        checkMay(subject, 173, own);
        checkMay(subject, NEXT, own);
    }

    function test_a_registrar_while_there_is_no_signer(bool suspended) public {
        if (suspended) suspendCustodian();
        checkMay(bare, REGISTRAR_1, false);
        expectRefused(bare, REGISTRAR_1, true);
    }

    function test_the_former_custodian_may_not() public {
        transfer(subject, PATIENT);
        expectRefused(subject, REGISTRAR_1, false);
        checkMay(subject, REGISTRAR_2, false);
    }

    function test_whoever_revokes_signs() public {
        appointLive(subject, REPRESENTATIVE, 0);
        RevokeAll memory given = RevokeAll(subject, 1);
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.revokeAll(given, Approval(signerOf(REPRESENTATIVE), signSubjects(PATIENT, given.hash()), ""));
    }
}
