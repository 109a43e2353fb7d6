// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Enrol, EnrolItem, ISubjects, Signer, Subject } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

contract EnrolBatchTest is SubjectBase {
    using TypedData for *;
    using SubjectTypedData for *;

    uint256 private constant _FIRST = 1000;

    function saltOf(uint256 i) private pure returns (bytes32) {
        return keccak256(abi.encode("a salt of a batch", i));
    }

    function keyOf(uint256 i) private pure returns (uint256) {
        return _FIRST + i;
    }

    /// @dev Every third patient has no device.
    function batch(uint256 count) private view returns (EnrolItem[] memory items) {
        items = new EnrolItem[](count);
        for (uint256 i = 0; i < count; ++i) {
            items[i].enrolment = Enrol(CUSTODIAN, saltOf(i), i % 3 == 2 ? bytes32(0) : hashOf(keyOf(i)));
            signItem(items[i], keyOf(i));
        }
    }

    function signItem(EnrolItem memory item, uint256 key) private view {
        if (item.enrolment.signerHash == 0) return;
        (item.signer, item.signature) = (signerOf(key), signSubjects(key, item.enrolment.hash()));
    }

    function submit(EnrolItem[] memory items) private returns (bytes20[] memory) {
        return subjects.enrolBatch(items, signSubjects(REGISTRAR_1, items.hash()));
    }

    function test_one_signature_enrols_many(uint256 count) public {
        count = bound(count, 0, 12);
        EnrolItem[] memory items = batch(count);
        vm.recordLogs();
        bytes20[] memory enrolled = submit(items);
        assertEq(countLogs(), count, "events");
        assertEq(enrolled.length, count, "subjects");
        for (uint256 i = 0; i < count; ++i) {
            bool without = i % 3 == 2;
            assertEq(enrolled[i], subjects.subjectId(CUSTODIAN, saltOf(i)), "subject");
            assertEq(subjects.subjectOf(enrolled[i]), Subject(CUSTODIAN, 1, 0, without ? 0 : 1, 1, 0, 0));
            Signer memory signer = subjects.signerOf(hashOf(keyOf(i)));
            assertEq(signer.subject, without ? bytes20(0) : enrolled[i], "signer's subject");
            assertEq(signer.index, without ? 0 : 1, "signer's index");
        }
    }

    function test_each_is_told() public {
        EnrolItem[] memory items = batch(3);
        bytes memory signature = signSubjects(REGISTRAR_1, items.hash());
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectEmit(address(subjects));
            bytes20 expected = bytes20(keccak256(abi.encodePacked("fiducia/v1/subject", CUSTODIAN, saltOf(i))));
            emit ISubjects.Enrolled(expected, CUSTODIAN, i == 2 ? bytes32(0) : hashOf(keyOf(i)));
        }
        subjects.enrolBatch(items, signature);
    }

    function test_again_has_no_effect() public {
        EnrolItem[] memory items = batch(3);
        submit(items);
        vm.recordLogs();
        bytes20[] memory enrolled = submit(items);
        assertEq(countLogs(), 0, "events");
        assertEq(enrolled[2], subjects.subjectId(CUSTODIAN, saltOf(2)), "subject");
    }

    function test_one_that_is_enrolled_already_holds_nothing_up() public {
        EnrolItem[] memory items = batch(3);
        items[1].enrolment = Enrol(CUSTODIAN, SUBJECT_SALT, hashOf(PATIENT));
        (items[1].signer, items[1].signature) = ("", "");
        vm.recordLogs();
        bytes20[] memory enrolled = submit(items);
        assertEq(countLogs(), 2, "events");
        assertEq(enrolled[1], subject, "known");
        assertEq(enrolled[2], subjects.subjectId(CUSTODIAN, saltOf(2)), "new");
        assertEq(subjects.subjectOf(enrolled[2]).epoch, 1, "enrolled");
    }

    function test_one_twice_in_a_batch_is_enrolled_once() public {
        EnrolItem[] memory items = batch(2);
        items[1] = items[0];
        vm.recordLogs();
        bytes20[] memory enrolled = submit(items);
        assertEq(countLogs(), 1, "events");
        assertEq(enrolled[1], enrolled[0], "subject");
    }

    function test_one_that_is_enrolled_otherwise_refuses_all() public {
        EnrolItem[] memory items = batch(3);
        items[2].enrolment.salt = SUBJECT_SALT;
        bytes memory signature = signSubjects(REGISTRAR_1, items.hash());
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SubjectExists.selector, subject));
        subjects.enrolBatch(items, signature);
    }

    function test_a_signer_serves_one_subject_of_a_batch() public {
        EnrolItem[] memory items = batch(2);
        items[1].enrolment.signerHash = hashOf(keyOf(0));
        signItem(items[1], keyOf(0));
        bytes memory signature = signSubjects(REGISTRAR_1, items.hash());
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerTaken.selector, hashOf(keyOf(0))));
        subjects.enrolBatch(items, signature);
    }

    function test_each_patient_signs() public {
        EnrolItem[] memory items = batch(2);
        items[1].signature = signSubjects(REGISTRAR_1, items[1].enrolment.hash());
        bytes memory signature = signSubjects(REGISTRAR_1, items.hash());
        expectSignatureInvalid(address(subjects), items[1].enrolment.hash());
        subjects.enrolBatch(items, signature);
    }

    function test_each_signer_is_the_signed_one() public {
        EnrolItem[] memory items = batch(2);
        items[1].signer = signerOf(NEXT);
        bytes memory signature = signSubjects(REGISTRAR_1, items.hash());
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerMismatch.selector, hashOf(keyOf(1)), hashOf(NEXT)));
        subjects.enrolBatch(items, signature);
    }

    function test_the_registrar_is_asked_about_every_custodian() public {
        EnrolItem[] memory items = batch(2);
        items[1].enrolment.custodian = REQUESTER;
        signItem(items[1], keyOf(1));
        bytes memory signature = signSubjects(REGISTRAR_1, items.hash());
        expectKeyNotLive(REQUESTER, Kinds.REGISTRAR, REGISTRAR_1);
        subjects.enrolBatch(items, signature);
        publishSigner(REQUESTER, GOVERNOR_2, Kinds.REGISTRAR, REGISTRAR_1);
        bytes20[] memory enrolled = subjects.enrolBatch(items, signature);
        assertEq(subjects.subjectOf(enrolled[1]).custodian, REQUESTER, "custodian");
    }

    function test_only_a_registrar(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != REGISTRAR_1);
        EnrolItem[] memory items = batch(3);
        bytes memory signature = signSubjects(key, items.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, key);
        subjects.enrolBatch(items, signature);
    }

    function test_not_by_a_suspended_custodian() public {
        suspendCustodian();
        EnrolItem[] memory items = batch(1);
        bytes memory signature = signSubjects(REGISTRAR_1, items.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, REGISTRAR_1);
        subjects.enrolBatch(items, signature);
    }

    function test_a_malformed_registrar_signature(bytes memory signature) public {
        vm.assume(signature.length != 65);
        EnrolItem[] memory items = batch(2);
        expectSignatureInvalid(address(subjects), items.hash());
        subjects.enrolBatch(items, signature);
    }

    function test_a_registrars_signature_over_one_is_none_over_a_batch_of_it() public {
        EnrolItem[] memory items = batch(1);
        bytes memory signature = signSubjects(REGISTRAR_1, items[0].enrolment.hash());
        vm.expectPartialRevert(IErrors.KeyNotLive.selector); // it recovers some other key
        subjects.enrolBatch(items, signature);
    }

    function test_items_left_out_spoil_the_signature() public {
        bytes memory signature = signSubjects(REGISTRAR_1, batch(3).hash());
        vm.expectPartialRevert(IErrors.KeyNotLive.selector);
        subjects.enrolBatch(batch(2), signature);
    }
}
