"""The decision: may this request's keys be handed over? The same checks, in the same order, as on chain.

`decide` is the mirror of Releases.check and checkOwn in contracts/src; tests/vectors/decisions.json is run
through both and holds them to the same first reason. It decides from `Facts`, which were read at one
block, and from who signed (`verify_access`); nothing is looked up here. Anything unknown refuses.

The checks, numbered as `Reason` is:

    1-6    badge: issuer published (1), institution active (2), epoch (3), window (4), person not
           withdrawn (5), trained (6)
    7      the request is signed by the badge's session; own access: by the signer it names
    8-9    person: the badge's prefix (8), the request's person (9)
    10     the request's window
    11-15  study: anchored (11), that revision (12), revision not withdrawn (13), study not withdrawn (14),
           not erased (15)
    16     the grant id is the struct hash of the grant; own access: is zeros
    17-20  grant: of the study's subject (17), on chain (18), not revoked (19), of the current epoch (20)
    21     restriction
    22-23  scope (22), grantee (23)
    24-25  purpose: allowed by the grant (24), by a role (25)
    26     action
    27-28  the grant's window
    29     region
    30     recipient published
    31-32  own access: the subject's current signer (31), its purposes (32); checked before 26
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fiducia.core import ids, rules
from fiducia.core.decision import Decision as Decision
from fiducia.core.decision import Reason as Reason
from fiducia.core.decision import VerifiedAccess as VerifiedAccess
from fiducia.core.signatures import recover_or_none
from fiducia.core.typed_data import Domains
from fiducia.records.ledger import Facts, GrantState, StudyStatus
from fiducia.records.typed import Access, Badge, Grant, KeyRequest, OwnAccess, StaffAccess


class LocalRule(Protocol):
    """A member's own rule: it may refuse what the ledger allows, never the other way round."""

    def refusal(self, access: Access, facts: Facts) -> str:
        """Return a reason of its own in UPPER_SNAKE_CASE, or an empty text when nothing stands against it."""
        ...


def verify_access(domains: Domains, access: Access) -> VerifiedAccess:
    """Recover who signed an access. Raises: EncodingError (a field that does not fit its type)."""
    if isinstance(access, OwnAccess):
        return VerifiedAccess(None, recover_or_none(domains.digest(access.request), access.approval.signature))
    return VerifiedAccess(
        issuer=recover_or_none(domains.digest(access.badge.badge), access.badge.signature),
        signer=recover_or_none(domains.digest(access.request), access.signature),
    )


def decide(
    access: Access,
    facts: Facts,
    verified: VerifiedAccess,
    *,
    local_rules: Sequence[LocalRule] = (),
    at: int = 0,
) -> Decision:
    """Decide one request from facts at one block.

    Args:
        access: what was asked, with its grant and badge or the patient's approval.
        facts: everything the chain says about it; the badge's facts are about `verified.issuer`.
        verified: who signed, from `verify_access`.
        local_rules: the member's own rules, asked only when nothing else stands against it.
        at: this machine's UTC Unix seconds; time is judged by the later of it and the block's.
    """
    now = max(facts.head.time_at, at)
    if isinstance(access, StaffAccess):
        reason = _decide_staff(access, facts, verified, now)
        end_at = min(access.request.not_after, facts.grant_expiry_at, access.badge.badge.not_after)
    else:
        reason = _decide_own(access, facts, verified, now)
        end_at = access.request.not_after
    if reason is not Reason.NONE:
        return Decision(reason)
    for rule in local_rules:
        if local := rule.refusal(access, facts):
            return Decision(Reason.NONE, local=local)
    return Decision(Reason.NONE, lapse_at=min(end_at, now + rules.MAX_RELEASE_S))


def is_open(request: KeyRequest, facts: Facts, *, recorded_epoch: int, basis: int, at: int = 0) -> bool:
    """Tell whether a recorded release still stands, as the contract's isOpen does.

    Args:
        request: the recorded request; zeros as grant_id mean own access.
        facts: the chain's facts about it; the recipient's and the badge's institution is the recorded one.
        recorded_epoch: the badge epoch in the release's slot (own access: the subject's grant epoch).
        basis: the grant's basis, as stored.
        at: this machine's UTC Unix seconds; time is judged by the later of it and the block's.
    """
    now = max(facts.head.time_at, at)
    if not facts.request_recorded_at or now >= facts.request_lapse_at:
        return False
    if request.grant_id == ids.NO_GRANT:
        return facts.study_status in (StudyStatus.ANCHORED, StudyStatus.WITHDRAWN) and (
            facts.subject_epoch == recorded_epoch
        )
    return (
        facts.institution_active
        and facts.badge_epoch == recorded_epoch
        and not facts.person_withdrawn
        and _study(request, facts) is Reason.NONE
        and _grant_stands(facts) is Reason.NONE
        and now < facts.grant_expiry_at
        and not _restricted(basis, facts)
        and now < facts.recipient_end_at
    )


def _decide_staff(access: StaffAccess, facts: Facts, verified: VerifiedAccess, now: int) -> Reason:
    request, grant, badge = access.request, access.grant, access.badge.badge
    return (
        _badge(badge, facts, verified, now)
        or _requester(request, badge, verified)
        or _window(request, now)
        or _study(request, facts)
        or _grant(request, grant, facts)
        or _terms(request, grant, badge, facts)
        or _grant_window(grant, facts, now)
        or _destination(facts, now)
    )


def _decide_own(access: OwnAccess, facts: Facts, verified: VerifiedAccess, now: int) -> Reason:
    request, signer = access.request, access.approval.signer
    # 7. A signer is its address; a signer of another kind verifies nothing here and is refused.
    if access.approval.credential is not None or verified.signer is None or verified.signer != signer:
        return Reason.REQUEST_SIGNATURE
    if request.person != ids.NO_PERSON:  # 9
        return Reason.PERSON_MISMATCH
    if refused := _window(request, now) or _study(request, facts):  # 10-15
        return refused
    if request.grant_id != ids.NO_GRANT:  # 16
        return Reason.GRANT_MISMATCH
    if ids.signer_hash(signer) != facts.subject_signer_hash:  # 31
        return Reason.OWN_SIGNER
    if not rules.OWN_PURPOSES >> request.purpose & 1:  # 32
        return Reason.OWN_PURPOSE
    if not rules.ALL_ACTIONS >> request.action & 1:  # 26
        return Reason.ACTION_NOT_GRANTED
    return Reason.NONE


def _badge(badge: Badge, facts: Facts, verified: VerifiedAccess, now: int) -> Reason:
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


def _requester(request: KeyRequest, badge: Badge, verified: VerifiedAccess) -> Reason:
    if verified.signer is None or verified.signer != badge.session:  # 7
        return Reason.REQUEST_SIGNATURE
    if ids.institution_of(badge.person) != badge.institution:  # 8
        return Reason.PERSON_PREFIX
    if request.person != badge.person:  # 9
        return Reason.PERSON_MISMATCH
    return Reason.NONE


def _window(request: KeyRequest, now: int) -> Reason:
    return Reason.REQUEST_WINDOW if now >= request.not_after else Reason.NONE  # 10


def _study(request: KeyRequest, facts: Facts) -> Reason:
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


def _grant(request: KeyRequest, grant: Grant, facts: Facts) -> Reason:
    if request.grant_id != ids.grant_id(grant):  # 16
        return Reason.GRANT_MISMATCH
    if grant.subject != facts.study_subject:  # 17
        return Reason.GRANT_SUBJECT
    if refused := _grant_stands(facts):  # 18-20
        return refused
    return Reason.RESTRICTED if _restricted(grant.basis, facts) else Reason.NONE  # 21


def _grant_stands(facts: Facts) -> Reason:
    if facts.grant_state == GrantState.REVOKED:  # 19
        return Reason.GRANT_REVOKED
    if facts.grant_state != GrantState.LIVE:  # 18
        return Reason.GRANT_UNKNOWN
    return Reason.GRANT_EPOCH if facts.grant_epoch != facts.subject_epoch else Reason.NONE  # 20


def _restricted(basis: int, facts: Facts) -> bool:
    rule = rules.basis_rule(basis)
    return facts.subject_restricted and (rule is None or rule.restriction_blocks)


def _terms(request: KeyRequest, grant: Grant, badge: Badge, facts: Facts) -> Reason:
    if not covers(grant, request.study_id, request.series, facts.study_anchored_at):  # 22
        return Reason.SCOPE
    if not names(grant, badge.person):  # 23
        return Reason.GRANTEE
    if not grant.purposes >> request.purpose & 1:  # 24
        return Reason.PURPOSE_NOT_GRANTED
    if not rules.purposes_of_roles(badge.roles) >> request.purpose & 1:  # 25
        return Reason.PURPOSE_NOT_FOR_ROLE
    if not grant.actions >> request.action & 1:  # 26
        return Reason.ACTION_NOT_GRANTED
    return Reason.NONE


def covers(grant: Grant, study_id: bytes, series: int, anchored_at: int) -> bool:
    """Tell whether a grant's scope covers a series (0: all) of a study first anchored at `anchored_at`."""
    if grant.scope == ids.ALL_SCOPE:
        return anchored_at <= grant.anchored_by
    # Series 0 asks for all: a scope of "series 0" covers nothing.
    return grant.scope == study_id or (series != 0 and grant.scope == ids.series_scope(study_id, series))


def names(grant: Grant, person: bytes) -> bool:
    """Tell whether a grant is for this person, or for everybody of the person's institution."""
    return grant.grantee in (person, ids.institution_grantee(ids.institution_of(person)))


def _grant_window(grant: Grant, facts: Facts, now: int) -> Reason:
    if now < grant.not_before:  # 27
        return Reason.GRANT_NOT_YET
    return Reason.GRANT_EXPIRED if now >= facts.grant_expiry_at else Reason.NONE  # 28


def _destination(facts: Facts, now: int) -> Reason:
    if not facts.custodian_exports >> facts.institution_region & 1:  # 29
        return Reason.REGION
    return Reason.RECIPIENT_UNPUBLISHED if now >= facts.recipient_end_at else Reason.NONE  # 30
