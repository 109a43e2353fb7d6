// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IStudies, Retain, Study } from "../../src/interfaces/IStudies.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

contract RetainTest is SubjectBase {
    using SubjectTypedData for *;

    function retain(uint32 day) private {
        Retain memory given = Retain(studyId, day);
        studies.retain(given, signStudies(REGISTRAR_1, given.hash()));
    }

    function test_a_study_is_kept_for_longer(uint32 day) public {
        day = uint32(bound(day, 30_001, type(uint32).max));
        Retain memory given = Retain(studyId, day);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectEmit(address(studies));
        emit IStudies.Retained(studyId, day);
        studies.retain(given, signature);
        Study memory stored = studies.studyOf(studyId);
        assertEq(stored.retainUntilDay, day, "day");
        assertEq(bytes32(stored.subject), bytes32(subject), "subject");
        assertEq(stored.revision, 1, "revision");
        assertEq(stored.status, 1, "status");
        assertEq(stored.anchoredAt, NOW, "anchored at");
    }

    function test_never_for_less(uint32 day) public {
        day = uint32(bound(day, 0, 30_004));
        retain(30_005);
        Retain memory given = Retain(studyId, day);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.RetentionShortened.selector, studyId, 30_005, day));
        studies.retain(given, signature);
    }

    function test_the_same_day_has_no_effect() public {
        vm.recordLogs();
        retain(30_000);
        assertEq(countLogs(), 0, "events");
        assertEq(studies.studyOf(studyId).retainUntilDay, 30_000, "day");
    }

    function test_only_the_custodians_registrar(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != REGISTRAR_1);
        Retain memory given = Retain(studyId, 30_001);
        bytes memory signature = signStudies(key, given.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, key);
        studies.retain(given, signature);
    }

    function test_the_new_custodians_after_a_transfer() public {
        transfer(subject, PATIENT);
        Retain memory given = Retain(studyId, 30_001);
        expectKeyNotLive(REQUESTER, Kinds.REGISTRAR, REGISTRAR_1);
        studies.retain(given, signStudies(REGISTRAR_1, given.hash()));
        studies.retain(given, signStudies(REGISTRAR_2, given.hash()));
        assertEq(studies.studyOf(studyId).retainUntilDay, 30_001, "day");
    }

    function test_not_by_a_suspended_custodian() public {
        suspendCustodian();
        Retain memory given = Retain(studyId, 30_001);
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, REGISTRAR_1);
        studies.retain(given, signStudies(REGISTRAR_1, given.hash()));
    }

    function test_a_malformed_signature(bytes memory signature) public {
        vm.assume(signature.length != 65);
        Retain memory given = Retain(studyId, 30_001);
        expectSignatureInvalid(address(studies), given.hash());
        studies.retain(given, signature);
    }

    function test_an_unknown_study(bytes32 unknown) public {
        vm.assume(unknown != studyId);
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyUnknown.selector, unknown));
        studies.retain(Retain(unknown, 1), "");
    }
}
