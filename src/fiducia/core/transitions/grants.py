"""Grants' events: what was given and ended, and the reviews that emergencies owe."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

from fiducia.core import ids
from fiducia.core.entries import Finds, GivenGrant, Review
from fiducia.core.transitions.storage import Changes, Storage, member_of, require, subject_of
from fiducia.errors import LedgerInconsistencyError
from fiducia.records import events
from fiducia.records.ledger import GrantState


def _given(held: Storage, event: events.GrantGiven) -> None:
    grant = event.grant
    subject = subject_of(held, event, grant.subject)
    require(ids.grant_id(grant) == event.grant_id, event, "the grant's terms have another id")
    require(event.grant_id not in held.grants, event, "the grant was given or revoked already")
    require(grant.epoch == subject.epoch, event, "the grant is of another epoch")
    require(event.expiry_at <= grant.not_after, event, "the grant outlives its terms")
    held.grants[event.grant_id] = GivenGrant(
        event.grant_id,
        grant.subject,
        GrantState.LIVE,
        grant,
        event.expiry_at,
        event.time_at,
        event.block_number,
    )
    held.grants_by_subject.setdefault(grant.subject, []).append(event.grant_id)


def _revoked(held: Storage, event: events.GrantRevoked) -> None:
    known = held.grants.get(event.grant_id) or GivenGrant(event.grant_id, event.subject, GrantState.UNKNOWN)
    require(known.subject == event.subject, event, "the grant is another subject's")
    require(known.state != GrantState.REVOKED, event, "the grant was revoked already")
    if known.state == GrantState.UNKNOWN:
        held.grants_by_subject.setdefault(event.subject, []).append(event.grant_id)
    held.grants[event.grant_id] = replace(
        known,
        state=GrantState.REVOKED,
        revoked_at=event.time_at,
        revoked_block=event.block_number,
        revoked_by=event.by,
    )


def _review_owed(held: Storage, event: events.ReviewOwed) -> None:
    member_of(held, event, event.institution)
    require(event.grant_id not in held.reviews, event, "the review was owed already")
    held.reviews[event.grant_id] = Review(event.grant_id, event.institution, event.due_at, event.first, event.second)
    queue = held.owed.setdefault(event.institution, [])
    # Of two with one due time, the one opened first stands first.
    place = bisect_right(queue, event.due_at, key=lambda grant_id: held.reviews[grant_id].due_at)
    queue.insert(place, event.grant_id)


def _review_filed(held: Storage, event: events.ReviewFiled) -> None:
    review = _review_of(held, event)
    require(review.filed is None, event, "the review was filed already")
    filed = Finds(event.by, event.outcome, event.report, event.time_at)
    held.reviews[event.grant_id] = replace(review, filed=filed)
    held.owed[review.institution].remove(event.grant_id)


def _review_contested(held: Storage, event: events.ReviewContested) -> None:
    review = _review_of(held, event)
    require(review.filed is not None, event, "nothing was filed to contest")
    finds = Finds(event.by, event.outcome, event.report, event.time_at)
    held.reviews[event.grant_id] = replace(review, contested=(*review.contested, finds))


def _review_of(held: Storage, event: events.ReviewFiled | events.ReviewContested) -> Review:
    review = held.reviews.get(event.grant_id)
    if review is None:
        raise LedgerInconsistencyError(f"{type(event).__name__} in block {event.block_number}: no review was owed")
    return review


CHANGES: Changes = {
    events.GrantGiven: _given,
    events.GrantRevoked: _revoked,
    events.ReviewOwed: _review_owed,
    events.ReviewFiled: _review_filed,
    events.ReviewContested: _review_contested,
}
