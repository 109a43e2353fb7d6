"""Another custodian: the new one records, the trustee of the old custody document hands over."""

from __future__ import annotations

from typing import Any

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.adapters.memory.studies import MemoryStudies
from fiducia.core.keys.custody import CustodyRule
from fiducia.core.rules import Action, Purpose, mask
from fiducia.errors import DeniedError, SignatureError, VerificationError
from fiducia.journeys.custody.moving_custody import MoveCustody
from fiducia.journeys.grants.grant import GrantOrder, RelayGrant
from fiducia.journeys.members.members import PublishKey
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.journeys.trustees.dealing import DealShares
from fiducia.journeys.trustees.destroying import TellDestroy
from fiducia.records.events import GrantGiven
from fiducia.records.images import HandOver
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Access
from tests.journeys.test_crashes import crashed_everywhere
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, contents, key
from tests.support.household import Household, settled


@pytest.fixture
def world() -> Household:
    world = settled()
    world.run_grant(world.study_id)
    return world


def transferred(world: Household) -> None:
    assert world.transfer.run(world.subject, HOSPITAL_B, world.registrar_b, world.patient) is not None


def test_grants_and_studies_go_on_under_the_new_custodian(world: Household) -> None:
    transferred(world)
    state = world.mirror.catch_up()
    assert [study.custodian for study in state.studies(world.subject)] == [HOSPITAL_B]
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination)
    assert sorted(destination.visible.values()) == contents(world.files)
    assert [entry.kind for entry in world.second_broker.journal.entries()] == ["release_asked"]
    assert [entry.kind for entry in world.journal.entries()] == ["handed_over"]
    assert world.audit.run().findings == ()


def test_the_old_custodian_records_and_carries_nothing_more(world: Household) -> None:
    transferred(world)
    access = DrawUpRequest(mirror=world.mirror, clock=world.clock, entropy=world.entropy, domains=world.domains).run(
        world.study_id, 0, Purpose.TREAT, 2, world.clinician
    )
    with pytest.raises(DeniedError) as refused:
        world.record_release.run(access)
    assert refused.value.reason == "NOT_OWN_STUDY"
    with pytest.raises(DeniedError) as refused:
        world.rotate.run(world.subject, world.new_key, world.patient)
    assert refused.value.reason == "NOT_OWN_SUBJECT"


def test_the_new_custodian_carries_a_grant_before_its_mirror_has_caught_up(world: Household) -> None:
    grantee, until = world.badge.badge.person, world.clock.now() + DAY_S
    order = GrantOrder(world.study_id, 0, grantee, mask(Purpose.TREAT), mask(Action.VIEW), until)
    act = world.give.sign(order, world.patient)
    behind = MemoryMirror(world.ledger)
    behind.catch_up()
    transferred(world)
    assert behind.state().subject(world.subject).custodian == HOSPITAL_A  # type: ignore[union-attr]
    relayed = RelayGrant(ledger=world.ledger, mirror=behind, custodian=HOSPITAL_B).run(act)
    assert any(isinstance(event, GrantGiven) for event in relayed.events)


def test_it_takes_the_patient_and_the_new_custodian(world: Household) -> None:
    with pytest.raises(SignatureError):
        world.transfer.run(world.subject, HOSPITAL_B, world.registrar, world.patient)
    with pytest.raises(SignatureError):
        world.transfer.run(world.subject, HOSPITAL_B, world.registrar_b, key(99))
    assert world.entry.custodian == HOSPITAL_A


def test_a_recovery_that_waits_ends_with_the_custodian_who_began_it(world: Household) -> None:
    world.recover.run(world.subject, world.new_key, [world.officer_a, world.officer_c])
    transferred(world)
    assert world.entry.recovery is None


def test_a_representative_transfers(world: Household) -> None:
    world.appointed()
    world.transfer.run(world.subject, HOSPITAL_B, world.registrar_b, world.parent)
    assert world.entry.custodian == HOSPITAL_B


def test_the_keys_of_another_trustee_are_refused(world: Household) -> None:
    transferred(world)
    honest = world.broker_of(HOSPITAL_A)

    class Posing:
        """Answers with keys that another institution's broker sealed and signed."""

        def __getattr__(self, name: str) -> object:
            return getattr(honest, name)

        def hand_over(self, access: Access) -> HandOver:
            handed = honest.hand_over(access)
            return HandOver(handed.request_id, HOSPITAL_B, handed.sealed, handed.signature)

    brokers = {HOSPITAL_A: Posing(), HOSPITAL_B: world.second_broker}
    world.broker_of = brokers.__getitem__  # type: ignore[method-assign, assignment]
    destination = MemoryDestination()
    with pytest.raises(VerificationError):
        world.run_fetch(world.study_id, destination)
    assert destination.visible == {}


def test_the_new_custodian_moves_the_keys_to_itself(world: Household) -> None:
    transferred(world)
    second, publish = world.second_broker, PublishKey(ledger=world.ledger, domains=world.domains)
    end = world.clock.now() + DAY_S
    publish.run(HOSPITAL_B, KeyKind.BROKER_KEM, second.kem.public, "", end, world.governor_b)
    on: dict[str, Any] = {
        "broker_of": world.broker_of,
        "mirror": world.mirror,
        "clock": world.clock,
        "domains": world.domains,
        "steps": world.steps,
    }
    move = MoveCustody(
        ledger=world.ledger,
        store=world.store,
        studies=MemoryStudies(),
        entropy=world.entropy,
        deal=DealShares(vault=second.vault, journal=second.journal, signer=second.sign, custodian=HOSPITAL_B, **on),
        tell=TellDestroy(vault=second.vault, journal=second.journal, signer=second.sign, **on),
        signer=second.sign,
        seed=second.kem.seed,
        custodian=HOSPITAL_B,
        **on,
    )
    moved = move.run(world.study_id, CustodyRule(1, (HOSPITAL_B,)), world.registrar_b)
    assert (moved.revision, moved.destroyed, moved.waiting) == (3, (HOSPITAL_A,), ())
    assert world.vault.names("share/") == ()
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination)
    assert sorted(destination.visible.values()) == contents(world.files)
    assert list(world.journal.entries("handed_over")) == []
    assert world.audit.run().findings == ()


def test_a_transfer_that_crashes_is_finished_once() -> None:
    def act(world: Household) -> object:
        return world.transfer.run(world.subject, HOSPITAL_B, world.registrar_b, world.patient)

    def check(world: Household, point: str) -> None:
        act(world)
        assert (world.entry.custodian, world.entry.serial) == (HOSPITAL_B, 2), point
        assert world.acts_vault.names("kept/") == (), point

    crashed_everywhere(settled, act, check)  # type: ignore[arg-type]
