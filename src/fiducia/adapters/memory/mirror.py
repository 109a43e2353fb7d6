"""A mirror that forgets when the process ends: replays a ledger's events into one `State`."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from fiducia.core import wire
from fiducia.core.replay import State
from fiducia.errors import LedgerInconsistencyError
from fiducia.ports import Ledger
from fiducia.records.events import LedgerEvent


class MemoryMirror:
    """A `Mirror` over any ledger; `first_block` is the block of the contracts' deployment."""

    def __init__(self, ledger: Ledger, first_block: int = 0) -> None:
        self._ledger = ledger
        self._next_block = first_block
        self._state = State()
        self._events: list[LedgerEvent] = []
        self._lock = threading.Lock()

    def catch_up(self) -> State:
        """Read new final blocks; see `fiducia.ports.Mirror.catch_up`."""
        with self._lock:
            head = self._ledger.head()
            seen = self._state.head
            if any(seen.hash) and self._ledger.block(seen.number).hash != seen.hash:
                raise LedgerInconsistencyError("the chain is not the one that was mirrored so far")
            if head.number >= self._next_block:
                state = self._state.copy()  # others may be reading the one that was given out
                events = list(self._ledger.events(self._next_block, head.number))
                for event in events:
                    state.apply(event)
                self._events += events
                self._state, self._next_block = state, head.number + 1
            self._state.reach(head)
        return self._state

    def state(self) -> State:
        """Return the state as last seen; see `fiducia.ports.Mirror.state`."""
        return self._state

    def records(self, first_block: int, last_block: int) -> Iterator[tuple[int, bytes]]:
        """Yield records of a stretch of blocks; see `fiducia.ports.Mirror.records`."""
        for event in list(self._events):
            if first_block <= event.block_number <= last_block:
                yield event.block_number, wire.encode(event)
