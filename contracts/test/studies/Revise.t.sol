// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IStudies, Revise } from "../../src/interfaces/IStudies.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract ReviseTest is GrantBase {
    using TypedData for *;

    function test_the_next_revision(bytes32 manifest) public {
        vm.assume(manifest != 0);
        Revise memory given = Revise(studyId, 2, manifest);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectEmit(address(studies));
        emit IStudies.Revised(studyId, subject, 2, manifest);
        studies.revise(given, signature);
        assertEq(studies.studyOf(studyId).revision, 2, "revision");
        assertEq(studies.studyOf(studyId).anchoredAt, NOW, "anchored at");
        assertEq(studies.manifestOf(studyId, 2), manifest, "new manifest");
        assertEq(studies.manifestOf(studyId, 1), MANIFEST, "old manifest");
    }

    function test_revisions_rise_by_one(uint16 revision) public {
        vm.assume(revision != 2);
        Revise memory given = Revise(studyId, revision, sha256("other"));
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.RevisionMismatch.selector, studyId, 1, revision));
        studies.revise(given, signature);
    }

    function test_the_last_revision_again_has_no_effect() public {
        revise(studyId, 2, sha256("two"));
        vm.recordLogs();
        revise(studyId, 2, sha256("two"));
        assertEq(countLogs(), 0, "events");
    }

    function test_the_last_revision_with_other_content_is_refused() public {
        revise(studyId, 2, sha256("two"));
        Revise memory given = Revise(studyId, 2, sha256("other"));
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.RevisionMismatch.selector, studyId, 2, 2));
        studies.revise(given, signature);
    }

    function test_an_unknown_study(bytes32 unknown) public {
        vm.assume(unknown != studyId);
        Revise memory given = Revise(unknown, 2, MANIFEST);
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyUnknown.selector, unknown));
        studies.revise(given, "");
    }

    function test_a_closed_study() public {
        withdraw(studyId, 0);
        refuseClosed(2);
        eraseStudy(studyId);
        refuseClosed(3);
    }

    function refuseClosed(uint8 status) private {
        Revise memory given = Revise(studyId, 2, sha256("two"));
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyClosed.selector, studyId, status));
        studies.revise(given, signature);
    }

    function test_only_the_custodians_registrar(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != REGISTRAR_1);
        Revise memory given = Revise(studyId, 2, MANIFEST);
        bytes memory signature = signStudies(key, given.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, key);
        studies.revise(given, signature);
    }

    function test_not_by_a_suspended_custodian() public {
        suspendCustodian();
        Revise memory given = Revise(studyId, 2, MANIFEST);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, REGISTRAR_1);
        studies.revise(given, signature);
    }

    function test_a_manifest_is_not_zero() public {
        Revise memory given = Revise(studyId, 2, 0);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.ManifestZero.selector));
        studies.revise(given, signature);
    }
}
