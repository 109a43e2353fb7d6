// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Appoint, Approval, Dismiss, ISubjects, Representative, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

/// @notice Dismissals by the patient and by the representative; DismissByOfficers has the institutions'.
contract DismissTest is SubjectBase {
    using SubjectTypedData for *;

    function setUp() public override {
        super.setUp();
        appoint(defaultAppointment(subject)); // uses serial 1
    }

    function dismissal() private view returns (Dismiss memory) {
        return Dismiss(subject, hashOf(REPRESENTATIVE), serialOf(subject));
    }

    function submit(Dismiss memory given, uint256 by) private {
        subjects.dismiss(given, one(signed(by, given.hash())));
    }

    function checkGone() private view {
        assertEq(subjects.representativeOf(subject, hashOf(REPRESENTATIVE)), Representative(0, 0, 0, 0, 0));
        assertFalse(subjects.isPatientSide(subject, hashOf(REPRESENTATIVE)), "patient's side");
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 2, 0, 1, 2, 0, 0));
    }

    function checkDismissedBy(uint256 by) private {
        Dismiss memory given = dismissal();
        Approval[] memory approvals = one(signed(by, given.hash()));
        vm.expectEmit(address(subjects));
        emit ISubjects.Dismissed(subject, hashOf(REPRESENTATIVE), hashOf(by));
        vm.expectEmit(address(subjects));
        emit ISubjects.AllRevoked(subject, 2, hashOf(by));
        subjects.dismiss(given, approvals);
        checkGone();
    }

    function test_the_patient_dismisses(uint256 time) public {
        vm.warp(bound(time, NOW, APPOINTED_UNTIL + 1 days)); // waiting, live, over
        checkDismissedBy(PATIENT);
    }

    function test_the_representative_goes(uint256 time) public {
        vm.warp(bound(time, NOW, APPOINTED_UNTIL - 1)); // waiting, live
        checkDismissedBy(REPRESENTATIVE);
    }

    function test_one_whose_appointment_ended_has_no_say() public {
        Dismiss memory given = dismissal();
        vm.warp(APPOINTED_UNTIL);
        expectNoStanding(hashOf(REPRESENTATIVE));
        submit(given, REPRESENTATIVE);
        assertEq(subjects.subjectOf(subject).epoch, 1, "epoch");
        vm.warp(APPOINTED_UNTIL - 1);
        submit(given, REPRESENTATIVE);
    }

    function test_what_was_granted_ends_with_the_power() public {
        bytes32 grantId = give(defaultGrant());
        dismiss(subject, PATIENT);
        assertEq(grants.grantOf(grantId).epoch, 1, "grant's epoch");
        assertEq(subjects.subjectOf(subject).epoch, 2, "subject's epoch");
    }

    function test_others_go_on() public {
        Appoint memory other = defaultAppointment(subject);
        other.representative = hashOf(162);
        appoint(other);
        dismiss(subject, PATIENT);
        assertEq(subjects.representativeOf(subject, hashOf(162)).serial, 2, "serial");
    }

    function test_any_serial_since_the_appointment_will_do(uint32 later) public {
        later = uint32(bound(later, 0, 3));
        Dismiss memory given = Dismiss(subject, hashOf(REPRESENTATIVE), 2 + later);
        for (uint256 i = 0; i < 3; ++i) {
            lift(subject, PATIENT);
        }
        submit(given, PATIENT);
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 2, 0, 1, 5, 4, 0));
    }

    function test_an_older_serial_was_not_meant(uint32 serial) public {
        serial = uint32(bound(serial, 0, 1));
        Dismiss memory given = Dismiss(subject, hashOf(REPRESENTATIVE), serial);
        expectSerialMismatch(subject, 2, serial);
        submit(given, PATIENT);
    }

    function test_a_later_serial_was_not_meant(uint32 serial) public {
        serial = uint32(bound(serial, 3, type(uint32).max));
        Dismiss memory given = Dismiss(subject, hashOf(REPRESENTATIVE), serial);
        expectSerialMismatch(subject, 2, serial);
        submit(given, PATIENT);
    }

    function test_one_dismissal_ends_one_appointment() public {
        Dismiss memory given = dismissal();
        submit(given, PATIENT);
        appoint(defaultAppointment(subject)); // uses serial 2, the dismissal's
        expectSerialMismatch(subject, 3, 2);
        submit(given, PATIENT);
        assertEq(subjects.representativeOf(subject, hashOf(REPRESENTATIVE)).serial, 2, "appointed again");
        assertEq(subjects.subjectOf(subject).epoch, 2, "epoch");
    }

    function test_again_there_is_nobody(bool itself) public {
        dismiss(subject, PATIENT);
        Dismiss memory given = dismissal();
        vm.expectRevert(
            abi.encodeWithSelector(ISubjects.RepresentativeUnknown.selector, subject, hashOf(REPRESENTATIVE))
        );
        submit(given, itself ? REPRESENTATIVE : PATIENT);
    }

    function test_nobody_was_appointed(bytes32 representative) public {
        vm.assume(representative != hashOf(REPRESENTATIVE));
        Dismiss memory given = Dismiss(subject, representative, 2);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.RepresentativeUnknown.selector, subject, representative));
        submit(given, PATIENT);
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT && key != REPRESENTATIVE);
        Dismiss memory given = dismissal();
        Approval[] memory approvals = one(signed(key, given.hash()));
        expectNoStanding(hashOf(key));
        subjects.dismiss(given, approvals);
    }

    function test_a_former_signer_may_not() public {
        rotate(PATIENT, NEXT);
        Dismiss memory given = dismissal();
        expectNoStanding(hashOf(PATIENT));
        submit(given, PATIENT);
        submit(given, NEXT);
    }

    function test_another_representative_may_not() public {
        appointLive(subject, 162, Rules.ALL_POWERS);
        Dismiss memory given = dismissal();
        expectNoStanding(hashOf(162));
        submit(given, 162);
    }

    function test_another_subjects_signer_may_not() public {
        enrol(667, keccak256("another salt"));
        Dismiss memory given = dismissal();
        expectNoStanding(hashOf(667));
        submit(given, 667);
    }

    function test_whoever_dismisses_signs() public {
        Dismiss memory given = dismissal();
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.dismiss(given, one(Approval(signerOf(PATIENT), signSubjects(STRANGER, given.hash()), "")));
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        Dismiss memory given = Dismiss(unknown, hashOf(REPRESENTATIVE), 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        subjects.dismiss(given, new Approval[](0));
    }
}
