"""The rows of the shared decision table: what is changed in the default world, and the one right answer.

The default world is contracts/test/Base.t.sol (tests/support/world.py in Python): hospital 1 keeps the
study, hospital 2's clinician, a PHYSICIAN, asks to VIEW all of revision 1 for TREAT within an hour, on a
grant of exactly that study for TREAT, VIEW and RETAIN. Answers are written by hand, never computed.

A change is a field and a value. Times are seconds from `now`, or "max"; masks, positions and numbers are
decimal; the other values are the names that both runners know. World changes happen at `now`, the grant is
carried at `grant.at` (default: `now`), the request is judged at `at`. tests/support/decisions.py says what
each field means.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from fiducia.core.policy import Reason
from fiducia.core.rules import Action, Purpose, Role
from tests.vectors.decision_row import DAY, EIGHT_HOURS, HOUR, Changes, Row
from tests.vectors.decision_rows_late import late_rows
from tests.vectors.decision_rows_patients import patients_rows


def rows() -> list[Row]:
    """Return every row."""
    return [
        *_default(),
        *_badge(),
        *_request(),
        *_study(),
        *_grant(),
        *_bases(),
        *_scope(),
        *_grantee(),
        *_purposes(),
        *_actions(),
        *_windows(),
        *_region_and_recipient(),
        *_lapses(),
        *patients_rows(),
        *_order(),
        *late_rows(),
    ]


def _ok(name: str, changes: Changes | None = None, lapse: int = HOUR) -> Row:
    return Row(name, changes or {}, Reason.NONE, lapse)


def _no(name: str, reason: Reason, changes: Changes) -> Row:
    return Row(name, changes, reason)


def _default() -> Iterator[Row]:
    yield _ok("nothing changed")


def _badge() -> Iterator[Row]:
    late = {"request.not_after": 20 * HOUR}
    yield _no("badge signed by a stranger", Reason.ISSUER_UNPUBLISHED, {"badge.signed_by": "stranger"})
    yield _no(
        "badge signed by another hospital's issuer", Reason.ISSUER_UNPUBLISHED, {"badge.signed_by": "other_issuer"}
    )
    yield _no(
        "badge signed by a registrar of the hospital",
        Reason.ISSUER_UNPUBLISHED,
        {"badge.signed_by": "requester_registrar"},
    )
    yield _no("badge signed with a high s", Reason.ISSUER_UNPUBLISHED, {"badge.signed_by": "malleated"})
    yield _ok("issuer's last second", {"issuer.end": 100, "at": 99})
    yield _no("issuer's end", Reason.ISSUER_UNPUBLISHED, {"issuer.end": 100, "at": 100})
    yield _no("requester suspended", Reason.INSTITUTION_INACTIVE, {"requester.suspended": "yes"})
    yield _ok("requester suspended and reinstated", {"requester.suspended": "yes", "requester.reinstated": "yes"})
    yield _ok("custodian suspended", {"custodian.suspended": "yes"})
    yield _no("badges of that epoch ended", Reason.BADGE_EPOCH, {"badges.ended": "yes"})
    yield _ok("badge of the new epoch", {"badges.ended": "yes", "badge.epoch": 2})
    yield _no("badge of an epoch to come", Reason.BADGE_EPOCH, {"badge.epoch": 2})
    yield _no("badge of epoch 0", Reason.BADGE_EPOCH, {"badge.epoch": 0})
    yield _no("a second before the badge", Reason.BADGE_WINDOW, {"badge.not_before": 100, "at": 99})
    yield _ok("badge's first second", {"badge.not_before": 100, "at": 100})
    yield _ok("badge's last second", {"badge.not_after": 100, "at": 99}, lapse=100)
    yield _no("badge's end", Reason.BADGE_WINDOW, {"badge.not_after": 100, "at": 100})
    yield _no("twelve hours later", Reason.BADGE_WINDOW, {**late, "at": 12 * HOUR})
    yield _no("person withdrawn", Reason.PERSON_WITHDRAWN, {"person.withdrawn": "yes"})
    yield _ok("training's last second", {"badge.trained_until": 100, "at": 99})
    yield _no("training's end", Reason.TRAINING_LAPSED, {"badge.trained_until": 100, "at": 100})


def _request() -> Iterator[Row]:
    yield _no("request signed by a stranger", Reason.REQUEST_SIGNATURE, {"request.signed_by": "stranger"})
    yield _no("request signed by the patient", Reason.REQUEST_SIGNATURE, {"request.signed_by": "patient"})
    yield _no("request signed by the issuer", Reason.REQUEST_SIGNATURE, {"request.signed_by": "issuer"})
    yield _no("request signed with a high s", Reason.REQUEST_SIGNATURE, {"request.signed_by": "malleated"})
    foreign: Changes = {"badge.person": "custodian_staff", "request.person": "custodian_staff"}
    yield _no("a person of another hospital", Reason.PERSON_PREFIX, foreign)
    yield _no("a colleague's request", Reason.PERSON_MISMATCH, {"request.person": "colleague"})
    yield _no("a request that names nobody", Reason.PERSON_MISMATCH, {"request.person": "none"})
    yield _ok("request's last second", {"request.not_after": 100, "at": 99}, lapse=100)
    yield _no("request's end", Reason.REQUEST_WINDOW, {"request.not_after": 100, "at": 100})


def _study() -> Iterator[Row]:
    three: Changes = {"study.revisions": 3}
    yield _no("unknown study", Reason.STUDY_UNKNOWN, {"request.study": "unknown"})
    yield _no("revision 0", Reason.REVISION_UNKNOWN, {"request.revision": 0})
    yield _no("a revision to come", Reason.REVISION_UNKNOWN, {"request.revision": 2})
    yield _no("largest revision", Reason.REVISION_UNKNOWN, {"request.revision": 65535})
    for revision in (1, 2, 3):
        yield _ok(f"revision {revision} of 3", {**three, "request.revision": revision})
    yield _no("revision 4 of 3", Reason.REVISION_UNKNOWN, {**three, "request.revision": 4})
    gone: Changes = {**three, "revision.withdrawn": 2}
    yield _no("withdrawn revision", Reason.REVISION_WITHDRAWN, {**gone, "request.revision": 2})
    yield _ok("the revision before a withdrawn one", {**gone, "request.revision": 1})
    yield _ok("the revision after a withdrawn one", {**gone, "request.revision": 3})
    yield _no("study withdrawn", Reason.STUDY_WITHDRAWN, {"study.withdrawn": "yes"})
    yield _no("study erased", Reason.STUDY_ERASED, {"study.erased": "yes"})


def _grant() -> Iterator[Row]:
    yield _no("terms of another grant", Reason.GRANT_MISMATCH, {"evidence.grant": "another"})
    yield _no("names no grant", Reason.GRANT_MISMATCH, {"request.grant": "none"})
    yield _no(
        "another patient's grant",
        Reason.GRANT_SUBJECT,
        {"grant.subject": "other", "grant.scope": "all", "grant.anchored_by": "max"},
    )
    yield _no("grant never carried", Reason.GRANT_UNKNOWN, {"grant.given": "no"})
    yield _no("grant revoked", Reason.GRANT_REVOKED, {"grant.revoked": "yes"})
    yield _no("revoked before it was carried", Reason.GRANT_REVOKED, {"grant.given": "no", "grant.revoked": "yes"})
    yield _no("everything revoked", Reason.GRANT_EPOCH, {"grants.revoked": "yes"})
    yield _ok("given after everything was revoked", {"grants.revoked": "first", "grant.epoch": 2})
    yield _no("subject restricted", Reason.RESTRICTED, {"subject.restricted": "yes"})


_BASES: tuple[tuple[str, Changes], ...] = (
    ("PAPER", {"grant.basis": 2}),
    ("CARE", {"grant.basis": 3}),
    ("LAW", {"grant.basis": 4, "grant.purposes": 1 << 6, "request.purpose": 6, "badge.roles": 1 << Role.OFFICER}),
    ("EMERGENCY", {"grant.basis": 5, "grant.purposes": 2, "request.purpose": 1, "grant.not_after": DAY}),
)


def _bases() -> Iterator[Row]:
    for name, basis in _BASES:
        yield _ok(f"on basis {name}", basis)
        restricted = f"on basis {name}, subject restricted"
        if name in ("LAW", "EMERGENCY"):
            yield _ok(restricted, {**basis, "subject.restricted": "yes"})
        else:
            yield _no(restricted, Reason.RESTRICTED, {**basis, "subject.restricted": "yes"})
        yield _no(f"on basis {name}, revoked", Reason.GRANT_REVOKED, {**basis, "grant.revoked": "yes"})
        yield _no(f"on basis {name}, everything revoked", Reason.GRANT_EPOCH, {**basis, "grants.revoked": "yes"})
        ended = {**basis, "grant.not_after": 100, "at": 100}
        yield _no(f"on basis {name}, its end", Reason.GRANT_EXPIRED, ended)
    (_, paper), _, (_, law), (_, emergency) = _BASES
    whole: Changes = {**emergency, "grant.grantee": "requester"}
    yield _ok("an emergency of the whole hospital", whole)
    yield _no("an emergency, for treatment", Reason.PURPOSE_NOT_GRANTED, {**emergency, "request.purpose": 0})
    not_theirs = {**emergency, "badge.roles": 1 << Role.TECHNOLOGIST}
    yield _no("an emergency, by a technologist", Reason.PURPOSE_NOT_FOR_ROLE, not_theirs)
    yield _no("the law, by a physician", Reason.PURPOSE_NOT_FOR_ROLE, {**law, "badge.roles": 1})
    yield _ok("on paper, another purpose", {**paper, "grant.purposes": 2, "request.purpose": 1})
    past: Changes = {"grant.not_before": -2 * HOUR, "grant.not_after": -HOUR}
    yield _no("an emergency that was over when it was carried", Reason.GRANT_EXPIRED, {**emergency, **past})


def _scope() -> Iterator[Row]:
    yield _ok("this study, one series asked", {"request.series": 3})
    yield _ok("this study, largest series asked", {"request.series": 2**32 - 1})
    yield _ok("one series, that series asked", {"grant.scope": "series 3", "request.series": 3})
    yield _no("one series, another asked", Reason.SCOPE, {"grant.scope": "series 3", "request.series": 4})
    yield _no("one series, all asked", Reason.SCOPE, {"grant.scope": "series 3"})
    yield _no("series 0 covers nothing", Reason.SCOPE, {"grant.scope": "series 0"})
    yield _ok(
        "one series, later revision",
        {"grant.scope": "series 3", "request.series": 3, "study.revisions": 2, "request.revision": 2},
    )
    yield _ok("this study, later revision", {"study.revisions": 2, "request.revision": 2})
    yield _no("another study", Reason.SCOPE, {"grant.scope": "other"})
    yield _ok("all, anchored in that second", {"grant.scope": "all", "grant.anchored_by": 0})
    yield _no("all, anchored a second later", Reason.SCOPE, {"grant.scope": "all", "grant.anchored_by": -1})
    yield _no(
        "all, anchored by the first second of time", Reason.SCOPE, {"grant.scope": "all", "grant.anchored_by": "min"}
    )
    yield _ok("all, future ones too", {"grant.scope": "all", "grant.anchored_by": "max"})
    yield _ok("all, one series asked", {"grant.scope": "all", "grant.anchored_by": "max", "request.series": 7})
    yield _ok("anchored_by means nothing beside a study", {"grant.anchored_by": -1})


def _grantee() -> Iterator[Row]:
    yield _ok("to the whole hospital", {"grant.grantee": "requester"})
    yield _no("to a colleague", Reason.GRANTEE, {"grant.grantee": "colleague"})
    yield _no("to the custodian", Reason.GRANTEE, {"grant.grantee": "custodian"})
    yield _no("to a bystander", Reason.GRANTEE, {"grant.grantee": "bystander"})
    yield _no("to a person of the custodian", Reason.GRANTEE, {"grant.grantee": "custodian_staff"})
    colleague: Changes = {"badge.person": "colleague", "request.person": "colleague"}
    yield _ok("to the whole hospital, a colleague asks", {"grant.grantee": "requester", **colleague})
    yield _no("to one person, a colleague asks", Reason.GRANTEE, colleague)


# Written out, not taken from the rules under test.
_MAY = {
    Role.PHYSICIAN: {Purpose.TREAT, Purpose.ETREAT},
    Role.RADIOLOGIST: {Purpose.TREAT, Purpose.ETREAT},
    Role.TECHNOLOGIST: {Purpose.TREAT, Purpose.HOPERAT},
    Role.NURSE: {Purpose.TREAT, Purpose.ETREAT},
    Role.RESEARCHER: {Purpose.HRESCH, Purpose.CLINTRCH},
    Role.REGISTRAR: {Purpose.HPAYMT, Purpose.HOPERAT},
    Role.OFFICER: {Purpose.PATRQT, Purpose.FAMRQT},
    Role.AUDITOR: set(),
}
_LEGAL = {Purpose.PUBHLTH, Purpose.HLEGAL}  # no consent may name them
_EVERY_ROLE = 0xFF
_CONSENT = sum(1 << purpose for purpose in Purpose if purpose not in _LEGAL)


def _purposes() -> Iterator[Row]:
    for role, allowed in _MAY.items():
        for purpose in Purpose:
            changes: Changes = {"grant.purposes": _CONSENT, "badge.roles": 1 << role, "request.purpose": purpose.value}
            name = f"{role.name} asks for {purpose.name}"
            if purpose in _LEGAL:
                yield _no(name, Reason.PURPOSE_NOT_GRANTED, changes)
            elif purpose in allowed:
                yield _ok(name, changes)
            else:
                yield _no(name, Reason.PURPOSE_NOT_FOR_ROLE, changes)
    for purpose in Purpose:
        if purpose in _LEGAL:
            continue
        only: Changes = {"grant.purposes": 1 << purpose, "badge.roles": _EVERY_ROLE}
        yield _ok(f"only {purpose.name} granted and asked", {**only, "request.purpose": purpose.value})
        other = Purpose.ETREAT if purpose is Purpose.TREAT else Purpose.TREAT
        changes = {**only, "request.purpose": other.value}
        yield _no(f"only {purpose.name} granted, {other.name} asked", Reason.PURPOSE_NOT_GRANTED, changes)
    yield _ok("two roles, one of which may", {"badge.roles": 1 << Role.AUDITOR | 1 << Role.NURSE})
    yield _no("no role", Reason.PURPOSE_NOT_FOR_ROLE, {"badge.roles": 0})
    yield _no("a role beyond the list", Reason.PURPOSE_NOT_FOR_ROLE, {"badge.roles": 1 << 8})
    for position in (10, 31, 32, 255):
        changes = {"grant.purposes": _CONSENT, "badge.roles": 2**32 - 1, "request.purpose": position}
        yield _no(f"purpose {position}, beyond the list", Reason.PURPOSE_NOT_GRANTED, changes)


def _actions() -> Iterator[Row]:
    for action in Action:
        yield _ok(
            f"only {action.name} granted and asked", {"grant.actions": 1 << action, "request.action": action.value}
        )
        changes: Changes = {"grant.actions": 0x1F & ~(1 << action), "request.action": action.value}
        yield _no(f"all but {action.name} granted", Reason.ACTION_NOT_GRANTED, changes)
    for position in (5, 31, 32, 255):
        changes = {"grant.actions": 0x1F, "request.action": position}
        yield _no(f"action {position}, beyond the list", Reason.ACTION_NOT_GRANTED, changes)


def _windows() -> Iterator[Row]:
    yield _no("a second before the grant", Reason.GRANT_NOT_YET, {"grant.not_before": 100, "at": 99})
    yield _ok("grant's first second", {"grant.not_before": 100, "at": 100})
    yield _ok("grant's last second", {"grant.not_after": 100, "at": 99}, lapse=100)
    yield _no("grant's end", Reason.GRANT_EXPIRED, {"grant.not_after": 100, "at": 100})
    month: Changes = {"badge.not_after": 60 * DAY, "request.not_after": 60 * DAY}
    yield _ok("the last second of thirty days", {**month, "at": 30 * DAY - 1}, lapse=30 * DAY)
    yield _no("thirty days later", Reason.GRANT_EXPIRED, {**month, "at": 30 * DAY})


def _region_and_recipient() -> Iterator[Row]:
    for region, exports, allowed in (
        (0, 1, True),
        (1, 1, False),
        (1, 2, True),
        (0, 2, False),
        (63, 1 << 63, True),
        (62, 1 << 63, False),
        (63, (1 << 63) - 1, False),
        (5, 0, False),
    ):
        changes: Changes = {"requester.region": region, "custodian.exports": exports}
        name = f"region {region}, exports {exports:#x}"
        yield _ok(name, changes) if allowed else _no(name, Reason.REGION, changes)
    yield _no("recipient never published", Reason.RECIPIENT_UNPUBLISHED, {"request.recipient": "unpublished"})
    yield _no("recipient is an issuer's key", Reason.RECIPIENT_UNPUBLISHED, {"request.recipient": "issuer"})
    own_staff: Changes = {
        "badge.institution": 1,
        "badge.person": "custodian_staff",
        "badge.signed_by": "other_issuer",
        "request.person": "custodian_staff",
        "grant.grantee": "custodian",
    }
    yield _no("recipient is another hospital's gateway", Reason.RECIPIENT_UNPUBLISHED, own_staff)
    yield _ok("recipient's last second", {"gateway.end": 100, "at": 99})
    yield _no("recipient's end", Reason.RECIPIENT_UNPUBLISHED, {"gateway.end": 100, "at": 100})


def _lapses() -> Iterator[Row]:
    far: Changes = {"request.not_after": 2 * DAY, "badge.not_after": 2 * DAY, "grant.not_after": 2 * DAY}
    yield _ok("lapse: eight hours first", far, lapse=EIGHT_HOURS)
    yield _ok("lapse: eight hours from the record", {**far, "at": 100}, lapse=EIGHT_HOURS + 100)
    yield _ok("lapse: request first", {**far, "request.not_after": EIGHT_HOURS - 1}, lapse=EIGHT_HOURS - 1)
    yield _ok("lapse: badge first", {**far, "badge.not_after": EIGHT_HOURS - 1}, lapse=EIGHT_HOURS - 1)
    yield _ok("lapse: grant first", {**far, "grant.not_after": EIGHT_HOURS - 1}, lapse=EIGHT_HOURS - 1)
    yield _ok("lapse: all but eight hours later", {**far, "request.not_after": EIGHT_HOURS + 1}, lapse=EIGHT_HOURS)


# One way to fail each check of staff, in order; those that exclude their neighbour stand once.
_FAILURES: tuple[tuple[Reason, Changes], ...] = (
    (Reason.ISSUER_UNPUBLISHED, {"badge.signed_by": "stranger"}),
    (Reason.INSTITUTION_INACTIVE, {"requester.suspended": "yes"}),
    (Reason.BADGE_EPOCH, {"badge.epoch": 9}),
    (Reason.BADGE_WINDOW, {"badge.not_before": 100}),
    (Reason.PERSON_WITHDRAWN, {"person.withdrawn": "yes"}),
    (Reason.TRAINING_LAPSED, {"badge.trained_until": 0}),
    (Reason.REQUEST_SIGNATURE, {"request.signed_by": "stranger"}),
    (Reason.PERSON_MISMATCH, {"request.person": "colleague"}),
    (Reason.REQUEST_WINDOW, {"request.not_after": 0}),
    (Reason.REVISION_UNKNOWN, {"request.revision": 9}),
    (Reason.STUDY_WITHDRAWN, {"study.withdrawn": "yes"}),
    (Reason.GRANT_MISMATCH, {"evidence.grant": "another"}),
    (Reason.GRANT_REVOKED, {"grant.revoked": "yes"}),
    (Reason.GRANT_EPOCH, {"grants.revoked": "yes"}),
    (Reason.RESTRICTED, {"subject.restricted": "yes"}),
    (Reason.SCOPE, {"grant.scope": "other"}),
    (Reason.GRANTEE, {"grant.grantee": "bystander"}),
    (Reason.PURPOSE_NOT_GRANTED, {"grant.purposes": 1 << Purpose.HRESCH}),
    (Reason.PURPOSE_NOT_FOR_ROLE, {"badge.roles": 1 << Role.AUDITOR}),
    (Reason.ACTION_NOT_GRANTED, {"request.action": 0}),
    (Reason.GRANT_NOT_YET, {"grant.not_before": 100}),
    (Reason.REGION, {"custodian.exports": 0}),
    (Reason.RECIPIENT_UNPUBLISHED, {"request.recipient": "unpublished"}),
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
    yield _no("order: PERSON_PREFIX before PERSON_MISMATCH", Reason.PERSON_PREFIX, {"badge.person": "custodian_staff"})
    yield _no(
        "order: STUDY_UNKNOWN before REVISION_UNKNOWN",
        Reason.STUDY_UNKNOWN,
        {"request.study": "unknown", "request.revision": 0},
    )
    yield _no(
        "order: REVISION_WITHDRAWN before STUDY_WITHDRAWN",
        Reason.REVISION_WITHDRAWN,
        {"revision.withdrawn": 1, "study.withdrawn": "yes"},
    )
    yield _no(
        "order: REVISION_WITHDRAWN before STUDY_ERASED",
        Reason.REVISION_WITHDRAWN,
        {"revision.withdrawn": 1, "study.erased": "yes"},
    )
    both: Changes = {"grant.given": "no", "grant.subject": "other", "grant.scope": "all"}
    yield _no("order: GRANT_SUBJECT before GRANT_UNKNOWN", Reason.GRANT_SUBJECT, both)
    yield _no(
        "order: GRANT_EXPIRED before REGION",
        Reason.GRANT_EXPIRED,
        {"grant.not_after": 100, "at": 100, "custodian.exports": 0},
    )
