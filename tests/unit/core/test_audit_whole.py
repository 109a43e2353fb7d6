"""Audits of emergencies, their reviews and late releases, and of the power behind every grant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.core import ids, rules
from fiducia.core.audit import audit
from fiducia.core.keccak import keccak256
from fiducia.core.rules import Basis
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Grant, Review
from tests.support import whole
from tests.support import world as w
from tests.support.whole import DOCTOR_2, NURSE_2, OFFICER_1, OFFICER_2, OFFICER_3, appointment, emergency

Scene = tuple[whole.Whole, MemoryLedger, MemoryClock]


def codes(ledger: MemoryLedger) -> list[str]:
    return [finding.code for finding in audit(w.events_of(ledger))]


def forged(kind: type[LedgerEvent], /, **fields: Any) -> Callable[..., LedgerEvent]:
    return partial(kind, **fields)


# -- emergencies and their reviews

GRANT = emergency()
GRANT_ID = ids.grant_id(GRANT)


def opened() -> Scene:
    world, ledger, clock = whole.settled()
    world.do(world.grant_by(GRANT, DOCTOR_2, NURSE_2))
    return world, ledger, clock


def used(world: whole.Whole) -> None:
    world.record(world.by_session(whole.emergency_request(GRANT), GRANT, DOCTOR_2))


def test_an_emergency_that_nothing_was_recorded_under() -> None:
    world, ledger, clock = opened()
    clock.set(GRANT.not_after - 1)
    world.enrol(w.OTHER_PATIENT, bytes(32))  # an event: the audit is made as of the last one
    assert codes(ledger) == []
    clock.advance(1)
    world.enrol(w.key(140), b"\1" * 32)
    (finding,) = audit(w.events_of(ledger))
    assert (finding.code, finding.about, finding.subject) == ("EMERGENCY_UNRECORDED", GRANT_ID, w.SUBJECT)


@pytest.mark.parametrize("late", [False, True])
def test_an_emergency_that_was_recorded(late: bool) -> None:
    world, ledger, clock = opened()
    access = world.by_session(whole.emergency_request(GRANT), GRANT, DOCTOR_2)
    if late:
        world.do(world.late(access, w.NOW, whole.TRUSTEE))
    else:
        world.record(access)
    clock.set(GRANT.not_after)
    world.enrol(w.OTHER_PATIENT, bytes(32))
    assert codes(ledger) == (["EMERGENCY_LATE"] if late else [])


@pytest.mark.parametrize("filed", ["never", "in time", "late"])
def test_a_review_that_is_overdue(filed: str) -> None:
    world, ledger, clock = opened()
    used(world)
    officer = OFFICER_3.with_badge(not_after=2**40)
    act = world.review(Review(GRANT_ID, 1, bytes(32)), officer)
    due = w.NOW + rules.REVIEW_WITHIN_S
    clock.set(due - 1)
    if filed == "in time":
        world.do(act)
    clock.advance(1)
    world.enrol(w.OTHER_PATIENT, bytes(32))
    if filed == "late":
        world.do(act)
    assert codes(ledger) == ([] if filed == "in time" else ["REVIEW_OVERDUE"])


def said(kind: type[LedgerEvent], by: bytes, outcome: int = 1) -> Callable[..., LedgerEvent]:
    return forged(kind, grant_id=GRANT_ID, by=by, outcome=outcome, report=bytes(32))


@pytest.mark.parametrize(
    ("by", "outcome", "found"),
    [
        (DOCTOR_2.person, 1, ["REVIEW_BY_OPENER"]),
        (NURSE_2.person, 2, ["REVIEW_BY_OPENER"]),
        (ids.person(9, bytes(28)), 1, ["UNAUTHORISED_REVIEW"]),
        (OFFICER_2.person, 3, ["REVIEW_OUTCOME"]),
        (OFFICER_2.person, 2, []),
    ],
)
def test_a_review_by_somebody_who_may_not(by: bytes, outcome: int, found: list[str]) -> None:
    world, ledger, _ = opened()
    used(world)
    ledger.forge(said(events.ReviewFiled, by, outcome))
    assert codes(ledger) == found
    ledger.forge(said(events.ReviewContested, OFFICER_1.person))
    assert codes(ledger) == found
    ledger.forge(said(events.ReviewContested, ids.person(1, bytes(28))))
    assert codes(ledger) == [*found, "UNAUTHORISED_REVIEW"]


def test_a_review_by_a_suspended_member() -> None:
    world, ledger, _ = opened()
    world.suspend(w.BYSTANDER)
    ledger.forge(said(events.ReviewFiled, OFFICER_3.person))
    assert codes(ledger) == ["UNAUTHORISED_REVIEW"]


def owed(**changes: Any) -> list[Callable[..., LedgerEvent]]:
    given = forged(events.GrantGiven, grant_id=GRANT_ID, grant=GRANT, expiry_at=GRANT.not_after)
    fields: dict[str, Any] = {
        "grant_id": GRANT_ID,
        "institution": w.REQUESTER,
        "due_at": w.NOW + rules.REVIEW_WITHIN_S,
        "first": DOCTOR_2.person,
        "second": NURSE_2.person,
    }
    return [given, forged(events.ReviewOwed, **(fields | changes))]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"due_at": w.NOW}, ["REVIEW_TERMS"]),
        ({"institution": w.CUSTODIAN}, ["REVIEW_TERMS"]),
        ({"second": OFFICER_1.person}, ["REVIEW_TERMS"]),
        ({"second": DOCTOR_2.person}, ["UNAUTHORISED_GRANT"]),
    ],
    ids=str,
)
def test_what_a_review_is_owed_for(changes: dict[str, Any], found: list[str]) -> None:
    _, ledger, _ = whole.settled()
    given, review = owed(**changes)
    ledger.forge(given, review)
    end = [] if "due_at" not in changes else ["REVIEW_OVERDUE"]
    assert codes(ledger) == [*found, *end]


def test_a_review_of_what_is_no_emergency() -> None:
    world, ledger, _ = whole.settled()
    world.give(w.default_grant())
    _, review = owed(grant_id=ids.grant_id(w.default_grant()))
    ledger.forge(review)
    assert codes(ledger) == ["REVIEW_TERMS"]


def test_an_emergency_beside_an_overdue_review() -> None:
    world, ledger, clock = opened()
    used(world)
    clock.set(w.NOW + rules.REVIEW_WITHIN_S)
    now = clock.now()
    other = emergency(not_before=now, not_after=now + 60, relay_by=now + 60, salt=bytes(32))
    given = forged(events.GrantGiven, grant_id=ids.grant_id(other), grant=other, expiry_at=other.not_after)
    review = owed(grant_id=ids.grant_id(other), due_at=now + rules.REVIEW_WITHIN_S)[1]
    ledger.forge(given, review)
    assert codes(ledger) == ["EMERGENCY_BARRED", "REVIEW_OVERDUE"]


# -- late releases

LATE: dict[str, Any] = {
    "request_id": keccak256(b"a forged request"),
    "study_id": w.STUDY,
    "revision": 1,
    "series": 0,
    "grant_id": GRANT_ID,
    "purpose": 1,
    "action": 1,
    "person": DOCTOR_2.person,
    "recipient": w.GATEWAY,
    "institution": 2,
    "badge_epoch": 1,
    "handed_over_at": w.NOW,
}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"study_id": bytes(32)}, ["RELEASE_STUDY_UNKNOWN"]),
        ({"revision": 2}, ["RELEASE_REVISION_UNKNOWN"]),
        ({"grant_id": bytes(32)}, ["RELEASE_GRANT_UNKNOWN"]),
        ({"grant_id": ids.grant_id(w.default_grant())}, ["RELEASE_LATE_BASIS"]),
        ({"person": OFFICER_1.person}, ["RELEASE_PERSON_PREFIX"]),
        ({"purpose": 0}, ["RELEASE_PURPOSE_NOT_GRANTED"]),
        ({"action": 0}, ["RELEASE_ACTION_NOT_GRANTED"]),
        ({"recipient": bytes(32)}, ["RELEASE_RECIPIENT_UNPUBLISHED"]),
        ({"handed_over_at": w.NOW - 1}, ["RELEASE_GRANT_NOT_YET"]),
        ({"handed_over_at": w.NOW + 1}, ["RELEASE_LATE_TIME"]),
    ],
    ids=str,
)
def test_late_releases_are_always_told_and_judged(changes: dict[str, Any], found: list[str]) -> None:
    world, ledger, _ = opened()
    world.give(w.default_grant())
    ledger.forge(forged(events.ReleaseRecordedLate, **(LATE | changes)))
    assert codes(ledger) == ["EMERGENCY_LATE", *found]


def test_a_late_release_without_a_trustee_or_an_issuer() -> None:
    world, ledger, clock = opened()
    world.publish(w.CUSTODIAN, KeyKind.BROKER_SIGN, whole.TRUSTEE.address, w.NOW + 10)
    world.publish(w.REQUESTER, KeyKind.ISSUER, w.ISSUER.address, w.NOW + 20)
    clock.advance(30)
    for then, found in (
        (9, []),
        (10, ["RELEASE_LATE_TRUSTEE"]),
        (20, ["RELEASE_LATE_TRUSTEE", "UNAUTHORISED_RELEASE"]),
    ):
        request_id = keccak256(b"%d" % then)
        before = len(codes(ledger))
        changes = {"handed_over_at": w.NOW + then, "request_id": request_id}
        ledger.forge(forged(events.ReleaseRecordedLate, **(LATE | changes)))
        assert codes(ledger)[before:] == ["EMERGENCY_LATE", *found]


def test_a_late_release_after_its_review_was_due() -> None:
    world, ledger, clock = opened()
    world.do(world.review(Review(GRANT_ID, 1, bytes(32)), OFFICER_3))
    clock.set(w.NOW + rules.REVIEW_WITHIN_S)
    ledger.forge(forged(events.ReleaseRecordedLate, **LATE))
    assert codes(ledger) == ["EMERGENCY_LATE", "RELEASE_LATE_TIME"]


# -- grants and the power behind them


def given(grant: Grant, expiry_at: int | None = None) -> Callable[..., LedgerEvent]:
    end = grant.not_after if expiry_at is None else expiry_at
    return forged(events.GrantGiven, grant_id=ids.grant_id(grant), grant=grant, expiry_at=end)


WITHOUT = ids.subject(w.CUSTODIAN, bytes(32))


def enrolled_without_a_device(ledger: MemoryLedger) -> None:
    ledger.forge(forged(events.SubjectEnrolled, subject=WITHOUT, custodian=1, signer_hash=bytes(32)))


def represented(ledger: MemoryLedger, **changes: Any) -> None:
    """A representative of the patient without a device, live at once, for a day."""
    terms = appointment(**({"subject": WITHOUT, "not_after": w.NOW + w.DAY_S} | changes))
    appointed = {"appointment": terms, "from_at": w.NOW, "by": OFFICER_1.person}
    ledger.forge(forged(events.RepresentativeAppointed, **appointed))


@pytest.mark.parametrize(
    ("changes", "expiry_at", "found"),
    [
        (None, w.NOW + 30 * w.DAY_S, "UNAUTHORISED_GRANT"),
        ({"powers": 2}, w.NOW + w.DAY_S, "UNAUTHORISED_GRANT"),
        ({"purposes": 2}, w.NOW + w.DAY_S, "GRANT_PURPOSES"),
        ({}, w.NOW + w.DAY_S + 1, "GRANT_EXPIRY"),
        ({}, w.NOW + 30 * w.DAY_S, "GRANT_EXPIRY"),
        ({}, w.NOW + w.DAY_S, ""),
    ],
    ids=["nobody", "no GRANT", "purposes", "a second longer", "its whole terms", "as it ends"],
)
def test_a_consent_needs_a_power_behind_it(changes: dict[str, Any] | None, expiry_at: int, found: str) -> None:
    _, ledger, _ = whole.settled()
    enrolled_without_a_device(ledger)
    if changes is not None:
        represented(ledger, **changes)
    ledger.forge(given(w.default_grant(subject=WITHOUT), expiry_at))
    assert codes(ledger) == ([found] if found else [])


def test_a_signers_grant_that_ends_early_is_nobodys() -> None:
    _, ledger, _ = whole.settled()
    ledger.forge(given(w.default_grant(), w.NOW + 10))
    assert codes(ledger) == ["GRANT_EXPIRY"]


@pytest.mark.parametrize("basis", [Basis.PAPER, Basis.CARE, Basis.LAW])
def test_staffs_grants_need_a_custodian_that_acts(basis: Basis) -> None:
    world, ledger, _ = whole.settled()
    purposes = 1 << rules.Purpose.PUBHLTH if basis is Basis.LAW else 1
    grant = w.default_grant(basis=basis, purposes=purposes)
    ledger.forge(given(grant))
    assert codes(ledger) == []
    ledger.forge(given(replace(grant, salt=bytes(32)), grant.not_after - 1))
    assert codes(ledger) == ["GRANT_EXPIRY"]
    world.suspend(w.CUSTODIAN)
    ledger.forge(given(replace(grant, salt=b"\1" * 32)))
    assert codes(ledger) == ["GRANT_EXPIRY", "UNAUTHORISED_GRANT"]


def test_a_grant_on_paper_without_a_document() -> None:
    _, ledger, _ = whole.settled()
    ledger.forge(given(w.default_grant(basis=Basis.PAPER, terms=bytes(32))))
    assert codes(ledger) == ["GRANT_DOCUMENT"]


def test_own_access_needs_somebody_with_the_power() -> None:
    _, ledger, _ = whole.settled()
    enrolled_without_a_device(ledger)
    study = {"study_id": b"\1" * 32, "subject": WITHOUT, "manifest": w.MANIFEST, "retain_until_day": 0}
    ledger.forge(forged(events.StudyAnchored, **study))
    own = LATE | {"study_id": b"\1" * 32, "grant_id": bytes(32), "person": bytes(32), "institution": 0, "purpose": 7}
    del own["handed_over_at"]

    def recorded(number: int, **changes: Any) -> list[str]:
        fields = own | {"request_id": bytes([number]) * 32, "lapse_at": w.NOW + w.HOUR_S} | changes
        before = len(codes(ledger))
        ledger.forge(forged(events.ReleaseRecorded, **fields))
        return codes(ledger)[before:]

    assert recorded(1) == ["RELEASE_OWN_SIGNER"]
    represented(ledger, powers=2, purposes=1 << rules.Purpose.PATRQT, not_after=w.NOW + 1000)
    assert recorded(2, lapse_at=w.NOW + 1000) == []
    assert recorded(3, lapse_at=w.NOW + 1001) == ["RELEASE_LAPSE"]
    assert recorded(4, purpose=8, lapse_at=w.NOW + 10) == ["RELEASE_OWN_PURPOSE"]
