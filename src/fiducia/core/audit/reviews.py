"""Reviews of emergencies again, and what emergencies still owe at the end of the history."""

from __future__ import annotations

from collections.abc import Iterator

from fiducia.core import ids, rules
from fiducia.core.audit import standing
from fiducia.core.finding import Finding, found_in
from fiducia.core.replay import State
from fiducia.core.rules import Basis
from fiducia.records.events import LedgerEvent, ReviewContested, ReviewFiled, ReviewOwed
from fiducia.records.ledger import KeyKind

_OUTCOMES = (1, 2)


def judge(state: State, event: LedgerEvent) -> Iterator[Finding]:
    """Yield what an event about a review shows."""
    if isinstance(event, ReviewOwed | ReviewFiled | ReviewContested):
        entry = state.grant(event.grant_id)
        subject = entry.subject if entry else b""
        for code, detail in _judged(state, event):
            yield found_in(event, code, detail, about=event.grant_id, subject=subject)


def at_the_end(state: State) -> Iterator[Finding]:
    """Yield what is owed as of the state's head: reviews, and records of emergencies whose window ended."""
    now = state.head.time_at
    recorded = {each.grant_id for each in state.releases()} | {each.grant_id for each in state.late_releases()}
    for entry in state.grants():
        grant = entry.grant
        if grant is None or grant.basis != Basis.EMERGENCY:
            continue
        place = (entry.given_block, entry.given_at, entry.grant_id, entry.subject, bytes(32))
        if grant.not_after <= now and entry.grant_id not in recorded:
            yield Finding("EMERGENCY_UNRECORDED", *place, "its window ended and no release is recorded under it")
        review = state.review(entry.grant_id)
        if review is not None and review.filed is None and review.due_at <= now:
            detail = f"member {review.institution} has not filed the review that was due at {review.due_at}"
            yield Finding("REVIEW_OVERDUE", *place, detail)


def _judged(state: State, event: ReviewOwed | ReviewFiled | ReviewContested) -> Iterator[tuple[str, str]]:
    return _owed(state, event) if isinstance(event, ReviewOwed) else _said(state, event)


def _owed(state: State, event: ReviewOwed) -> Iterator[tuple[str, str]]:
    """Whether the review is owed by whom, and due when, the emergency says. The grant stands before it."""
    entry = state.grant(event.grant_id)
    grant = entry.grant if entry else None
    if grant is None or grant.basis != Basis.EMERGENCY:
        yield "REVIEW_TERMS", "owed for what is no emergency"
        return
    of = {ids.institution_of(person) for person in (grant.grantee, event.first, event.second)}
    if of != {event.institution} or event.due_at != event.time_at + rules.REVIEW_WITHIN_S:
        yield "REVIEW_TERMS", "owed by others, or due at another time, than the emergency says"
    if event.first == event.second:
        yield "UNAUTHORISED_GRANT", "one person opened the emergency alone"


def _said(state: State, event: ReviewFiled | ReviewContested) -> Iterator[tuple[str, str]]:
    review = state.review(event.grant_id)
    if review is None:
        return
    if event.outcome not in _OUTCOMES:
        yield "REVIEW_OUTCOME", f"{event.outcome} is no outcome"
    if event.by in (review.first, review.second):
        yield "REVIEW_BY_OPENER", "by one of the two who opened the emergency"
    institution = ids.institution_of(event.by)
    if not standing.acts(state, institution, KeyKind.ISSUER, event.time_at) or state.person_withdrawn(event.by):
        yield "UNAUTHORISED_REVIEW", f"member {institution} had no live ISSUER key, or was suspended"
    if review.filed is None and event.time_at >= review.due_at:
        yield "REVIEW_OVERDUE", f"filed after it was due at {review.due_at}"
    said = {ids.institution_of(each.by) for each in (review.filed, *review.contested) if each}
    if isinstance(event, ReviewContested) and institution in said:
        yield "UNAUTHORISED_REVIEW", f"member {institution} had said what it found before"
