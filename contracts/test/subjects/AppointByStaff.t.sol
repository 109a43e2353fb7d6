// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Badge } from "../../src/interfaces/IMembers.sol";
import { Appoint, Approval, ISubjects, Representative, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @notice Two of the custodian's staff decide while there is no signer.
contract AppointByStaffTest is SubjectBase {
    using TypedData for *;
    using SubjectTypedData for *;

    bytes32 private constant _OFFICER = bytes32(bytes4(CUSTODIAN)) | (keccak256(abi.encode(uint256(201))) >> 32);

    function expectRefused(Approval[] memory approvals, bytes32 person) private {
        Appoint memory given = defaultAppointment(bare);
        expectNoStanding(bare, person);
        subjects.appoint(given, approvals);
    }

    /// @dev Two approvals of the default appointment.
    function both(uint256 first, Badge memory firstBadge, uint256 second, Badge memory secondBadge)
        private
        view
        returns (Approval[] memory)
    {
        bytes32 structHash = defaultAppointment(bare).hash();
        return two(staff(first, firstBadge, structHash), staff(second, secondBadge, structHash));
    }

    function test_an_officer_and_another(bool officerFirst) public {
        Appoint memory given = defaultAppointment(bare);
        Approval[] memory approvals = custodians(given.hash());
        if (!officerFirst) (approvals[0], approvals[1]) = (approvals[1], approvals[0]);
        bytes32 by = officerFirst ? officerBadge(CUSTODIAN).person : clerkBadge().person;
        uint40 from = uint40(NOW + APPOINTMENT_DELAY);
        vm.expectEmit(address(subjects));
        emit ISubjects.Appointed(bare, hashOf(REPRESENTATIVE), given, from, by);
        subjects.appoint(given, approvals);
        assertEq(
            subjects.representativeOf(bare, hashOf(REPRESENTATIVE)),
            Representative(Rules.ALL_POWERS, given.purposes, from, uint40(APPOINTED_UNTIL), 1)
        );
        assertEq(subjects.subjectOf(bare), Subject(CUSTODIAN, 1, 0, 0, 2, 0, 0));
    }

    function test_two_officers() public {
        Badge memory second = badgeOf(CUSTODIAN, CLERK, Rules.OFFICER);
        subjects.appoint(defaultAppointment(bare), both(officerOf(CUSTODIAN), officerBadge(CUSTODIAN), CLERK, second));
        assertEq(serialOf(bare), 2, "serial");
    }

    function test_without_an_officer() public {
        Badge memory nurse = badgeOf(CUSTODIAN, 212, Rules.NURSE);
        Approval[] memory approvals = both(CLERK, clerkBadge(), 212, nurse);
        expectRefused(approvals, nurse.person);
    }

    function test_two_badges_of_one_person_are_one() public {
        Badge memory again = badgeOf(CUSTODIAN, CLERK, Rules.REGISTRAR);
        again.person = _OFFICER;
        Approval[] memory approvals = both(officerOf(CUSTODIAN), officerBadge(CUSTODIAN), CLERK, again);
        expectRefused(approvals, _OFFICER);
    }

    function test_both_of_the_custodian(bool first) public {
        Badge memory theirs = officerBadge(REQUESTER);
        Approval[] memory approvals = first
            ? both(officerOf(REQUESTER), theirs, CLERK, badgeOf(CUSTODIAN, CLERK, Rules.OFFICER))
            : both(officerOf(CUSTODIAN), officerBadge(CUSTODIAN), officerOf(REQUESTER), theirs);
        expectRefused(approvals, first ? clerkBadge().person : theirs.person);
    }

    function test_one_of_them_alone_may_not() public {
        Appoint memory given = defaultAppointment(bare);
        Approval[] memory approvals = one(officer(CUSTODIAN, given.hash()));
        expectNoStanding(bare, hashOf(officerOf(CUSTODIAN)));
        subjects.appoint(given, approvals);
    }

    function test_none_and_three_are_too_few_and_too_many() public {
        Appoint memory given = defaultAppointment(bare);
        expectApprovalsRefused(bare, 0);
        subjects.appoint(given, new Approval[](0));
        bytes32 structHash = given.hash();
        Approval[] memory approvals =
            three(officer(CUSTODIAN, structHash), clerk(structHash), officer(REQUESTER, structHash));
        expectApprovalsRefused(bare, 3);
        subjects.appoint(given, approvals);
    }

    function test_a_representative_alone_may_not() public {
        appointLive(bare, 162, Rules.ALL_POWERS);
        Appoint memory given = defaultAppointment(bare);
        Approval[] memory approvals = one(signed(162, given.hash()));
        expectNoStanding(bare, hashOf(162));
        subjects.appoint(given, approvals);
    }

    function test_each_badge_is_good_for_more_access(bool first) public {
        Badge memory badge = first ? officerBadge(CUSTODIAN) : clerkBadge();
        badge.trainedUntil = uint64(NOW);
        Approval[] memory approvals = first
            ? both(officerOf(CUSTODIAN), badge, CLERK, clerkBadge())
            : both(officerOf(CUSTODIAN), officerBadge(CUSTODIAN), CLERK, badge);
        expectRefused(approvals, badge.person);
    }

    function test_each_signs(bool first) public {
        Appoint memory given = defaultAppointment(bare);
        Approval[] memory approvals = custodians(given.hash());
        approvals[first ? 0 : 1].signature = signSubjects(STRANGER, given.hash());
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.appoint(given, approvals);
    }

    function test_not_of_a_suspended_custodian() public {
        suspendCustodian();
        Appoint memory given = defaultAppointment(bare);
        Approval[] memory approvals = custodians(given.hash());
        expectNoStanding(bare, _OFFICER);
        subjects.appoint(given, approvals);
    }

    function test_not_once_there_is_a_signer() public {
        recoverFully(bare);
        Appoint memory given = defaultAppointment(bare);
        Approval[] memory approvals = custodians(given.hash());
        expectApprovalsRefused(bare, 2);
        subjects.appoint(given, approvals);
        subjects.appoint(given, one(signed(NEXT, given.hash())));
        assertEq(serialOf(bare), 2, "serial");
    }

    function test_a_serial_counts_once() public {
        Appoint memory given = defaultAppointment(bare);
        given.serial = 2;
        Approval[] memory approvals = custodians(given.hash());
        expectSerialMismatch(bare, 1, 2);
        subjects.appoint(given, approvals);
    }
}
