// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Erase, Erasure, IStudies, Revise, Study } from "../../src/interfaces/IStudies.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";
import { HoldBase } from "./HoldBase.t.sol";

contract EraseTest is HoldBase {
    using TypedData for *;
    using SubjectTypedData for *;

    /// @dev The first second of the day until which the study is kept.
    uint256 private constant _DUE = uint256(LAST_DAY) * 1 days;

    function erasure() private view returns (Erase memory) {
        return Erase(studyId, CERTIFICATE);
    }

    function expectError(bytes memory error_) private {
        Erase memory given = erasure();
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(error_);
        studies.erase(given, signature);
    }

    function expectRuns() private {
        expectError(abi.encodeWithSelector(IStudies.RetentionRuns.selector, studyId, LAST_DAY));
    }

    function test_what_the_patient_asked_for_is_erased(bytes32 certificate) public {
        vm.assume(certificate != 0);
        requestErasure(PATIENT);
        Erase memory given = Erase(studyId, certificate);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectEmit(address(studies));
        emit IStudies.Erased(studyId, subject, certificate);
        studies.erase(given, signature);
        assertEq(studies.erasureOf(studyId), Erasure(0, false, true, certificate));
        Study memory stored = studies.studyOf(studyId);
        assertEq(stored.status, 3, "status");
        assertEq(bytes32(stored.subject), bytes32(subject), "subject");
        assertEq(stored.revision, 1, "revision");
        assertEq(stored.retainUntilDay, LAST_DAY, "day");
        assertEq(stored.anchoredAt, NOW, "anchored at");
        assertEq(studies.manifestOf(studyId, 1), MANIFEST, "digests stay readable");
    }

    function test_what_is_withdrawn_is_erased_from_its_day_on(uint256 time) public {
        withdraw(studyId, 0);
        vm.warp(_DUE - 1);
        expectRuns();
        vm.warp(bound(time, NOW, _DUE - 1));
        expectRuns();
        vm.warp(_DUE);
        erase(CERTIFICATE);
        assertEq(studies.erasureOf(studyId), Erasure(0, false, false, CERTIFICATE));
        assertEq(studies.studyOf(studyId).status, 3, "status");
    }

    function test_again_has_no_effect() public {
        requestErasure(PATIENT);
        erase(CERTIFICATE);
        vm.recordLogs();
        erase(CERTIFICATE);
        assertEq(countLogs(), 0, "events");
    }

    function test_an_erased_study_has_one_certificate(bytes32 other) public {
        vm.assume(other != 0 && other != CERTIFICATE);
        requestErasure(PATIENT);
        erase(CERTIFICATE);
        Erase memory given = Erase(studyId, other);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyClosed.selector, studyId, 3));
        studies.erase(given, signature);
        assertEq(studies.erasureOf(studyId).certificate, CERTIFICATE, "certificate");
    }

    function test_an_erased_study_takes_no_revision() public {
        requestErasure(PATIENT);
        erase(CERTIFICATE);
        Revise memory given = Revise(studyId, 2, sha256("two"));
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyClosed.selector, studyId, 3));
        studies.revise(given, signature);
    }

    function test_not_before_it_is_withdrawn() public {
        vm.warp(_DUE);
        expectError(abi.encodeWithSelector(IStudies.StudyNotWithdrawn.selector, studyId));
        withdraw(studyId, 1); // a revision is not the study
        expectError(abi.encodeWithSelector(IStudies.StudyNotWithdrawn.selector, studyId));
        withdraw(studyId, 0);
        erase(CERTIFICATE);
    }

    function test_not_while_it_is_held(bool requested) public {
        hold();
        if (requested) requestErasure(PATIENT);
        else withdraw(studyId, 0);
        vm.warp(requested ? NOW : _DUE);
        expectError(abi.encodeWithSelector(IStudies.StudyHeld.selector, studyId));
        vm.warp(NOW);
        liftHold();
        vm.warp(requested ? NOW : _DUE);
        erase(CERTIFICATE);
        assertEq(studies.erasureOf(studyId), Erasure(1, false, requested, CERTIFICATE));
    }

    function test_a_certificate_is_there() public {
        requestErasure(PATIENT);
        Erase memory given = Erase(studyId, 0);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.CertificateZero.selector));
        studies.erase(given, signature);
    }

    function test_only_the_custodians_registrar(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != REGISTRAR_1);
        requestErasure(PATIENT);
        Erase memory given = erasure();
        bytes memory signature = signStudies(key, given.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, key);
        studies.erase(given, signature);
    }

    function test_not_by_a_suspended_custodian() public {
        requestErasure(PATIENT);
        suspendCustodian();
        Erase memory given = erasure();
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, REGISTRAR_1);
        studies.erase(given, signStudies(REGISTRAR_1, given.hash()));
    }

    function test_a_malformed_signature(bytes memory signature) public {
        vm.assume(signature.length != 65);
        requestErasure(PATIENT);
        expectSignatureInvalid(address(studies), erasure().hash());
        studies.erase(erasure(), signature);
    }

    function test_one_study_at_a_time() public {
        bytes32 other = anchor(subject, keccak256("another study"), MANIFEST);
        requestErasure(PATIENT);
        erase(CERTIFICATE);
        assertEq(studies.studyOf(other).status, 1, "the other stays");
        assertEq(studies.erasureOf(other), Erasure(0, false, false, 0));
    }

    function test_an_unknown_study(bytes32 unknown) public {
        vm.assume(unknown != studyId);
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyUnknown.selector, unknown));
        studies.erase(Erase(unknown, CERTIFICATE), "");
    }
}
