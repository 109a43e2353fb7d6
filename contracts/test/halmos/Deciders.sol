// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grants } from "../../src/Grants.sol";
import { Subjects } from "../../src/Subjects.sol";
import { Grant } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval, Enrol, Recovery, Representative, Rotate } from "../../src/interfaces/ISubjects.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";
import { AnyLedger, Given } from "./AnyLedger.sol";

/// @title Only who may decide decides: no grant comes to live without those whom its basis names, and nobody becomes the
/// one who decides for a patient but by the patient, or by a recovery that has waited.
contract DeciderProofs is AnyLedger {
    using SubjectTypedData for Rotate;

    /// @custom:halmos --array-lengths approval.signer={20,84},approval.signature=65,approval.credential={0,32}
    function check_consent_is_the_patients(Grant calldata terms, Approval calldata approval) external {
        if (_isGiven(terms) || terms.basis != CONSENT) return;
        bytes32 by = keccak256(approval.signer);
        Representative memory stored = subjects.representativeOf(terms.subject, by);
        bool acts = isLiveRepresentative(terms.subject, by) && stored.powers & MAY_GRANT != 0
            && terms.purposes & ~stored.purposes == 0;
        bool signed = isSignedBy(approval.signer, _digestOf(terms), approval.signature);
        if (signed && (isCurrentSigner(terms.subject, by) || acts)) return;
        _give(terms, approval);
        assert(false);
    }

    /// @dev A representative's is, too.
    /// @custom:halmos --array-lengths approval.signer=20,approval.signature=65,approval.credential=0 --early-exit
    function refute_consent_is_the_patients(Grant calldata terms, Approval calldata approval) external {
        if (_isGiven(terms) || terms.basis != CONSENT) return;
        if (isCurrentSigner(terms.subject, keccak256(approval.signer))) return;
        _give(terms, approval);
        assert(false);
    }

    /// @custom:halmos --array-lengths approval.signer={20,84},approval.signature=65,approval.credential=0
    function check_consent_ends_with_the_power_behind_it(Grant calldata terms, Approval calldata approval) external {
        if (_isGiven(terms) || terms.basis != CONSENT) return;
        bytes32 by = keccak256(approval.signer);
        if (isCurrentSigner(terms.subject, by)) return;
        _give(terms, approval);
        uint40 end = subjects.representativeOf(terms.subject, by).notAfter;
        assert(grants.grantOf(grants.grantIdOf(terms)).expiry <= end);
    }

    /// @dev The patient's own ends when the terms say.
    /// @custom:halmos --array-lengths approval.signer=20,approval.signature=65,approval.credential=0 --early-exit
    function refute_consent_ends_with_the_power_behind_it(Grant calldata terms, Approval calldata approval) external {
        if (_isGiven(terms) || terms.basis != CONSENT) return;
        _give(terms, approval);
        uint40 end = subjects.representativeOf(terms.subject, keccak256(approval.signer)).notAfter;
        assert(grants.grantOf(grants.grantIdOf(terms)).expiry <= end);
    }

    /// @custom:halmos --default-bytes-lengths 65
    function check_care_and_law_are_an_officers_of_the_custodian(Grant calldata terms, Given calldata given) external {
        if (_isGiven(terms) || (terms.basis != CARE && terms.basis != LAW)) return;
        _give(terms, approvalOf(given));
        assert(_isCustodians(terms, given) && given.badge.roles & OFFICER != 0);
    }

    /// @dev An officer may be a physician as well, and need not be.
    /// @custom:halmos --default-bytes-lengths 65 --early-exit
    function refute_care_and_law_are_an_officers_of_the_custodian(Grant calldata terms, Given calldata given) external {
        if (_isGiven(terms) || (terms.basis != CARE && terms.basis != LAW)) return;
        _give(terms, approvalOf(given));
        assert(given.badge.roles == OFFICER);
    }

    /// @custom:halmos --default-bytes-lengths 65
    function check_paper_is_two_persons_of_the_custodian(
        Grant calldata terms,
        Given calldata first,
        Given calldata second
    ) external {
        if (_isGiven(terms) || terms.basis != PAPER) return;
        _give(terms, approvalOf(first), approvalOf(second));
        bool two = first.badge.person != second.badge.person;
        assert(two && _isCustodians(terms, first) && _isCustodians(terms, second));
    }

    /// @dev They need not be officers.
    /// @custom:halmos --default-bytes-lengths 65 --early-exit
    function refute_paper_is_two_persons_of_the_custodian(
        Grant calldata terms,
        Given calldata first,
        Given calldata second
    ) external {
        if (_isGiven(terms) || terms.basis != PAPER) return;
        _give(terms, approvalOf(first), approvalOf(second));
        assert(first.badge.roles & OFFICER != 0);
    }

    /// @dev While the emergency lasts; one that arrives later opens nothing, and other badges are good for it.
    /// @custom:halmos --default-bytes-lengths 65
    function check_an_emergency_is_two_persons_of_the_requester(
        Grant calldata terms,
        Given calldata first,
        Given calldata second
    ) external {
        if (_isGiven(terms) || terms.basis != EMERGENCY || block.timestamp >= terms.notAfter) {
            return;
        }
        bool two = first.badge.person != second.badge.person;
        if (two && _isRequesters(terms, first) && _isRequesters(terms, second)) return;
        _give(terms, approvalOf(first), approvalOf(second));
        assert(false);
    }

    /// @dev Two persons are enough, whoever the custodian is.
    /// @custom:halmos --default-bytes-lengths 65 --early-exit
    function refute_an_emergency_is_two_persons_of_the_requester(
        Grant calldata terms,
        Given calldata first,
        Given calldata second
    ) external {
        if (_isGiven(terms) || terms.basis != EMERGENCY || block.timestamp >= terms.notAfter) {
            return;
        }
        vm.assume(first.badge.roles == 1 && second.badge.roles == 1); // one path of many is enough
        _give(terms, approvalOf(first), approvalOf(second));
        assert(_isCustodians(terms, first));
    }

    /// @custom:halmos --default-array-lengths 1 --default-bytes-lengths 20,65
    function check_nothing_else_gives(bytes32 grantId) external {
        if (grants.grantOf(grantId).state == LIVE) return;
        anyCallBut("Grants", address(grants), Grants.grant.selector, Grants.grantBatch.selector);
        assert(grants.grantOf(grantId).state != LIVE);
    }

    /// @dev What is not live may become revoked.
    /// @custom:halmos --default-array-lengths 1 --default-bytes-lengths 20,65 --early-exit
    function refute_nothing_else_gives(bytes32 grantId) external {
        uint8 before = grants.grantOf(grantId).state;
        if (before == LIVE) return;
        anyCallBut("Grants", address(grants), Grants.grant.selector, Grants.grantBatch.selector);
        assert(grants.grantOf(grantId).state == before);
    }

    /// @custom:halmos --array-lengths approval.signer={20,84},signer={20,84} --default-bytes-lengths 65
    function check_the_signer_hands_over(
        Rotate calldata rotation,
        bytes calldata signer,
        bytes calldata signature,
        Approval calldata approval
    ) external {
        bytes32 digest = TypedData.digest(address(subjects), rotation.hash());
        bool signed = isSignedBy(approval.signer, digest, approval.signature);
        if (signed && isCurrentSigner(rotation.subject, keccak256(approval.signer))) return;
        subjects.rotate(rotation, signer, signature, approval);
        assert(false);
    }

    /// @dev A former signer may be known, and does not become the current one again.
    /// @custom:halmos --array-lengths approval.signer=20,signer=20 --default-bytes-lengths 65 --early-exit
    function refute_the_signer_hands_over(
        Rotate calldata rotation,
        bytes calldata signer,
        bytes calldata signature,
        Approval calldata approval
    ) external {
        subjects.rotate(rotation, signer, signature, approval);
        assert(isCurrentSigner(rotation.subject, keccak256(approval.signer)));
    }

    function check_a_recovery_waits(bytes20 subject) external {
        Recovery memory waiting = subjects.recoveryOf(subject);
        if (waiting.readyAt != 0 && waiting.readyAt <= block.timestamp) return;
        subjects.completeRecovery(subject);
        assert(false);
    }

    /// @dev It need not wait for longer.
    function refute_a_recovery_waits(bytes20 subject) external {
        if (subjects.recoveryOf(subject).readyAt < block.timestamp) return;
        subjects.completeRecovery(subject);
        assert(false);
    }

    /// @custom:halmos --default-array-lengths 1 --default-bytes-lengths 20,65
    function check_nothing_else_makes_a_signer(bytes20 subject, bytes32 signerHash) external {
        if (!_isEnrolled(subject) || isCurrentSigner(subject, signerHash)) return;
        anyCallBut("Subjects", address(subjects), Subjects.rotate.selector, Subjects.completeRecovery.selector);
        assert(!isCurrentSigner(subject, signerHash));
    }

    /// @dev Enrolment does, of a subject that was not there.
    /// @custom:halmos --array-lengths signer=20 --default-bytes-lengths 65 --early-exit
    function refute_nothing_else_makes_a_signer(
        Enrol calldata enrolment,
        bytes calldata registrarSignature,
        bytes calldata signer,
        bytes calldata signature
    ) external {
        bytes20 subject = subjects.subjectId(enrolment.custodian, enrolment.salt);
        if (_isEnrolled(subject)) return;
        subjects.enrol(enrolment, registrarSignature, signer, signature);
        assert(!isCurrentSigner(subject, enrolment.signerHash));
    }

    function _isEnrolled(bytes20 subject) private view returns (bool) {
        return subjects.subjectOf(subject).custodian != 0;
    }

    function _isGiven(Grant calldata terms) private view returns (bool) {
        return grants.grantOf(grants.grantIdOf(terms)).state == LIVE;
    }

    function _isCustodians(Grant calldata terms, Given calldata given) private view returns (bool) {
        return
            given.badge.institution == subjects.subjectOf(terms.subject).custodian
                && isVouchedFor(given, _digestOf(terms));
    }

    /// @dev Of the grantee's institution, a physician, radiologist or nurse.
    function _isRequesters(Grant calldata terms, Given calldata given) private view returns (bool) {
        Badge calldata badge = given.badge;
        return badge.institution == uint32(bytes4(terms.grantee)) && badge.roles & 11 != 0
            && isVouchedFor(given, _digestOf(terms));
    }

    function _digestOf(Grant calldata terms) private view returns (bytes32) {
        return TypedData.digest(address(grants), grants.grantIdOf(terms));
    }

    function _give(Grant calldata terms, Approval memory approval) private {
        Approval[] memory approvals = new Approval[](1);
        approvals[0] = approval;
        grants.grant(terms, approvals);
    }

    function _give(Grant calldata terms, Approval memory first, Approval memory second) private {
        Approval[] memory approvals = new Approval[](2);
        (approvals[0], approvals[1]) = (first, second);
        grants.grant(terms, approvals);
    }
}
