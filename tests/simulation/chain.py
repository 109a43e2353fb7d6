"""The chain as one member has it in a simulated world: a clock that is off, an endpoint that lags or loses answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.core.policy import verify_access
from fiducia.core.replay import State
from fiducia.errors import FiduciaError, LedgerNotFinalError, LedgerStaleError, LedgerUnreachableError
from fiducia.records.events import LedgerEvent, StudyErased
from fiducia.records.ledger import Act, Facts, Head, Receipt
from fiducia.records.typed import Access, KeyRequest
from tests.simulation.checker import HEAD_AGE_S

if TYPE_CHECKING:
    from tests.simulation.world import World


class Clock:
    """A member's clock: the true time, and how far it is off."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.skew_s = 0

    def now(self) -> int:
        """See `Clock.now`."""
        return self._world.now + self.skew_s

    def pause(self, seconds: float) -> None:
        """See `Clock.pause`."""
        self._world.clock.pause(seconds)


class Chain:
    """The one chain of a world, and what of it was written into the history."""

    def __init__(self, world: World, ledger: MemoryLedger) -> None:
        self.ledger = ledger
        self._world = world
        self._noted = 0

    def newest(self) -> int:
        """Return the number of the newest block, after one was made if there was time for one."""
        with suppress(LedgerStaleError):  # how old a head may be is judged by each member
            self.ledger.head()
        self.note()
        return self._noted

    def note(self) -> None:
        """Write new blocks into the history."""
        while True:
            try:
                head = self.ledger.block(self._noted + 1)
            except FiduciaError:
                return
            self._noted += 1
            found = self.ledger.events(head.number, head.number)
            self._world.noted_block(head, tuple(map(_repeatable, found)))


def _repeatable(event: LedgerEvent) -> LedgerEvent:
    """An event as it is in every run: a certificate of erasure has signatures that are not."""
    return replace(event, certificate=bytes(32)) if isinstance(event, StudyErased) else event


class Endpoint:
    """A member's way to the chain: `fiducia.ports.Ledger` at an endpoint that may lag, be down, or lose answers."""

    def __init__(self, world: World, chain: Chain, clock: Clock) -> None:
        self.lag_s = 0
        self.unreachable = False
        self.clock = clock
        self._world, self._chain = world, chain
        self._state = State()

    def head(self) -> Head:
        """See `Ledger.head`."""
        return self._look().head

    def block(self, number: int) -> Head:
        """See `Ledger.block`."""
        self._reachable()
        return self._chain.ledger.block(number)

    def facts(self, access: Access) -> Facts:
        """See `Ledger.facts`."""
        return self._look().facts(access, verify_access(self._chain.ledger.domains, access))

    def are_open(self, requests: Sequence[KeyRequest]) -> tuple[Head, tuple[bool, ...]]:
        """See `Ledger.are_open`."""
        state = self._look()
        return state.head, tuple(state.is_open(request) for request in requests)

    def events(self, first_block: int, last_block: int) -> Iterator[LedgerEvent]:
        """See `Ledger.events`."""
        self._reachable()
        return self._chain.ledger.events(first_block, min(last_block, self._state.head.number))

    def submit(self, act: Act) -> Receipt:
        """See `Ledger.submit`: a block later it is final, where it is in time and this endpoint shows it."""
        chance, faults = self._world.chance, self._chain.ledger.faults
        self._world.point("ledger.submit", meanwhile=True)
        self._look()
        self._lost()
        faults.delay = int(chance.of(chance.weather.late))
        faults.lose = int(chance.of(chance.weather.late / 2))
        self._world.clock.advance(1)
        try:
            receipt = self._chain.ledger.submit(act)
        finally:
            faults.delay = faults.lose = 0
            self._chain.note()
        self._world.point("ledger.submitted")
        self._lost()
        self._world.clock.advance(self.lag_s)
        if self._look().head.number < receipt.head.number:
            raise LedgerNotFinalError("sent, and not final yet; run the same command again")
        return receipt

    def _reachable(self) -> None:
        if self.unreachable:
            raise LedgerUnreachableError("no endpoint of the chain answered")

    def _lost(self) -> None:
        if self._world.chance.of(self._world.chance.weather.lose):
            raise LedgerUnreachableError("no endpoint of the chain answered")

    def _look(self) -> State:
        """What this endpoint shows now: the newest block that is as old as it lags, or one that it showed before."""
        self._reachable()
        number, shown = self._chain.newest(), self._state.head.number
        ledger = self._chain.ledger
        while number > max(shown, 1) and ledger.block(number).time_at > self._world.now - self.lag_s:
            number -= 1
        if number > shown:
            for event in ledger.events(shown + 1, number):
                self._state.apply(event)
            self._state.reach(ledger.block(number))
        if abs(self.clock.now() - self._state.head.time_at) > HEAD_AGE_S:
            raise LedgerStaleError("the chain's newest block is further from this machine's clock than allowed")
        return self._state
