// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Anchor, IStudies, Study } from "../../src/interfaces/IStudies.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract AnchorTest is Base {
    using TypedData for *;

    function test_a_registrar_anchors(bytes32 salt, bytes32 manifest, uint32 day) public {
        vm.assume(salt != STUDY_SALT && manifest != 0);
        Anchor memory given = Anchor(subject, salt, manifest, day);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        bytes32 expected = keccak256(abi.encodePacked("fiducia/v1/study", CUSTODIAN, salt));
        vm.warp(NOW + 7);
        vm.expectEmit(address(studies));
        emit IStudies.Anchored(expected, subject, manifest, day, uint40(NOW + 7));
        assertEq(studies.anchor(given, signature), expected, "study");
        Study memory stored = studies.studyOf(expected);
        assertEq(stored.subject, subject, "subject");
        assertEq(stored.revision, 1, "revision");
        assertEq(stored.status, 1, "status");
        assertEq(stored.retainUntilDay, day, "day");
        assertEq(stored.anchoredAt, NOW + 7, "anchored at");
        assertEq(studies.manifestOf(expected, 1), manifest, "manifest");
        assertEq(studies.studyIdOf(CUSTODIAN, salt), expected, "studyIdOf");
    }

    function test_again_has_no_effect() public {
        vm.warp(NOW + 1 days);
        vm.recordLogs();
        assertEq(anchor(subject, STUDY_SALT, MANIFEST), studyId, "study");
        assertEq(countLogs(), 0, "events");
        assertEq(studies.studyOf(studyId).anchoredAt, NOW, "anchored at");
    }

    function test_other_content_is_refused(bytes32 manifest, uint32 day) public {
        vm.assume(manifest != 0 && (manifest != MANIFEST || day != 30_000));
        Anchor memory given = Anchor(subject, STUDY_SALT, manifest, day);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyExists.selector, studyId));
        studies.anchor(given, signature);
    }

    function test_another_subject_is_refused() public {
        bytes20 other = enrol(667, keccak256("another salt"));
        Anchor memory given = Anchor(other, STUDY_SALT, MANIFEST, 30_000);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyExists.selector, studyId));
        studies.anchor(given, signature);
    }

    function test_only_the_custodians_registrar(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != REGISTRAR_1);
        Anchor memory given = Anchor(subject, keccak256("new"), MANIFEST, 0);
        bytes memory signature = signStudies(key, given.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, key);
        studies.anchor(given, signature);
    }

    function test_another_hospitals_registrar_may_not() public {
        Anchor memory given = Anchor(subject, keccak256("new"), MANIFEST, 0);
        bytes memory signature = signStudies(REGISTRAR_2, given.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, REGISTRAR_2);
        studies.anchor(given, signature);
    }

    function test_not_by_a_suspended_custodian() public {
        suspendCustodian();
        Anchor memory given = Anchor(subject, keccak256("new"), MANIFEST, 0);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, REGISTRAR_1);
        studies.anchor(given, signature);
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject);
        Anchor memory given = Anchor(unknown, keccak256("new"), MANIFEST, 0);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        studies.anchor(given, signature);
    }

    function test_a_manifest_is_not_zero() public {
        Anchor memory given = Anchor(subject, keccak256("new"), 0, 0);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.ManifestZero.selector));
        studies.anchor(given, signature);
    }

    function test_malformed_signatures(bytes memory signature) public {
        vm.assume(signature.length != 65);
        Anchor memory given = Anchor(subject, keccak256("new"), MANIFEST, 0);
        expectSignatureInvalid(address(studies), given.hash());
        studies.anchor(given, signature);
    }
}
