"""What a ledger told: counting its events, and that they replay."""

from __future__ import annotations

from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.core.replay import State
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import Act
from tests.ports.conftest import World


def told(world: World, kind: type[LedgerEvent]) -> int:
    """Count the ledger's events of a kind."""
    found = world.ledger.events(world.first_block, world.ledger.head().number)
    return sum(isinstance(event, kind) for event in found)


def replayed(world: World) -> State:
    """Return the ledger's state as its events tell it: they must follow from one another."""
    return MemoryMirror(world.ledger, world.first_block).catch_up()


def taken_once(world: World, act: Act, *kinds: type[LedgerEvent]) -> tuple[LedgerEvent, ...]:
    """Submit an act, which announces these events in order, and again, which is success and announces nothing."""
    before = {kind: told(world, kind) for kind in kinds}
    found = world.ledger.submit(act).events
    assert tuple(type(event) for event in found) == kinds
    world.ledger.submit(act)
    assert {kind: told(world, kind) for kind in kinds} == {kind: before[kind] + kinds.count(kind) for kind in kinds}
    replayed(world)
    return found
