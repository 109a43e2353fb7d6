// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval, ISubjects, Lift, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

contract LiftTest is SubjectBase {
    using SubjectTypedData for *;

    function setUp() public override {
        super.setUp();
        restrict(subject, PATIENT);
        restrict(bare, REGISTRAR_1);
    }

    /// @dev Flags that no verb gives yet, written where the compiler keeps them. Subject packs custodian 32, epoch 32, flags 8, signerIndex 32 from the right.
    function setFlags(bytes20 of_, uint8 flags) private {
        bytes32 slot = keccak256(abi.encode(of_, uint256(2)));
        uint256 stored = uint256(vm.load(address(subjects), slot)) & ~(uint256(0xff) << 64);
        vm.store(address(subjects), slot, bytes32(stored | (uint256(flags) << 64)));
        assertEq(subjects.subjectOf(of_).flags, flags, "the layout is another one");
    }

    function lifting(bytes20 of_) private view returns (Lift memory) {
        return Lift(of_, serialOf(of_));
    }

    function expectRefused(uint256 key) private {
        Lift memory given = lifting(subject);
        Approval[] memory approvals = one(signed(key, given.hash()));
        expectNoStanding(hashOf(key));
        subjects.lift(given, approvals);
    }

    function test_the_patient_lifts() public {
        Lift memory given = lifting(subject);
        Approval[] memory approvals = one(signed(PATIENT, given.hash()));
        vm.expectEmit(address(subjects));
        emit ISubjects.Lifted(subject, 1, hashOf(PATIENT));
        subjects.lift(given, approvals);
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 0, 1, 2, 1, 0));
    }

    function test_only_the_one_flag_is_lifted(uint8 flags) public {
        setFlags(subject, flags);
        lift(subject, PATIENT);
        assertEq(subjects.subjectOf(subject).flags, flags & ~uint8(1), "flags");
    }

    function test_a_representative_with_the_power_to_grant() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        Lift memory given = lifting(subject);
        Approval[] memory approvals = one(signed(REPRESENTATIVE, given.hash()));
        vm.expectEmit(address(subjects));
        emit ISubjects.Lifted(subject, 2, hashOf(REPRESENTATIVE));
        subjects.lift(given, approvals);
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 0, 1, 3, 2, 0));
    }

    function test_a_representative_without_it_may_not(bool access) public {
        appointLive(subject, REPRESENTATIVE, access ? Rules.MAY_ACCESS : 0);
        expectRefused(REPRESENTATIVE);
    }

    function test_a_representative_only_while_the_appointment_lasts() public {
        appoint(defaultAppointment(subject));
        vm.warp(NOW + APPOINTMENT_DELAY - 1);
        expectRefused(REPRESENTATIVE);
        vm.warp(APPOINTED_UNTIL);
        expectRefused(REPRESENTATIVE);
        vm.warp(APPOINTED_UNTIL - 1);
        lift(subject, REPRESENTATIVE);
    }

    function test_a_dismissed_one_may_not() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        dismiss(subject, PATIENT);
        expectRefused(REPRESENTATIVE);
    }

    function test_whoever_may_restrict_may_not_lift() public {
        rotate(PATIENT, NEXT);
        expectRefused(PATIENT); // a former signer
        expectRefused(REGISTRAR_1);
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        expectRefused(key);
    }

    function test_another_subjects_representative_may_not() public {
        appointLive(bare, REPRESENTATIVE, Rules.MAY_GRANT);
        expectRefused(REPRESENTATIVE);
    }

    function test_the_custodians_staff_may_not_while_there_is_a_signer() public {
        Lift memory given = lifting(subject);
        Approval[] memory approvals = custodians(given.hash());
        expectApprovalsRefused(subject, 2);
        subjects.lift(given, approvals);
    }

    function test_an_officer_alone_may_not() public {
        Lift memory given = lifting(bare);
        Approval[] memory approvals = one(officer(CUSTODIAN, given.hash()));
        expectNoStanding(bare, hashOf(officerOf(CUSTODIAN)));
        subjects.lift(given, approvals);
    }

    function test_the_custodians_staff_while_there_is_no_signer() public {
        Lift memory given = lifting(bare);
        Approval[] memory approvals = custodians(given.hash());
        vm.expectEmit(address(subjects));
        emit ISubjects.Lifted(bare, 1, officerBadge(CUSTODIAN).person);
        subjects.lift(given, approvals);
        assertEq(subjects.subjectOf(bare), Subject(CUSTODIAN, 1, 0, 0, 2, 1, 0));
    }

    function test_staff_without_an_officer_may_not() public {
        Lift memory given = lifting(bare);
        Badge memory nurse = badgeOf(CUSTODIAN, 212, Rules.NURSE);
        Approval[] memory approvals = two(clerk(given.hash()), staff(212, nurse, given.hash()));
        expectNoStanding(bare, nurse.person);
        subjects.lift(given, approvals);
    }

    function test_a_representative_while_there_is_no_signer() public {
        appointLive(bare, REPRESENTATIVE, Rules.MAY_GRANT);
        lift(bare, REPRESENTATIVE);
        assertEq(subjects.subjectOf(bare).flags, 0, "flags");
    }

    function test_whoever_lifts_signs() public {
        Lift memory given = lifting(subject);
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.lift(given, one(Approval(signerOf(PATIENT), signSubjects(STRANGER, given.hash()), "")));
    }

    function test_a_serial_counts_once(uint32 serial) public {
        vm.assume(serial != 1);
        Lift memory given = Lift(subject, serial);
        Approval[] memory approvals = one(signed(PATIENT, given.hash()));
        expectSerialMismatch(subject, 1, serial);
        subjects.lift(given, approvals);
    }

    function test_a_replay_lifts_no_later_restriction() public {
        Lift memory given = lifting(subject);
        Approval[] memory approvals = one(signed(PATIENT, given.hash()));
        subjects.lift(given, approvals);
        restrict(subject, REGISTRAR_1);
        expectSerialMismatch(subject, 2, 1);
        subjects.lift(given, approvals);
        assertEq(subjects.subjectOf(subject).flags, 1, "flags");
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        subjects.lift(Lift(unknown, 1), new Approval[](0));
    }
}
