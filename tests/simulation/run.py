"""One seed, from its beginning to the checker's word; and what is said of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.checker import Violation, violations
from tests.simulation.history import Attempted, Happened
from tests.simulation.house import House
from tests.simulation.plot import Plot
from tests.simulation.settling import settle
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Watched:
    """What happened under a seed, and which promises were broken."""

    seed: int
    history: tuple[Happened, ...]
    broken: tuple[Violation, ...]


def watch(seed: int, house_of: Callable[..., House] = House) -> Watched:
    """Run a seed's world and check its history. An error that nobody should see is a broken promise, too."""
    world = World(seed, house_of)
    try:
        Plot(world).run()
        settle(world)
    except Exception as error:
        where = "".join(traceback.format_exception(error))
        broken = (Violation("errors are of the known kinds", len(world.history), where),)
        return Watched(seed, tuple(world.history), broken)
    return Watched(seed, tuple(world.history), violations(world.history))


def told(watched: Watched, *, whole: bool = False) -> str:
    """Return what to read of it: broken promises, how to see them again; with `whole`, all that was done."""
    lines = []
    if whole:
        lines += [
            f"{each.at:6} {each.time} {each.what}: {each.outcome}"
            for each in watched.history
            if isinstance(each, Attempted)
        ]
    lines += [f"seed {watched.seed}, at {each.at}: broken: {each.promise}: {each.how}" for each in watched.broken]
    if not watched.broken:
        lines.append(f"seed {watched.seed}: {len(watched.history)} things happened, every promise was kept")
    elif not whole:
        lines.append(f"see it again with: python -m tests.simulation {watched.seed}")
    return "\n".join(lines)
