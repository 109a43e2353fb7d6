// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Badge } from "../../src/interfaces/IMembers.sol";
import { Erasure, IStudies, LiftHold } from "../../src/interfaces/IStudies.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { HoldBase } from "./HoldBase.t.sol";

contract LiftHoldTest is HoldBase {
    using SubjectTypedData for *;

    function setUp() public override {
        super.setUp();
        hold();
    }

    function lifting() private view returns (LiftHold memory) {
        return LiftHold(studyId, 0);
    }

    function expectApprovals(Approval[] memory approvals) private {
        vm.expectRevert(abi.encodeWithSelector(IStudies.HoldApprovalsRefused.selector, studyId));
        studies.liftHold(lifting(), approvals);
    }

    function expectMismatch(uint32 current, uint32 given) private {
        LiftHold memory lifting_ = LiftHold(studyId, given);
        bytes32 structHash = lifting_.hash();
        vm.expectRevert(abi.encodeWithSelector(IStudies.HoldMismatch.selector, studyId, current, given));
        studies.liftHold(lifting_, two(officerHere(CUSTODIAN, structHash), officerHere(REQUESTER, structHash)));
    }

    function test_two_institutions_lift(bool third) public {
        uint32 other = third ? BYSTANDER : REQUESTER;
        bytes32 structHash = lifting().hash();
        vm.expectEmit(address(studies));
        emit IStudies.HoldLifted(studyId, 0, officerBadge(CUSTODIAN).person, officerBadge(other).person);
        studies.liftHold(lifting(), two(officerHere(CUSTODIAN, structHash), officerHere(other, structHash)));
        assertEq(studies.erasureOf(studyId), Erasure(1, false, false, 0));
    }

    function test_what_was_requested_stays_requested() public {
        requestErasure(PATIENT);
        liftHold();
        assertEq(studies.erasureOf(studyId), Erasure(1, false, true, 0));
    }

    function test_a_replay_lifts_no_later_hold() public {
        liftHold();
        hold();
        expectMismatch(1, 0);
        liftHold();
        assertEq(studies.erasureOf(studyId), Erasure(2, false, false, 0));
    }

    function test_no_hold_stands() public {
        liftHold();
        expectMismatch(1, 1);
    }

    function test_another_serial_was_not_meant(uint32 serial) public {
        vm.assume(serial != 0);
        expectMismatch(0, serial);
    }

    function test_two_and_no_other_number(uint256 count) public {
        count = bound(count, 0, 3);
        vm.assume(count != 2);
        bytes32 structHash = lifting().hash();
        Approval[] memory approvals = new Approval[](count);
        for (uint256 i = 0; i < count; ++i) {
            approvals[i] = officerHere(uint32(i + 1), structHash);
        }
        expectApprovals(approvals);
    }

    function test_the_custodians_comes_first() public {
        bytes32 structHash = lifting().hash();
        expectApprovals(two(officerHere(REQUESTER, structHash), officerHere(CUSTODIAN, structHash)));
        expectApprovals(two(officerHere(REQUESTER, structHash), officerHere(BYSTANDER, structHash)));
    }

    function test_two_officers_of_the_custodian_are_one_institution() public {
        bytes32 structHash = lifting().hash();
        Approval memory again = staffAt(address(studies), 212, badgeOf(CUSTODIAN, 212, Rules.OFFICER), structHash);
        expectApprovals(two(officerHere(CUSTODIAN, structHash), again));
    }

    function test_both_are_officers(bool first) public {
        bytes32 structHash = lifting().hash();
        Badge memory nurse = badgeOf(first ? CUSTODIAN : REQUESTER, 212, Rules.NURSE);
        Approval[] memory approvals = two(officerHere(CUSTODIAN, structHash), officerHere(REQUESTER, structHash));
        approvals[first ? 0 : 1] = staffAt(address(studies), 212, nurse, structHash);
        expectNoStanding(nurse.person);
        studies.liftHold(lifting(), approvals);
    }

    function test_both_sign(bool first) public {
        bytes32 structHash = lifting().hash();
        Approval[] memory approvals = two(officerHere(CUSTODIAN, structHash), officerHere(REQUESTER, structHash));
        approvals[first ? 0 : 1].signature = signStudies(STRANGER, structHash);
        expectSignatureInvalid(address(studies), structHash);
        studies.liftHold(lifting(), approvals);
    }

    function test_both_institutions_are_active() public {
        suspendRequester();
        bytes32 structHash = lifting().hash();
        expectNoStanding(officerBadge(REQUESTER).person);
        studies.liftHold(lifting(), two(officerHere(CUSTODIAN, structHash), officerHere(REQUESTER, structHash)));
        studies.liftHold(lifting(), two(officerHere(CUSTODIAN, structHash), officerHere(BYSTANDER, structHash)));
    }

    function test_the_new_custodian_after_a_transfer() public {
        transfer(subject, PATIENT);
        bytes32 structHash = lifting().hash();
        expectApprovals(two(officerHere(CUSTODIAN, structHash), officerHere(REQUESTER, structHash)));
        studies.liftHold(lifting(), two(officerHere(REQUESTER, structHash), officerHere(CUSTODIAN, structHash)));
        assertFalse(studies.erasureOf(studyId).held, "held");
    }

    function test_an_unknown_study(bytes32 unknown) public {
        vm.assume(unknown != studyId);
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyUnknown.selector, unknown));
        studies.liftHold(LiftHold(unknown, 0), new Approval[](0));
    }
}
