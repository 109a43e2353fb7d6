// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval, Dismiss, ISubjects, Representative, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

/// @notice Officers of three institutions dismiss a representative who harms a patient that cannot.
contract DismissByOfficersTest is SubjectBase {
    using SubjectTypedData for *;

    function setUp() public override {
        super.setUp();
        appoint(defaultAppointment(bare)); // uses serial 1
    }

    function dismissal() private view returns (Dismiss memory) {
        return Dismiss(bare, hashOf(REPRESENTATIVE), serialOf(bare));
    }

    function expectRefused(Approval[] memory approvals, bytes32 person) private {
        Dismiss memory given = dismissal();
        expectNoStanding(bare, person);
        subjects.dismiss(given, approvals);
    }

    function test_three_institutions() public {
        Dismiss memory given = dismissal();
        Approval[] memory approvals = officers(3, given.hash());
        bytes32 by = officerBadge(CUSTODIAN).person;
        vm.expectEmit(address(subjects));
        emit ISubjects.Dismissed(bare, hashOf(REPRESENTATIVE), by);
        vm.expectEmit(address(subjects));
        emit ISubjects.AllRevoked(bare, 2, by);
        subjects.dismiss(given, approvals);
        assertEq(subjects.representativeOf(bare, hashOf(REPRESENTATIVE)), Representative(0, 0, 0, 0, 0));
        assertEq(subjects.subjectOf(bare), Subject(CUSTODIAN, 2, 0, 0, 2, 0, 0));
    }

    function test_the_others_in_any_order() public {
        bytes32 structHash = dismissal().hash();
        Approval[] memory approvals =
            three(officer(CUSTODIAN, structHash), officer(BYSTANDER, structHash), officer(REQUESTER, structHash));
        subjects.dismiss(dismissal(), approvals);
        assertEq(subjects.subjectOf(bare).epoch, 2, "epoch");
    }

    function test_also_while_there_is_a_signer() public {
        appoint(defaultAppointment(subject));
        Dismiss memory given = Dismiss(subject, hashOf(REPRESENTATIVE), 2);
        subjects.dismiss(given, officers(3, given.hash()));
        assertEq(subjects.subjectOf(subject).epoch, 2, "epoch");
    }

    function test_the_custodians_comes_first() public {
        bytes32 structHash = dismissal().hash();
        Approval[] memory approvals =
            three(officer(REQUESTER, structHash), officer(CUSTODIAN, structHash), officer(BYSTANDER, structHash));
        expectRefused(approvals, officerBadge(REQUESTER).person);
    }

    function test_the_custodians_comes_once(bool second) public {
        bytes32 structHash = dismissal().hash();
        Badge memory again = badgeOf(CUSTODIAN, 212, Rules.OFFICER);
        Approval[] memory approvals = officers(3, structHash);
        approvals[second ? 1 : 2] = staff(212, again, structHash);
        expectRefused(approvals, again.person);
    }

    function test_another_institution_comes_once() public {
        bytes32 structHash = dismissal().hash();
        Badge memory again = badgeOf(REQUESTER, 212, Rules.OFFICER);
        Approval[] memory approvals = officers(3, structHash);
        approvals[2] = staff(212, again, structHash);
        expectRefused(approvals, again.person);
    }

    function test_all_are_officers(uint256 place) public {
        place = bound(place, 0, 2);
        bytes32 structHash = dismissal().hash();
        uint32 institution = uint32(place + 1);
        Badge memory nurse = badgeOf(institution, 212, Rules.NURSE | Rules.AUDITOR);
        Approval[] memory approvals = officers(3, structHash);
        approvals[place] = staff(212, nurse, structHash);
        expectRefused(approvals, nurse.person);
    }

    function test_all_sign(uint256 place) public {
        place = bound(place, 0, 2);
        Dismiss memory given = dismissal();
        Approval[] memory approvals = officers(3, given.hash());
        approvals[place].signature = signSubjects(STRANGER, given.hash());
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.dismiss(given, approvals);
    }

    function test_all_are_of_active_institutions() public {
        suspendRequester();
        expectRefused(officers(3, dismissal().hash()), officerBadge(REQUESTER).person);
    }

    function test_neither_two_nor_four(bool more) public {
        Dismiss memory given = dismissal();
        bytes32 structHash = given.hash();
        Approval[] memory approvals = officers(2, structHash);
        if (more) {
            approvals = new Approval[](4);
            for (uint256 i = 0; i < 4; ++i) {
                approvals[i] = officer(i == 3 ? REQUESTER : uint32(i + 1), structHash);
            }
        }
        expectApprovalsRefused(bare, more ? 4 : 2);
        subjects.dismiss(given, approvals);
    }

    function test_none_is_too_few() public {
        Dismiss memory given = dismissal();
        expectApprovalsRefused(bare, 0);
        subjects.dismiss(given, new Approval[](0));
    }

    function test_an_officer_alone_may_not() public {
        Dismiss memory given = dismissal();
        Approval[] memory approvals = officers(1, given.hash());
        expectNoStanding(bare, hashOf(officerOf(CUSTODIAN)));
        subjects.dismiss(given, approvals);
    }

    function test_a_serial_of_the_appointment_or_before_was_not_meant() public {
        Dismiss memory given = Dismiss(bare, hashOf(REPRESENTATIVE), 1);
        Approval[] memory approvals = officers(3, given.hash());
        expectSerialMismatch(bare, 2, 1);
        subjects.dismiss(given, approvals);
    }
}
