// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Authority, Enrol, ISubjects, Signer, Subject } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract EnrolTest is Base {
    using TypedData for *;

    uint256 private constant _NEW = 666;

    function enrolment() private pure returns (Enrol memory) {
        return Enrol(CUSTODIAN, keccak256("another salt"), hashOf(_NEW));
    }

    function test_registrar_and_patient_enrol(bytes32 salt, uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT && salt != SUBJECT_SALT);
        Enrol memory given = Enrol(CUSTODIAN, salt, hashOf(key));
        bytes32 structHash = given.hash();
        bytes20 expected = bytes20(keccak256(abi.encodePacked("fiducia/v1/subject", CUSTODIAN, salt)));
        (bytes memory one, bytes memory two) = (signSubjects(REGISTRAR_1, structHash), signSubjects(key, structHash));
        vm.expectEmit(address(subjects));
        emit ISubjects.Enrolled(expected, CUSTODIAN, hashOf(key));
        bytes20 enrolled = subjects.enrol(given, one, signerOf(key), two);
        assertEq(enrolled, expected, "subject");
        Subject memory stored = subjects.subjectOf(expected);
        assertEq(stored.custodian, CUSTODIAN, "custodian");
        assertEq(stored.epoch, 1, "epoch");
        assertEq(stored.flags, 0, "flags");
        assertEq(stored.signerIndex, 1, "signer index");
        assertEq(stored.serial, 1, "serial");
        assertEq(stored.liftedSerial, 0, "lifted serial");
        Signer memory signer = subjects.signerOf(hashOf(key));
        assertEq(signer.subject, expected, "signer's subject");
        assertEq(signer.index, 1, "signer's index");
        (, Authority memory authority) = subjects.authorityOf(expected, hashOf(key));
        assertTrue(authority.current, "current signer");
        (, authority) = subjects.authorityOf(expected, hashOf(PATIENT));
        assertFalse(authority.current, "another's signer");
    }

    function test_again_has_no_effect() public {
        vm.recordLogs();
        assertEq(enrol(PATIENT, SUBJECT_SALT), subject, "subject");
        assertEq(countLogs(), 0, "events");
    }

    function test_a_subject_is_enrolled_once() public {
        Enrol memory given = Enrol(CUSTODIAN, SUBJECT_SALT, hashOf(_NEW));
        (bytes memory one, bytes memory two) =
            (signSubjects(REGISTRAR_1, given.hash()), signSubjects(_NEW, given.hash()));
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SubjectExists.selector, subject));
        subjects.enrol(given, one, signerOf(_NEW), two);
    }

    function test_a_signer_serves_one_subject() public {
        Enrol memory given = Enrol(CUSTODIAN, keccak256("another salt"), hashOf(PATIENT));
        (bytes memory one, bytes memory two) =
            (signSubjects(REGISTRAR_1, given.hash()), signSubjects(PATIENT, given.hash()));
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerTaken.selector, hashOf(PATIENT)));
        subjects.enrol(given, one, signerOf(PATIENT), two);
    }

    function test_the_patient_signs(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != _NEW);
        Enrol memory given = enrolment();
        (bytes memory one, bytes memory two) =
            (signSubjects(REGISTRAR_1, given.hash()), signSubjects(key, given.hash()));
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.enrol(given, one, signerOf(_NEW), two);
    }

    function test_a_registrar_of_the_custodian_signs(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != REGISTRAR_1);
        Enrol memory given = enrolment();
        (bytes memory one, bytes memory two) = (signSubjects(key, given.hash()), signSubjects(_NEW, given.hash()));
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, key);
        subjects.enrol(given, one, signerOf(_NEW), two);
    }

    function test_not_by_a_suspended_custodian() public {
        suspendCustodian();
        Enrol memory given = enrolment();
        (bytes memory one, bytes memory two) =
            (signSubjects(REGISTRAR_1, given.hash()), signSubjects(_NEW, given.hash()));
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, REGISTRAR_1);
        subjects.enrol(given, one, signerOf(_NEW), two);
    }

    function test_a_malformed_registrar_signature(bytes memory signature) public {
        vm.assume(signature.length != 65);
        Enrol memory given = enrolment();
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.enrol(given, signature, signerOf(_NEW), "");
    }

    function test_the_signer_is_the_signed_one(bytes memory signer) public {
        vm.assume(signer.length != 0 && keccak256(signer) != hashOf(_NEW));
        Enrol memory given = enrolment();
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerMismatch.selector, hashOf(_NEW), keccak256(signer)));
        subjects.enrol(given, "", signer, "");
    }

    function test_a_signer_with_a_verifier_of_its_own_is_refused(bytes memory signer) public {
        vm.assume(signer.length != 0 && signer.length != 20);
        Enrol memory given = Enrol(CUSTODIAN, keccak256("another salt"), keccak256(signer));
        bytes memory one = signSubjects(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignerUnsupported.selector, signer));
        subjects.enrol(given, one, signer, "");
    }

    function test_the_same_salt_at_two_custodians_gives_two_subjects(uint32 a, uint32 b, bytes32 salt) public view {
        vm.assume(a != b);
        assertTrue(subjects.subjectId(a, salt) != subjects.subjectId(b, salt), "subjects");
    }
}
