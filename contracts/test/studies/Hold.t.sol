// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Badge } from "../../src/interfaces/IMembers.sol";
import { Erasure, Hold, IStudies } from "../../src/interfaces/IStudies.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { HoldBase } from "./HoldBase.t.sol";

contract HoldTest is HoldBase {
    using SubjectTypedData for *;

    function approvalOf(Hold memory given, uint256 session, Badge memory badge) private view returns (Approval memory) {
        return staffAt(address(studies), session, badge, given.hash());
    }

    function expectRefused(uint256 session, Badge memory badge) private {
        Hold memory given = Hold(studyId, 0, TERMS);
        Approval memory approval = approvalOf(given, session, badge);
        expectNoStanding(badge.person);
        studies.hold(given, approval);
    }

    function test_the_custodians_officer_holds(bytes32 terms) public {
        Hold memory given = Hold(studyId, 0, terms);
        Badge memory badge = officerBadge(CUSTODIAN);
        Approval memory approval = approvalOf(given, officerOf(CUSTODIAN), badge);
        vm.expectEmit(address(studies));
        emit IStudies.Held(studyId, 0, terms, badge.person);
        studies.hold(given, approval);
        assertEq(studies.erasureOf(studyId), Erasure(0, true, false, 0));
        assertEq(studies.studyOf(studyId).status, 1, "it can be shared on");
    }

    function test_a_hold_that_stands_has_no_second() public {
        hold();
        vm.recordLogs();
        Hold memory other = Hold(studyId, 0, keccak256("another reason"));
        studies.hold(other, approvalOf(other, officerOf(CUSTODIAN), officerBadge(CUSTODIAN)));
        assertEq(countLogs(), 0, "events");
        assertEq(studies.erasureOf(studyId), Erasure(0, true, false, 0));
    }

    function test_one_that_was_lifted_does_not_return() public {
        hold();
        liftHold();
        Hold memory given = Hold(studyId, 0, TERMS);
        Approval memory approval = approvalOf(given, officerOf(CUSTODIAN), officerBadge(CUSTODIAN));
        vm.expectRevert(abi.encodeWithSelector(IStudies.HoldMismatch.selector, studyId, 1, 0));
        studies.hold(given, approval);
        hold();
        assertEq(studies.erasureOf(studyId), Erasure(1, true, false, 0));
    }

    function test_another_serial_was_not_meant(uint32 serial) public {
        vm.assume(serial != 0);
        Hold memory given = Hold(studyId, serial, TERMS);
        Approval memory approval = approvalOf(given, officerOf(CUSTODIAN), officerBadge(CUSTODIAN));
        vm.expectRevert(abi.encodeWithSelector(IStudies.HoldMismatch.selector, studyId, 0, serial));
        studies.hold(given, approval);
    }

    function test_a_withdrawn_study_is_held_too() public {
        withdraw(studyId, 0);
        hold();
        assertTrue(studies.erasureOf(studyId).held, "held");
    }

    function test_another_institutions_officer_may_not(bool third) public {
        uint32 institution = third ? BYSTANDER : REQUESTER;
        expectRefused(officerOf(institution), officerBadge(institution));
    }

    function test_other_staff_may_not(uint32 roles) public {
        expectRefused(CLERK, badgeOf(CUSTODIAN, CLERK, roles & ~Rules.OFFICER));
    }

    function test_the_badge_is_good_for_more_access() public {
        Badge memory badge = officerBadge(CUSTODIAN);
        badge.trainedUntil = uint64(NOW);
        expectRefused(officerOf(CUSTODIAN), badge);
        suspendCustodian();
        expectRefused(officerOf(CUSTODIAN), officerBadge(CUSTODIAN));
    }

    function test_the_former_custodian_may_not() public {
        transfer(subject, PATIENT);
        expectRefused(officerOf(CUSTODIAN), officerBadge(CUSTODIAN));
        Hold memory given = Hold(studyId, 0, TERMS);
        studies.hold(given, approvalOf(given, officerOf(REQUESTER), officerBadge(REQUESTER)));
        assertTrue(studies.erasureOf(studyId).held, "held");
    }

    function test_the_officer_signs() public {
        Hold memory given = Hold(studyId, 0, TERMS);
        Approval memory approval = approvalOf(given, officerOf(CUSTODIAN), officerBadge(CUSTODIAN));
        given.terms = keccak256("another reason");
        expectSignatureInvalid(address(studies), given.hash());
        studies.hold(given, approval);
    }

    function test_an_unknown_study(bytes32 unknown) public {
        vm.assume(unknown != studyId);
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyUnknown.selector, unknown));
        studies.hold(Hold(unknown, 0, TERMS), Approval("", "", ""));
    }
}
