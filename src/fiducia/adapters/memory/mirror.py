"""A mirror that forgets when the process ends: replays a ledger's events into one `State`."""

from __future__ import annotations

import threading

from fiducia.core.replay import State
from fiducia.errors import LedgerInconsistencyError
from fiducia.ports import Ledger


class MemoryMirror:
    """A `Mirror` over any ledger; `first_block` is the block of the contracts' deployment."""

    def __init__(self, ledger: Ledger, first_block: int = 0) -> None:
        self._ledger = ledger
        self._next_block = first_block
        self._state = State()
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
                for event in self._ledger.events(self._next_block, head.number):
                    state.apply(event)
                self._state, self._next_block = state, head.number + 1
            self._state.reach(head)
        return self._state

    def state(self) -> State:
        """Return the state as last seen; see `fiducia.ports.Mirror.state`."""
        return self._state
