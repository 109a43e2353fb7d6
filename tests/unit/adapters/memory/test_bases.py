"""Grants on every basis: who approves, for what, how long; batches; who ends them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiducia.core import ids, rules
from fiducia.core.rules import Basis
from fiducia.errors import InputError
from fiducia.ports import Signer
from fiducia.records import events
from fiducia.records.ledger import GrantBatchAct, KeyKind
from fiducia.records.typed import Grant
from tests.support import whole
from tests.support import world as w
from tests.support.acts import Staff
from tests.support.whole import DOCTOR_2, NURSE_1, NURSE_2, OFFICER_1, OFFICER_2, emergency, over, refused

By = tuple[Signer | Staff, ...]

PAPER = w.default_grant(basis=Basis.PAPER)
CARE = w.default_grant(basis=Basis.CARE)
LAW = w.default_grant(basis=Basis.LAW, purposes=rules.mask(rules.Purpose.PUBHLTH, rules.Purpose.HLEGAL))
EMERGENCY = emergency()
RESEARCHER_2 = NURSE_2.with_badge(roles=rules.mask(rules.Role.RESEARCHER))

GIVEN: list[tuple[Grant, By]] = [
    (PAPER, (OFFICER_1, NURSE_1)),
    (PAPER, (NURSE_1, NURSE_1.with_badge(person=OFFICER_1.person))),
    (CARE, (OFFICER_1,)),
    (LAW, (OFFICER_1,)),
    (EMERGENCY, (DOCTOR_2, NURSE_2)),
    (replace(EMERGENCY, not_before=w.NOW + 60), (DOCTOR_2, NURSE_2)),
]


@pytest.mark.parametrize(
    ("grant", "by"), GIVEN, ids=[f"{i} {Basis(each.basis).name}" for i, (each, _) in enumerate(GIVEN)]
)
def test_whom_a_basis_asks_gives(grant: Grant, by: By) -> None:
    world, _, _ = whole.settled()
    given, *owed = world.do(world.grant_by(grant, *by)).events
    assert isinstance(given, events.GrantGiven)
    assert (given.grant, given.expiry_at) == (grant, grant.not_after)
    assert [type(event) for event in owed] == ([events.ReviewOwed] if grant.basis == Basis.EMERGENCY else [])
    assert world.do(world.grant_by(grant, *by)).events == ()


FOREIGN = OFFICER_2.with_badge(institution=1)

REFUSED: list[tuple[Grant, By, str, dict[str, int]]] = [
    (PAPER, (OFFICER_1,), "ApprovalsMismatch", {"expected": 2, "given": 1}),
    (PAPER, (OFFICER_1, OFFICER_1), "PersonRepeated", {}),
    (PAPER, (OFFICER_1, OFFICER_2), "NoStanding", {}),
    (PAPER, (OFFICER_1, w.PATIENT), "NoStanding", {}),
    (replace(PAPER, terms=bytes(32)), (OFFICER_1, NURSE_1), "DocumentMissing", {}),
    (replace(PAPER, purposes=1 << 6), (OFFICER_1, NURSE_1), "PurposesRefused", {}),
    (CARE, (NURSE_1,), "NoStanding", {}),
    (CARE, (OFFICER_2,), "NoStanding", {}),
    (CARE, (w.PATIENT,), "NoStanding", {}),
    (CARE, (OFFICER_1.with_badge(trained_until=w.NOW),), "NoStanding", {}),
    (CARE, (OFFICER_1.with_badge(not_before=w.NOW + 1),), "NoStanding", {}),
    (CARE, (OFFICER_1.with_badge(not_after=w.NOW),), "NoStanding", {}),
    (CARE, (OFFICER_1.with_badge(epoch=2),), "NoStanding", {}),
    (CARE, (OFFICER_1.with_badge(person=w.PERSON),), "NoStanding", {}),
    (CARE, (OFFICER_1.with_badge(session=w.SESSION.address),), "NoStanding", {}),
    (CARE, (replace(OFFICER_1, issuer=w.ISSUER),), "NoStanding", {}),
    (CARE, (OFFICER_1, NURSE_1), "ApprovalsMismatch", {"expected": 1, "given": 2}),
    (replace(CARE, purposes=2), (OFFICER_1,), "PurposesRefused", {}),
    (replace(CARE, not_after=w.NOW + 30 * w.DAY_S + 1), (OFFICER_1,), "WindowRefused", {"longest": 30 * w.DAY_S}),
    (LAW, (FOREIGN,), "NoStanding", {}),
    (replace(LAW, not_after=w.NOW + 365 * w.DAY_S + 1), (OFFICER_1,), "WindowRefused", {"longest": 365 * w.DAY_S}),
    (EMERGENCY, (DOCTOR_2,), "ApprovalsMismatch", {"expected": 2, "given": 1}),
    (EMERGENCY, (DOCTOR_2, DOCTOR_2), "PersonRepeated", {}),
    (EMERGENCY, (DOCTOR_2, OFFICER_2), "NoStanding", {}),
    (EMERGENCY, (DOCTOR_2, RESEARCHER_2), "NoStanding", {}),
    (EMERGENCY, (DOCTOR_2, NURSE_1), "NoStanding", {}),
    (replace(EMERGENCY, purposes=1), (DOCTOR_2, NURSE_2), "PurposesRefused", {}),
    (replace(EMERGENCY, not_after=w.NOW + w.DAY_S + 1), (DOCTOR_2, NURSE_2), "WindowRefused", {"longest": w.DAY_S}),
    (replace(EMERGENCY, not_before=w.NOW + 61), (DOCTOR_2, NURSE_2), "WindowRefused", {"longest": w.DAY_S}),
    (w.default_grant(basis=0), (w.PATIENT,), "BasisUnknown", {"basis": 0}),
    (w.default_grant(basis=6), (w.PATIENT,), "BasisUnknown", {"basis": 6}),
    (w.default_grant(), (OFFICER_1,), "NoStanding", {}),
    (w.default_grant(), (w.STRANGER,), "NoStanding", {}),
    (w.default_grant(), (w.PATIENT, w.PATIENT), "ApprovalsMismatch", {"expected": 1, "given": 2}),
    (replace(CARE, epoch=2), (OFFICER_1,), "EpochMismatch", {"current": 1, "given": 2}),
    (replace(CARE, subject=bytes(20)), (OFFICER_1,), "SubjectUnknown", {}),
    (replace(CARE, relay_by=w.NOW), (OFFICER_1,), "RelayedLate", {}),
]


@pytest.mark.parametrize(
    ("grant", "by", "name", "numbers"), REFUSED, ids=[f"{i} {row[2]}" for i, row in enumerate(REFUSED)]
)
def test_whom_a_basis_does_not_ask_does_not_give(grant: Grant, by: By, name: str, numbers: dict[str, int]) -> None:
    world, _, _ = whole.settled()
    refused(world, world.grant_by(grant, *by), name, **numbers)


@pytest.mark.parametrize(("grant", "by"), GIVEN[2:5], ids=["CARE", "LAW", "EMERGENCY"])
def test_staff_of_suspended_members_or_withdrawn_give_nothing(grant: Grant, by: By) -> None:
    institution = w.REQUESTER if grant is EMERGENCY else w.CUSTODIAN
    world, _, _ = whole.settled()
    world.suspend(institution)
    refused(world, world.grant_by(grant, *by), "NoStanding")
    world.reinstate(institution)
    first = by[0]
    assert isinstance(first, Staff)
    world.withdraw_person(first.person, first.issuer)
    refused(world, world.grant_by(grant, *by), "NoStanding")


def test_an_emergency_owes_a_review() -> None:
    world, _, _ = whole.settled()
    _, owed = world.do(world.grant_by(EMERGENCY, DOCTOR_2, NURSE_2)).events
    assert isinstance(owed, events.ReviewOwed)
    assert (owed.institution, owed.due_at) == (w.REQUESTER, w.NOW + rules.REVIEW_WITHIN_S)
    assert (owed.first, owed.second) == (DOCTOR_2.person, NURSE_2.person)
    state = world.state()
    (review,) = state.reviews_owed(w.REQUESTER)
    assert state.review(ids.grant_id(EMERGENCY)) == review
    assert state.reviews() == (review,)
    assert state.overdue_review(w.REQUESTER, owed.due_at - 1) is None
    assert state.overdue_review(w.REQUESTER, owed.due_at) == review
    assert state.overdue_review(w.CUSTODIAN, owed.due_at) is None


def always(*staff: Staff) -> tuple[Staff, ...]:
    ends: dict[str, Any] = {"not_before": 0, "not_after": 2**40, "trained_until": 2**40}
    return tuple(each.with_badge(**ends) for each in staff)


def test_who_owes_an_overdue_review_opens_no_other() -> None:
    world, _, clock = whole.settled()
    doctor, nurse = always(DOCTOR_2, NURSE_2)
    world.do(world.grant_by(EMERGENCY, doctor, nurse))
    clock.set(w.NOW + rules.REVIEW_WITHIN_S)
    now = clock.now()
    other = emergency(not_before=now, not_after=now + w.HOUR_S, relay_by=now + 60)
    refused(world, world.grant_by(other, doctor, nurse), "ReviewOverdue", institution=w.REQUESTER)
    # One that is over opens nothing, and is taken for the record.
    late, _ = over(now)
    world.do(world.grant_by(late, doctor, nurse))
    owed = world.state().reviews_owed(w.REQUESTER)
    assert [review.due_at for review in owed] == [now, now + rules.REVIEW_WITHIN_S]


def test_an_emergency_that_is_over_is_taken_for_72_hours_from_its_first_second() -> None:
    world, _, clock = whole.settled()
    late, by = over(w.NOW)
    given, owed = world.do(world.grant_by(late, *by)).events
    assert isinstance(given, events.GrantGiven)
    assert isinstance(owed, events.ReviewOwed)
    assert (given.expiry_at, owed.due_at) == (w.NOW - 10, w.NOW + rules.REVIEW_WITHIN_S)
    assert not world.state().is_live(world.state().grants_of_subject(w.SUBJECT)[0])
    # Badges are judged when it began.
    other, (doctor, nurse) = over(w.NOW, salt=b"\6" * 32)
    ended = doctor.with_badge(not_after=w.NOW - 999)
    refused(world, world.grant_by(other, doctor.with_badge(not_before=w.NOW - 999), nurse), "NoStanding")
    world.do(world.grant_by(other, ended, nurse))
    clock.set(w.NOW - 1000 + rules.REVIEW_WITHIN_S - 1)
    third = replace(late, salt=b"\7" * 32, relay_by=2**40)
    world.do(world.grant_by(third, *by))
    clock.advance(1)
    fourth = replace(third, salt=b"\x08" * 32)
    refused(world, world.grant_by(fourth, *by), "WindowRefused", longest=w.DAY_S)


def test_reviews_are_owed_in_the_order_in_which_emergencies_were_taken() -> None:
    world, _, clock = whole.settled()
    doctor, nurse = always(DOCTOR_2, NURSE_2)
    world.do(world.grant_by(emergency(), doctor, nurse))
    clock.advance(5)
    late, _ = over(clock.now())
    world.do(world.grant_by(late, doctor, nurse))
    world.do(world.grant_by(emergency(salt=bytes(32)), doctor, nurse))
    due = [review.due_at - rules.REVIEW_WITHIN_S for review in world.state().reviews_owed(w.REQUESTER)]
    assert due == [w.NOW, w.NOW + 5, w.NOW + 5]


def test_a_batch_gives_what_can_be_given_once() -> None:
    world, _, _ = whole.settled()
    good, other = w.default_grant(), w.default_grant(salt=bytes(32))
    acts = (
        world.grant_by(good, w.PATIENT),
        world.grant_by(w.default_grant(salt=b"\1" * 32), w.STRANGER),
        world.grant_by(replace(good, actions=0), w.PATIENT),
        world.grant_by(EMERGENCY, DOCTOR_2, NURSE_2),
        world.grant_by(other, w.PATIENT),
        world.grant_by(good, w.PATIENT),
    )
    found = world.do(GrantBatchAct(acts)).events
    kinds = [type(event) for event in found]
    assert kinds == [events.GrantGiven, events.GrantGiven, events.ReviewOwed, events.GrantGiven]
    assert world.do(GrantBatchAct(acts)).events == ()
    assert world.do(GrantBatchAct(())).events == ()


WHO_REVOKES: list[tuple[str, Signer | Staff, bool]] = [
    ("a registrar", w.REGISTRAR, True),
    ("an officer of the custodian", OFFICER_1, True),
    ("an officer of the grantee", OFFICER_2, True),
    ("an untrained officer", OFFICER_2.with_badge(trained_until=0), True),
    ("another member's officer", whole.OFFICER_3, False),
    ("staff of the grantee", DOCTOR_2, False),
    ("staff of the custodian", NURSE_1, False),
    ("another registrar", w.OTHER_REGISTRAR, False),
]


@pytest.mark.parametrize(("name", "by", "may"), WHO_REVOKES, ids=[name for name, *_ in WHO_REVOKES])
def test_who_ends_an_institutions_grant(name: str, by: Signer | Staff, may: bool) -> None:
    world, _, _ = whole.settled()
    grant = w.default_grant(grantee=ids.institution_grantee(w.REQUESTER))
    world.give(grant)
    world.suspend(w.CUSTODIAN)  # takes nothing away from whom may take away
    act = world.revoke_by(grant, by)
    if may:
        (event,) = world.do(act).events
        assert isinstance(event, events.GrantRevoked)
        assert event.by == (by.person if isinstance(by, Staff) else whole.hash_of(by))
    else:
        refused(world, act, "NoStanding")


def test_a_key_that_ended_ends_nothing() -> None:
    world, _, _ = whole.settled()
    world.give(w.default_grant())
    world.publish(w.CUSTODIAN, KeyKind.REGISTRAR, w.REGISTRAR.address, w.NOW)
    with pytest.raises(InputError, match="no standing"):
        world.revoke(w.default_grant(), w.REGISTRAR)
