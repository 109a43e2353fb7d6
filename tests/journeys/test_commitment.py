"""Storage commitment: what is said of an instance before, while and after its study is registered."""

from __future__ import annotations

import pytest

from fiducia.adapters.memory.steps import Stopped
from fiducia.journeys.intake.receive import SetAsideError
from fiducia.journeys.studies.commitment import Standing
from tests.support.consortium import HOSPITAL_A, Consortium
from tests.unit.app.test_intake import door_of


def take(world: Consortium, *files: bytes) -> list[str]:
    receive = door_of(world).receive
    return [receive.run([file], door="c-store").examined.info.sop_instance_uid for file in files]


def test_an_instance_waits_until_its_study_is_anchored() -> None:
    world = Consortium()
    parts = door_of(world)
    first, second = take(world, *world.add_series(2).values())
    assert parts.tell.run([first, second, "1.2.3"]) == {
        first: Standing.WAITING,
        second: Standing.WAITING,
        "1.2.3": Standing.UNKNOWN,
    }
    parts.close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True)
    assert parts.tell.run([first, "1.2.3"]) == {first: Standing.ANCHORED, "1.2.3": Standing.UNKNOWN}
    assert parts.tell.run([]) == {}


def test_what_is_proposed_and_not_anchored_is_not_committed() -> None:
    """The ledger does not answer: the directory holds the revision as pending only."""
    world = Consortium()
    parts = door_of(world)
    (uid,) = take(world, *world.add_series(1).values())
    world.steps.stop_at = "register.proposed"
    with pytest.raises(Stopped):
        door_of(world).close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True)
    assert parts.tell.run([uid]) == {uid: Standing.WAITING}


def test_the_same_name_again_is_not_committed_before_it_is_decided() -> None:
    """Something waits under a UID that is anchored: it may be another instance, which the sender would delete."""
    world = Consortium()
    parts = door_of(world)
    (file,) = world.add_series(1).values()
    (uid,) = take(world, file)
    parts.close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True)
    other = file.replace(b"Axial 1.0 ", b"Axial 2.0 ")
    assert other != file
    take(world, other)
    assert parts.tell.run([uid]) == {uid: Standing.WAITING}
    done = parts.close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True)
    assert len(done.problems) == 1
    assert parts.tell.run([uid]) == {uid: Standing.WAITING}


def test_what_is_set_aside_is_not_committed_even_where_its_namesake_is() -> None:
    world = Consortium()
    parts = door_of(world)
    (file,) = world.add_series(1).values()
    (uid,) = take(world, file)
    parts.close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True)
    assert parts.tell.run([uid]) == {uid: Standing.ANCHORED}
    with pytest.raises(SetAsideError):
        take(world, b"MZ" + file[2:])
    assert parts.tell.run([uid]) == {uid: Standing.SET_ASIDE}
    world.quarantine.delete([each.spool_id for each in world.spool.all()])
    assert parts.tell.run([uid]) == {uid: Standing.ANCHORED}
