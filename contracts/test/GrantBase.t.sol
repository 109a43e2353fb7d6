// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../src/interfaces/IErrors.sol";
import { Grant, GrantState, IGrants, Review, ReviewState } from "../src/interfaces/IGrants.sol";
import { Badge, RaiseBadgeEpoch, Suspend, WithdrawPerson } from "../src/interfaces/IMembers.sol";
import { ReleaseState } from "../src/interfaces/IReleases.sol";
import { Erase, RequestErasure } from "../src/interfaces/IStudies.sol";
import { Approval } from "../src/interfaces/ISubjects.sol";
import { Kinds } from "../src/libraries/Kinds.sol";
import { Rules } from "../src/libraries/Rules.sol";
import { SubjectBase } from "./SubjectBase.t.sol";
import { GrantTypedData } from "./utils/GrantTypedData.sol";
import { SubjectTypedData } from "./utils/SubjectTypedData.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @title The world of grants on every basis.
/// @notice Besides SubjectBase's: a colleague of the clinician, a nurse, and the custodian's broker, which signs for
/// what it hands over. A grant of each basis is a `grantOn` to change before `approvalsOf` signs it by whom that basis
/// asks.
abstract contract GrantBase is SubjectBase {
    using TypedData for *;
    using SubjectTypedData for *;
    using GrantTypedData for *;

    uint256 internal constant COLLEAGUE = 142;
    uint256 internal constant BROKER_1 = 221;
    bytes32 internal constant REPORT = keccak256("what the officer found");
    bytes32 internal constant CERTIFICATE = sha256("a certificate of erasure");
    uint64 internal constant REVIEW_WITHIN = 72 hours;

    function setUp() public virtual override {
        super.setUp();
        publishSigner(CUSTODIAN, GOVERNOR_1, Kinds.BROKER_SIGN, BROKER_1);
    }

    // Grants of each basis.

    /// @dev The default grant on that basis, for the basis's first purpose and as long as CARE or an EMERGENCY may be.
    function grantOn(uint8 basis) internal view returns (Grant memory terms) {
        terms = defaultGrant();
        terms.basis = basis;
        if (basis == Rules.LAW) terms.purposes = Rules.PUBHLTH;
        if (basis == Rules.EMERGENCY) (terms.purposes, terms.notAfter) = (Rules.ETREAT, uint64(NOW + 24 hours));
    }

    /// @dev By whom the basis asks: the patient, officer and clerk, the officer, clinician and colleague.
    function approvalsOf(Grant memory terms) internal view returns (Approval[] memory) {
        bytes32 grantId = terms.hash();
        if (terms.basis == Rules.CONSENT) return one(patientApproval(PATIENT, grantId));
        if (terms.basis == Rules.PAPER) return two(officerAtGrants(CUSTODIAN, grantId), clerkAtGrants(grantId));
        if (terms.basis == Rules.EMERGENCY) return two(clinician(grantId), colleague(grantId));
        return one(officerAtGrants(CUSTODIAN, grantId));
    }

    function give(uint8 basis) internal returns (Grant memory terms) {
        terms = grantOn(basis);
        giveOn(terms);
    }

    function giveOn(Grant memory terms) internal returns (bytes32) {
        return grants.grant(terms, approvalsOf(terms));
    }

    /// @dev Expects that refusal of the terms, signed by whom their basis asks.
    function refuseGrant(Grant memory terms, bytes memory expected) internal {
        refuseGrant(terms, approvalsOf(terms), expected);
    }

    function refuseGrant(Grant memory terms, Approval[] memory approvals, bytes memory expected) internal {
        vm.expectRevert(expected);
        grants.grant(terms, approvals);
    }

    // Who signs in the domain of Grants.

    function atGrants(uint256 session, Badge memory badge, bytes32 structHash) internal view returns (Approval memory) {
        return staffAt(address(grants), session, badge, structHash);
    }

    function officerAtGrants(uint32 institution, bytes32 structHash) internal view returns (Approval memory) {
        return atGrants(officerOf(institution), officerBadge(institution), structHash);
    }

    function clerkAtGrants(bytes32 structHash) internal view returns (Approval memory) {
        return atGrants(CLERK, clerkBadge(), structHash);
    }

    function clinician(bytes32 structHash) internal view returns (Approval memory) {
        return atGrants(SESSION, defaultBadge(), structHash);
    }

    function colleague(bytes32 structHash) internal view returns (Approval memory) {
        return atGrants(COLLEAGUE, colleagueBadge(), structHash);
    }

    function colleagueBadge() internal pure returns (Badge memory) {
        return badgeOf(REQUESTER, COLLEAGUE, Rules.NURSE);
    }

    function colleaguePerson() internal pure returns (bytes32) {
        return personOf(REQUESTER, COLLEAGUE);
    }

    function officerPerson(uint32 institution) internal pure returns (bytes32) {
        return personOf(institution, officerOf(institution));
    }

    // Reviews.

    /// @dev An emergency of its own, by its salt, opened now.
    function openEmergency(uint256 salt) internal returns (bytes32) {
        Grant memory terms = grantOn(Rules.EMERGENCY);
        (terms.notBefore, terms.notAfter) = (uint64(block.timestamp), uint64(block.timestamp + 1 hours));
        (terms.relayBy, terms.salt) = (FOREVER, bytes32(salt));
        Badge memory badge = defaultBadge();
        badge.notAfter = FOREVER;
        bytes32 grantId = terms.hash();
        return grants.grant(terms, two(atGrants(SESSION, badge, grantId), colleague(grantId)));
    }

    function fileReview(bytes32 grantId, uint32 institution) internal {
        Review memory given = Review(grantId, 1, REPORT);
        grants.review(given, officerAtGrants(institution, given.hash()));
    }

    // What members and the custodian do.

    function governorOf(uint32 institution) internal pure returns (uint256) {
        return 100 + institution;
    }

    /// @dev The two others suspend it.
    function suspend(uint32 institution) internal {
        Suspend memory suspension = Suspend(institution, members.round());
        uint32 a = institution == 1 ? 2 : 1;
        uint32 b = institution == 3 ? 2 : 3;
        members.suspend(suspension, votes(suspension.hash(), a, governorOf(a), b, governorOf(b)));
    }

    function endBadges(uint32 institution) internal {
        RaiseBadgeEpoch memory raise = RaiseBadgeEpoch(institution, members.institutionOf(institution).badgeEpoch);
        members.raiseBadgeEpoch(raise, signMembers(governorOf(institution), raise.hash()));
    }

    function withdrawStaff(Badge memory badge) internal {
        WithdrawPerson memory withdrawal = WithdrawPerson(badge.person);
        members.withdrawPerson(withdrawal, signMembers(issuerOf(badge.institution), withdrawal.hash()));
    }

    function endIssuer(uint32 institution, uint64 end) internal {
        endSigner(institution, governorOf(institution), Kinds.ISSUER, issuerOf(institution), end);
    }

    /// @dev The patient asks, which withdraws it, and the custodian erases.
    function eraseStudy(bytes32 study) internal {
        RequestErasure memory request = RequestErasure(study);
        Approval memory approval = Approval(signerOf(PATIENT), signStudies(PATIENT, request.hash()), "");
        studies.requestErasure(request, approval);
        Erase memory erasure = Erase(study, CERTIFICATE);
        studies.erase(erasure, signStudies(REGISTRAR_1, erasure.hash()));
    }

    // Comparisons and expectations.

    function assertEq(GrantState memory stored, GrantState memory expected) internal pure {
        assertEq(bytes32(stored.subject), bytes32(expected.subject), "grant's subject");
        assertEq(stored.epoch, expected.epoch, "grant's epoch");
        assertEq(stored.expiry, expected.expiry, "expiry");
        assertEq(stored.state, expected.state, "grant's state");
        assertEq(stored.basis, expected.basis, "basis");
    }

    function assertEq(ReviewState memory stored, ReviewState memory expected) internal pure {
        assertEq(stored.institution, expected.institution, "who owes the review");
        assertEq(stored.dueAt, expected.dueAt, "due at");
        assertEq(stored.state, expected.state, "review's state");
        assertEq(stored.first, expected.first, "first person");
        assertEq(stored.second, expected.second, "second person");
    }

    function assertEq(ReleaseState memory stored, ReleaseState memory expected) internal pure {
        assertEq(stored.recordedAt, expected.recordedAt, "recorded at");
        assertEq(stored.lapse, expected.lapse, "lapse");
        assertEq(stored.institution, expected.institution, "institution");
        assertEq(stored.epoch, expected.epoch, "release's epoch");
        assertTrue(stored.late == expected.late, "late");
    }

    function assertOldest(uint32 institution, bytes32 grantId, uint256 dueAt) internal view {
        (bytes32 oldest, uint40 oldestDueAt) = grants.oldestOwedBy(institution);
        assertEq(oldest, grantId, "oldest owed");
        assertEq(oldestDueAt, dueAt, "its due time");
    }

    function noStanding(bytes32 by) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IErrors.NoStanding.selector, subject, by);
    }

    function signatureInvalid(bytes32 structHash) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IErrors.SignatureInvalid.selector, TypedData.digest(address(grants), structHash));
    }

    function windowRefused(Grant memory terms, uint64 longest) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IGrants.WindowRefused.selector, terms.notBefore, terms.notAfter, longest);
    }

    function approvalsMismatch(uint256 expected, uint256 given) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IGrants.ApprovalsMismatch.selector, expected, given);
    }
}
