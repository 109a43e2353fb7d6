"""A study gets fresh keys in a new revision; the old ones are released no more, and a crash is finished."""

from __future__ import annotations

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.core.formats.manifest import Manifest
from fiducia.errors import DeniedError, InputError
from fiducia.journeys.custody.rekeying import Rekeyed
from fiducia.journeys.shared.objects import read_manifest
from tests.journeys.test_crashes import crashed_everywhere, two_series
from tests.support.consortium import HOSPITAL_A, Consortium, contents


def rekey(world: Consortium, *series: int) -> Rekeyed:
    return world.rekey_study.run(study_id(world), series, custodian=HOSPITAL_A, registrar=world.registrar)


def study_id(world: Consortium) -> bytes:
    (entry,) = world.studies.all()
    return entry.study_id


def registered() -> Consortium:
    world = two_series()
    world.run_register()
    world.run_grant(study_id(world))
    return world


def manifest(world: Consortium, revision: int) -> Manifest:
    study = world.mirror.catch_up().study(study_id(world))
    assert study is not None
    found = study.at(revision)
    assert found is not None
    return read_manifest(world.store, found.manifest)


def fetched(world: Consortium) -> list[bytes]:
    destination = MemoryDestination()
    world.run_fetch(study_id(world), destination)
    return sorted(destination.visible.values())


def live(world: Consortium) -> list[int]:
    study = world.mirror.catch_up().study(study_id(world))
    assert study is not None
    return [each.revision for each in study.revisions if not each.withdrawn]


def test_one_series_gets_fresh_keys_and_the_other_keeps_its_line() -> None:
    world = registered()
    before = fetched(world)
    done = rekey(world, 2)
    assert done == Rekeyed(study_id(world), 2, (2,), (1,))
    old, new = manifest(world, 1), manifest(world, 2)
    assert new.line(1) == old.line(1)
    assert new.line(2).sealed_in == 2
    assert new.line(2).pack_cid != old.line(2).pack_cid
    assert live(world) == [2]
    assert fetched(world) == before == contents(world.files)
    assert world.run_register().studies[0].unchanged, "the directory knows every instance still"


def test_every_series_when_none_is_named_and_again_when_it_is_asked_again() -> None:
    world = registered()
    assert rekey(world).series == (1, 2)
    again = rekey(world)
    assert (again.revision, again.series, again.withdrawn) == (3, (1, 2), (1, 2))
    assert live(world) == [3]
    assert fetched(world) == contents(world.files)


def test_a_revoked_reader_gets_neither_the_old_keys_nor_the_new() -> None:
    world = registered()
    fetched(world)
    (grant_id,) = [grant.grant_id for grant in world.mirror.catch_up().grants()]
    world.revoke.run(grant_id, world.patient)
    with pytest.raises(DeniedError):
        fetched(world)
    rekey(world)
    with pytest.raises(DeniedError):
        fetched(world)


def test_an_unknown_study_or_series_changes_nothing() -> None:
    world = registered()
    with pytest.raises(InputError, match="no such series"):
        rekey(world, 3)
    assert live(world) == [1]


def test_killed_at_any_step_the_same_call_finishes_it() -> None:
    def check(world: Consortium, point: str) -> None:
        assert live(world) in ([1], [1, 2], [2])
        assert fetched(world) == contents(world.files), point
        done = rekey(world, 1)
        assert done.revision == (3 if point == "rekey.confirmed" else 2), point
        assert live(world) == [done.revision]
        assert fetched(world) == contents(world.files), point

    hit = crashed_everywhere(registered, lambda world: rekey(world, 1), check)
    assert {"rekey.proposed", "rekey.anchored", "rekey.withdrawn", "rekey.confirmed"} <= set(hit)
