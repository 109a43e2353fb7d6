"""A study's life: withdrawn, kept, held, its erasure asked for and recorded; and many patients enrolled at once."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.core.wording import words_digest
from fiducia.errors import DeniedError, InputError, LedgerNotFinalError, SignatureError
from fiducia.journeys.patients.enrol import BATCH_MAX, EnrolPatients, NewPatient
from fiducia.journeys.studies.erasure import RecordErasure, RequestErasure
from fiducia.journeys.studies.holds import HoldStudy, LiftLegalHold
from fiducia.journeys.studies.withdrawal import RetainStudy, WithdrawStudy
from fiducia.records.events import StudyHeld
from fiducia.records.ledger import StudyStatus
from tests.journeys.test_crashes import crashed_everywhere
from tests.support.consortium import HOSPITAL_A, IDENTITY, key
from tests.support.household import Household, settled

CERTIFICATE = hashlib.sha256(b"a certificate").digest()


@pytest.fixture
def world() -> Household:
    return settled()


def withdraw(world: Household) -> WithdrawStudy:
    return WithdrawStudy(ledger=world.ledger, domains=world.domains)


def retain(world: Household) -> RetainStudy:
    return RetainStudy(ledger=world.ledger, domains=world.domains)


def hold(world: Household) -> HoldStudy:
    return HoldStudy(
        ledger=world.ledger,
        mirror=world.mirror,
        vault=world.vault,
        entropy=world.entropy,
        domains=world.domains,
        steps=world.steps,
    )


def lift(world: Household) -> LiftLegalHold:
    return LiftLegalHold(
        ledger=world.ledger, mirror=world.mirror, vault=world.vault, domains=world.domains, steps=world.steps
    )


def request_erasure(world: Household) -> RequestErasure:
    return RequestErasure(broker=world.broker, domains=world.domains)


def record_erasure(world: Household) -> RecordErasure:
    return RecordErasure(ledger=world.ledger, domains=world.domains)


def refused(world: Household) -> str:
    with pytest.raises(DeniedError) as denied:
        world.run_fetch(world.study_id, MemoryDestination())
    return denied.value.reason


def test_a_withdrawn_revision_and_a_withdrawn_study_are_not_released(world: Household) -> None:
    world.run_grant(world.study_id)
    withdraw(world).run(world.study_id, 1, world.registrar)
    assert refused(world) == "REVISION_WITHDRAWN"
    withdraw(world).run(world.study_id, 0, world.registrar)
    withdraw(world).run(world.study_id, 0, world.registrar)
    assert refused(world) == "REVISION_WITHDRAWN"
    with pytest.raises(SignatureError):
        withdraw(world).run(world.study_id, 0, world.registrar_b)


def test_retention_only_grows(world: Household) -> None:
    before = world.mirror.catch_up().studies()[0].retain_until_day
    retain(world).run(world.study_id, before + 10, world.registrar)
    retain(world).run(world.study_id, before + 10, world.registrar)
    with pytest.raises(InputError, match="never ends earlier"):
        retain(world).run(world.study_id, before + 9, world.registrar)
    assert world.mirror.catch_up().studies()[0].retain_until_day == before + 10


def test_a_hold_takes_one_officer_to_set_and_two_institutions_to_lift(world: Household) -> None:
    receipt = hold(world).run(world.study_id, "case 17", world.officer_a)
    assert receipt is not None
    (event,) = [each for each in receipt.events if isinstance(each, StudyHeld)]
    kept = world.vault.get(f"terms/{event.terms.hex()}")
    assert words_digest(kept[:32], "case 17") == event.terms
    assert kept[32:] == b"case 17"
    assert hold(world).run(world.study_id, "case 18", world.officer_a) is None
    for officers in ([world.officer_a], [world.officer_a, world.officer_a], [world.officer_b, world.officer_c]):
        with pytest.raises((InputError, SignatureError)):
            lift(world).run(world.study_id, officers)
    lift(world).run(world.study_id, [world.officer_b, world.officer_a])
    assert not world.mirror.catch_up().studies()[0].held
    assert lift(world).run(world.study_id, [world.officer_b, world.officer_a]) is None
    with pytest.raises(SignatureError):
        hold(world).run(world.study_id, "case 19", world.officer_b)


def test_a_lifting_that_took_effect_unseen_does_not_stand_for_that_of_a_later_hold(world: Household) -> None:
    hold(world).run(world.study_id, "case 17", world.officer_a)
    world.ledger.faults.delay = 1
    with pytest.raises(LedgerNotFinalError):
        lift(world).run(world.study_id, [world.officer_a, world.officer_b])
    world.clock.advance(1)
    hold(world).run(world.study_id, "case 18", world.officer_a)
    lift(world).run(world.study_id, [world.officer_a, world.officer_b])
    assert not world.mirror.catch_up().studies()[0].held


def test_the_patient_asks_for_erasure_and_the_custodian_records_it(world: Household) -> None:
    world.run_grant(world.study_id)
    with pytest.raises(InputError, match="withdraw"):
        record_erasure(world).run(world.study_id, CERTIFICATE, world.registrar)
    hold(world).run(world.study_id, "case 17", world.officer_a)
    for stranger in (world.registrar, key(99)):
        with pytest.raises(SignatureError):
            request_erasure(world).run(world.study_id, stranger)
    request_erasure(world).run(world.study_id, world.patient)
    request_erasure(world).run(world.study_id, world.patient)
    assert refused(world) == "STUDY_WITHDRAWN"
    with pytest.raises(InputError, match="hold"):
        record_erasure(world).run(world.study_id, CERTIFICATE, world.registrar)
    lift(world).run(world.study_id, [world.officer_a, world.officer_b])
    record_erasure(world).run(world.study_id, CERTIFICATE, world.registrar)
    record_erasure(world).run(world.study_id, CERTIFICATE, world.registrar)
    (study,) = world.mirror.catch_up().studies()
    assert (study.status, study.certificate, study.erasure_requested) == (StudyStatus.ERASED, CERTIFICATE, True)
    assert refused(world) == "STUDY_ERASED"


def test_retention_runs_unless_the_patient_asked(world: Household) -> None:
    day = world.clock.now() // 86_400
    retain(world).run(world.study_id, day + 2 + world.mirror.catch_up().studies()[0].retain_until_day, world.registrar)
    withdraw(world).run(world.study_id, 0, world.registrar)
    with pytest.raises(InputError, match="kept until"):
        record_erasure(world).run(world.study_id, CERTIFICATE, world.registrar)


def test_a_hold_that_crashes_is_finished_with_the_words_that_were_signed() -> None:
    def act(world: Household) -> object:
        return hold(world).run(world.study_id, "case 17", world.officer_a)

    def check(world: Household, point: str) -> None:
        act(world)
        held = [each for each in world.ledger.events(0, 10**6) if isinstance(each, StudyHeld)]
        assert len(held) == 1, point
        assert world.vault.get(f"terms/{held[0].terms.hex()}")[32:] == b"case 17", point
        assert world.vault.names("kept/") == (), point

    crashed_everywhere(settled, act, check)  # type: ignore[arg-type]


def test_many_patients_are_enrolled_in_few_transactions_and_once() -> None:
    world = Household(enrolled=False)
    enrol = EnrolPatients(
        ledger=world.ledger,
        patients=world.patients,
        entropy=world.entropy,
        domains=world.domains,
        steps=world.steps,
    )
    many = [
        NewPatient(replace(IDENTITY, patient_id=f"P-{number}"), key(5000 + number) if number % 3 else None)
        for number in range(BATCH_MAX + 5)
    ]
    entries, receipts = enrol.run(many, custodian=HOSPITAL_A, registrar=world.registrar)
    assert (len(entries), len(receipts)) == (BATCH_MAX + 5, 2)
    state = world.mirror.catch_up()
    assert [state.subject(entry.subject) is not None for entry in entries] == [True] * len(many)
    again, _ = enrol.run(many, custodian=HOSPITAL_A, registrar=world.registrar)
    assert again == entries
    assert len(world.mirror.catch_up().subjects()) == len(many)
    other = [replace(many[1], signer=key(99))]
    with pytest.raises(InputError, match="another signer"):
        enrol.run(other, custodian=HOSPITAL_A, registrar=world.registrar)


def test_many_enrolments_that_crash_are_completed_not_doubled() -> None:
    many = [NewPatient(replace(IDENTITY, patient_id=f"P-{number}"), key(5000 + number)) for number in range(3)]

    def act(world: Household) -> object:
        return EnrolPatients(
            ledger=world.ledger,
            patients=world.patients,
            entropy=world.entropy,
            domains=world.domains,
            steps=world.steps,
        ).run(many, custodian=HOSPITAL_A, registrar=world.registrar)

    def check(world: Household, point: str) -> None:
        act(world)
        subjects = {entry.subject for entry in world.patients.all()}
        assert {each.subject for each in world.mirror.catch_up().subjects()} == subjects, point
        assert len(subjects) == 3, point

    crashed_everywhere(lambda: Household(enrolled=False), act, check)  # type: ignore[arg-type]


def test_a_representative_asks_for_erasure(world: Household) -> None:
    world.appointed()
    request_erasure(world).run(world.study_id, world.parent)
    assert world.mirror.catch_up().studies()[0].status is StudyStatus.WITHDRAWN
