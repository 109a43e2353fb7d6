"""The decision: may this request's keys be handed over? The same checks, in the same order, as on chain.

`decide` is the mirror of Releases.check and checkOwn, `decide_late` of recordLate in contracts/src;
tests/vectors/decisions.json is run through both sides and holds them to the same first reason. It decides
from `Facts`, which were read at one block, and from who signed (`verify_access`); nothing is looked up here.
Anything unknown refuses.

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
    31-32  own access: the subject's current signer, or a live representative with ACCESS (31); the purposes of
           own access and of the representative (32); checked before 26
    33-35  late (`decide_late`): basis EMERGENCY (33), after 18; neither ahead nor after the review was due (34),
           signed by a trustee of the custodian (35), both last
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fiducia.core import checks, ids, rules
from fiducia.core.approvals import approves
from fiducia.core.checks import covers as covers
from fiducia.core.checks import names as names
from fiducia.core.decision import Decision as Decision
from fiducia.core.decision import LateFacts as LateFacts
from fiducia.core.decision import Reason as Reason
from fiducia.core.decision import VerifiedAccess as VerifiedAccess
from fiducia.core.signatures import recover_or_none
from fiducia.core.typed_data import Domains
from fiducia.records.ledger import Facts, GrantState, StudyStatus
from fiducia.records.typed import Access, Grant, KeyRequest, OwnAccess, StaffAccess


class LocalRule(Protocol):
    """A member's own rule: it may refuse what the ledger allows, never the other way round."""

    def refusal(self, access: Access, facts: Facts) -> str:
        """Return a reason of its own in UPPER_SNAKE_CASE, or an empty text when nothing stands against it."""
        ...


def verify_access(domains: Domains, access: Access) -> VerifiedAccess:
    """Return who signed an access. Raises: EncodingError (a field that does not fit its type)."""
    if isinstance(access, OwnAccess):
        approval, digest = access.approval, domains.digest(access.request)
        signed = approves(domains, digest, approval.signer, approval.signature)
        return VerifiedAccess(None, approval.signer if signed else None)
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
        end_at = min(access.request.not_after, facts.own_end_at)
    if reason is not Reason.NONE:
        return Decision(reason)
    for rule in local_rules:
        if local := rule.refusal(access, facts):
            return Decision(Reason.NONE, local=local)
    return Decision(Reason.NONE, lapse_at=min(end_at, now + rules.MAX_RELEASE_S))


def decide_late(
    access: StaffAccess,
    facts: Facts,
    verified: VerifiedAccess,
    late: LateFacts,
    handed_over_at: int,
    *,
    at: int = 0,
) -> Decision:
    """Decide whether a hand-over during a stall may be recorded, from what cannot be taken back.

    What was revoked, withdrawn, suspended or restricted since does not hide what was done.

    Args:
        access: what was asked while the chain stalled.
        facts: everything the chain says about it now; the badge's facts are about `verified.issuer`.
        verified: who signed, from `verify_access`.
        late: what the chain says about the hand-over.
        handed_over_at: when the trustee handed the keys over, UTC Unix seconds; badge, request, grant and keys are
            judged at that time.
        at: this machine's UTC Unix seconds; the present is the later of it and the block's time.

    Returns:
        the first reason against it, or NONE; it lapses as it is recorded, so that it is never open.
    """
    request, grant, badge = access.request, access.grant, access.badge.badge
    then, now = handed_over_at, max(facts.head.time_at, at)
    reason = (
        checks.of_badge_then(badge, facts, verified, then)
        or checks.of_requester(request, badge, verified)
        or checks.of_request_window(request, then)
        or checks.of_study_then(request, facts)
        or checks.of_grant_then(request, grant, facts)
        or checks.of_terms(request, grant, badge, facts)
        or checks.of_grant_window(grant, facts, then)
        or checks.of_recipient(facts, then)
        or checks.of_hand_over(late, now, then)
    )
    return Decision(reason, lapse_at=0 if reason else now)


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
        and checks.of_study(request, facts) is Reason.NONE
        and checks.of_standing(facts) is Reason.NONE
        and now < facts.grant_expiry_at
        and not checks.is_restricted(basis, facts)
        and now < facts.recipient_end_at
    )


def recorded_reason(request: KeyRequest, grant: Grant | None, facts: Facts, *, institution: int, epoch: int) -> Reason:
    """Return the first check that a recorded release fails, of those that public events can tell.

    The badge's signature, window, training and roles and the request's signature and window are not in
    events; every other check is made again, for audits.

    Args:
        request: what was recorded.
        grant: the terms behind `request.grant_id`, if the chain has them.
        facts: the chain's facts just before the record; for own access with the widest power that anybody had.
        institution: the recorded one; 0 for own access.
        epoch: the recorded badge epoch; for own access the subject's grant epoch.
    """
    if institution == 0:
        return _recorded_own(request, facts, epoch)
    if not facts.institution_active:
        return Reason.INSTITUTION_INACTIVE
    if epoch != facts.badge_epoch:
        return Reason.BADGE_EPOCH
    if facts.person_withdrawn:
        return Reason.PERSON_WITHDRAWN
    if ids.institution_of(request.person) != institution:
        return Reason.PERSON_PREFIX
    if refused := checks.of_study(request, facts):
        return refused
    if grant is None:
        return Reason.GRANT_REVOKED if facts.grant_state == GrantState.REVOKED else Reason.GRANT_UNKNOWN
    now = facts.head.time_at
    return (
        checks.of_grant(request, grant, facts)
        or checks.of_coverage(request, grant, facts)
        or checks.of_permission(request, grant)
        or checks.of_grant_window(grant, facts, now)
        or checks.of_destination(facts, now)
    )


def recorded_late_reason(
    request: KeyRequest,
    grant: Grant | None,
    facts: Facts,
    late: LateFacts,
    *,
    institution: int,
    handed_over_at: int,
) -> Reason:
    """Return the first check that a release that was recorded late fails, of those that public events can tell.

    Args:
        request: what was recorded.
        grant: the terms behind `request.grant_id`, if the chain has them.
        facts: the chain's facts just before the record.
        late: the review's due time, and the latest end of any BROKER_SIGN key of the custodian.
        institution: the recorded one.
        handed_over_at: the recorded time of the hand-over, UTC Unix seconds.
    """
    if ids.institution_of(request.person) != institution:
        return Reason.PERSON_PREFIX
    if refused := checks.of_study_then(request, facts):
        return refused
    if grant is None:
        return Reason.GRANT_UNKNOWN
    return (
        checks.of_grant_then(request, grant, facts)
        or checks.of_coverage(request, grant, facts)
        or checks.of_permission(request, grant)
        or checks.of_grant_window(grant, facts, handed_over_at)
        or checks.of_recipient(facts, handed_over_at)
        or checks.of_hand_over(late, facts.head.time_at, handed_over_at)
    )


def _recorded_own(request: KeyRequest, facts: Facts, epoch: int) -> Reason:
    if request.person != ids.NO_PERSON:
        return Reason.PERSON_MISMATCH
    if refused := checks.of_study(request, facts):
        return refused
    if request.grant_id != ids.NO_GRANT:
        return Reason.GRANT_MISMATCH
    if epoch != facts.subject_epoch:
        return Reason.GRANT_EPOCH
    return checks.of_own_power(facts, facts.head.time_at) or checks.of_own_terms(request, facts.own_purposes)


def _decide_staff(access: StaffAccess, facts: Facts, verified: VerifiedAccess, now: int) -> Reason:
    request, grant, badge = access.request, access.grant, access.badge.badge
    return (
        checks.of_badge(badge, facts, verified, now)
        or checks.of_requester(request, badge, verified)
        or checks.of_request_window(request, now)
        or checks.of_study(request, facts)
        or checks.of_grant(request, grant, facts)
        or checks.of_terms(request, grant, badge, facts)
        or checks.of_grant_window(grant, facts, now)
        or checks.of_destination(facts, now)
    )


def _decide_own(access: OwnAccess, facts: Facts, verified: VerifiedAccess, now: int) -> Reason:
    request, signer = access.request, access.approval.signer
    # 7. The signer that the approval names; one of an unsupported kind has signed nothing.
    if access.approval.credential is not None or verified.signer is None or verified.signer != signer:
        return Reason.REQUEST_SIGNATURE
    if request.person != ids.NO_PERSON:  # 9
        return Reason.PERSON_MISMATCH
    if refused := checks.of_request_window(request, now) or checks.of_study(request, facts):  # 10-15
        return refused
    if request.grant_id != ids.NO_GRANT:  # 16
        return Reason.GRANT_MISMATCH
    return checks.of_own_power(facts, now) or checks.of_own_terms(request, facts.own_purposes)  # 31, 32, 26
