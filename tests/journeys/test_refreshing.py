"""An archive's shares are dealt anew under keys that trustees publish now, also of another KEM; images are not."""

from __future__ import annotations

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core import wire
from fiducia.core.keys.kem import Kem
from fiducia.core.keys.sealing import open_deposit
from fiducia.core.keys.shares import SeriesShare
from fiducia.errors import DigestError, InputError, KeyMissingError
from fiducia.journeys.custody.refreshing import RefreshedStudy, RefreshShares
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.records.statements import SignedDeposit, SignedKeeping
from tests.journeys.test_moving_custody import documents, holds
from tests.journeys.test_rotating_brokers import begin_kem, finish_kem, kem_slot, puts
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, contents
from tests.support.trustees import HOSPITAL_C, Answering, Trustees, dealt

PUBLIC_DOCUMENTS = 4
"""Of one study: two manifests and two custody documents."""


def refreshing(world: Trustees) -> RefreshShares:
    return RefreshShares(
        move=world.move_custody, mirror=world.mirror, store=world.store, clock=world.clock, custodian=HOSPITAL_A
    )


def refresh_all(world: Trustees) -> list[RefreshedStudy]:
    journey = refreshing(world)
    return [journey.run(study_id, world.registrar) for study_id in list(journey.due())]


def fetched(world: Trustees) -> list[bytes]:
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination)
    return sorted(destination.visible.values())


def rotated(world: Trustees) -> Trustees:
    """Hospital B's broker key is replaced, by one of another KEM, a while after everything was dealt."""
    world.clock.advance(60)
    begin_kem(world, Kem.MLKEM1024_P384)
    finish_kem(world)
    world.clock.advance(60)
    return world


def test_shares_are_dealt_anew_once_and_no_object_is_another() -> None:
    world = dealt()
    kem_slot(world)
    assert refresh_all(world) == [], "nobody has replaced a key"
    before, old = documents(rotated(world))
    written = puts(world)
    (done,) = refresh_all(world)
    assert done == RefreshedStudy(world.study_id, 3, 2 * 3, 0, ())
    after, new = documents(world)
    assert after.series == before.series
    assert len(set(written)) == PUBLIC_DOCUMENTS
    assert (new.rule, new.moves_to) == (old.rule, None)
    for institution in (HOSPITAL_A, HOSPITAL_B, HOSPITAL_C):
        assert holds(world, new, institution)
        assert not holds(world, old, institution)
    assert refresh_all(world) == [], "done"
    for down in (HOSPITAL_B, HOSPITAL_C):
        world.down(down)
        assert fetched(world) == contents(world.files)
    world.down()
    assert world.audit.run().findings == ()


def test_what_somebody_recorded_before_opens_nothing_together_with_what_is_dealt_now() -> None:
    world = dealt()
    recorded: list[SignedDeposit] = []
    honest = world.honest(HOSPITAL_B)

    def deposit(signed: SignedDeposit) -> SignedKeeping:
        recorded.append(wire.decode(SignedDeposit, wire.encode(signed)))
        return honest.deposit(signed)

    world.changed = {HOSPITAL_B: Answering(honest, deposit=deposit)}
    world.files.clear()
    world.add_series(1, study="recorded")
    world.run_register()
    slot = kem_slot(world)
    world.clock.advance(60)
    begin_kem(world, Kem.MLKEM1024_P384)
    old_seed = slot.former()
    assert old_seed is not None
    finish_kem(world)
    world.clock.advance(60)
    assert len(refresh_all(world)) == 2
    first, last = recorded[0], recorded[-1]
    study = world.mirror.catch_up().study(first.deposit.study_id)
    assert study is not None

    def opened(signed: SignedDeposit, seed: bytes) -> tuple[SeriesShare, ...]:
        deposit = signed.deposit
        return open_deposit(
            signed.sealed, seed=seed, study_id=deposit.study_id, custody=deposit.custody, trustee=HOSPITAL_B
        )

    (was,) = opened(first, old_seed)
    (now,) = opened(last, slot.present())
    assert was.index_share != now.index_share
    custody = read_custody(world.store, read_manifest(world.store, study.manifest))
    with pytest.raises((DigestError, KeyMissingError)):
        custody.combine([was, now])


def test_a_study_that_one_share_opens_is_left_out_and_refused() -> None:
    world = dealt(1, 2)
    kem_slot(world)
    rotated(world)
    assert refresh_all(world) == []
    with pytest.raises(InputError, match="rekey"):
        refreshing(world).run(world.study_id, world.registrar)


def test_new_series_and_studies_are_not_due() -> None:
    world = rotated(dealt())
    refresh_all(world)
    world.clock.advance(60)
    world.add_series(1, series_number=3)
    world.files.clear()
    world.add_series(2, study="later")
    world.run_register()
    assert refresh_all(world) == []


def test_killed_at_any_step_all_is_dealt_anew_in_the_end() -> None:
    whole = rotated(dealt())
    whole.steps = MemorySteps()
    refresh_all(whole)
    points = list(whole.steps.points)
    assert {"custody.announced", "custody.collected", "custody.dealt", "custody.moved"} <= set(points)
    for point in dict.fromkeys(points):
        world = rotated(dealt())
        _, old = documents(world)
        world.steps = MemorySteps(point)
        with pytest.raises(Stopped):
            refresh_all(world)
        world.restart()
        assert fetched(world) == contents(world.files), point
        refresh_all(world)
        world.clock.advance(60)
        assert refresh_all(world) == [], point
        assert world.tell_destroy.run() == 0, point
        _, new = documents(world)
        assert new.moves_to is None, point
        assert new.share_id(1, 1, 1) != old.share_id(1, 1, 1), point
        assert not any(holds(world, old, institution) for institution in old.trustees), point
        assert fetched(world) == contents(world.files), point
