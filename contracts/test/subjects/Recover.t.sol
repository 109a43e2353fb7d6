// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval, ISubjects, Recover, Recovery, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

contract RecoverTest is SubjectBase {
    using SubjectTypedData for *;

    uint40 private constant _READY = uint40(NOW + RECOVERY_DELAY);

    function submit(Recover memory given, Approval[] memory approvals) private {
        subjects.recover(given, signerOf(NEXT), signSubjects(NEXT, given.hash()), approvals);
    }

    function expectAttemptRefused(Recover memory given, uint256 count) private {
        Approval[] memory approvals = officers(count, given.hash());
        vm.expectRevert(abi.encodeWithSelector(ISubjects.RecoveryRefused.selector, given.subject, given.attempt));
        submit(given, approvals);
    }

    function expectRefused(Recover memory given, Approval[] memory approvals, bytes32 person) private {
        expectNoStanding(given.subject, person);
        submit(given, approvals);
    }

    /// @dev With the expected event and state; the subject itself but for the count is as it was.
    function checkBegins(Recover memory given, uint256 count, bool contested) private {
        Subject memory before = subjects.subjectOf(given.subject);
        uint32[] memory institutions = new uint32[](count);
        for (uint256 i = 0; i < count; ++i) {
            institutions[i] = uint32(i + 1);
        }
        uint40 readyAt = uint40(block.timestamp + RECOVERY_DELAY);
        Approval[] memory approvals = officers(count, given.hash());
        vm.expectEmit(address(subjects));
        emit ISubjects.RecoveryBegun(
            given.subject, given.signerHash, given.attempt, given.serial, readyAt, institutions
        );
        submit(given, approvals);
        assertEq(
            subjects.recoveryOf(given.subject),
            Recovery(given.signerHash, readyAt, given.attempt, given.serial, contested)
        );
        before.recoveries = given.serial + 1;
        assertEq(subjects.subjectOf(given.subject), before);
        assertEq(subjects.signerOf(given.signerHash).index, 0, "no signer yet");
    }

    /// @dev The patient stopped a first attempt.
    function contest() private {
        Recover memory first = defaultRecovery(subject, 1);
        recover(first);
        vetoRecovery(first, PATIENT);
    }

    function test_two_institutions_begin() public {
        checkBegins(Recover(subject, hashOf(NEXT), 1, 0), 2, false);
        assertEq(subjects.recoveryOf(subject).readyAt, _READY, "ready at");
    }

    function test_three_institutions_begin_a_second_attempt() public {
        contest();
        checkBegins(Recover(subject, hashOf(NEXT), 2, 1), 3, true);
    }

    function test_one_institution_begins_while_there_is_no_signer() public {
        checkBegins(Recover(bare, hashOf(NEXT), 1, 0), 1, false);
    }

    function test_the_custodian_is_the_one_there() public {
        Recover memory given = defaultRecovery(bare, 1);
        Approval[] memory approvals = one(officer(REQUESTER, given.hash()));
        expectRefused(given, approvals, officerBadge(REQUESTER).person);
    }

    function test_after_a_contest_a_first_attempt_is_still_one() public {
        contest();
        checkBegins(Recover(subject, hashOf(NEXT), 1, 1), 2, true);
    }

    function test_no_second_attempt_without_a_contest() public {
        expectAttemptRefused(defaultRecovery(subject, 2), 3);
        recoverFully(subject);
        expectAttemptRefused(defaultRecovery(subject, 2), 3);
    }

    function test_other_attempts_there_are_none(uint8 attempt, bool contested) public {
        vm.assume(attempt != 1 && attempt != 2);
        if (contested) contest();
        expectAttemptRefused(defaultRecovery(subject, attempt), 3);
    }

    function test_one_waits_already(bool second) public {
        contest();
        recover(defaultRecovery(subject, 2));
        expectAttemptRefused(defaultRecovery(subject, second ? 2 : 1), second ? 3 : 2);
        vm.warp(NOW + RECOVERY_DELAY);
        expectAttemptRefused(defaultRecovery(subject, second ? 2 : 1), second ? 3 : 2);
    }

    function test_what_cannot_be_completed_holds_no_other_up() public {
        recover(defaultRecovery(subject, 1));
        enrol(NEXT, keccak256("another salt")); // the new signer serves another subject meanwhile
        Recover memory given = Recover(subject, hashOf(172), 1, recoveriesOf(subject));
        bytes memory signature = signSubjects(172, given.hash());
        subjects.recover(given, signerOf(172), signature, officers(2, given.hash()));
        assertEq(subjects.recoveryOf(subject), Recovery(hashOf(172), _READY, 1, 1, false));
    }

    function test_how_many_approve(uint256 count) public {
        count = bound(count, 0, 3);
        contest();
        Recover memory first = defaultRecovery(subject, 1);
        if (count != 2) {
            Approval[] memory approvals = officers(count, first.hash());
            expectApprovalsRefused(subject, count);
            submit(first, approvals);
        }
        Recover memory second = defaultRecovery(subject, 2);
        if (count != 3) {
            Approval[] memory approvals = officers(count, second.hash());
            expectApprovalsRefused(subject, count);
            submit(second, approvals);
        }
        Recover memory bare_ = defaultRecovery(bare, 1);
        if (count != 1) {
            Approval[] memory approvals = officers(count, bare_.hash());
            expectApprovalsRefused(bare, count);
            submit(bare_, approvals);
        }
    }

    function test_the_custodians_comes_first() public {
        Recover memory given = defaultRecovery(subject, 1);
        Approval[] memory approvals = two(officer(REQUESTER, given.hash()), officer(CUSTODIAN, given.hash()));
        expectRefused(given, approvals, officerBadge(REQUESTER).person);
    }

    function test_two_officers_of_the_custodian_are_one_institution() public {
        Recover memory given = defaultRecovery(subject, 1);
        Badge memory again = badgeOf(CUSTODIAN, 212, Rules.OFFICER);
        Approval[] memory approvals = two(officer(CUSTODIAN, given.hash()), staff(212, again, given.hash()));
        expectRefused(given, approvals, again.person);
    }

    function test_three_are_three_institutions(bool custodian) public {
        contest();
        Recover memory given = defaultRecovery(subject, 2);
        Badge memory again = badgeOf(custodian ? CUSTODIAN : REQUESTER, 212, Rules.OFFICER);
        Approval[] memory approvals = officers(3, given.hash());
        approvals[2] = staff(212, again, given.hash());
        expectRefused(given, approvals, again.person);
    }

    function test_all_are_officers(bool first) public {
        Recover memory given = defaultRecovery(subject, 1);
        Badge memory nurse = badgeOf(first ? CUSTODIAN : REQUESTER, 212, Rules.NURSE);
        Approval[] memory approvals = officers(2, given.hash());
        approvals[first ? 0 : 1] = staff(212, nurse, given.hash());
        expectRefused(given, approvals, nurse.person);
    }

    function test_no_suspended_institution() public {
        suspendRequester();
        Recover memory given = defaultRecovery(subject, 1);
        expectRefused(given, officers(2, given.hash()), officerBadge(REQUESTER).person);
        given = defaultRecovery(subject, 1);
        submit(given, two(officer(CUSTODIAN, given.hash()), officer(BYSTANDER, given.hash())));
    }

    function test_all_sign(bool first) public {
        Recover memory given = defaultRecovery(subject, 1);
        Approval[] memory approvals = officers(2, given.hash());
        approvals[first ? 0 : 1].signature = signSubjects(STRANGER, given.hash());
        expectSignatureInvalid(address(subjects), given.hash());
        submit(given, approvals);
    }

    function test_the_new_signer_signs() public {
        Recover memory given = defaultRecovery(subject, 1);
        Approval[] memory approvals = officers(2, given.hash());
        bytes memory signature = signSubjects(STRANGER, given.hash());
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.recover(given, signerOf(NEXT), signature, approvals);
    }

    function test_the_new_signer_is_the_signed_one() public {
        Recover memory given = defaultRecovery(subject, 1);
        Approval[] memory approvals = officers(2, given.hash());
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerMismatch.selector, hashOf(NEXT), hashOf(STRANGER)));
        subjects.recover(given, signerOf(STRANGER), "", approvals);
    }

    function test_the_new_signer_serves_nobody() public {
        Recover memory given = Recover(subject, hashOf(PATIENT), 1, 0);
        Approval[] memory approvals = officers(2, given.hash());
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerTaken.selector, hashOf(PATIENT)));
        subjects.recover(given, signerOf(PATIENT), "", approvals);
    }

    function test_nobody_is_no_signer() public {
        Recover memory given = Recover(bare, 0, 1, 0);
        Approval[] memory approvals = officers(1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignerUnsupported.selector, bytes("")));
        subjects.recover(given, "", "", approvals);
    }

    function test_a_serial_counts_once(uint32 serial) public {
        vm.assume(serial != 0);
        Recover memory given = Recover(subject, hashOf(NEXT), 1, serial);
        Approval[] memory approvals = officers(2, given.hash());
        expectSerialMismatch(subject, 0, serial);
        submit(given, approvals);
    }

    function test_a_stopped_one_is_no_replay() public {
        Recover memory given = defaultRecovery(subject, 1);
        recover(given);
        vetoRecovery(given, PATIENT);
        Approval[] memory approvals = officers(2, given.hash());
        expectSerialMismatch(subject, 1, 0);
        submit(given, approvals);
    }

    /// @dev Whoever has the signer decides as often as they like, and holds no recovery up by it.
    function test_what_the_signer_decides_meanwhile_does_not_outdate_it(uint8 often) public {
        uint256 times = bound(often, 0, 7);
        Recover memory given = defaultRecovery(subject, 1);
        Approval[] memory approvals = officers(2, given.hash());
        uint256 key = PATIENT;
        for (uint256 i = 0; i < times; ++i) {
            rotate(key, 900 + i);
            key = 900 + i;
        }
        assertEq(serialOf(subject), 1 + times, "serial");
        submit(given, approvals);
        assertEq(subjects.recoveryOf(subject).signerHash, hashOf(NEXT), "waits");
    }

    function test_the_signer_decides_on_while_it_waits() public {
        recover(defaultRecovery(subject, 1));
        give(defaultGrant());
        rotate(PATIENT, 172);
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 0, 2, 2, 0, 1));
        assertEq(subjects.recoveryOf(subject), Recovery(hashOf(NEXT), _READY, 1, 0, false));
    }

    function test_each_subject_has_its_own() public {
        recover(defaultRecovery(subject, 1));
        assertEq(subjects.recoveryOf(bare), Recovery(0, 0, 0, 0, false));
        recover(defaultRecovery(bare, 1));
        assertEq(subjects.recoveryOf(bare).readyAt, _READY, "ready at");
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        subjects.recover(Recover(unknown, hashOf(NEXT), 1, 0), "", "", new Approval[](0));
    }
}
