"""What was signed counts once, whatever happens between signing and the chain."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fiducia.errors import LedgerNotFinalError
from fiducia.journeys.patients.approving import Approver
from tests.journeys.test_crashes import crashed_everywhere
from tests.support.consortium import DAY_S
from tests.support.household import Household, settled


@pytest.fixture
def world() -> Household:
    return settled()


def _rotate(world: Household) -> object:
    return world.rotate.run(world.subject, world.new_key, world.patient)


def _appoint(world: Household) -> object:
    return world.run_appoint(not_after=world.clock.now() - world.clock.now() % DAY_S + 90 * DAY_S)


def _recover(world: Household) -> object:
    return world.recover.run(world.subject, world.new_key, [world.officer_a, world.officer_b])


def _lift(world: Household) -> object:
    return world.lift.run(world.subject, [Approver(world.patient)])


def prepared_lift() -> Household:
    world = settled()
    world.restrict.run(world.subject, Approver(world.patient))
    return world


@pytest.mark.parametrize(
    ("prepare", "act"),
    [
        (settled, _rotate),
        (settled, _appoint),
        (settled, _recover),
        (prepared_lift, _lift),
    ],
    ids=["rotate", "appoint", "recover", "lift"],
)
def test_what_was_signed_before_a_crash_is_sent_again_and_counts_once(
    prepare: Callable[[], Household], act: Callable[[Household], object]
) -> None:
    def taken(world: Household) -> int:
        return world.entry.serial + world.entry.recoveries

    def check(world: Household, point: str) -> None:
        act(world)
        assert taken(world) == before + 1, point
        assert world.acts_vault.names("kept/") == (), point

    before = taken(prepare())
    hit = crashed_everywhere(prepare, act, check)  # type: ignore[arg-type]
    assert len(hit) == 2


def test_an_act_that_was_not_final_in_time_is_finished_by_the_same_order(world: Household) -> None:
    world.ledger.faults.delay = 1
    with pytest.raises(LedgerNotFinalError):
        _appoint(world)
    world.clock.advance(1)
    _appoint(world)
    appointments = world.mirror.catch_up().appointments(world.subject)
    assert [each.serial for each in appointments] == [1]


def test_a_lifting_that_took_effect_unseen_does_not_stand_for_that_of_a_later_restriction(world: Household) -> None:
    world.restrict.run(world.subject, Approver(world.patient))
    world.ledger.faults.delay = 1
    with pytest.raises(LedgerNotFinalError):
        _lift(world)
    world.clock.advance(1)
    assert not world.entry.restricted
    world.restrict.run(world.subject, Approver(world.patient))
    _lift(world)
    assert not world.entry.restricted
    assert world.acts_vault.names("kept/") == ()


def test_an_order_whose_act_was_overtaken_is_signed_anew(world: Household) -> None:
    world.ledger.faults.lose = 1
    with pytest.raises(LedgerNotFinalError):
        _appoint(world)
    world.rotate.run(world.subject, world.new_key, world.patient)
    world.patient = world.new_key
    _appoint(world)
    appointments = world.mirror.catch_up().appointments(world.subject)
    assert [each.serial for each in appointments] == [2]
