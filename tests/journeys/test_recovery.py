"""A lost key, and a patient who never had one: institutions give a signer, with a delay and vetoes."""

from __future__ import annotations

import pytest

from fiducia.core import ids
from fiducia.core.rules import Role
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.journeys.patients.approving import Approver
from tests.support.consortium import HOSPITAL_A, IDENTITY
from tests.support.household import Household, settled


@pytest.fixture
def world() -> Household:
    return settled()


# -- a patient without a device


def without_device() -> Household:
    world = Household(enrolled=False)
    world.enrol.run(IDENTITY, custodian=HOSPITAL_A, registrar=world.registrar, patient=None)
    return world


def test_a_patient_without_a_device_is_enrolled_once_and_has_no_signer() -> None:
    world = without_device()
    world.enrol.run(IDENTITY, custodian=HOSPITAL_A, registrar=world.registrar, patient=None)
    assert (world.entry.signer_index, world.entry.signer_hash) == (0, bytes(32))
    with pytest.raises(InputError, match="another signer"):
        world.enrol.run(IDENTITY, custodian=HOSPITAL_A, registrar=world.registrar, patient=world.patient)


def test_an_officer_and_a_colleague_appoint_and_lift_for_a_patient_without_a_device() -> None:
    world = without_device()
    nurse = world.staff(HOSPITAL_A, Role.NURSE)
    with pytest.raises((InputError, SignatureError)):
        world.run_appoint(None, world.officer_a)
    with pytest.raises((InputError, SignatureError)):
        world.run_appoint(None, nurse, world.staff(HOSPITAL_A, Role.NURSE, 2))
    world.run_appoint(None, world.officer_a, nurse)
    assert world.restrict.run(world.subject, Approver(world.registrar)) is True
    world.lift.run(world.subject, [nurse, world.officer_a])
    assert not world.entry.restricted


def test_the_custodian_alone_gives_the_first_signer_after_the_delay() -> None:
    world = without_device()
    world.recover.run(world.subject, world.new_key, [world.officer_a])
    with pytest.raises(InputError, match="waits until"):
        world.complete.run(world.subject)
    world.clock.advance(world.recovery_delay_s)
    world.complete.run(world.subject)
    assert (world.entry.signer_hash, world.entry.signer_index) == (ids.signer_hash(world.new_key.address), 1)


# -- recovery


def test_a_recovery_gives_another_key_and_ends_what_was_granted(world: Household) -> None:
    given = world.run_grant(world.study_id)
    begun = world.recover.run(world.subject, world.new_key, [world.officer_b, world.officer_a])
    assert begun.recovery.ready_at == begun.receipt.head.time_at + world.recovery_delay_s
    assert begun.recovery.institutions == (1, 2)
    world.clock.advance(world.recovery_delay_s)
    world.complete.run(world.subject)
    assert world.entry.signer_hash == ids.signer_hash(world.new_key.address)
    state = world.mirror.catch_up()
    entry = state.grant(given.grant_id)
    assert entry is not None
    assert not state.is_live(entry)
    later = world.grant_by(world.new_key)
    assert world.revoke.run(later.grant_id, world.patient) is True  # a former signer


def test_a_recovery_takes_as_many_institutions_as_the_attempt(world: Household) -> None:
    for officers in ([world.officer_a], [world.officer_a, world.officer_a], [world.officer_b, world.officer_c]):
        with pytest.raises(InputError, match="different institution"):
            world.recover.run(world.subject, world.new_key, officers)
    world.recover.run(world.subject, world.new_key, [world.officer_a, world.officer_b])
    world.veto.run(world.subject, world.patient)
    assert world.entry.contested
    with pytest.raises(InputError, match="officers of 3"):
        world.recover.run(world.subject, world.new_key, [world.officer_a, world.officer_b])
    world.recover.run(world.subject, world.new_key, [world.officer_a, world.officer_b, world.officer_c])
    with pytest.raises(SignatureError):
        world.veto.run(world.subject, world.patient)
    world.clock.advance(world.recovery_delay_s)
    world.complete.run(world.subject)
    assert world.entry.signer_hash == ids.signer_hash(world.new_key.address)


def test_a_representative_stops_a_second_attempt(world: Household) -> None:
    world.appointed()
    officers = [world.officer_a, world.officer_b]
    world.recover.run(world.subject, world.new_key, officers)
    world.veto.run(world.subject, world.patient)
    world.recover.run(world.subject, world.new_key, [*officers, world.officer_c])
    world.veto.run(world.subject, world.parent)
    assert world.entry.recovery is None
    with pytest.raises(InputError, match="no recovery"):
        world.veto.run(world.subject, world.parent)


def test_another_members_broker_carries_a_veto_but_nothing_that_gives(world: Household) -> None:
    """The custodian is a party to a recovery: it cannot keep the patient from stopping it."""
    begun = world.recover.run(world.subject, world.new_key, [world.officer_a, world.officer_b])
    assert begun.recovery.attempt == 1
    parts = {**world._parts(), "broker": world.second_broker}
    type(world.veto)(**parts).run(world.subject, world.patient)
    assert world.entry.recovery is None
    with pytest.raises(DeniedError) as refused:
        type(world.rotate)(**parts).run(world.subject, world.new_key, world.patient)
    assert refused.value.reason == "NOT_OWN_SUBJECT"
