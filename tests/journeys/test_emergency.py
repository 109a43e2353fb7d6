"""Breaking the glass: who may look a patient up, what opens at once, what is owed afterwards."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.core import ids, wire
from fiducia.core.emergencies import identity_digest
from fiducia.core.rules import Basis, Outcome, Purpose, Role
from fiducia.core.wording import report_digest
from fiducia.errors import DeniedError, InputError, JournalError, LedgerNotFinalError, SignatureError
from fiducia.journeys.grants.emergency import Opened
from fiducia.journeys.grants.reviews import Effect
from fiducia.journeys.patients.look_up import LOOKED_UP
from fiducia.records.images import PatientIdentity
from fiducia.records.statements import LookUp, LookUpNote, SignedLookUp
from tests.support.colleagues import (
    HOSPITAL_C,
    badge_of,
    colleague,
    open_emergency,
    review_emergency,
    staffed,
    team_of,
)
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, IDENTITY, Consortium, key

UNKNOWN = PatientIdentity("", "NOBODY-1")
REPORT = b"the patient was unconscious"


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.add_series(2, study="another")
    world.run_register()
    return staffed(world)


def subject_of(world: Consortium) -> bytes:
    return world.mirror.catch_up().subjects()[0].subject


def opened(world: Consortium, **changes: object) -> Opened:
    return open_emergency(world).run(team_of(world), subject=subject_of(world), **changes)  # type: ignore[arg-type]


def signed_look_up(world: Consortium, **changes: object) -> SignedLookUp:
    salt = b"s" * 32
    fields: dict[str, object] = {
        "custodian": HOSPITAL_A,
        "identity": identity_digest(salt, IDENTITY),
        "not_after": world.clock.now() + 60,
        "salt": salt,
    }
    look_up = LookUp(**(fields | changes))  # type: ignore[arg-type]
    return SignedLookUp(look_up, IDENTITY, tuple(each.approve(world.domains, look_up) for each in team_of(world)))


# -- looking up


def test_a_look_up_tells_subject_epoch_and_studies(world: Consortium) -> None:
    found = open_emergency(world).look_up(team_of(world), IDENTITY, HOSPITAL_A)
    state = world.mirror.catch_up()
    assert (found.subject, found.custodian, found.epoch) == (subject_of(world), HOSPITAL_A, 1)
    assert {(each.study_id, each.anchored_at) for each in found.studies} == {
        (study.study_id, study.anchored_at) for study in state.studies()
    }


def test_a_patient_who_was_enrolled_a_moment_ago_is_found(world: Consortium) -> None:
    team = team_of(world)
    world.mirror.catch_up()
    identity = PatientIdentity("", "A-MOMENT-AGO")
    entry, _ = world.enrol.run(identity, custodian=HOSPITAL_A, registrar=world.registrar, patient=key(77))
    assert world.mirror.state().subject(entry.subject) is None  # the last facts seen do not know the patient
    salt = b"s" * 32
    look_up = LookUp(HOSPITAL_A, identity_digest(salt, identity), world.clock.now() + 60, salt)
    approvals = tuple(each.approve(world.domains, look_up) for each in team)
    found = world.asking.look_up.run(SignedLookUp(look_up, identity, approvals))
    assert found.subject == entry.subject


def test_it_is_journalled_without_the_identity_before_it_is_answered(world: Consortium) -> None:
    team = team_of(world)
    open_emergency(world).look_up(team, IDENTITY, HOSPITAL_A)
    with pytest.raises(DeniedError) as refused:
        open_emergency(world).look_up(team, UNKNOWN, HOSPITAL_A)
    assert refused.value.reason == "UNKNOWN_PATIENT"
    notes = [wire.decode(LookUpNote, entry.body.encode()) for entry in world.journal.entries(LOOKED_UP)]
    persons = team[0].person, team[1].person
    assert notes == [
        LookUpNote(subject_of(world), HOSPITAL_B, *persons),
        LookUpNote(bytes(20), HOSPITAL_B, *persons),
    ]
    told = repr(list(world.journal.entries())) + str(refused.value)
    assert not any(text in told for text in (IDENTITY.patient_id, UNKNOWN.patient_id))
    world.journal.working = False
    with pytest.raises(JournalError):
        open_emergency(world).look_up(team, IDENTITY, HOSPITAL_A)


def test_an_identity_is_never_in_the_requests_repr(world: Consortium) -> None:
    assert IDENTITY.patient_id not in repr(signed_look_up(world))


@pytest.mark.parametrize(
    "changes",
    [
        {"custodian": HOSPITAL_B},
        {"not_after": 0},
        {"not_after": 2**40},
        {"salt": b"x" * 32},
        {"identity": hashlib.sha256(b"").digest()},
    ],
)
def test_a_look_up_for_elsewhere_another_time_or_another_identity_is_refused(
    world: Consortium, changes: dict[str, object]
) -> None:
    with pytest.raises(InputError):
        world.broker.look_up(signed_look_up(world, **changes))
    assert list(world.journal.entries(LOOKED_UP)) == []


def test_only_two_persons_of_one_active_institution_who_may_use_etreat_look_up(world: Consortium) -> None:
    doctor, nurse = team_of(world)
    same = colleague(world, HOSPITAL_B, 43, Role.PHYSICIAN, person=doctor.person)
    researcher = colleague(world, HOSPITAL_B, 44, Role.RESEARCHER)
    elsewhere = colleague(world, HOSPITAL_C, 45, Role.PHYSICIAN)
    forged = replace(doctor, signer=key(99))
    self_made = replace(doctor, badge=replace(badge_of(doctor), signature=key(99).sign(b"d" * 32)))
    for team in ((doctor, same), (doctor, researcher), (doctor, elsewhere), (forged, nurse), (self_made, nurse)):
        with pytest.raises(SignatureError):
            open_emergency(world).look_up(team, IDENTITY, HOSPITAL_A)
    asked = signed_look_up(world)
    for approvals in ((), asked.approvals[:1], (*asked.approvals, asked.approvals[0])):
        with pytest.raises(SignatureError):
            world.broker.look_up(replace(asked, approvals=approvals))
    world.clock.advance(2 * 86_400)  # their badges ended
    with pytest.raises(SignatureError):
        open_emergency(world).look_up((doctor, nurse), IDENTITY, HOSPITAL_A)
    assert list(world.journal.entries(LOOKED_UP)) == []


def test_an_identity_is_bound_field_by_field() -> None:
    salt = b"s" * 32
    one, other = PatientIdentity("ab", "c"), PatientIdentity("a", "bc")
    assert identity_digest(salt, one) != identity_digest(salt, other)
    assert identity_digest(salt, one) != identity_digest(b"t" * 32, one)
    with pytest.raises(InputError):
        identity_digest(salt, PatientIdentity("", "\ud800"))


# -- opening


def test_an_emergency_opens_all_studies_at_once_for_the_whole_institution(world: Consortium) -> None:
    given = opened(world, hours=24)
    assert given.given.grant.basis == Basis.EMERGENCY
    assert given.given.grant.not_after - given.given.grant.not_before == 24 * 3600
    assert {each.study_id for each in given.studies} == {s.study_id for s in world.mirror.catch_up().studies()}
    for study in given.studies:
        world.run_fetch(study.study_id, MemoryDestination(), purpose=Purpose.ETREAT)
    assert world.audit.run().findings == ()


def test_one_study_can_be_opened_alone(world: Consortium) -> None:
    first, second = (study.study_id for study in world.mirror.catch_up().studies())
    given = opened(world, study_id=first, hours=1)
    assert [each.study_id for each in given.studies] == [first]
    world.run_fetch(first, MemoryDestination(), purpose=Purpose.ETREAT)
    with pytest.raises(DeniedError):
        world.run_fetch(second, MemoryDestination(), purpose=Purpose.ETREAT)


@pytest.mark.parametrize("hours", [0, 25])
def test_an_emergency_lasts_a_day_at_most(world: Consortium, hours: int) -> None:
    with pytest.raises(InputError, match="24 hours"):
        opened(world, hours=hours)


def test_the_same_emergency_after_a_crash_is_opened_once(world: Consortium) -> None:
    world.ledger.faults.delay = 1
    with pytest.raises(LedgerNotFinalError):
        opened(world)
    world.clock.advance(30)
    opened(world)
    assert len(world.mirror.catch_up().reviews()) == 1


def test_who_opens_it_is_shown_what_it_owes(world: Consortium) -> None:
    shown: list[str] = []
    open_emergency(world).run(team_of(world), subject=subject_of(world), show=shown.append)
    assert "reviews it within 72 hours" in shown[0]


# -- reviews


def test_an_overdue_review_is_named_and_keeps_the_glass_whole_until_it_is_filed(world: Consortium) -> None:
    first = opened(world, hours=1)
    world.clock.advance(73 * 3600)
    for attempt in (
        lambda: opened(world),
        lambda: open_emergency(world).look_up(team_of(world), IDENTITY, HOSPITAL_A),
    ):
        with pytest.raises(DeniedError, match=first.given.grant_id.hex()) as refused:
            attempt()
        assert refused.value.reason == "REVIEW_OVERDUE"
    officer = colleague(world, HOSPITAL_B, 50, Role.OFFICER)
    assert review_emergency(world).run(first.given.grant_id, Outcome.JUSTIFIED, REPORT, officer).effect is Effect.FILED
    opened(world)


def test_a_review_that_fell_due_meanwhile_is_named_although_the_ledger_names_none(world: Consortium) -> None:
    """The check before sees no overdue review; the ledger, a block later, does."""
    first = opened(world, hours=1)
    team = team_of(world)
    world.clock.advance(72 * 3600 - 1)
    team = team_of(world)
    journey = open_emergency(world)
    broker = world.broker

    class Slow(type(broker)):  # type: ignore[misc]
        def relay(self, act: object) -> object:
            world.clock.advance(2)
            return super().relay(act)

    journey._broker_of = lambda institution: Slow(world)
    with pytest.raises(DeniedError, match=first.given.grant_id.hex()):
        journey.run(team, subject=subject_of(world))


def test_the_report_is_bound_by_a_salt_that_its_officer_keeps(world: Consortium) -> None:
    given = opened(world)
    officer = colleague(world, HOSPITAL_B, 50, Role.OFFICER)
    done = review_emergency(world).run(given.given.grant_id, Outcome.NOT_JUSTIFIED, REPORT, officer)
    review = world.mirror.catch_up().review(given.given.grant_id)
    assert review is not None
    assert review.filed is not None
    assert (review.filed.outcome, review.filed.by) == (Outcome.NOT_JUSTIFIED, officer.person)
    assert review.filed.report == done.review.report == report_digest(done.salt, REPORT)


def test_another_institution_contests_once(world: Consortium) -> None:
    given = opened(world)
    own, other = (colleague(world, each, 50 + each, Role.OFFICER) for each in (HOSPITAL_B, HOSPITAL_C))
    run = review_emergency(world).run
    assert run(given.given.grant_id, Outcome.JUSTIFIED, REPORT, own).effect is Effect.FILED
    assert run(given.given.grant_id, Outcome.NOT_JUSTIFIED, b"not so", other).effect is Effect.CONTESTED
    assert run(given.given.grant_id, Outcome.NOT_JUSTIFIED, b"again", other).effect is Effect.UNCHANGED
    assert run(given.given.grant_id, Outcome.NOT_JUSTIFIED, b"again", own).effect is Effect.UNCHANGED


def test_one_of_the_two_who_opened_it_and_no_officer_review_in_vain(world: Consortium) -> None:
    team = colleague(world, HOSPITAL_B, 46, Role.PHYSICIAN, Role.OFFICER), team_of(world)[1]
    given = open_emergency(world).run(team, subject=subject_of(world))
    for somebody in (team[0], colleague(world, HOSPITAL_C, 47, Role.PHYSICIAN)):
        with pytest.raises(SignatureError):
            review_emergency(world).run(given.given.grant_id, Outcome.JUSTIFIED, REPORT, somebody)
    with pytest.raises(InputError, match="ever owed"):
        review_emergency(world).run(ids.NO_GRANT, Outcome.JUSTIFIED, REPORT, team[0])
