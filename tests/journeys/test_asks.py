"""Access requests: signed with a badge, kept durably and bounded, shown to the patient's side alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.core import ids
from fiducia.core.asks import ASK_MAX_S
from fiducia.core.rules import Action, Purpose, Role, mask
from fiducia.errors import DeniedError, InputError, JournalError, LimitError, SignatureError
from fiducia.journeys.grants.access_requests import AnswerAccess, AskForAccess, ReadAsk
from fiducia.journeys.grants.asks import PER_PERSON, PER_SUBJECT, AnswerAsks, Asks
from fiducia.journeys.grants.drafting import Every, GrantOrder
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.patients.enrol import EnrolPatient
from fiducia.journeys.sign_in.badges import WithdrawStaff
from fiducia.ports import Clock, Signer
from fiducia.records.images import PatientIdentity
from fiducia.records.statements import AskList, SignedAsk, SignedAskList
from fiducia.records.typed import Approval
from tests.support.colleagues import HOSPITAL_C, badge_of, colleague, staffed
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, Consortium, key


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.add_series(2, series_number=2)
    world.run_register()
    return staffed(world)


def study_of(world: Consortium) -> bytes:
    return world.mirror.catch_up().studies()[0].study_id


def subject_of(world: Consortium) -> bytes:
    return world.mirror.catch_up().subjects()[0].subject


def clinician(world: Consortium, number: int = 6, **badge: Any) -> Approver:
    return colleague(world, HOSPITAL_B, number, Role.PHYSICIAN, **badge)


def ask(world: Consortium, asking: Approver, *, waits_s: int = DAY_S, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "study_id": study_of(world),
        "series": 0,
        "grantee": asking.person,
        "purposes": mask(Purpose.TREAT),
        "actions": mask(Action.VIEW, Action.RETAIN),
        "not_after": world.clock.now() + 10 * DAY_S,
    }
    journey = AskForAccess(
        broker=world.broker, mirror=world.mirror, clock=world.clock, entropy=world.entropy, domains=world.domains
    )
    return journey.run(GrantOrder(**(fields | changes)), asking, world.clock.now() + waits_s)[0]


def answers(world: Consortium) -> AnswerAccess:
    return AnswerAccess(broker=world.broker, mirror=world.mirror, clock=world.clock, domains=world.domains)


def waiting(world: Consortium, signer: Signer | None = None) -> tuple[ReadAsk, ...]:
    return answers(world).run(subject_of(world), signer or world.patient)


def test_a_patient_reads_who_asks_and_answers_with_a_grant(world: Consortium) -> None:
    asking = clinician(world)
    asked = ask(world, asking)
    (read,) = waiting(world)
    assert (read.ask_id, read.badge, read.study_id, read.series) == (asked, badge_of(asking).badge, study_of(world), 0)
    given = world.give.run(read.order("Dr B"), world.patient)
    assert (given.grant.grantee, given.grant.purposes) == (asking.person, mask(Purpose.TREAT))
    assert waiting(world) == ()
    requester = replace(world.clinician, signer=asking.signer, badge=asking.badge)
    assert world.run_fetch(study_of(world), MemoryDestination(), requester=requester).instances == 3


class Ahead:
    """A broker's clock, three seconds ahead of the newest block, as one is where blocks come now and then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> int:
        return self._clock.now() + 3


@pytest.mark.parametrize("restarted", [False, True])
def test_a_grant_answers_though_its_block_is_older_than_the_brokers_clock(world: Consortium, restarted: bool) -> None:
    slow, journal = Ahead(world.clock), world.journal
    on: dict[str, Any] = {"mirror": world.mirror, "journal": journal, "clock": slow, "domains": world.domains}
    asks = Asks(journal, slow.now())
    asked: list[SignedAsk] = []

    def take(_: AnswerAsks, signed: SignedAsk) -> bytes:
        asked.append(signed)
        return b""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AnswerAsks, "take", take)
        ask(world, clinician(world))
    AnswerAsks(asks=asks, custodian=HOSPITAL_A, **on).take(asked[0])
    subject = subject_of(world)
    assert asks.about(subject, world.mirror.catch_up(), slow.now()) == (asked[0],)
    badge = asked[0].approval.credential
    assert badge is not None
    world.run_grant(study_of(world), grantee=badge.badge.person)
    if restarted:
        asks = Asks(journal, slow.now())
    assert asks.about(subject, world.mirror.catch_up(), slow.now()) == ()


@pytest.mark.parametrize("every", list(Every))
def test_all_studies_can_be_asked_for_and_are_granted_as_asked(world: Consortium, every: Every) -> None:
    ask(world, clinician(world), study_id=b"", every=every, subject=subject_of(world))
    (read,) = waiting(world)
    world.clock.advance(100)
    grant = world.give.run(read.order(), world.patient).grant
    assert (grant.scope, grant.anchored_by) == (read.ask.scope, read.ask.anchored_by)
    assert (grant.anchored_by == ids.FUTURE_TOO) is (every is Every.FUTURE_TOO)
    assert waiting(world) == ()


def test_one_series_can_be_asked_for(world: Consortium) -> None:
    ask(world, clinician(world), series=2)
    (read,) = waiting(world)
    assert (read.study_id, read.series) == (study_of(world), 2)


def test_a_scope_that_nobody_knows_is_not_shown_nor_taken_for_everything(world: Consortium) -> None:
    ask(world, clinician(world), series=40_000)
    assert waiting(world) == ()
    with pytest.raises(InputError, match="which studies"):
        world.give.run(GrantOrder(b"", 0, b"p" * 32, 1, 1, 2**39, subject=subject_of(world)), world.patient)


def test_the_badge_may_end_before_the_answer_but_not_be_taken_back(world: Consortium) -> None:
    asking = clinician(world, lasts_s=60)
    asked = ask(world, asking, waits_s=5 * DAY_S)
    world.clock.advance(2 * DAY_S)
    assert [read.ask_id for read in waiting(world)] == [asked]
    WithdrawStaff(ledger=world.ledger, domains=world.domains).run(asking.person, world.issuer)
    assert waiting(world) == ()


def test_a_no_is_signed_and_final(world: Consortium) -> None:
    asking = clinician(world)
    asked = ask(world, asking)
    for stranger in (key(99), asking.signer, world.registrar):
        with pytest.raises(SignatureError):
            answers(world).decline(asked, stranger)
    answers(world).decline(asked, world.patient)
    assert waiting(world) == ()
    with pytest.raises(InputError, match="no such ask"):
        answers(world).decline(asked, world.patient)
    with pytest.raises(InputError, match="no such ask"):
        answers(world).find(subject_of(world), asked, world.patient)
    world.restart()
    assert waiting(world) == ()


def test_nobody_else_sees_them(world: Consortium) -> None:
    ask(world, clinician(world))
    for stranger in (key(99), world.session, world.registrar):
        with pytest.raises(SignatureError):
            waiting(world, stranger)
    ask_list = AskList(subject_of(world), world.clock.now() + DAY_S)
    approval = Approval(world.patient.address, world.patient.sign(world.domains.digest(ask_list)))
    with pytest.raises(InputError, match="300 s"):
        world.broker.asks(SignedAskList(ask_list, approval))


def test_they_survive_a_restart_and_lapse(world: Consortium) -> None:
    first, second = ask(world, clinician(world)), ask(world, clinician(world), waits_s=3 * DAY_S)
    world.restart()
    assert [read.ask_id for read in waiting(world)] == [first, second]
    world.clock.advance(DAY_S)
    assert [read.ask_id for read in waiting(world)] == [second]
    world.restart()
    assert [read.ask_id for read in waiting(world)] == [second]


def test_the_same_ask_twice_is_one(world: Consortium) -> None:
    ask(world, clinician(world))
    signed = world.kept_asks.about(subject_of(world), world.mirror.catch_up(), world.clock.now())[0]
    world.broker.ask(signed)
    assert len(waiting(world)) == len(list(world.journal.entries("ask_taken"))) == 1


def test_one_person_has_so_many_waiting_and_one_patient(world: Consortium) -> None:
    asking = clinician(world)
    for _ in range(PER_PERSON):
        ask(world, asking)
    with pytest.raises(LimitError, match="your asks"):
        ask(world, asking)
    for number in range(1, PER_SUBJECT // PER_PERSON):
        for _ in range(PER_PERSON):
            ask(world, clinician(world, 200 + number, person=ids.person(HOSPITAL_B, bytes([number]) * 28)))
    with pytest.raises(LimitError, match="this patient"):
        ask(world, clinician(world, 250))
    world.clock.advance(DAY_S)  # all lapsed
    ask(world, clinician(world))


@pytest.mark.parametrize(
    "changes",
    [
        {"purposes": 0},
        {"purposes": mask(Purpose.HRESCH)},  # not for a physician
        {"purposes": mask(Purpose.PUBHLTH)},
        {"actions": 0},
        {"actions": 1 << 9},
        {"not_after": 0},
        {"not_after": 2**39},
        {"waits_s": 0},
        {"waits_s": ASK_MAX_S + 1, "not_after": 2_000_000_000},
        {"waits_s": 11 * DAY_S},
    ],
)
def test_what_no_patient_could_grant_to_this_badge_is_refused(world: Consortium, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        ask(world, clinician(world), **changes)
    assert list(world.journal.entries("ask_taken")) == []


def test_only_for_oneself_or_ones_institution(world: Consortium) -> None:
    asking = clinician(world)
    ask(world, asking, grantee=ids.institution_grantee(HOSPITAL_B))
    for other in (ids.institution_grantee(HOSPITAL_C), ids.person(HOSPITAL_B, b"o" * 28)):
        with pytest.raises(SignatureError):
            ask(world, asking, grantee=other)
    forged = replace(asking, signer=key(99))
    with pytest.raises(SignatureError):
        ask(world, forged)


def test_only_about_the_custodians_own_patients_and_their_own_studies(world: Consortium) -> None:
    with pytest.raises(DeniedError) as refused:
        ask(world, clinician(world), study_id=b"", every=Every.UNTIL_NOW, subject=b"x" * 20)
    assert refused.value.reason == "NOT_OWN_SUBJECT"
    other = key(70)
    enrol: EnrolPatient = world.enrol
    entry, _ = enrol.run(PatientIdentity("", "OTHER"), custodian=HOSPITAL_A, registrar=world.registrar, patient=other)
    asking = clinician(world)
    ask(world, asking)
    signed = world.kept_asks.about(subject_of(world), world.mirror.catch_up(), world.clock.now())[0]
    moved = replace(signed.ask, subject=entry.subject)
    with pytest.raises(InputError, match="this patient's"):
        world.broker.ask(replace(signed, ask=moved, approval=asking.approve(world.domains, moved)))


def test_without_a_journal_none_is_kept(world: Consortium) -> None:
    asking = clinician(world)
    world.journal.working = False
    with pytest.raises(JournalError):
        ask(world, asking)
    world.journal.working = True
    assert waiting(world) == ()
