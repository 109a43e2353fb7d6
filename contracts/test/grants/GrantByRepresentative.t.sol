// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, GrantState, IGrants } from "../../src/interfaces/IGrants.sol";
import { Appoint, Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @notice CONSENT by somebody whom the patient, or the custodian for a patient without a device, appointed.
contract GrantByRepresentativeTest is GrantBase {
    using TypedData for *;

    /// @dev Appoints with those purposes and that end, and waits until the appointment begins.
    function appointFor(bytes20 of_, uint32 powers, uint32 purposes, uint64 notAfter) private {
        Appoint memory appointment = defaultAppointment(of_);
        (appointment.powers, appointment.purposes, appointment.notAfter) = (powers, purposes, notAfter);
        appoint(appointment);
        vm.warp(block.timestamp + APPOINTMENT_DELAY);
    }

    /// @dev From now on, for ten days.
    function terms_() private view returns (Grant memory terms) {
        terms = defaultGrant();
        (terms.notBefore, terms.notAfter) = (uint64(block.timestamp), uint64(block.timestamp + 10 days));
        terms.relayBy = FOREVER;
    }

    function byRepresentative(Grant memory terms) private view returns (Approval[] memory) {
        return one(patientApproval(REPRESENTATIVE, terms.hash()));
    }

    function refuse(Grant memory terms, bytes memory expected) private {
        refuseGrant(terms, byRepresentative(terms), expected);
    }

    function refuseNoStanding(Grant memory terms) private {
        refuse(terms, noStanding(hashOf(REPRESENTATIVE)));
    }

    function test_the_representative_grants() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        Grant memory terms = terms_();
        Approval[] memory approvals = byRepresentative(terms);
        vm.expectEmit(address(grants));
        emit IGrants.Granted(terms.hash(), subject, PERSON, terms, uint40(terms.notAfter));
        assertEq(grants.grant(terms, approvals), terms.hash(), "grant id");
        assertEq(grants.grantOf(terms.hash()), GrantState(subject, 1, uint40(terms.notAfter), 1, 1));
    }

    function test_for_a_patient_without_a_device() public {
        appointLive(bare, REPRESENTATIVE, Rules.MAY_GRANT);
        Grant memory terms = terms_();
        terms.subject = bare;
        grants.grant(terms, byRepresentative(terms));
        assertEq(grants.grantOf(terms.hash()), GrantState(bare, 1, uint40(terms.notAfter), 1, 1));
    }

    function test_a_grant_never_outlives_the_power_behind_it(uint64 end, uint64 notAfter) public {
        end = uint64(bound(end, NOW + APPOINTMENT_DELAY + 1, NOW + 300 days));
        appointFor(subject, Rules.MAY_GRANT, 0x1BF, end);
        Grant memory terms = terms_();
        terms.notAfter = uint64(bound(notAfter, block.timestamp + 1, block.timestamp + 400 days));
        uint64 expiry = terms.notAfter < end ? terms.notAfter : end;
        Approval[] memory approvals = byRepresentative(terms);
        vm.expectEmit(address(grants));
        emit IGrants.Granted(terms.hash(), subject, PERSON, terms, uint40(expiry));
        grants.grant(terms, approvals);
        assertEq(grants.grantOf(terms.hash()), GrantState(subject, 1, uint40(expiry), 1, 1));
    }

    function test_a_patients_own_grant_is_not_cut() public {
        appointFor(subject, Rules.MAY_GRANT, 0x1BF, uint64(NOW + 3 days));
        Grant memory terms = terms_();
        give(terms);
        assertEq(grants.grantOf(terms.hash()).expiry, terms.notAfter, "expiry");
    }

    function test_the_window_is_judged_as_signed() public {
        // A year of power does not make eleven years short.
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        Grant memory terms = terms_();
        terms.notAfter = terms.notBefore + 3650 days + 1;
        refuse(terms, windowRefused(terms, 3650 days));
    }

    function test_not_from_after_the_powers_end() public {
        uint64 end = uint64(NOW + 5 days);
        appointFor(subject, Rules.MAY_GRANT, 0x1BF, end);
        Grant memory terms = terms_();
        terms.notBefore = end;
        refuse(terms, windowRefused(terms, 3650 days));
        terms.notBefore = end - 1;
        grants.grant(terms, byRepresentative(terms));
        assertEq(grants.grantOf(terms.hash()).expiry, end, "expiry");
    }

    function test_purposes_stay_within_the_appointments(uint32 appointed, uint32 purposes) public {
        appointed &= 0x1BF;
        purposes = uint32(bound(purposes, 1, 1023)) & 0x1BF;
        vm.assume(purposes != 0);
        appointFor(subject, Rules.MAY_GRANT, appointed, APPOINTED_UNTIL);
        Grant memory terms = terms_();
        terms.purposes = purposes;
        if (purposes & ~appointed != 0) {
            refuse(terms, abi.encodeWithSelector(IGrants.PurposesRefused.selector, appointed, purposes));
        } else {
            grants.grant(terms, byRepresentative(terms));
            assertEq(grants.grantOf(terms.hash()).state, 1, "state");
        }
    }

    function test_the_power_to_grant_is_needed() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_ACCESS);
        refuseNoStanding(terms_());
    }

    function test_not_before_the_appointment_begins() public {
        appoint(defaultAppointment(subject));
        vm.warp(NOW + APPOINTMENT_DELAY - 1);
        refuseNoStanding(terms_());
        vm.warp(NOW + APPOINTMENT_DELAY);
        grants.grant(terms_(), byRepresentative(terms_()));
        assertEq(grants.grantOf(terms_().hash()).state, 1, "state");
    }

    function test_until_the_appointments_last_second() public {
        uint64 end = uint64(NOW + 5 days);
        appointFor(subject, Rules.MAY_GRANT, 0x1BF, end);
        vm.warp(end);
        refuseNoStanding(terms_());
        vm.warp(end - 1);
        Grant memory terms = terms_();
        grants.grant(terms, byRepresentative(terms));
        assertEq(grants.grantOf(terms.hash()).expiry, end, "expiry");
    }

    function test_not_after_dismissal() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        dismiss(subject, PATIENT);
        Grant memory terms = terms_();
        terms.epoch = 2;
        refuseNoStanding(terms);
    }

    function test_dismissal_ends_what_was_granted() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        Grant memory terms = terms_();
        grants.grant(terms, byRepresentative(terms));
        dismiss(subject, PATIENT);
        assertEq(subjects.subjectOf(subject).epoch, 2, "epoch");
        assertEq(grants.grantOf(terms.hash()).epoch, 1, "grant's epoch");
        terms.salt = 0;
        refuse(terms, abi.encodeWithSelector(IGrants.EpochMismatch.selector, 2, 1));
    }

    function test_of_one_subject_only() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        Grant memory terms = terms_();
        terms.subject = bare;
        Approval[] memory approvals = byRepresentative(terms);
        expectNoStanding(bare, hashOf(REPRESENTATIVE));
        grants.grant(terms, approvals);
    }

    function test_no_credential_beside() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        Approval[] memory approvals = byRepresentative(terms_());
        approvals[0].credential = hex"00";
        refuseGrant(terms_(), approvals, noStanding(hashOf(REPRESENTATIVE)));
    }

    function test_in_the_representatives_name_only_by_it() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        Approval[] memory approvals = byRepresentative(terms_());
        approvals[0].signature = signGrants(STRANGER, terms_().hash());
        refuseGrant(terms_(), approvals, signatureInvalid(terms_().hash()));
    }

    function test_a_former_signer_does_not_grant() public {
        rotate(PATIENT, NEXT);
        Grant memory terms = defaultGrant();
        refuseGrant(terms, noStanding(hashOf(PATIENT)));
        grants.grant(terms, one(patientApproval(NEXT, terms.hash())));
        assertEq(grants.grantOf(terms.hash()).state, 1, "state");
    }

    function test_a_former_signer_that_was_appointed_does() public {
        Appoint memory appointment = defaultAppointment(subject);
        appointment.representative = hashOf(PATIENT);
        appoint(appointment);
        rotate(PATIENT, NEXT);
        vm.warp(NOW + APPOINTMENT_DELAY);
        Grant memory terms = terms_();
        terms.notAfter = APPOINTED_UNTIL + 1;
        give(terms);
        assertEq(grants.grantOf(terms.hash()).expiry, APPOINTED_UNTIL, "expiry");
    }

    function test_other_bases_are_not_its() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        Grant memory terms = terms_();
        terms.basis = Rules.CARE;
        Approval[] memory approvals = byRepresentative(terms);
        vm.expectRevert(bytes(""));
        grants.grant(terms, approvals);
    }
}
