"""`ports.Ledger`: who signs for a patient, restriction and custody, on the ledger in memory and on a real chain."""

from __future__ import annotations

import pytest

from fiducia.core import ids
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.ports import Signer
from fiducia.records import events
from fiducia.records.ledger import KeyKind, RecordAct
from tests.ports.conftest import World
from tests.support import deeds
from tests.support.signers import A, B, Scene, key, prepare
from tests.support.staff import OFFICER_A, OFFICER_B, REGISTRAR_A, StaffMember, published_issuers
from tests.support.told import replayed, taken_once, told

NEW = key("a new signer")


@pytest.fixture
def scene(world: World) -> Scene:
    """Ready for releases, with badges of both hospitals."""
    made = prepare(world.ledger, world.c)
    for act in published_issuers(world.c, A):
        world.ledger.submit(act)
    return made


def publish(world: World) -> None:
    """Publish everybody's keys, and enrol nobody."""
    for act in (*world.c.published(), *published_issuers(world.c, A)):
        world.ledger.submit(act)


def test_a_patient_without_a_device_is_enrolled(world: World) -> None:
    publish(world)
    (event,) = taken_once(world, deeds.enrol_without_device(world.c), events.SubjectEnrolled)
    assert isinstance(event, events.SubjectEnrolled)
    assert (event.subject, event.signer_hash) == (world.c.subject, bytes(32))
    with pytest.raises(InputError):
        world.ledger.submit(world.c.enrol())


def test_patients_are_enrolled_under_one_signature(world: World) -> None:
    publish(world)
    act = deeds.enrol_batch(world.c, key("one"), None, key("two"))
    found = taken_once(world, act, *[events.SubjectEnrolled] * 3)
    hashes = [event.signer_hash for event in found if isinstance(event, events.SubjectEnrolled)]
    assert hashes == [ids.signer_hash(key("one").address), bytes(32), ids.signer_hash(key("two").address)]


def test_a_bad_enrolment_refuses_its_whole_batch(world: World) -> None:
    publish(world)
    with pytest.raises(InputError, match="serves another"):
        world.ledger.submit(deeds.enrol_batch(world.c, key("one"), key("one")))
    assert told(world, events.SubjectEnrolled) == 0


def test_a_new_signer_grants_and_the_former_one_still_revokes(world: World, scene: Scene) -> None:
    c, old = world.c, world.c.patient
    (event,) = taken_once(world, deeds.rotate(c, NEW, serial=1), events.SignerRotated)
    assert isinstance(event, events.SignerRotated)
    assert (event.signer_hash, event.index) == (ids.signer_hash(NEW.address), 2)
    act = c.grant(scene.study_id)
    with pytest.raises(SignatureError):
        world.ledger.submit(act)
    world.ledger.submit(deeds.grant_by(c, scene.study_id, NEW))
    world.ledger.submit(c.revoke(scene.grant, by=old))
    with pytest.raises(InputError, match="serial"):
        world.ledger.submit(deeds.rotate(c, key("a third signer"), serial=1, by=NEW))


def test_a_signer_that_served_is_not_rotated_back(world: World, scene: Scene) -> None:
    c, old = world.c, key("patient 0")
    world.ledger.submit(deeds.rotate(c, NEW, serial=1))
    with pytest.raises(InputError, match="serve"):
        world.ledger.submit(deeds.rotate(c, old, serial=2, by=NEW))


def test_only_the_current_signer_rotates(world: World, scene: Scene) -> None:
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.rotate(world.c, NEW, serial=1, by=world.c.registrar))


@pytest.mark.parametrize("who", ["the patient", "a registrar", "an officer"])
def test_anyone_with_standing_restricts_and_the_patient_lifts(world: World, scene: Scene, who: str) -> None:
    c, access = world.c, scene.c.access(scene.study_id, scene.grant)
    world.ledger.submit(RecordAct(access))
    by: dict[str, Signer | StaffMember] = {
        "the patient": c.patient,
        "a registrar": c.registrar,
        "an officer": OFFICER_A,
    }
    taken_once(world, deeds.restrict(c, by[who]), events.SubjectRestricted)
    assert world.ledger.are_open([access.request])[1] == (False,)
    with pytest.raises(DeniedError, match="RESTRICTED"):
        world.ledger.submit(RecordAct(scene.c.access(scene.study_id, scene.grant)))
    (event,) = taken_once(world, deeds.lift(c), events.RestrictionLifted)
    assert isinstance(event, events.RestrictionLifted)
    assert event.serial == 1
    assert world.ledger.are_open([access.request])[1] == (True,)
    with pytest.raises(InputError, match="serial"):
        world.ledger.submit(deeds.restrict(c, by[who]))


@pytest.mark.parametrize("by", [key("somebody"), OFFICER_B, REGISTRAR_A], ids=["a stranger", "B", "no officer"])
def test_nobody_else_restricts(world: World, scene: Scene, by: Signer | StaffMember) -> None:
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.restrict(world.c, by))


def test_the_custodian_does_not_lift(world: World, scene: Scene) -> None:
    c = world.c
    world.ledger.submit(deeds.restrict(c))
    with pytest.raises(InputError):
        world.ledger.submit(deeds.lift(c, OFFICER_A, REGISTRAR_A))
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.lift(c, c.registrar))


def test_two_of_the_staff_lift_for_a_patient_without_a_device(world: World) -> None:
    publish(world)
    world.ledger.submit(deeds.enrol_without_device(world.c))
    world.ledger.submit(deeds.restrict(world.c, OFFICER_A))
    (event,) = taken_once(world, deeds.lift(world.c, REGISTRAR_A, OFFICER_A), events.RestrictionLifted)
    assert isinstance(event, events.RestrictionLifted)
    assert event.by == REGISTRAR_A.person


def test_custody_is_transferred_with_studies_and_grants(world: World, scene: Scene) -> None:
    c, registrar_b = world.c, key("registrar of B")
    world.ledger.submit(c.publish(B, KeyKind.REGISTRAR, registrar_b.address))
    access = c.access(scene.study_id, scene.grant)
    world.ledger.submit(RecordAct(access))
    (event,) = taken_once(world, deeds.transfer(c, B, registrar_b, serial=1), events.CustodyTransferred)
    assert isinstance(event, events.CustodyTransferred)
    assert (event.from_custodian, event.custodian) == (A, B)
    assert world.ledger.facts(access).custodian == B
    assert world.ledger.are_open([access.request])[1] == (True,)
    with pytest.raises(InputError):  # the former custodian's registrar
        world.ledger.submit(c.revise(scene.study_id, 2))
    entry = replayed(world).subject(c.subject)
    assert entry is not None
    assert entry.custodian == B


def test_a_transfer_needs_the_new_custodians_registrar(world: World, scene: Scene) -> None:
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.transfer(world.c, B, world.c.registrar, serial=1))
    with pytest.raises(InputError, match="already"):
        world.ledger.submit(deeds.transfer(world.c, A, world.c.registrar, serial=1))
