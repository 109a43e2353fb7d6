"""The numbered checks behind every decision, each a pure function from facts to the first reason.

Split out of `core.policy`, which puts them in order and explains the numbers. Each block mirrors one
function of contracts/src/libraries/Policy.sol. Anything unknown refuses.
"""

from __future__ import annotations

from fiducia.core import ids, rules
from fiducia.core.decision import LateFacts, Reason, VerifiedAccess
from fiducia.records.ledger import Facts, GrantState, StudyStatus
from fiducia.records.typed import Badge, Grant, KeyRequest


def of_badge(badge: Badge, facts: Facts, verified: VerifiedAccess, now: int) -> Reason:
    """Checks 1-6: the badge, as its institution stands at `now` (UTC Unix seconds)."""
    if verified.issuer is None or now >= facts.issuer_end_at:  # 1
        return Reason.ISSUER_UNPUBLISHED
    if not facts.institution_active:  # 2
        return Reason.INSTITUTION_INACTIVE
    if badge.epoch != facts.badge_epoch:  # 3
        return Reason.BADGE_EPOCH
    if not badge.not_before <= now < badge.not_after:  # 4
        return Reason.BADGE_WINDOW
    if facts.person_withdrawn:  # 5
        return Reason.PERSON_WITHDRAWN
    if now >= badge.trained_until:  # 6
        return Reason.TRAINING_LAPSED
    return Reason.NONE


def of_badge_then(badge: Badge, facts: Facts, verified: VerifiedAccess, then: int) -> Reason:
    """Checks 1, 4 and 6 at a past time: what nobody could take back since."""
    if verified.issuer is None or then >= facts.issuer_end_at:  # 1
        return Reason.ISSUER_UNPUBLISHED
    if not badge.not_before <= then < badge.not_after:  # 4
        return Reason.BADGE_WINDOW
    return Reason.TRAINING_LAPSED if then >= badge.trained_until else Reason.NONE  # 6


def of_requester(request: KeyRequest, badge: Badge, verified: VerifiedAccess) -> Reason:
    """Checks 7-9: who signed the request, and for whom."""
    if verified.signer is None or verified.signer != badge.session:  # 7
        return Reason.REQUEST_SIGNATURE
    if ids.institution_of(badge.person) != badge.institution:  # 8
        return Reason.PERSON_PREFIX
    if request.person != badge.person:  # 9
        return Reason.PERSON_MISMATCH
    return Reason.NONE


def of_request_window(request: KeyRequest, now: int) -> Reason:
    """Check 10: the request is still meant."""
    return Reason.REQUEST_WINDOW if now >= request.not_after else Reason.NONE  # 10


def of_study(request: KeyRequest, facts: Facts) -> Reason:
    """Checks 11-15: the study and the revision."""
    if facts.study_status == StudyStatus.UNKNOWN:  # 11
        return Reason.STUDY_UNKNOWN
    if not 1 <= request.revision <= facts.study_revision:  # 12
        return Reason.REVISION_UNKNOWN
    if facts.revision_withdrawn:  # 13
        return Reason.REVISION_WITHDRAWN
    if facts.study_status == StudyStatus.WITHDRAWN:  # 14
        return Reason.STUDY_WITHDRAWN
    # 15. Whatever is not plainly anchored counts as erased.
    return Reason.NONE if facts.study_status == StudyStatus.ANCHORED else Reason.STUDY_ERASED


def of_study_then(request: KeyRequest, facts: Facts) -> Reason:
    """Checks 11 and 12: there is such a study and revision, withdrawn since or not."""
    if facts.study_status == StudyStatus.UNKNOWN:  # 11
        return Reason.STUDY_UNKNOWN
    return Reason.NONE if 1 <= request.revision <= facts.study_revision else Reason.REVISION_UNKNOWN  # 12


def of_grant(request: KeyRequest, grant: Grant, facts: Facts) -> Reason:
    """Checks 16-21: the grant is the one named, is the subject's, stands, and no restriction blocks it."""
    if request.grant_id != ids.grant_id(grant):  # 16
        return Reason.GRANT_MISMATCH
    if grant.subject != facts.study_subject:  # 17
        return Reason.GRANT_SUBJECT
    if refused := of_standing(facts):  # 18-20
        return refused
    return Reason.RESTRICTED if is_restricted(grant.basis, facts) else Reason.NONE  # 21


def of_grant_then(request: KeyRequest, grant: Grant, facts: Facts) -> Reason:
    """Checks 16-18 and 33: an emergency of the study's subject, carried to the chain, ended since or not."""
    if request.grant_id != ids.grant_id(grant):  # 16
        return Reason.GRANT_MISMATCH
    if grant.subject != facts.study_subject:  # 17
        return Reason.GRANT_SUBJECT
    # 18. One that was revoked before it was carried has no expiry.
    if facts.grant_state == GrantState.UNKNOWN or not facts.grant_expiry_at:
        return Reason.GRANT_UNKNOWN
    return Reason.NONE if grant.basis == rules.Basis.EMERGENCY else Reason.LATE_BASIS  # 33


def of_standing(facts: Facts) -> Reason:
    """Checks 18-20: the grant lives in the current epoch."""
    if facts.grant_state == GrantState.REVOKED:  # 19
        return Reason.GRANT_REVOKED
    if facts.grant_state != GrantState.LIVE:  # 18
        return Reason.GRANT_UNKNOWN
    return Reason.GRANT_EPOCH if facts.grant_epoch != facts.subject_epoch else Reason.NONE  # 20


def is_restricted(basis: int, facts: Facts) -> bool:
    """Tell whether the subject's restriction blocks grants on this basis; it blocks an unknown one."""
    rule = rules.basis_rule(basis)
    return facts.subject_restricted and (rule is None or rule.restriction_blocks)


def of_terms(request: KeyRequest, grant: Grant, badge: Badge, facts: Facts) -> Reason:
    """Checks 22-26: what the grant allows, and the badge's roles."""
    if refused := of_coverage(request, grant, facts):  # 22, 23
        return refused
    if not grant.purposes >> request.purpose & 1:  # 24
        return Reason.PURPOSE_NOT_GRANTED
    if not rules.purposes_of_roles(badge.roles) >> request.purpose & 1:  # 25
        return Reason.PURPOSE_NOT_FOR_ROLE
    return of_permission(request, grant)


def of_coverage(request: KeyRequest, grant: Grant, facts: Facts) -> Reason:
    """Checks 22 and 23: scope and grantee."""
    if not covers(grant, request.study_id, request.series, facts.study_anchored_at):  # 22
        return Reason.SCOPE
    return Reason.NONE if names(grant, request.person) else Reason.GRANTEE  # 23


def of_permission(request: KeyRequest, grant: Grant) -> Reason:
    """Checks 24 and 26: purpose and action, by the grant alone."""
    if not grant.purposes >> request.purpose & 1:  # 24
        return Reason.PURPOSE_NOT_GRANTED
    return Reason.NONE if grant.actions >> request.action & 1 else Reason.ACTION_NOT_GRANTED  # 26


def covers(grant: Grant, study_id: bytes, series: int, anchored_at: int) -> bool:
    """Tell whether a grant's scope covers a series (0: all) of a study first anchored at `anchored_at`."""
    if grant.scope == ids.ALL_SCOPE:
        return anchored_at <= grant.anchored_by
    # Series 0 asks for all: a scope of "series 0" covers nothing.
    return grant.scope == study_id or (series != 0 and grant.scope == ids.series_scope(study_id, series))


def names(grant: Grant, person: bytes) -> bool:
    """Tell whether a grant is for this person, or for everybody of the person's institution."""
    return grant.grantee in (person, ids.institution_grantee(ids.institution_of(person)))


def of_grant_window(grant: Grant, facts: Facts, now: int) -> Reason:
    """Checks 27 and 28: the grant's window; its end is what the chain stored."""
    if now < grant.not_before:  # 27
        return Reason.GRANT_NOT_YET
    return Reason.GRANT_EXPIRED if now >= facts.grant_expiry_at else Reason.NONE  # 28


def of_destination(facts: Facts, now: int) -> Reason:
    """Checks 29 and 30: the requester's region and gateway key."""
    if not facts.custodian_exports >> facts.institution_region & 1:  # 29
        return Reason.REGION
    return of_recipient(facts, now)


def of_recipient(facts: Facts, now: int) -> Reason:
    """Check 30: the requester's gateway key."""
    return Reason.RECIPIENT_UNPUBLISHED if now >= facts.recipient_end_at else Reason.NONE  # 30


def of_hand_over(late: LateFacts, now: int, then: int) -> Reason:
    """Checks 34 and 35: when the keys were handed over and recorded, and by whom."""
    if then > now or now >= late.review_due_at:  # 34
        return Reason.LATE_TIME
    return Reason.LATE_TRUSTEE if then >= late.trustee_end_at else Reason.NONE  # 35


def of_own_power(facts: Facts, now: int) -> Reason:
    """Check 31: whoever asks has the power of own access."""
    return Reason.OWN_SIGNER if now >= facts.own_end_at else Reason.NONE  # 31


def of_own_terms(request: KeyRequest, purposes: int) -> Reason:
    """Checks 32 and 26: the purposes of own access that whoever asks has, and a known action."""
    if not rules.OWN_PURPOSES & purposes & 1 << request.purpose:  # 32
        return Reason.OWN_PURPOSE
    return Reason.NONE if rules.ALL_ACTIONS >> request.action & 1 else Reason.ACTION_NOT_GRANTED  # 26
