// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../interfaces/IGrants.sol";
import { Badge } from "../interfaces/IMembers.sol";
import { Facts, KeyRequest, Reason } from "../interfaces/IReleases.sol";
import { Authority } from "../interfaces/ISubjects.sol";
import { Ids } from "./Ids.sol";
import { Rules } from "./Rules.sol";

/// @title The decision, from facts alone.
/// @notice The checks run in Reason's order and the first that fails is the answer. The off-chain policy decides the
/// same from the same facts; one table of cases holds both to it. An unset fact always refuses.
library Policy {
    uint8 internal constant ANCHORED = 1;
    uint8 internal constant WITHDRAWN = 2;
    uint8 internal constant ERASED = 3;
    uint8 internal constant LIVE = 1;
    uint8 internal constant REVOKED = 2;

    /// @dev The first reason against a staff member's request.
    /// @param signed Whether the badge's session signed the request.
    /// @param grantId The struct hash of the grant.
    function decide(
        Facts memory facts,
        KeyRequest calldata request,
        Grant calldata terms,
        Badge calldata badge,
        bool signed,
        bytes32 grantId
    ) internal pure returns (Reason reason) {
        reason = ofBadge(facts, badge);
        if (reason != Reason.NONE) return reason;
        if (!signed) return Reason.REQUEST_SIGNATURE;
        if (Ids.institutionOf(badge.person) != badge.institution) return Reason.PERSON_PREFIX;
        if (request.person != badge.person) return Reason.PERSON_MISMATCH;
        if (facts.time >= request.notAfter) return Reason.REQUEST_WINDOW;
        reason = ofStudy(facts, request);
        if (reason != Reason.NONE) return reason;
        if (request.grantId != grantId) return Reason.GRANT_MISMATCH;
        reason = ofGrant(facts, terms);
        if (reason != Reason.NONE) return reason;
        reason = ofTerms(facts, request, terms, badge);
        if (reason != Reason.NONE) return reason;
        if ((facts.exports >> facts.standing.region) & 1 == 0) return Reason.REGION;
        if (facts.time >= facts.standing.recipientEnd) return Reason.RECIPIENT_UNPUBLISHED;
    }

    /// @dev The first reason against a patient's own access.
    /// @param signed Whether the signer signed the request.
    /// @param authority What the signer may do for the subject.
    function decideOwn(Facts memory facts, KeyRequest calldata request, bool signed, Authority memory authority)
        internal
        pure
        returns (Reason reason)
    {
        if (!signed) return Reason.REQUEST_SIGNATURE;
        if (request.person != 0) return Reason.PERSON_MISMATCH;
        if (facts.time >= request.notAfter) return Reason.REQUEST_WINDOW;
        reason = ofStudy(facts, request);
        if (reason != Reason.NONE) return reason;
        if (request.grantId != 0) return Reason.GRANT_MISMATCH;
        bool may = authority.powers & Rules.MAY_ACCESS != 0 && facts.time < authority.end;
        if (!may) return Reason.OWN_SIGNER;
        if (!_has((Rules.PATRQT | Rules.FAMRQT) & authority.purposes, request.purpose)) return Reason.OWN_PURPOSE;
        if (!_has(Rules.ALL_ACTIONS, request.action)) return Reason.ACTION_NOT_GRANTED;
    }

    /// @dev The first reason against recording a hand-over that was made at `facts.time`, while the chain stalled. What
    /// was taken back since then (badge, person, study, grant, restriction) does not hide what was done.
    /// @param signed Whether the badge's session signed the request.
    /// @param grantId The struct hash of the grant.
    function decideLate(
        Facts memory facts,
        KeyRequest calldata request,
        Grant calldata terms,
        Badge calldata badge,
        bool signed,
        bytes32 grantId
    ) internal pure returns (Reason reason) {
        if (facts.time >= facts.standing.issuerEnd) return Reason.ISSUER_UNPUBLISHED;
        if (facts.time < badge.notBefore || facts.time >= badge.notAfter) return Reason.BADGE_WINDOW;
        if (facts.time >= badge.trainedUntil) return Reason.TRAINING_LAPSED;
        if (!signed) return Reason.REQUEST_SIGNATURE;
        if (Ids.institutionOf(badge.person) != badge.institution) return Reason.PERSON_PREFIX;
        if (request.person != badge.person) return Reason.PERSON_MISMATCH;
        if (facts.time >= request.notAfter) return Reason.REQUEST_WINDOW;
        if (facts.study.status == 0) return Reason.STUDY_UNKNOWN;
        if (request.revision == 0 || request.revision > facts.study.revision) return Reason.REVISION_UNKNOWN;
        if (request.grantId != grantId) return Reason.GRANT_MISMATCH;
        if (terms.subject != facts.study.subject) return Reason.GRANT_SUBJECT;
        if (facts.grant.expiry == 0) return Reason.GRANT_UNKNOWN; // never carried, revoked before or not
        if (terms.basis != Rules.EMERGENCY) return Reason.LATE_BASIS;
        reason = ofTerms(facts, request, terms, badge);
        if (reason != Reason.NONE) return reason;
        if (facts.time >= facts.standing.recipientEnd) return Reason.RECIPIENT_UNPUBLISHED;
    }

    /// @dev Reasons 1 to 6.
    function ofBadge(Facts memory facts, Badge calldata badge) internal pure returns (Reason) {
        if (facts.time >= facts.standing.issuerEnd) return Reason.ISSUER_UNPUBLISHED;
        if (!facts.standing.active) return Reason.INSTITUTION_INACTIVE;
        if (badge.epoch != facts.standing.badgeEpoch) return Reason.BADGE_EPOCH;
        if (facts.time < badge.notBefore || facts.time >= badge.notAfter) return Reason.BADGE_WINDOW;
        if (facts.standing.personWithdrawn) return Reason.PERSON_WITHDRAWN;
        if (facts.time >= badge.trainedUntil) return Reason.TRAINING_LAPSED;
        return Reason.NONE;
    }

    /// @dev Reasons 11 to 15.
    function ofStudy(Facts memory facts, KeyRequest calldata request) internal pure returns (Reason) {
        uint8 status = facts.study.status;
        if (status == 0) return Reason.STUDY_UNKNOWN;
        if (request.revision == 0 || request.revision > facts.study.revision) return Reason.REVISION_UNKNOWN;
        if (facts.revisionWithdrawn) return Reason.REVISION_WITHDRAWN;
        if (status == WITHDRAWN) return Reason.STUDY_WITHDRAWN;
        if (status != ANCHORED) return Reason.STUDY_ERASED;
        return Reason.NONE;
    }

    /// @dev Reasons 17 to 21.
    function ofGrant(Facts memory facts, Grant calldata terms) internal pure returns (Reason) {
        if (terms.subject != facts.study.subject) return Reason.GRANT_SUBJECT;
        if (facts.grant.state == REVOKED) return Reason.GRANT_REVOKED;
        if (facts.grant.state != LIVE) return Reason.GRANT_UNKNOWN;
        if (facts.grant.epoch != facts.subject.epoch) return Reason.GRANT_EPOCH;
        if (isBlocked(facts.subject.flags, facts.grant.basis)) return Reason.RESTRICTED;
        return Reason.NONE;
    }

    /// @dev Reasons 22 to 28.
    function ofTerms(Facts memory facts, KeyRequest calldata request, Grant calldata terms, Badge calldata badge)
        internal
        pure
        returns (Reason)
    {
        if (!covers(terms, request, facts.study.anchoredAt)) return Reason.SCOPE;
        bool isGrantee = terms.grantee == badge.person || terms.grantee == Ids.granteeOf(badge.institution);
        if (!isGrantee) return Reason.GRANTEE;
        if (!_has(terms.purposes, request.purpose)) return Reason.PURPOSE_NOT_GRANTED;
        if (!_has(Rules.purposesOfRoles(badge.roles), request.purpose)) return Reason.PURPOSE_NOT_FOR_ROLE;
        if (!_has(terms.actions, request.action)) return Reason.ACTION_NOT_GRANTED;
        if (facts.time < terms.notBefore) return Reason.GRANT_NOT_YET;
        if (facts.time >= facts.grant.expiry) return Reason.GRANT_EXPIRED;
        return Reason.NONE;
    }

    /// @dev Whether the grant's scope holds the requested series of the requested study.
    function covers(Grant calldata terms, KeyRequest calldata request, uint40 anchoredAt) internal pure returns (bool) {
        if (terms.scope == 0) return anchoredAt <= terms.anchoredBy;
        if (terms.scope == request.studyId) return true;
        return request.series != 0 && terms.scope == keccak256(abi.encode(request.studyId, request.series));
    }

    /// @dev Whether a recorded release by staff still stands, lapse aside.
    function stands(Facts memory facts) internal pure returns (bool) {
        return facts.standing.active && facts.standing.badgeEpoch == facts.release.epoch
            && !facts.standing.personWithdrawn && facts.time < facts.standing.recipientEnd
            && facts.study.status == ANCHORED && !facts.revisionWithdrawn && facts.grant.state == LIVE
            && facts.grant.epoch == facts.subject.epoch && !isBlocked(facts.subject.flags, facts.grant.basis);
    }

    /// @dev Whether a recorded own access still stands, lapse aside.
    function standsOwn(Facts memory facts) internal pure returns (bool) {
        return facts.subject.epoch == facts.release.epoch && facts.study.status != ERASED;
    }

    /// @dev Whether the subject is restricted and the basis does not override that.
    function isBlocked(uint8 flags, uint8 basis) internal pure returns (bool) {
        return flags & Rules.RESTRICTED != 0 && Rules.isBlockedByRestriction(basis);
    }

    /// @dev Whether a mask has a position; positions above 31 are in no mask.
    function _has(uint32 mask, uint8 position) private pure returns (bool) {
        return (mask >> position) & 1 != 0;
    }
}
