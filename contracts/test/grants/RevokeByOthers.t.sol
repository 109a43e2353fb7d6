// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, GrantState, IGrants } from "../../src/interfaces/IGrants.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @title Who revokes besides the signer of the day: representatives, and signers before. Every way to revoke runs these.
abstract contract RevokeByOthers is GrantBase {
    using TypedData for *;

    Grant internal given;

    function setUp() public override {
        super.setUp();
        given = defaultGrant();
        give(given);
        Grant memory second = given;
        (second.subject, second.basis) = (bare, Rules.CARE);
        giveOn(second);
    }

    /// @dev Revokes what was given, in this way; the one call to a contract that may revert.
    function revokeBy(uint256 key) internal virtual;

    function accept(uint256 key) private {
        uint8 basis = given.basis;
        vm.expectEmit(address(grants));
        emit IGrants.Revoked(given.hash(), given.subject, hashOf(key));
        revokeBy(key);
        assertEq(grants.grantOf(given.hash()), GrantState(given.subject, 1, uint40(given.notAfter), 2, basis));
        vm.recordLogs();
        revokeBy(key);
        assertEq(countLogs(), 0, "again has no effect");
    }

    function refuse(uint256 key) private {
        expectNoStanding(given.subject, hashOf(key));
        revokeBy(key);
    }

    function test_the_patient() public {
        accept(PATIENT);
    }

    function test_a_representative_with_no_power_at_all() public {
        appointLive(subject, REPRESENTATIVE, 0);
        accept(REPRESENTATIVE);
    }

    function test_a_representative_from_its_first_second_on() public {
        appoint(defaultAppointment(subject));
        vm.warp(NOW + APPOINTMENT_DELAY - 1);
        refuse(REPRESENTATIVE);
        vm.warp(NOW + APPOINTMENT_DELAY);
        accept(REPRESENTATIVE);
    }

    function test_a_representative_until_its_last_second() public {
        appoint(defaultAppointment(subject));
        vm.warp(APPOINTED_UNTIL);
        refuse(REPRESENTATIVE);
        vm.warp(APPOINTED_UNTIL - 1);
        accept(REPRESENTATIVE);
    }

    function test_not_one_that_was_dismissed() public {
        appointLive(subject, REPRESENTATIVE, Rules.ALL_POWERS);
        dismiss(subject, PATIENT);
        refuse(REPRESENTATIVE);
    }

    function test_not_one_of_another_subject() public {
        appointLive(bare, REPRESENTATIVE, Rules.ALL_POWERS);
        refuse(REPRESENTATIVE);
    }

    function test_the_representative_of_a_patient_without_a_device() public {
        given.subject = bare;
        given.basis = Rules.CARE;
        appointLive(bare, REPRESENTATIVE, 0);
        refuse(PATIENT);
        accept(REPRESENTATIVE);
    }

    function test_a_former_signer_for_ever() public {
        rotate(PATIENT, NEXT);
        rotate(NEXT, STRANGER);
        vm.warp(NOW + 3650 days);
        accept(PATIENT);
    }

    function test_the_signer_that_it_was_rotated_to() public {
        refuse(NEXT);
        rotate(PATIENT, NEXT);
        accept(NEXT);
    }

    function test_a_former_signer_after_a_recovery() public {
        recoverFully(subject);
        accept(PATIENT);
    }

    function test_the_patient_after_a_transfer() public {
        transfer(subject, PATIENT);
        accept(PATIENT);
    }

    function test_nobody_whom_a_recovery_would_make_the_signer() public {
        recover(defaultRecovery(subject, 1));
        refuse(NEXT);
    }
}

contract RevokeRelayedByOthers is RevokeByOthers {
    using TypedData for *;

    function revokeBy(uint256 key) internal override {
        Grant memory terms = given;
        grants.revoke(terms, patientApproval(key, TypedData.hashRevoke(terms.hash())));
    }

    /// @dev The custodian's registrar is the one of the day.
    function test_the_registrar_of_the_custodian_of_the_day() public {
        transfer(subject, PATIENT);
        Grant memory terms = given;
        Approval memory approval = patientApproval(REGISTRAR_1, TypedData.hashRevoke(terms.hash()));
        expectNoStanding(hashOf(REGISTRAR_1));
        grants.revoke(terms, approval);
        revokeBy(REGISTRAR_2);
        assertEq(grants.grantOf(terms.hash()).state, 2, "state");
    }

    function test_the_officer_of_the_custodian_of_the_day() public {
        transfer(subject, PATIENT);
        Grant memory terms = given;
        bytes32 structHash = TypedData.hashRevoke(terms.hash());
        Approval memory approval = officerAtGrants(CUSTODIAN, structHash);
        expectNoStanding(officerPerson(CUSTODIAN));
        grants.revoke(terms, approval);
        grants.revoke(terms, officerAtGrants(REQUESTER, structHash));
        assertEq(grants.grantOf(terms.hash()).state, 2, "state");
    }
}

contract RevokeOwnByOthers is RevokeByOthers {
    function revokeBy(uint256 key) internal override {
        Grant memory terms = given;
        vm.prank(vm.addr(key));
        grants.revokeOwn(terms);
    }
}

contract RevokeOwnByIdByOthers is RevokeByOthers {
    using TypedData for *;

    function revokeBy(uint256 key) internal override {
        Grant memory terms = given;
        vm.prank(vm.addr(key));
        grants.revokeOwnById(terms.hash());
    }
}

/// @notice Revoking an emergency, or before it was carried, by whom that is not the patient's side.
contract RevokeEmergencyTest is GrantBase {
    using TypedData for *;

    Grant private _terms;
    bytes32 private _structHash;

    function setUp() public override {
        super.setUp();
        _terms = grantOn(Rules.EMERGENCY);
        _structHash = TypedData.hashRevoke(_terms.hash());
    }

    function accept(Approval memory approval, bytes32 by) private {
        Grant memory terms = _terms;
        vm.expectEmit(address(grants));
        emit IGrants.Revoked(terms.hash(), subject, by);
        grants.revoke(terms, approval);
        assertEq(grants.grantOf(terms.hash()).state, 2, "state");
    }

    function refuse(Approval memory approval, bytes32 by) private {
        Grant memory terms = _terms;
        expectNoStanding(by);
        grants.revoke(terms, approval);
    }

    /// @dev To the whole institution, whose officer may give it back.
    function toTheInstitution() private {
        _terms.grantee = bytes32(bytes4(REQUESTER));
        _structHash = TypedData.hashRevoke(_terms.hash());
    }

    function test_the_grantee_gives_it_back_once_it_was_carried() public {
        refuse(clinician(_structHash), PERSON);
        giveOn(_terms);
        accept(clinician(_structHash), PERSON);
    }

    function test_so_does_an_officer_of_a_grantee_institution() public {
        toTheInstitution();
        refuse(officerAtGrants(REQUESTER, _structHash), officerPerson(REQUESTER));
        giveOn(_terms);
        accept(officerAtGrants(REQUESTER, _structHash), officerPerson(REQUESTER));
    }

    function test_the_officer_of_the_custodian_at_any_time() public {
        accept(officerAtGrants(CUSTODIAN, _structHash), officerPerson(CUSTODIAN));
    }

    function test_the_registrar_of_the_custodian_at_any_time() public {
        accept(patientApproval(REGISTRAR_1, _structHash), hashOf(REGISTRAR_1));
    }

    function test_other_bases_are_given_back_before_they_were_carried() public {
        for (uint8 basis = 1; basis <= 4; ++basis) {
            _terms = grantOn(basis);
            _structHash = TypedData.hashRevoke(_terms.hash());
            accept(clinician(_structHash), PERSON);
        }
    }

    function test_neither_the_colleague_nor_an_officer_beside_the_grantee() public {
        giveOn(_terms);
        refuse(colleague(_structHash), colleaguePerson());
        refuse(officerAtGrants(REQUESTER, _structHash), officerPerson(REQUESTER));
        refuse(officerAtGrants(BYSTANDER, _structHash), officerPerson(BYSTANDER));
    }
}
