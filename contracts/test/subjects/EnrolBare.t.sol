// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Authority, Enrol, ISubjects, Signer, Subject } from "../../src/interfaces/ISubjects.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @notice A patient without a device.
contract EnrolBareTest is SubjectBase {
    using TypedData for *;

    function enrolment(bytes32 salt) private pure returns (Enrol memory) {
        return Enrol(CUSTODIAN, salt, 0);
    }

    function test_a_registrar_enrols_alone(bytes32 salt) public {
        vm.assume(salt != BARE_SALT && salt != SUBJECT_SALT);
        Enrol memory given = enrolment(salt);
        bytes20 expected = subjects.subjectId(CUSTODIAN, salt);
        bytes memory signature = signSubjects(REGISTRAR_1, given.hash());
        vm.expectEmit(address(subjects));
        emit ISubjects.Enrolled(expected, CUSTODIAN, 0);
        assertEq(subjects.enrol(given, signature, "", ""), expected, "subject");
        assertEq(subjects.subjectOf(expected), Subject(CUSTODIAN, 1, 0, 0, 1, 0, 0));
        Signer memory nobody = subjects.signerOf(0);
        assertEq(nobody.subject, bytes20(0), "no signer is written");
        assertEq(nobody.index, 0, "no signer's index");
    }

    function test_nobody_is_its_signer(bytes32 signerHash) public view {
        (, Authority memory authority) = subjects.authorityOf(bare, signerHash);
        assertFalse(authority.current, "current");
        assertFalse(subjects.isPatientSide(bare, signerHash), "patient's side");
        (, authority) = subjects.authorityOf(bare, 0);
        assertFalse(authority.current, "nobody is nobody's signer");
    }

    function test_many_patients_have_no_device() public {
        assertTrue(enrolBare(keccak256("a third")) != bare, "subjects");
    }

    function test_again_has_no_effect() public {
        vm.recordLogs();
        assertEq(enrolBare(BARE_SALT), bare, "subject");
        assertEq(countLogs(), 0, "events");
    }

    function test_a_subject_with_a_signer_is_not_enrolled_without() public {
        Enrol memory given = enrolment(SUBJECT_SALT);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SubjectExists.selector, subject));
        subjects.enrol(given, signSubjects(REGISTRAR_1, given.hash()), "", "");
    }

    function test_a_subject_without_a_signer_is_not_enrolled_with_one() public {
        Enrol memory given = Enrol(CUSTODIAN, BARE_SALT, hashOf(NEXT));
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SubjectExists.selector, bare));
        subjects.enrol(given, signSubjects(REGISTRAR_1, given.hash()), signerOf(NEXT), signSubjects(NEXT, given.hash()));
    }

    function test_once_there_is_a_signer_it_exists_otherwise() public {
        recoverFully(bare);
        Enrol memory given = enrolment(BARE_SALT);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SubjectExists.selector, bare));
        subjects.enrol(given, signSubjects(REGISTRAR_1, given.hash()), "", "");
    }

    function test_a_signer_with_the_hash_of_nothing(bytes memory signer) public {
        vm.assume(signer.length != 0);
        Enrol memory given = enrolment(keccak256("another salt"));
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerMismatch.selector, bytes32(0), keccak256(signer)));
        subjects.enrol(given, signSubjects(REGISTRAR_1, given.hash()), signer, "");
    }

    function test_nothing_does_not_pass_for_a_signer(bytes32 signerHash) public {
        vm.assume(signerHash != 0);
        Enrol memory given = Enrol(CUSTODIAN, keccak256("another salt"), signerHash);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerMismatch.selector, signerHash, bytes32(0)));
        subjects.enrol(given, signSubjects(REGISTRAR_1, given.hash()), "", "");
    }

    function test_a_registrar_of_the_custodian_signs(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != REGISTRAR_1);
        Enrol memory given = enrolment(keccak256("another salt"));
        bytes memory signature = signSubjects(key, given.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, key);
        subjects.enrol(given, signature, "", "");
    }

    function test_not_by_a_suspended_custodian() public {
        suspendCustodian();
        Enrol memory given = enrolment(keccak256("another salt"));
        bytes memory signature = signSubjects(REGISTRAR_1, given.hash());
        expectKeyNotLive(CUSTODIAN, Kinds.REGISTRAR, REGISTRAR_1);
        subjects.enrol(given, signature, "", "");
    }

    function test_not_at_an_institution_that_is_none() public {
        Enrol memory given = Enrol(0, keccak256("another salt"), 0);
        bytes memory signature = signSubjects(REGISTRAR_1, given.hash());
        expectKeyNotLive(0, Kinds.REGISTRAR, REGISTRAR_1);
        subjects.enrol(given, signature, "", "");
    }

    function test_a_signature_for_another_salt() public {
        Enrol memory given = enrolment(keccak256("another salt"));
        bytes memory signature = signSubjects(REGISTRAR_1, enrolment(keccak256("a third")).hash());
        vm.expectPartialRevert(IErrors.KeyNotLive.selector); // it recovers some other key, which is not published
        subjects.enrol(given, signature, "", "");
    }
}
