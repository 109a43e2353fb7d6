"""Who decides for a patient: another key, representatives, vetoes; each by those who may, and by nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.core import ids, wording
from fiducia.core.rules import Action, Purpose, mask
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.journeys.grants.grant import GrantOrder
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.reading.asking import Requester
from fiducia.records.events import GrantGiven
from fiducia.records.typed import Appoint
from tests.support.consortium import DAY_S, HOSPITAL_A, IDENTITY, contents, key
from tests.support.household import Household, settled


@pytest.fixture
def world() -> Household:
    return settled()


# -- rotation


def test_a_new_key_decides_and_the_old_one_still_takes_away(world: Household) -> None:
    given = world.run_grant(world.study_id)
    assert world.rotate.run(world.subject, world.new_key, world.patient) is not None
    assert world.entry.signer_hash == ids.signer_hash(world.new_key.address)
    with pytest.raises(SignatureError):
        world.grant_by(world.patient)
    world.grant_by(world.new_key, not_after=world.clock.now() + DAY_S)
    assert world.revoke.run(given.grant_id, world.patient) is True


def test_the_same_rotation_again_has_no_effect(world: Household) -> None:
    world.rotate.run(world.subject, world.new_key, world.patient)
    serial = world.entry.serial
    assert world.rotate.run(world.subject, world.new_key, world.patient) is None
    assert world.entry.serial == serial


def test_nobody_else_rotates(world: Household) -> None:
    with pytest.raises(SignatureError, match="present key"):
        world.rotate.run(world.subject, world.new_key, key(99))
    other = key(77)
    world.enrol.run(
        replace(IDENTITY, patient_id="OTHER"), custodian=HOSPITAL_A, registrar=world.registrar, patient=other
    )
    with pytest.raises(InputError, match="serves another pseudonym"):
        world.rotate.run(world.subject, other, world.patient)


# -- representatives


def test_a_representative_begins_after_the_delay_and_grants_within_the_appointment(world: Household) -> None:
    done = world.run_appoint(not_after=world.clock.now() + 5 * DAY_S)
    assert done.appointment.from_at == done.receipt.head.time_at + world.appointment_delay_s
    with pytest.raises(SignatureError):
        world.grant_by(world.parent)
    world.clock.advance(world.appointment_delay_s)
    given = world.grant_by(world.parent)
    assert given.grant.not_after > done.appointment.not_after
    assert given.expiry_at == done.appointment.not_after
    with pytest.raises(InputError, match="purpose"):
        world.grant_by(world.parent, purposes=mask(Purpose.HRESCH))
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination)
    assert sorted(destination.visible.values()) == contents(world.files)


def test_a_representative_reads_in_whose_place_they_decide(world: Household) -> None:
    world.appointed()
    shown: list[str] = []
    order = GrantOrder(
        study_id=world.study_id,
        series=0,
        grantee=world.badge.badge.person,
        purposes=mask(Purpose.TREAT),
        actions=mask(Action.VIEW),
        not_after=world.clock.now() + DAY_S,
    )
    given = world.give.run(order, world.parent, show=shown.append)
    assert shown[0].startswith(f"Whose: the patient 0x{world.subject.hex()}.")
    assert "Only to treat the patient." in shown[0].splitlines()
    assert given.grant.terms == wording.terms_digest(given.grant, shown[0])


def test_a_representative_opens_the_images_for_the_family(world: Household) -> None:
    world.appointed()
    parent = Requester(world.parent, b"p" * 32)
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination, purpose=Purpose.FAMRQT, requester=parent)
    assert sorted(destination.visible.values()) == contents(world.files)
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(world.study_id, MemoryDestination(), purpose=Purpose.PATRQT, requester=parent)
    assert refused.value.reason == "OWN_PURPOSE"


def test_the_words_of_an_appointment_can_be_proved_later(world: Household) -> None:
    appointment = world.run_appoint().appointment
    kept = world.acts_vault.get(f"terms/{appointment.terms.hex()}")
    salt, words = kept[:32], kept[32:].decode()
    assert wording.words_digest(salt, words) == appointment.terms
    signed = Appoint(
        world.subject,
        appointment.representative,
        appointment.powers,
        appointment.purposes,
        appointment.not_after,
        appointment.serial,
        appointment.terms,
    )
    assert words == wording.describe_appointment(signed)
    assert "grant access in your place" in words


def test_an_appointment_is_vetoed_while_it_waits_and_not_later(world: Household) -> None:
    done = world.run_appoint()
    hashed = ids.signer_hash(world.parent.address)
    world.veto.run(world.subject, world.patient, representative=hashed)
    assert world.mirror.catch_up().representative(world.subject, hashed) is None
    with pytest.raises(InputError, match="waits"):
        world.veto.run(world.subject, world.patient, representative=hashed)
    again = world.run_appoint()
    assert again.appointment.serial > done.appointment.serial
    world.clock.advance(world.appointment_delay_s)
    with pytest.raises(InputError, match="waits"):
        world.veto.run(world.subject, world.patient, representative=hashed)


@pytest.mark.parametrize("who", ["patient", "parent", "officers"])
def test_a_dismissal_ends_what_was_granted(world: Household, who: str) -> None:
    world.appointed()
    world.grant_by(world.parent)
    by = {
        "patient": [Approver(world.patient)],
        "parent": [Approver(world.parent)],
        "officers": [world.officer_c, world.officer_a, world.officer_b],
    }[who]
    hashed = ids.signer_hash(world.parent.address)
    world.dismiss.run(world.subject, hashed, by)
    state = world.mirror.catch_up()
    assert state.representative(world.subject, hashed) is None
    assert not any(state.is_live(entry) for entry in state.grants_of_subject(world.subject))
    epoch = world.entry.epoch
    world.dismiss.run(world.subject, hashed, by)
    assert world.entry.epoch == epoch


def test_strangers_neither_appoint_nor_dismiss_nor_veto(world: Household) -> None:
    with pytest.raises(SignatureError):
        world.run_appoint(None, Approver(key(99)))
    world.run_appoint()
    hashed = ids.signer_hash(world.parent.address)
    for by in ([Approver(key(99))], [world.officer_a]):
        with pytest.raises(SignatureError):
            world.dismiss.run(world.subject, hashed, by)
    with pytest.raises(SignatureError):
        world.veto.run(world.subject, key(99), representative=hashed)
    assert world.mirror.catch_up().representative(world.subject, hashed) is not None
    # What was refused is not kept: nothing of it is ever sent again.
    assert world.acts_vault.names("kept/") == ()


def test_power_alone_without_grant_or_access_still_takes_away(world: Household) -> None:
    world.run_appoint(powers=0, purposes=0)
    world.clock.advance(world.appointment_delay_s)
    with pytest.raises(SignatureError):
        world.grant_by(world.parent)
    assert world.restrict.run(world.subject, Approver(world.parent)) is True
    with pytest.raises(SignatureError):
        world.lift.run(world.subject, [Approver(world.parent)])


def test_expiry_is_what_the_ledger_holds(world: Household) -> None:
    given = world.grant_by(world.patient)
    (event,) = [each for each in given.receipt.events if isinstance(each, GrantGiven)]
    assert given.expiry_at == event.expiry_at == given.grant.not_after
