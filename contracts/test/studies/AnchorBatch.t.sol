// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Publish } from "../../src/interfaces/IMembers.sol";
import { Anchor, IStudies } from "../../src/interfaces/IStudies.sol";
import { Enrol } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract AnchorBatchTest is Base {
    using TypedData for *;

    function batch(uint256 count) private view returns (Anchor[] memory anchors) {
        anchors = new Anchor[](count);
        for (uint256 i = 0; i < count; ++i) {
            anchors[i] = Anchor(subject, keccak256(abi.encode(i)), sha256(abi.encode(i)), uint32(i));
        }
    }

    function test_one_signature_anchors_many(uint256 count) public {
        count = bound(count, 0, 20);
        Anchor[] memory anchors = batch(count);
        vm.recordLogs();
        bytes32[] memory ids = studies.anchorBatch(anchors, signStudies(REGISTRAR_1, anchors.hash()));
        assertEq(countLogs(), count, "events");
        assertEq(ids.length, count, "ids");
        for (uint256 i = 0; i < count; ++i) {
            assertEq(ids[i], studies.studyIdOf(CUSTODIAN, anchors[i].salt), "study");
            assertEq(studies.manifestOf(ids[i], 1), anchors[i].manifest, "manifest");
        }
    }

    function test_again_has_no_effect() public {
        Anchor[] memory anchors = batch(3);
        bytes memory signature = signStudies(REGISTRAR_1, anchors.hash());
        studies.anchorBatch(anchors, signature);
        vm.recordLogs();
        studies.anchorBatch(anchors, signature);
        assertEq(countLogs(), 0, "events");
    }

    function test_one_bad_item_anchors_nothing() public {
        Anchor[] memory anchors = batch(3);
        anchors[1].subject = bytes20(uint160(1));
        bytes memory signature = signStudies(REGISTRAR_1, anchors.hash());
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, anchors[1].subject));
        studies.anchorBatch(anchors, signature);
    }

    function test_items_left_out_spoil_the_signature() public {
        Anchor[] memory anchors = batch(3);
        bytes memory signature = signStudies(REGISTRAR_1, anchors.hash());
        Anchor[] memory fewer = batch(2);
        vm.expectRevert(); // another digest recovers some other key, which is not published
        studies.anchorBatch(fewer, signature);
    }

    function test_the_registrar_is_asked_about_every_custodian() public {
        bytes20 theirs = _enrolAtRequester();
        Anchor[] memory anchors = batch(2);
        anchors[1].subject = theirs;
        bytes memory signature = signStudies(REGISTRAR_1, anchors.hash());
        expectKeyNotLive(REQUESTER, Kinds.REGISTRAR, REGISTRAR_1);
        studies.anchorBatch(anchors, signature);
        publish(Publish(REQUESTER, Kinds.REGISTRAR, hashOf(REGISTRAR_1), KEYS_END), signerOf(REGISTRAR_1), GOVERNOR_2);
        bytes32[] memory ids = studies.anchorBatch(anchors, signature);
        assertEq(ids[1], studies.studyIdOf(REQUESTER, anchors[1].salt), "study");
    }

    function test_a_zero_manifest() public {
        Anchor[] memory anchors = batch(2);
        anchors[1].manifest = 0;
        bytes memory signature = signStudies(REGISTRAR_1, anchors.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.ManifestZero.selector));
        studies.anchorBatch(anchors, signature);
    }

    function _enrolAtRequester() private returns (bytes20) {
        Enrol memory given = Enrol(REQUESTER, keccak256("theirs"), hashOf(668));
        bytes32 structHash = given.hash();
        return
            subjects.enrol(given, signSubjects(REGISTRAR_2, structHash), signerOf(668), signSubjects(668, structHash));
    }
}
