"""Wires between institutions, and the processes at their ends: what is sent may be lost, come twice, or find nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fiducia.core import ids
from fiducia.errors import LedgerUnreachableError
from fiducia.records.typed import StaffAccess
from tests.simulation.chance import Killed, Process
from tests.simulation.history import Acknowledged, HandedOver

if TYPE_CHECKING:
    from tests.simulation.house import House
    from tests.simulation.world import World


class Wire:
    """An institution's broker as others reach it: `fiducia.ports.Broker`."""

    def __init__(self, world: World, house: House) -> None:
        self._world, self._house = world, house

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        return lambda asked: self._call(method, asked)

    def _call(self, method: str, asked: Any) -> Any:
        world, chance = self._world, self._world.chance
        world.point(f"wire.{method}", meanwhile=True)
        self._lost()
        began, began_time = world.mark()
        if chance.of(chance.weather.twice):
            self._serve(method, asked)
        answer = self._serve(method, asked)
        self._lost()
        if method == "revoke":
            world.note(Acknowledged, began=began, began_time=began_time, broker=self._house.institution, act=asked)
        return answer

    def _lost(self) -> None:
        if self._world.chance.of(self._world.chance.weather.lose):
            raise unreachable()

    def _serve(self, method: str, asked: Any) -> Any:
        """Have the broker's process answer; its end looks like a lost connection to whoever asked."""
        process = self._house.broker_process
        if not process.alive:
            raise unreachable()
        began, began_time = self._world.mark()
        try:
            with self._world.running(process):
                answer = getattr(self._house.server, method)(asked)
        except Killed as killed:
            self._house.broker_killed()
            if killed.process is not process:  # whoever asked is gone, too
                raise
            raise unreachable() from None
        if method == "hand_over" and isinstance(asked, StaffAccess):
            self._world.note(
                HandedOver,
                began=began,
                began_time=began_time,
                trustee=self._house.institution,
                request_id=ids.request_id(asked.request),
                access=asked,
            )
        return answer


def unreachable() -> LedgerUnreachableError:
    """Return what a caller gets of a broker that does not answer."""
    return LedgerUnreachableError("the broker does not answer; is it up? see `fiducia status`")


def begin(kind: str, institution: int) -> Process:
    """Return a new process of an institution."""
    return Process(f"{kind} {institution}")
