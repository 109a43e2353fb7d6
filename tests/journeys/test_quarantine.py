"""What is set aside at intake, and what staff decide about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.examiner import DirectExaminer
from fiducia.core.dicom.examination import Examined
from fiducia.errors import DicomError, InputError, JournalError, VaultError
from fiducia.journeys.intake.spooled import RegisterSpooled, SpooledInstances, SpooledSource
from fiducia.ports import InstanceSource
from fiducia.records.images import Registration
from fiducia.records.intake import Defect, Outcome
from tests.journeys.test_crashes import crashed_everywhere
from tests.support.altered import altered
from tests.support.consortium import HOSPITAL_A, Consortium, contents

NOTE = Defect("note", Outcome.ACCEPTED, "nothing much")
ODD = Defect("odd", Outcome.QUARANTINED, "it begins like a program")


class Suspicious(DirectExaminer):
    """Finds something wrong with files by their names."""

    def __init__(self, **found: Defect) -> None:
        self._found = found

    def sort(self, source: InstanceSource) -> Examined:
        return self._with_defects(source, super().sort(source))

    def describe(self, source: InstanceSource) -> Examined:
        return self._with_defects(source, super().describe(source))

    def _with_defects(self, source: InstanceSource, examined: Examined) -> Examined:
        return replace(examined, defects=tuple(self._found[name] for name in self._found if name in source.where))


class Hospital(Consortium):
    """A consortium whose examiner is suspicious of some names."""

    def __init__(self, **found: Defect) -> None:
        super().__init__()
        self.examiner = Suspicious(**found)

    def release(self, *ids: bytes) -> Registration:
        self.quarantine.release(ids)
        instances = SpooledInstances(self.spool)
        return RegisterSpooled(spool=self.spool, register=self.register_from(instances, instances).run).run(
            ids, custodian=HOSPITAL_A, registrar=self.registrar
        )


def three(**found: Defect) -> tuple[Hospital, dict[str, bytes]]:
    """Three instances of one study, in files with these names."""
    world = Hospital(**found)
    made = list(world.add_series(3).values())
    world.files.clear()
    files = dict(zip(("first", "second", "third"), made, strict=True))
    world.files.update(files)
    return world, files


def test_the_odd_one_is_set_aside_and_its_neighbours_are_registered() -> None:
    world, files = three(second=ODD, third=NOTE)
    done = world.run_register()
    assert [study.instances for study in done.studies] == [2]
    (aside,) = world.quarantine.run()
    (problem,) = done.problems
    assert (problem.where, aside.waiting, aside.defects, aside.door) == ("second", False, (ODD,), "folder")
    assert f"set aside as 0x{aside.spool_id.hex()}: it begins like a program" in str(problem.error)
    assert world.spool.open(aside.spool_id).read() == files["second"]
    kept = world.spool.find(aside.spool_id)
    assert kept is not None
    assert kept.examined.dicom_json


def test_the_same_bytes_again_are_set_aside_once() -> None:
    world, files = three(second=ODD)
    world.run_register()
    world.run_register()
    assert len(world.quarantine.run()) == 1
    world.files["second"] = altered(files["second"])
    world.run_register()
    assert len(world.quarantine.run()) == 2


def test_released_it_is_registered_as_it_came_and_leaves_the_quarantine() -> None:
    world, files = three(second=ODD)
    (study,) = world.run_register().studies
    (aside,) = world.quarantine.run()
    done = world.release(aside.spool_id)
    assert (done.problems, [each.revision for each in done.studies]) == ((), [2])
    assert world.quarantine.run() == ()
    world.run_grant(study.study_id)
    destination = MemoryDestination()
    world.run_fetch(study.study_id, destination)
    assert sorted(destination.visible.values()) == sorted(files.values())
    assert [entry.kind for entry in world.journal.entries("quarantine_released")] == ["quarantine_released"]


def test_what_cannot_be_registered_stays_and_is_tried_again() -> None:
    world, _ = three(first=ODD, second=ODD, third=ODD)
    world.run_register()
    ids = [each.spool_id for each in world.quarantine.run()]
    known, world.patients = world.patients, type(world.patients)()
    failed = world.release(*ids)
    assert (failed.studies, len(failed.problems)) == ((), 1)
    assert [each.waiting for each in world.quarantine.run()] == [True, True, True]
    world.patients = known
    assert [each.instances for each in world.release(*ids).studies] == [3]
    assert world.quarantine.run() == ()
    assert len(list(world.journal.entries("quarantine_released"))) == 3


def test_deleted_it_is_gone_and_the_journal_says_so() -> None:
    world, _ = three(second=ODD)
    world.run_register()
    (aside,) = world.quarantine.run()
    world.quarantine.delete([aside.spool_id, aside.spool_id])
    assert world.quarantine.run() == ()
    (entry,) = world.journal.entries("quarantine_deleted")
    assert entry.subject_id == aside.spool_id
    for decide in (world.quarantine.delete, world.quarantine.release):
        with pytest.raises(InputError, match="no such instance"):
            decide([aside.spool_id])


def test_without_a_journal_nothing_is_decided() -> None:
    world, _ = three(second=ODD)
    world.run_register()
    (aside,) = world.quarantine.run()
    world.journal.working = False
    for decide in (world.quarantine.delete, world.quarantine.release):
        with pytest.raises(JournalError):
            decide([aside.spool_id])
    assert world.quarantine.run() == (aside,)


def test_a_release_that_crashes_anywhere_is_finished_by_the_same_order() -> None:
    def prepare() -> Hospital:
        world, _ = three(first=ODD, second=ODD, third=ODD)
        world.run_register()
        return world

    def act(world: Hospital) -> object:
        ids = [each.spool_id for each in world.quarantine.run()]
        return world.release(*ids) if ids else None

    def check(world: Hospital, point: str) -> None:
        act(world)
        assert world.quarantine.run() == (), point
        (study,) = world.mirror.catch_up().studies()
        assert study.revision == 1, point
        world.run_grant(study.study_id)
        destination = MemoryDestination()
        world.run_fetch(study.study_id, destination)
        assert sorted(destination.visible.values()) == contents(world.files), point

    assert crashed_everywhere(prepare, act, check)  # type: ignore[arg-type]


def test_what_was_altered_can_still_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = three(second=ODD)
    world.run_register()
    (aside,) = world.quarantine.run()

    def unreadable(spool_id: bytes) -> None:
        raise VaultError("it was altered")

    monkeypatch.setattr(world.spool, "find", unreadable)
    with pytest.raises(VaultError):
        world.quarantine.release([aside.spool_id])
    world.quarantine.delete([aside.spool_id])
    assert world.quarantine.run() == ()


def test_sorting_a_spool_holds_no_attributes_and_sealing_gets_them() -> None:
    world, _ = three(first=ODD, second=ODD, third=ODD)
    world.run_register()
    ids = [each.spool_id for each in world.quarantine.run()]
    world.quarantine.release(ids)
    instances = SpooledInstances(world.spool)
    for spool_id in ids:
        (source,) = instances.find([f"0x{spool_id.hex()}"])
        assert isinstance(source, SpooledSource)
        assert source.spooled == source.spooled.listed()
        assert (instances.sort(source).dicom_json, instances.sort(source).defects) == (b"", ())
        assert instances.describe(source).dicom_json
        world.spool.remove([spool_id])
        with pytest.raises(DicomError):
            instances.describe(source)
