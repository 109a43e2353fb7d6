"""Rows about hand-overs that were made while the chain stalled and recorded afterwards, on basis EMERGENCY.

`late.handed_over` says when; the emergency is given at `now`, in its window of a day, unless the row says otherwise.
An allowed one lapses as it is recorded: it was never open.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from fiducia.core.policy import Reason
from fiducia.core.rules import Purpose, Role
from tests.vectors.decision_row import DAY, HOUR, Changes, Row

_THEN, _NOW = 50, 200
_LATE: Changes = {
    "grant.basis": 5,
    "grant.purposes": 1 << Purpose.ETREAT,
    "grant.not_after": DAY,
    "request.purpose": Purpose.ETREAT.value,
    "late.handed_over": _THEN,
    "at": _NOW,
}
_PAST: Changes = {
    "grant.not_before": -2 * HOUR,
    "grant.not_after": -HOUR,
    "badge.not_before": -DAY,
    "late.handed_over": -HOUR - 1,
}


def _ok(name: str, changes: Changes | None = None) -> Row:
    merged = {**_LATE, **(changes or {})}
    return Row(f"late: {name}", merged, Reason.NONE, int(merged["at"]))


def _no(name: str, reason: Reason, changes: Changes) -> Row:
    return Row(f"late: {name}", {**_LATE, **changes}, reason)


def late_rows() -> Iterator[Row]:
    """Every row about late records."""
    yield _ok("nothing changed")
    yield from _what_was_ended_since()
    yield from _badge_and_request()
    yield from _grant()
    yield from _times()
    yield from _order()


def _what_was_ended_since() -> Iterator[Row]:
    """What was revoked, withdrawn or suspended since does not hide what was done."""
    for name, changes in (
        ("grant revoked", {"grant.revoked": "yes"}),
        ("everything revoked", {"grants.revoked": "yes"}),
        ("subject restricted", {"subject.restricted": "yes"}),
        ("study withdrawn", {"study.withdrawn": "yes"}),
        ("study erased", {"study.erased": "yes"}),
        ("revision withdrawn", {"revision.withdrawn": 1}),
        ("requester suspended", {"requester.suspended": "yes"}),
        ("custodian suspended", {"custodian.suspended": "yes"}),
        ("badges ended", {"badges.ended": "yes"}),
        ("person withdrawn", {"person.withdrawn": "yes"}),
        ("no exports", {"custodian.exports": 0}),
        ("issuer ended since", {"issuer.end": _THEN + 1}),
        ("gateway ended since", {"gateway.end": _THEN + 1}),
        ("trustee's key ended since", {"trustee.end": _THEN + 1}),
        ("badge over since", {"badge.not_after": _THEN + 1}),
        ("training over since", {"badge.trained_until": _THEN + 1}),
        ("request over since", {"request.not_after": _THEN + 1}),
        ("grant over since", {"grant.not_after": _THEN + 1}),
    ):
        yield _ok(name, changes)  # type: ignore[arg-type]


def _badge_and_request() -> Iterator[Row]:
    yield _no("badge signed by a stranger", Reason.ISSUER_UNPUBLISHED, {"badge.signed_by": "stranger"})
    yield _no("issuer's end", Reason.ISSUER_UNPUBLISHED, {"issuer.end": _THEN})
    yield _no("before the badge", Reason.BADGE_WINDOW, {"badge.not_before": _THEN + 1})
    yield _no("badge's end", Reason.BADGE_WINDOW, {"badge.not_after": _THEN})
    yield _no("training's end", Reason.TRAINING_LAPSED, {"badge.trained_until": _THEN})
    yield _no("request signed by a stranger", Reason.REQUEST_SIGNATURE, {"request.signed_by": "stranger"})
    foreign: Changes = {"badge.person": "custodian_staff", "request.person": "custodian_staff"}
    yield _no("a person of another hospital", Reason.PERSON_PREFIX, foreign)
    yield _no("a colleague's request", Reason.PERSON_MISMATCH, {"request.person": "colleague"})
    yield _no("request's end", Reason.REQUEST_WINDOW, {"request.not_after": _THEN})
    yield _no("unknown study", Reason.STUDY_UNKNOWN, {"request.study": "unknown"})
    yield _no("revision 0", Reason.REVISION_UNKNOWN, {"request.revision": 0})
    yield _no("a revision to come", Reason.REVISION_UNKNOWN, {"request.revision": 2})
    yield _no("recipient never published", Reason.RECIPIENT_UNPUBLISHED, {"request.recipient": "unpublished"})
    yield _no("recipient's end", Reason.RECIPIENT_UNPUBLISHED, {"gateway.end": _THEN})


def _grant() -> Iterator[Row]:
    yield _no("terms of another grant", Reason.GRANT_MISMATCH, {"evidence.grant": "another"})
    yield _no("another patient's grant", Reason.GRANT_SUBJECT, {"grant.subject": "other", "grant.scope": "all"})
    yield _no("grant never carried", Reason.GRANT_UNKNOWN, {"grant.given": "no"})
    tombstone: Changes = {"grant.given": "no", "grant.revoked": "yes"}
    yield _no("revoked before it was carried", Reason.GRANT_UNKNOWN, tombstone)
    law: Changes = {"grant.purposes": 1 << 6, "request.purpose": 6, "badge.roles": 1 << Role.OFFICER}
    yield _no("on basis CONSENT", Reason.LATE_BASIS, {"grant.basis": 1})
    yield _no("on basis PAPER", Reason.LATE_BASIS, {"grant.basis": 2})
    yield _no("on basis CARE", Reason.LATE_BASIS, {"grant.basis": 3, "grant.purposes": 1, "request.purpose": 0})
    yield _no("on basis LAW", Reason.LATE_BASIS, {"grant.basis": 4, **law})
    yield _no("another study", Reason.SCOPE, {"grant.scope": "other"})
    yield _no("to a colleague", Reason.GRANTEE, {"grant.grantee": "colleague"})
    yield _ok("to the whole hospital", {"grant.grantee": "requester"})
    yield _no("for treatment", Reason.PURPOSE_NOT_GRANTED, {"request.purpose": 0})
    yield _no("by a researcher", Reason.PURPOSE_NOT_FOR_ROLE, {"badge.roles": 1 << Role.RESEARCHER})
    yield _no("an action not granted", Reason.ACTION_NOT_GRANTED, {"request.action": 0})


def _times() -> Iterator[Row]:
    """When it was handed over, when it is recorded, and by whom."""
    yield _no("before the grant", Reason.GRANT_NOT_YET, {"grant.not_before": _THEN + 1})
    yield _ok("grant's first second", {"grant.not_before": _THEN})
    yield _no("grant's end", Reason.GRANT_EXPIRED, {"grant.not_after": _THEN})
    yield _ok("handed over as it is recorded", {"late.handed_over": _NOW})
    yield _no("handed over a second ahead", Reason.LATE_TIME, {"late.handed_over": _NOW + 1})
    due = 72 * HOUR
    yield _ok("a second before the review is due", {"at": due - 1})
    yield _no("the review is due", Reason.LATE_TIME, {"at": due})
    yield _ok("over when it was carried", _PAST)
    yield _no("over, handed over after its end", Reason.GRANT_EXPIRED, {**_PAST, "late.handed_over": -HOUR})
    yield _no("over, handed over before it", Reason.GRANT_NOT_YET, {**_PAST, "late.handed_over": -2 * HOUR - 1})
    yield _ok("over, a second before its review is due", {**_PAST, "at": due - 1})
    yield _no("over, its review is due", Reason.LATE_TIME, {**_PAST, "at": due})
    for by in ("stranger", "custodian_registrar", "requester_trustee", "session", "malleated"):
        yield _no(f"signed by {by}", Reason.LATE_TRUSTEE, {"late.signed_by": by})
    yield _no("trustee's end", Reason.LATE_TRUSTEE, {"trustee.end": _THEN})


# One way to fail each check, in order; those that exclude their neighbour stand alone above.
_FAILURES: tuple[tuple[Reason, Changes], ...] = (
    (Reason.ISSUER_UNPUBLISHED, {"badge.signed_by": "stranger"}),
    (Reason.BADGE_WINDOW, {"badge.not_before": _THEN + 1}),
    (Reason.TRAINING_LAPSED, {"badge.trained_until": 0}),
    (Reason.REQUEST_SIGNATURE, {"request.signed_by": "stranger"}),
    (Reason.PERSON_MISMATCH, {"request.person": "colleague"}),
    (Reason.REQUEST_WINDOW, {"request.not_after": 0}),
    (Reason.REVISION_UNKNOWN, {"request.revision": 9}),
    (Reason.GRANT_MISMATCH, {"evidence.grant": "another"}),
    (Reason.GRANT_UNKNOWN, {"grant.given": "no"}),
    (Reason.SCOPE, {"grant.scope": "other"}),
    (Reason.GRANTEE, {"grant.grantee": "colleague"}),
    (Reason.PURPOSE_NOT_GRANTED, {"request.purpose": 0}),
    (Reason.ACTION_NOT_GRANTED, {"request.action": 0}),
    (Reason.GRANT_NOT_YET, {"grant.not_before": _THEN + 1}),
    (Reason.RECIPIENT_UNPUBLISHED, {"request.recipient": "unpublished"}),
    (Reason.LATE_TIME, {"at": 72 * HOUR}),
    (Reason.LATE_TRUSTEE, {"late.signed_by": "stranger"}),
)


def _order() -> Iterator[Row]:
    """Every failure together with all later ones: the first is the reason."""
    for place, (reason, _) in enumerate(_FAILURES):
        changes: Changes = {}
        for _, more in reversed(_FAILURES[place:]):
            changes |= more
        yield _no(f"order: {reason.name} before all that follow", reason, changes)
    for (first, changes), (second, more) in pairwise(_FAILURES):
        yield _no(f"order: {first.name} before {second.name}", first, {**more, **changes})
    basis: Changes = {"grant.basis": 1, "grant.scope": "other"}
    yield _no("order: LATE_BASIS before SCOPE", Reason.LATE_BASIS, basis)
