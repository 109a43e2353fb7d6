// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Approval, Authority, ISubjects, RevokeAll, Rotate, Signer, Subject } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

contract RotateTest is SubjectBase {
    using TypedData for *;
    using SubjectTypedData for *;

    function rotation() private view returns (Rotate memory) {
        return Rotate(subject, hashOf(NEXT), serialOf(subject));
    }

    /// @dev The new signer signs; the approval is what a test is about.
    function submit(Rotate memory given, Approval memory approval) private {
        subjects.rotate(given, signerOf(NEXT), signSubjects(NEXT, given.hash()), approval);
    }

    function test_the_signer_gives_way_to_another(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        Rotate memory given = Rotate(subject, hashOf(key), 1);
        bytes memory signature = signSubjects(key, given.hash());
        Approval memory approval = signed(PATIENT, given.hash());
        vm.expectEmit(address(subjects));
        emit ISubjects.Rotated(subject, hashOf(key), 2);
        subjects.rotate(given, signerOf(key), signature, approval);
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 0, 2, 2, 0, 0));
        Signer memory signer = subjects.signerOf(hashOf(key));
        assertEq(signer.subject, subject, "signer's subject");
        assertEq(signer.index, 2, "signer's index");
        signer = subjects.signerOf(hashOf(PATIENT));
        assertEq(signer.subject, subject, "former signer's subject");
        assertEq(signer.index, 1, "former signer's index");
    }

    function test_the_one_before_is_a_former_one_that_may_revoke() public {
        rotate(PATIENT, NEXT);
        (, Authority memory authority) = subjects.authorityOf(subject, hashOf(PATIENT));
        assertFalse(authority.current, "current");
        assertTrue(authority.former, "former");
        assertEq(authority.powers, 0, "powers");
        RevokeAll memory revocation = RevokeAll(subject, 1);
        subjects.revokeAll(revocation, signed(PATIENT, revocation.hash()));
        assertEq(subjects.subjectOf(subject).epoch, 2, "epoch");
    }

    function test_the_new_one_rotates_on() public {
        rotate(PATIENT, NEXT);
        rotate(NEXT, 172);
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 0, 3, 3, 0, 0));
        (, Authority memory authority) = subjects.authorityOf(subject, hashOf(172));
        assertTrue(authority.current, "current");
        assertTrue(subjects.isPatientSide(subject, hashOf(PATIENT)), "the first is of the patient's side");
        assertTrue(subjects.isPatientSide(subject, hashOf(NEXT)), "the second is of the patient's side");
    }

    function test_a_former_one_may_not() public {
        rotate(PATIENT, NEXT);
        Rotate memory given = Rotate(subject, hashOf(172), 2);
        Approval memory approval = signed(PATIENT, given.hash());
        expectNoStanding(hashOf(PATIENT));
        subjects.rotate(given, signerOf(172), signSubjects(172, given.hash()), approval);
    }

    function test_a_representative_may_not() public {
        appointLive(subject, REPRESENTATIVE, Rules.ALL_POWERS);
        Rotate memory given = rotation();
        expectNoStanding(hashOf(REPRESENTATIVE));
        submit(given, signed(REPRESENTATIVE, given.hash()));
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        Rotate memory given = rotation();
        Approval memory approval = signed(key, given.hash());
        expectNoStanding(hashOf(key));
        submit(given, approval);
    }

    function test_another_subjects_signer_may_not() public {
        enrol(667, keccak256("another salt"));
        Rotate memory given = rotation();
        expectNoStanding(hashOf(667));
        submit(given, signed(667, given.hash()));
    }

    function test_nobody_while_there_is_no_signer() public {
        Rotate memory given = Rotate(bare, hashOf(NEXT), 1);
        expectNoStanding(bare, hashOf(PATIENT));
        submit(given, signed(PATIENT, given.hash()));
    }

    function test_the_current_signer_signs() public {
        Rotate memory given = rotation();
        expectSignatureInvalid(address(subjects), given.hash());
        submit(given, Approval(signerOf(PATIENT), signSubjects(NEXT, given.hash()), ""));
    }

    function test_the_new_signer_signs() public {
        Rotate memory given = rotation();
        expectSignatureInvalid(address(subjects), given.hash());
        subjects.rotate(given, signerOf(NEXT), signSubjects(PATIENT, given.hash()), signed(PATIENT, given.hash()));
    }

    function test_the_new_signer_is_the_signed_one(bytes memory signer) public {
        Rotate memory given = rotation();
        Approval memory approval = signed(PATIENT, given.hash());
        bytes32 actual = signer.length == 0 ? bytes32(0) : keccak256(signer);
        vm.assume(actual != given.signerHash);
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerMismatch.selector, given.signerHash, actual));
        subjects.rotate(given, signer, "", approval);
    }

    function test_nobody_is_no_signer() public {
        Rotate memory given = Rotate(subject, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignerUnsupported.selector, bytes("")));
        subjects.rotate(given, "", "", signed(PATIENT, given.hash()));
    }

    function test_a_signer_with_a_verifier_of_its_own_is_refused(bytes memory signer) public {
        vm.assume(signer.length != 0 && signer.length != 20);
        Rotate memory given = Rotate(subject, keccak256(signer), 1);
        Approval memory approval = signed(PATIENT, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignerUnsupported.selector, signer));
        subjects.rotate(given, signer, "", approval);
    }

    function expectTaken(uint256 by, uint256 key) private {
        Rotate memory given = Rotate(subject, hashOf(key), serialOf(subject));
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SignerTaken.selector, hashOf(key)));
        subjects.rotate(given, signerOf(key), signSubjects(key, given.hash()), signed(by, given.hash()));
    }

    function test_a_signer_serves_once() public {
        enrol(667, keccak256("another salt"));
        expectTaken(PATIENT, 667); // another subject
        expectTaken(PATIENT, PATIENT); // the same, now
        rotate(PATIENT, NEXT);
        expectTaken(NEXT, PATIENT); // the same, before
    }

    function test_a_serial_counts_once(uint32 serial) public {
        vm.assume(serial != 1);
        Rotate memory given = Rotate(subject, hashOf(NEXT), serial);
        Approval memory approval = signed(PATIENT, given.hash());
        expectSerialMismatch(subject, 1, serial);
        submit(given, approval);
    }

    function test_a_replay() public {
        Rotate memory given = rotation();
        Approval memory approval = signed(PATIENT, given.hash());
        submit(given, approval);
        expectNoStanding(hashOf(PATIENT));
        submit(given, approval);
    }

    function test_what_was_granted_goes_on() public {
        bytes32 grantId = give(defaultGrant());
        rotate(PATIENT, NEXT);
        assertEq(grants.grantOf(grantId).state, 1, "live");
        assertEq(subjects.subjectOf(subject).epoch, 1, "epoch");
    }

    function test_the_enrolment_again_has_no_effect() public {
        rotate(PATIENT, NEXT);
        vm.recordLogs();
        assertEq(enrol(PATIENT, SUBJECT_SALT), subject, "subject");
        assertEq(countLogs(), 0, "events");
        assertEq(subjects.subjectOf(subject), Subject(CUSTODIAN, 1, 0, 2, 2, 0, 0));
    }

    function test_an_unknown_subject(bytes20 unknown) public {
        vm.assume(unknown != subject && unknown != bare);
        Rotate memory given = Rotate(unknown, hashOf(NEXT), 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SubjectUnknown.selector, unknown));
        subjects.rotate(given, "", "", Approval("", "", ""));
    }
}
