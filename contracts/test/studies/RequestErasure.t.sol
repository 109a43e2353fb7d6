// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Erasure, IStudies, RequestErasure } from "../../src/interfaces/IStudies.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { HoldBase } from "./HoldBase.t.sol";

contract RequestErasureTest is HoldBase {
    using SubjectTypedData for *;

    function expectRefused(uint256 by) private {
        RequestErasure memory given = RequestErasure(studyId);
        Approval memory approval = signedHere(by, given.hash());
        expectNoStanding(hashOf(by));
        studies.requestErasure(given, approval);
    }

    function test_the_patient_asks_and_it_is_withdrawn() public {
        RequestErasure memory given = RequestErasure(studyId);
        Approval memory approval = signedHere(PATIENT, given.hash());
        vm.expectEmit(address(studies));
        emit IStudies.ErasureRequested(studyId, subject, hashOf(PATIENT));
        vm.expectEmit(address(studies));
        emit IStudies.Withdrawn(studyId, subject, 0);
        studies.requestErasure(given, approval);
        assertEq(studies.erasureOf(studyId), Erasure(0, false, true, 0));
        assertEq(studies.studyOf(studyId).status, 2, "status");
        assertEq(studies.manifestOf(studyId, 1), MANIFEST, "manifest");
    }

    function test_one_that_was_withdrawn_before() public {
        withdraw(studyId, 0);
        vm.recordLogs();
        requestErasure(PATIENT);
        assertEq(countLogs(), 1, "events");
        assertEq(studies.erasureOf(studyId), Erasure(0, false, true, 0));
        assertEq(studies.studyOf(studyId).status, 2, "status");
    }

    function test_one_that_is_held() public {
        hold();
        requestErasure(PATIENT);
        assertEq(studies.erasureOf(studyId), Erasure(0, true, true, 0));
        assertEq(studies.studyOf(studyId).status, 2, "status");
    }

    function test_again_has_no_effect() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        requestErasure(PATIENT);
        vm.recordLogs();
        requestErasure(PATIENT);
        requestErasure(REPRESENTATIVE);
        assertEq(countLogs(), 0, "events");
    }

    function test_an_erased_one_has_nothing_to_erase() public {
        withdraw(studyId, 0);
        vm.warp(uint256(LAST_DAY) * 1 days);
        erase(CERTIFICATE);
        vm.recordLogs();
        requestErasure(PATIENT);
        assertEq(countLogs(), 0, "events");
        assertEq(studies.erasureOf(studyId), Erasure(0, false, false, CERTIFICATE));
        assertEq(studies.studyOf(studyId).status, 3, "status");
    }

    function test_a_representative_with_the_power_to_grant() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        RequestErasure memory given = RequestErasure(studyId);
        Approval memory approval = signedHere(REPRESENTATIVE, given.hash());
        vm.expectEmit(address(studies));
        emit IStudies.ErasureRequested(studyId, subject, hashOf(REPRESENTATIVE));
        studies.requestErasure(given, approval);
        assertTrue(studies.erasureOf(studyId).requested, "requested");
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
        requestErasure(REPRESENTATIVE);
    }

    function test_a_former_signer_may_not() public {
        rotate(PATIENT, NEXT);
        expectRefused(PATIENT);
        requestErasure(NEXT);
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        expectRefused(key);
    }

    function test_neither_registrar_nor_another_subjects_signer() public {
        enrol(667, keccak256("another salt"));
        expectRefused(REGISTRAR_1);
        expectRefused(667);
    }

    function test_no_badge(bytes memory credential) public {
        vm.assume(credential.length != 0);
        RequestErasure memory given = RequestErasure(studyId);
        Approval memory approval = signedHere(PATIENT, given.hash());
        approval.credential = credential;
        expectNoStanding(hashOf(PATIENT));
        studies.requestErasure(given, approval);
    }

    function test_whoever_asks_signs() public {
        RequestErasure memory given = RequestErasure(studyId);
        expectSignatureInvalid(address(studies), given.hash());
        studies.requestErasure(given, Approval(signerOf(PATIENT), signStudies(STRANGER, given.hash()), ""));
    }

    function test_for_that_study() public {
        bytes32 other = anchor(subject, keccak256("another study"), MANIFEST);
        Approval memory approval = signedHere(PATIENT, RequestErasure(other).hash());
        expectSignatureInvalid(address(studies), RequestErasure(studyId).hash());
        studies.requestErasure(RequestErasure(studyId), approval);
        requestErasure(PATIENT);
        assertEq(studies.studyOf(other).status, 1, "the other stays");
    }

    function test_also_at_a_suspended_custodian() public {
        suspendCustodian();
        requestErasure(PATIENT);
        assertEq(studies.studyOf(studyId).status, 2, "status");
    }

    function test_an_unknown_study(bytes32 unknown) public {
        vm.assume(unknown != studyId);
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyUnknown.selector, unknown));
        studies.requestErasure(RequestErasure(unknown), Approval("", "", ""));
    }
}
