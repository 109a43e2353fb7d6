// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Badge } from "../src/interfaces/IMembers.sol";
import { Hold } from "../src/interfaces/IStudies.sol";
import {
    Appoint,
    Approval,
    Dismiss,
    Enrol,
    ISubjects,
    Lift,
    Recover,
    Recovery,
    Representative,
    Restrict,
    Rotate,
    Subject,
    Transfer
} from "../src/interfaces/ISubjects.sol";
import { Kinds } from "../src/libraries/Kinds.sol";
import { Rules } from "../src/libraries/Rules.sol";
import { Base } from "./Base.t.sol";
import { SubjectTypedData } from "./utils/SubjectTypedData.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @title The world of whoever decides for a patient.
/// @notice Besides Base's: a second patient without a device (`bare`), an officer at every hospital and a clerk at the
/// custodian, all with badges for 100 days; somebody to appoint, and a signer to come. Acts that a test needs done, and
/// does not test, are one call.
abstract contract SubjectBase is Base {
    using TypedData for *;
    using SubjectTypedData for *;

    // Private keys.
    uint256 internal constant REGISTRAR_3 = 113;
    uint256 internal constant ISSUER_3 = 123;
    uint256 internal constant REPRESENTATIVE = 161;
    uint256 internal constant NEXT = 171;
    uint256 internal constant CLERK = 211;

    bytes32 internal constant BARE_SALT = keccak256("the salt of a patient without a device");
    bytes32 internal constant TERMS = keccak256("what an appointment rests on");
    uint64 internal constant APPOINTED_UNTIL = uint64(NOW + 365 days);

    bytes20 internal bare;

    function setUp() public virtual override {
        super.setUp();
        publishSigner(BYSTANDER, GOVERNOR_3, Kinds.REGISTRAR, REGISTRAR_3);
        publishSigner(BYSTANDER, GOVERNOR_3, Kinds.ISSUER, ISSUER_3);
        bare = enrolBare(BARE_SALT);
    }

    // Staff.

    /// @dev The session of a hospital's officer.
    function officerOf(uint32 institution) internal pure returns (uint256) {
        return 200 + institution;
    }

    function issuerOf(uint32 institution) internal pure returns (uint256) {
        return 120 + institution;
    }

    function personOf(uint32 institution, uint256 session) internal pure returns (bytes32) {
        return bytes32(bytes4(institution)) | (keccak256(abi.encode(session)) >> 32);
    }

    function badgeOf(uint32 institution, uint256 session, uint32 roles) internal pure returns (Badge memory) {
        return Badge({
            institution: institution,
            person: personOf(institution, session),
            session: vm.addr(session),
            roles: roles,
            trainedUntil: uint64(NOW + 200 days),
            notBefore: uint64(NOW),
            notAfter: uint64(NOW + 100 days),
            epoch: 1
        });
    }

    function officerBadge(uint32 institution) internal pure returns (Badge memory) {
        return badgeOf(institution, officerOf(institution), Rules.OFFICER);
    }

    function clerkBadge() internal pure returns (Badge memory) {
        return badgeOf(CUSTODIAN, CLERK, Rules.REGISTRAR);
    }

    /// @dev What a badge's session signs in a contract's domain, under the badge of its institution's issuer.
    function staffAt(address verifyingContract, uint256 session, Badge memory badge, bytes32 structHash)
        internal
        view
        returns (Approval memory)
    {
        bytes memory credential = abi.encode(badge, signMembers(issuerOf(badge.institution), badge.hash()));
        return Approval(signerOf(session), sign(session, TypedData.digest(verifyingContract, structHash)), credential);
    }

    function staff(uint256 session, Badge memory badge, bytes32 structHash) internal view returns (Approval memory) {
        return staffAt(address(subjects), session, badge, structHash);
    }

    function officer(uint32 institution, bytes32 structHash) internal view returns (Approval memory) {
        return staff(officerOf(institution), officerBadge(institution), structHash);
    }

    function clerk(bytes32 structHash) internal view returns (Approval memory) {
        return staff(CLERK, clerkBadge(), structHash);
    }

    // The patient's side.

    /// @dev By one of the patient's side, or a registrar, in the domain of Subjects.
    function signed(uint256 key, bytes32 structHash) internal view returns (Approval memory) {
        return Approval(signerOf(key), signSubjects(key, structHash), "");
    }

    function veto(uint256 key, bytes20 of_, bytes32 matter) internal view returns (Approval memory) {
        return signed(key, SubjectTypedData.hashVeto(of_, matter));
    }

    // Approvals in lists.

    function one(Approval memory first) internal pure returns (Approval[] memory) {
        return oneApproval(first);
    }

    function two(Approval memory first, Approval memory second) internal pure returns (Approval[] memory approvals) {
        approvals = new Approval[](2);
        (approvals[0], approvals[1]) = (first, second);
    }

    function three(Approval memory first, Approval memory second, Approval memory third)
        internal
        pure
        returns (Approval[] memory approvals)
    {
        approvals = new Approval[](3);
        (approvals[0], approvals[1], approvals[2]) = (first, second, third);
    }

    /// @dev By an officer of each of the first `count` hospitals, the custodian's first.
    function officers(uint256 count, bytes32 structHash) internal view returns (Approval[] memory approvals) {
        approvals = new Approval[](count);
        for (uint256 i = 0; i < count; ++i) {
            // a handful of hospitals
            approvals[i] = officer(uint32(i + 1), structHash);
        }
    }

    /// @dev By an officer and a clerk of the custodian: who decides while there is no signer.
    function custodians(bytes32 structHash) internal view returns (Approval[] memory) {
        return two(officer(CUSTODIAN, structHash), clerk(structHash));
    }

    // Acts.

    function serialOf(bytes20 of_) internal view returns (uint32) {
        return subjects.subjectOf(of_).serial;
    }

    function recoveriesOf(bytes20 of_) internal view returns (uint32) {
        return subjects.subjectOf(of_).recoveries;
    }

    function enrolBare(bytes32 salt) internal returns (bytes20) {
        Enrol memory enrolment = Enrol(CUSTODIAN, salt, 0);
        return subjects.enrol(enrolment, signSubjects(REGISTRAR_1, enrolment.hash()), "", "");
    }

    function rotate(uint256 from, uint256 to) internal {
        Rotate memory rotation = Rotate(subject, hashOf(to), serialOf(subject));
        subjects.rotate(rotation, signerOf(to), signSubjects(to, rotation.hash()), signed(from, rotation.hash()));
    }

    /// @dev All powers for all purposes that a patient may give, for a year.
    function defaultAppointment(bytes20 of_) internal view returns (Appoint memory) {
        return Appoint({
            subject: of_,
            representative: hashOf(REPRESENTATIVE),
            powers: Rules.ALL_POWERS,
            purposes: Rules.purposesOf(Rules.CONSENT),
            notAfter: APPOINTED_UNTIL,
            serial: serialOf(of_),
            terms: TERMS
        });
    }

    /// @dev By whoever decides: the first signer, or the custodian's staff while there is none.
    function appoint(Appoint memory appointment) internal {
        bytes32 structHash = appointment.hash();
        bool without = subjects.subjectOf(appointment.subject).signerIndex == 0;
        subjects.appoint(appointment, without ? custodians(structHash) : one(signed(PATIENT, structHash)));
    }

    /// @dev Appoints and waits until the appointment begins.
    function appointLive(bytes20 of_, uint256 key, uint32 powers) internal {
        Appoint memory appointment = defaultAppointment(of_);
        (appointment.representative, appointment.powers) = (hashOf(key), powers);
        appoint(appointment);
        vm.warp(block.timestamp + APPOINTMENT_DELAY);
    }

    function dismiss(bytes20 of_, uint256 by) internal {
        Dismiss memory dismissal = Dismiss(of_, hashOf(REPRESENTATIVE), serialOf(of_));
        subjects.dismiss(dismissal, one(signed(by, dismissal.hash())));
    }

    function restrict(bytes20 of_, uint256 by) internal {
        Restrict memory restriction = Restrict(of_, serialOf(of_));
        subjects.restrict(restriction, signed(by, restriction.hash()));
    }

    function lift(bytes20 of_, uint256 by) internal {
        Lift memory lifting = Lift(of_, serialOf(of_));
        subjects.lift(lifting, one(signed(by, lifting.hash())));
    }

    function defaultRecovery(bytes20 of_, uint8 attempt) internal view returns (Recover memory) {
        return Recover(of_, hashOf(NEXT), attempt, recoveriesOf(of_));
    }

    /// @dev By as many officers as the attempt wants.
    function recover(Recover memory recovery) internal {
        bytes32 structHash = recovery.hash();
        uint256 count = subjects.subjectOf(recovery.subject).signerIndex == 0 ? 1 : uint256(recovery.attempt) + 1;
        subjects.recover(recovery, signerOf(NEXT), signSubjects(NEXT, structHash), officers(count, structHash));
    }

    function vetoRecovery(Recover memory recovery, uint256 by) internal {
        subjects.vetoRecovery(recovery, veto(by, recovery.subject, recovery.hash()));
    }

    /// @dev Recovers to NEXT, delay and all.
    function recoverFully(bytes20 of_) internal {
        recover(defaultRecovery(of_, 1));
        vm.warp(block.timestamp + RECOVERY_DELAY);
        subjects.completeRecovery(of_);
    }

    /// @dev To hospital 2.
    function transfer(bytes20 of_, uint256 by) internal {
        Transfer memory given = Transfer(of_, REQUESTER, serialOf(of_));
        subjects.transfer(given, signSubjects(REGISTRAR_2, given.hash()), signed(by, given.hash()));
    }

    /// @dev The custodian's officer puts the study under hold.
    function hold() internal {
        Hold memory hold_ = Hold(studyId, studies.erasureOf(studyId).holdSerial, TERMS);
        Badge memory badge = officerBadge(CUSTODIAN);
        studies.hold(hold_, staffAt(address(studies), officerOf(CUSTODIAN), badge, hold_.hash()));
    }

    // Comparisons and expectations.

    function assertEq(Subject memory stored, Subject memory expected) internal pure {
        assertEq(stored.custodian, expected.custodian, "custodian");
        assertEq(stored.epoch, expected.epoch, "epoch");
        assertEq(stored.flags, expected.flags, "flags");
        assertEq(stored.signerIndex, expected.signerIndex, "signer index");
        assertEq(stored.serial, expected.serial, "serial");
        assertEq(stored.liftedSerial, expected.liftedSerial, "lifted serial");
        assertEq(stored.recoveries, expected.recoveries, "recoveries");
    }

    function assertEq(Representative memory stored, Representative memory expected) internal pure {
        assertEq(stored.powers, expected.powers, "powers");
        assertEq(stored.purposes, expected.purposes, "purposes");
        assertEq(stored.from, expected.from, "from");
        assertEq(stored.notAfter, expected.notAfter, "notAfter");
        assertEq(stored.serial, expected.serial, "appointment's serial");
    }

    function assertEq(Recovery memory stored, Recovery memory expected) internal pure {
        assertEq(stored.signerHash, expected.signerHash, "new signer");
        assertEq(stored.readyAt, expected.readyAt, "ready at");
        assertEq(stored.attempt, expected.attempt, "attempt");
        assertEq(stored.serial, expected.serial, "recovery's serial");
        assertTrue(stored.contested == expected.contested, "contested");
    }

    function expectSerialMismatch(bytes20 of_, uint32 current, uint32 given) internal {
        vm.expectRevert(abi.encodeWithSelector(ISubjects.SerialMismatch.selector, of_, current, given));
    }

    function expectNothingWaits(bytes20 of_) internal {
        vm.expectRevert(abi.encodeWithSelector(ISubjects.NothingWaits.selector, of_));
    }

    function expectApprovalsRefused(bytes20 of_, uint256 given) internal {
        vm.expectRevert(abi.encodeWithSelector(ISubjects.ApprovalsRefused.selector, of_, given));
    }

    /// @dev For a subject that is not Base's.
    function expectNoStanding(bytes20 of_, bytes32 by) internal {
        vm.expectRevert(abi.encodeWithSelector(bytes4(keccak256("NoStanding(bytes20,bytes32)")), of_, by));
    }
}
