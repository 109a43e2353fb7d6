"""Releases' events again: the decision from the state just before it, and the lapse it was given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fiducia.core import rules
from fiducia.core.audit import standing
from fiducia.core.decision import LateFacts
from fiducia.core.finding import Finding, found_in
from fiducia.core.policy import Reason, recorded_late_reason, recorded_reason
from fiducia.core.replay import State
from fiducia.core.rules import Power
from fiducia.records.events import LedgerEvent, ReleaseRecorded, ReleaseRecordedLate
from fiducia.records.ledger import Facts, Head, KeyKind
from fiducia.records.typed import Grant, KeyRequest


def judge(state: State, event: LedgerEvent) -> Iterator[Finding]:
    """Yield what a release shows."""
    if isinstance(event, ReleaseRecorded):
        judged = _in_time(state, event)
    elif isinstance(event, ReleaseRecordedLate):
        judged = _late(state, event)
    else:
        return
    study = state.study(event.study_id)
    for code, detail in judged:
        yield found_in(
            event,
            code,
            detail,
            about=event.request_id,
            subject=study.subject if study else b"",
            study_id=event.study_id,
        )


def _in_time(state: State, event: ReleaseRecorded) -> Iterator[tuple[str, str]]:
    # No earlier than the lapse; the request's own end is not in what is replayed.
    request = _request(event, not_after=event.lapse_at)
    facts = _facts(state, event, request)
    latest = event.time_at + rules.MAX_RELEASE_S
    if event.institution:
        latest = min(latest, facts.grant_expiry_at or latest)
    else:
        facts = _with_power(state, facts, event)
        latest = min(latest, facts.own_end_at or latest)
    grant = _grant(state, event)
    reason = recorded_reason(request, grant, facts, institution=event.institution, epoch=event.badge_epoch)
    if reason is not Reason.NONE:
        yield f"RELEASE_{reason.name}", "recorded although the rules refuse it"
    if event.institution and not standing.acts(state, event.institution, KeyKind.ISSUER, event.time_at):
        yield "UNAUTHORISED_RELEASE", f"member {event.institution} had no live ISSUER key, or was suspended"
    if not event.time_at < event.lapse_at <= latest:
        yield "RELEASE_LAPSE", "void from the start, or lapses later than the rules allow"


def _late(state: State, event: ReleaseRecordedLate) -> Iterator[tuple[str, str]]:
    """Always told, right or wrong: nobody could refuse it while it was done."""
    then = event.handed_over_at
    yield "EMERGENCY_LATE", f"handed over at {then} while the chain stalled, recorded {event.time_at - then} s later"
    request = _request(event, not_after=then + 1)
    facts = _facts(state, event, request)
    review = state.review(event.grant_id)
    trustees = [key.not_after for key in state.keys(facts.custodian, KeyKind.BROKER_SIGN)]
    late = LateFacts(review.due_at if review else 0, max(trustees, default=0))
    reason = recorded_late_reason(
        request, _grant(state, event), facts, late, institution=event.institution, handed_over_at=then
    )
    if reason is not Reason.NONE:
        yield f"RELEASE_{reason.name}", "recorded late although the rules refuse it"
    if not standing.has_key(state, event.institution, KeyKind.ISSUER, then):
        yield "UNAUTHORISED_RELEASE", f"member {event.institution} had no ISSUER key that was live then"


def _request(event: ReleaseRecorded | ReleaseRecordedLate, not_after: int) -> KeyRequest:
    return KeyRequest(
        study_id=event.study_id,
        revision=event.revision,
        series=event.series,
        grant_id=event.grant_id,
        purpose=event.purpose,
        action=event.action,
        person=event.person,
        recipient=event.recipient,
        not_after=not_after,
        salt=bytes(32),
    )


def _facts(state: State, event: ReleaseRecorded | ReleaseRecordedLate, request: KeyRequest) -> Facts:
    facts = state.facts_about(request, event.institution, event.person)
    return replace(facts, head=Head(event.block_number, bytes(32), event.time_at))


def _grant(state: State, event: ReleaseRecorded | ReleaseRecordedLate) -> Grant | None:
    entry = state.grant(event.grant_id)
    return entry.grant if entry else None


def _with_power(state: State, facts: Facts, event: ReleaseRecorded) -> Facts:
    """The widest power of own access that anybody had: the event does not say who asked."""
    subject = state.subject(facts.study_subject)
    if subject is None:
        return facts
    at = event.time_at
    powers = [state.authority(facts.study_subject, subject.signer_hash, at)] if subject.signer_index else []
    powers += [
        state.authority(facts.study_subject, each.representative, at)
        for each in state.representatives(facts.study_subject, at)
    ]
    able = [power for power in powers if power.may(Power.ACCESS) and power.purposes >> event.purpose & 1]
    if not able:
        able = [power for power in powers if power.may(Power.ACCESS)]
    widest = max(able, key=lambda power: power.end_at, default=None)
    if widest is None:
        return facts
    return replace(facts, own_purposes=widest.purposes, own_end_at=widest.end_at)
