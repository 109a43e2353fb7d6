"""What was begun in a browser and is to be finished there: found by a random handle, once, and not for long.

In memory: who was half-way when the process ended begins anew.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from fiducia.ports import Clock, Entropy

AT_MOST = 2000
_HANDLE_BYTES = 32

_Begun = TypeVar("_Begun")


class Pending(Generic[_Begun]):
    """Things that were begun. Safe for threads.

    Example:
        ``handle = pending.put(begun); pending.take(handle)``; the second time, that is None
    """

    def __init__(self, *, clock: Clock, entropy: Entropy, lasts_s: int) -> None:
        self._clock = clock
        self._entropy = entropy
        self._lasts_s = lasts_s
        self._lock = threading.Lock()
        self._begun: dict[str, tuple[int, _Begun]] = {}  # the oldest first

    def put(self, begun: _Begun) -> str:
        """Keep it; return its handle, 64 hex digits."""
        handle, now = self._entropy.token(_HANDLE_BYTES).hex(), self._clock.now()
        with self._lock:
            self._begun = {name: each for name, each in self._begun.items() if now < each[0]}
            while len(self._begun) >= AT_MOST:  # somebody floods: the oldest begin again
                self._begun.pop(next(iter(self._begun)))
            self._begun[handle] = (now + self._lasts_s, begun)
        return handle

    def take(self, handle: str) -> _Begun | None:
        """Return what has this handle, for the only time; None when it is over or was never begun."""
        with self._lock:
            not_after, begun = self._begun.pop(handle, (0, None))
        return begun if self._clock.now() < not_after else None
