"""An endpoint of the same chain that is a block behind: what is recorded is waited for there, never refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.adapters.memory.steps import Stopped
from fiducia.core.rules import Action, mask
from fiducia.errors import DeniedError, LedgerNotFinalError
from fiducia.journeys.shared.still_open import CATCH_UP_S
from fiducia.records.ledger import Facts, Head
from fiducia.records.typed import Access, KeyRequest
from tests.support.consortium import DAY_S, Consortium

ALWAYS = 1 << 30


class Behind:
    """A ledger that shows no release for so many answers, as it stood a block before."""

    def __init__(self, ledger: MemoryLedger, answers: int) -> None:
        self._ledger = ledger
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def _is_behind(self) -> bool:
        self._answers -= 1
        return self._answers >= 0

    def are_open(self, requests: Sequence[KeyRequest]) -> tuple[Head, tuple[bool, ...]]:
        head, answers = self._ledger.are_open(requests)
        return (_before(head), tuple(False for _ in requests)) if self._is_behind() else (head, answers)

    def facts(self, access: Access) -> Facts:
        facts = self._ledger.facts(access)
        if not self._is_behind():
            return facts
        return replace(facts, head=_before(facts.head), request_recorded_at=0, request_lapse_at=0)


def _before(head: Head) -> Head:
    return Head(head.number - 1, bytes(32), head.time_at)


def at_the_gateway(world: Consortium, answers: int) -> None:
    world.gateway_ledger = cast("MemoryLedger", Behind(world.ledger, answers))


def at_the_broker(world: Consortium, answers: int) -> None:
    world.ledger = cast("MemoryLedger", Behind(world.ledger, answers))


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(2)
    world.run_register()
    world.run_grant(study_of(world))
    return world


def study_of(world: Consortium) -> bytes:
    return world.mirror.catch_up().studies()[0].study_id


@pytest.mark.parametrize("answers", range(1, 8))
@pytest.mark.parametrize("where", [at_the_gateway, at_the_broker])
def test_a_release_is_waited_for(world: Consortium, where: Callable[[Consortium, int], None], answers: int) -> None:
    where(world, answers)
    destination = MemoryDestination()
    world.run_fetch(study_of(world), destination)
    assert len(destination.visible) == 2


@pytest.mark.parametrize("where", [at_the_gateway, at_the_broker])
def test_what_never_comes_is_not_final_and_the_same_fetch_goes_on_later(
    world: Consortium, where: Callable[[Consortium, int], None]
) -> None:
    ledger, destination, began = world.ledger, MemoryDestination(), world.clock.now()
    where(world, ALWAYS)
    with pytest.raises(LedgerNotFinalError):
        world.run_fetch(study_of(world), destination)
    assert CATCH_UP_S - 1 <= world.clock.now() - began <= CATCH_UP_S + 1
    assert not destination.visible
    world.ledger = world.gateway_ledger = ledger
    world.run_fetch(study_of(world), destination)
    assert len(world.mirror.catch_up().releases()) == 1


def test_what_was_revoked_is_refused_at_once(world: Consortium) -> None:
    world.steps.stop_at, destination = "fetch.keys-kept", MemoryDestination()
    with pytest.raises(Stopped):
        world.run_fetch(study_of(world), destination)
    world.restart()
    world.revoke_all.run(world.mirror.catch_up().subjects()[0].subject, world.patient)
    at_the_gateway(world, ALWAYS)
    began = world.clock.now()
    with pytest.raises(DeniedError, match="GRANT_EPOCH"):
        world.run_fetch(study_of(world), destination)
    assert world.clock.now() == began


def test_a_view_lets_go_of_what_the_ledger_never_shows(world: Consortium) -> None:
    world.run_grant(study_of(world), actions=mask(Action.METADATA, Action.VIEW), not_after=world.clock.now() + DAY_S)
    before = world.mirror.catch_up()
    viewing = world.viewing()
    (held,) = viewing.opened(study_of(world))
    viewing.check(before)
    assert not held.gone.is_set()
    world.clock.advance(int(CATCH_UP_S) + 1)
    viewing.check(before)
    assert held.gone.is_set()
