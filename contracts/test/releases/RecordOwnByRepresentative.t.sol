// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IReleases, KeyRequest, Reason, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Appoint, Approval, Authority } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @notice Own access by somebody whom the patient appointed, and by signers before.
contract RecordOwnByRepresentativeTest is GrantBase {
    using TypedData for *;

    KeyRequest private _request;

    /// @dev Appoints with those purposes and that end, and waits until the appointment begins.
    function appointFor(uint32 powers, uint32 purposes, uint64 notAfter) private {
        Appoint memory appointment = defaultAppointment(subject);
        (appointment.powers, appointment.purposes, appointment.notAfter) = (powers, purposes, notAfter);
        appoint(appointment);
        vm.warp(block.timestamp + APPOINTMENT_DELAY);
        ask();
    }

    /// @dev From now on, for an hour.
    function ask() private {
        _request = defaultOwnRequest();
        _request.notAfter = uint64(block.timestamp + 1 hours);
    }

    function refuse(uint256 key, Reason reason) private {
        Approval memory approval = ownApproval(key, _request);
        assertEq(uint256(releases.checkOwn(_request, approval)), uint256(reason), "check");
        expectRefused(_request, reason);
        releases.recordOwn(_request, approval);
    }

    function accept(uint256 key) private {
        Approval memory approval = ownApproval(key, _request);
        assertEq(uint256(releases.checkOwn(_request, approval)), 0, "check");
        releases.recordOwn(_request, approval);
        assertTrue(releases.isOpen(_request), "open");
    }

    function test_the_representative_records() public {
        appointFor(Rules.MAY_ACCESS, 0x1BF, APPOINTED_UNTIL);
        (uint40 time, uint40 lapse) = (uint40(block.timestamp), uint40(block.timestamp + 1 hours));
        Approval memory approval = ownApproval(REPRESENTATIVE, _request);
        vm.expectEmit(address(releases));
        emit IReleases.Released(_request.hash(), studyId, 0, _request, 0, 1, time, lapse);
        releases.recordOwn(_request, approval);
        assertEq(releases.releaseOf(_request.hash()), ReleaseState(time, lapse, 0, 1, false));
        assertTrue(releases.isOpen(_request), "open");
    }

    function test_it_lapses_with_the_appointment(uint256 left, uint256 asked) public {
        uint64 end = uint64(NOW + 10 days);
        appointFor(Rules.MAY_ACCESS, 0x1BF, end);
        (left, asked) = (bound(left, 1, 10 hours), bound(asked, 1, 10 hours));
        vm.warp(end - left);
        _request.notAfter = uint64(block.timestamp + asked);
        accept(REPRESENTATIVE);
        uint256 length = left < asked ? left : asked;
        if (length > 8 hours) length = 8 hours;
        assertEq(releases.releaseOf(_request.hash()).lapse, block.timestamp + length, "lapse");
    }

    function test_the_patients_own_does_not() public {
        appointFor(Rules.MAY_ACCESS, 0x1BF, uint64(NOW + APPOINTMENT_DELAY + 10));
        accept(PATIENT);
        assertEq(releases.releaseOf(_request.hash()).lapse, block.timestamp + 1 hours, "lapse");
    }

    function test_not_before_the_appointment_begins() public {
        appoint(defaultAppointment(subject));
        vm.warp(NOW + APPOINTMENT_DELAY - 1);
        ask();
        refuse(REPRESENTATIVE, Reason.OWN_SIGNER);
        vm.warp(NOW + APPOINTMENT_DELAY);
        accept(REPRESENTATIVE);
    }

    function test_until_its_last_second() public {
        uint64 end = uint64(NOW + 10 days);
        appointFor(Rules.MAY_ACCESS, 0x1BF, end);
        vm.warp(end);
        ask();
        refuse(REPRESENTATIVE, Reason.OWN_SIGNER);
        vm.warp(end - 1);
        accept(REPRESENTATIVE);
        assertEq(releases.releaseOf(_request.hash()).lapse, end, "lapse");
    }

    function test_the_power_to_access_is_needed() public {
        appointFor(Rules.MAY_GRANT, 0x1BF, APPOINTED_UNTIL);
        refuse(REPRESENTATIVE, Reason.OWN_SIGNER);
    }

    function test_purposes_stay_within_the_appointments(uint32 appointed, uint8 purpose) public {
        appointed &= 0x1BF;
        appointFor(Rules.MAY_ACCESS, appointed, APPOINTED_UNTIL);
        _request.purpose = purpose;
        bool own = purpose == 7 || purpose == 8; // PATRQT, FAMRQT
        if (own && (appointed >> purpose) & 1 == 1) accept(REPRESENTATIVE);
        else refuse(REPRESENTATIVE, Reason.OWN_PURPOSE);
    }

    function test_of_one_subject_only() public {
        appointLive(bare, REPRESENTATIVE, Rules.ALL_POWERS);
        ask();
        refuse(REPRESENTATIVE, Reason.OWN_SIGNER);
    }

    function test_not_after_dismissal_and_what_was_open_closes() public {
        appointFor(Rules.MAY_ACCESS, 0x1BF, APPOINTED_UNTIL);
        accept(REPRESENTATIVE);
        dismiss(subject, PATIENT);
        assertFalse(releases.isOpen(_request), "open");
        _request.salt = 0;
        refuse(REPRESENTATIVE, Reason.OWN_SIGNER);
        accept(PATIENT);
        assertEq(releases.releaseOf(_request.hash()).epoch, 2, "epoch");
    }

    function test_restriction_does_not_block() public {
        appointFor(Rules.MAY_ACCESS, 0x1BF, APPOINTED_UNTIL);
        restrict(subject, PATIENT);
        accept(REPRESENTATIVE);
    }

    function test_a_former_signer_has_no_access() public {
        rotate(PATIENT, NEXT);
        ask();
        refuse(PATIENT, Reason.OWN_SIGNER);
        accept(NEXT);
    }

    function test_a_rotation_closes_nothing() public {
        ask();
        accept(PATIENT);
        rotate(PATIENT, NEXT);
        assertTrue(releases.isOpen(_request), "open");
    }

    function test_a_recovery_closes_what_was_open() public {
        ask();
        recover(defaultRecovery(subject, 1));
        vm.warp(NOW + RECOVERY_DELAY - 1);
        ask();
        accept(PATIENT);
        vm.warp(NOW + RECOVERY_DELAY);
        subjects.completeRecovery(subject);
        assertFalse(releases.isOpen(_request), "open");
    }

    function test_facts_tell_the_authority() public {
        appointFor(Rules.MAY_ACCESS, 0x1BF, APPOINTED_UNTIL);
        (, Authority memory authority) = releases.ownFactsOf(_request, hashOf(REPRESENTATIVE));
        assertFalse(authority.current || authority.former, "signer");
        assertEq(authority.powers, Rules.MAY_ACCESS, "powers");
        assertEq(authority.purposes, 0x1BF, "purposes");
        assertEq(authority.end, APPOINTED_UNTIL, "end");
    }
}
