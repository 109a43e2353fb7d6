"""Receiving through a door: durable before it is answered for, whatever happens in between."""

from __future__ import annotations

import pytest

from fiducia.adapters.memory.steps import MemorySteps
from fiducia.core.dicom.spooled import Spooled
from fiducia.errors import DicomError, VaultError
from fiducia.journeys.intake.receive import ReceiveInstance, SetAsideError
from tests.journeys.test_crashes import crashed_everywhere
from tests.support.consortium import Consortium


def receive(world: Consortium, data: bytes, study: str = "") -> Spooled:
    journey = ReceiveInstance(spool=world.spool, examiner=world.examiner, clock=world.clock, steps=world.steps)
    return journey.run([data[:1000], data[1000:]], door="test", study_instance_uid=study)


def one() -> tuple[Consortium, bytes]:
    world = Consortium()
    (data,) = world.add_series(1).values()
    return world, data


def test_what_was_received_waits() -> None:
    world, data = one()
    kept = receive(world, data)
    assert (world.spool.all(), world.spool.find(kept.spool_id)) == ((kept.listed(),), kept)
    assert (kept.waiting, kept.door, kept.received_at) == (True, "test", world.clock.now())
    assert kept.examined.dicom_json
    assert world.spool.open(kept.spool_id).read() == data


def test_what_is_odd_is_kept_for_staff_and_the_sender_is_told() -> None:
    world, data = one()
    with pytest.raises(SetAsideError, match="set aside") as told:
        receive(world, b"\x7fELF" + data[4:])
    (aside,) = world.quarantine.run()
    assert (told.value.spooled.listed(), aside.waiting) == (aside, False)


@pytest.mark.parametrize("bad", ["no DICOM", "another study"])
def test_what_is_refused_is_kept_nowhere(bad: str) -> None:
    world, data = one()
    with pytest.raises(DicomError):
        receive(world, b"x" if bad == "no DICOM" else data, "1.2.3" if bad == "another study" else "")
    assert world.spool.all() == ()
    assert world.spool._files == {}


def test_a_spool_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world, data = one()

    def fails(*_: object, **__: object) -> None:
        raise VaultError("full")

    monkeypatch.setattr(world.spool, "keep", fails)
    with pytest.raises(VaultError):
        receive(world, data)
    assert world.spool.all() == ()


def test_a_crash_anywhere_leaves_nothing_half_received() -> None:
    held: list[bytes] = []

    def prepare() -> Consortium:
        world, data = one()
        held[:] = [data]
        return world

    def check(world: Consortium, point: str) -> None:
        assert len(world.spool.all()) == (point == "receive.kept"), point
        receive(world, held[0])  # the sender was not answered, and sends it again
        world.steps = MemorySteps()
        assert {world.spool.open(each.spool_id).read() for each in world.spool.all()} == {held[0]}, point

    points = crashed_everywhere(prepare, lambda world: receive(world, held[0]), check)
    assert points == ["receive.taken", "receive.kept"]
