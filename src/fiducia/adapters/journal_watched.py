"""A journal that is waited for no longer than agreed, and not written while it is known to lie.

Owns the deadline: a sink that hangs is an error like one that is full, and what waits for it is answered. An entry may
still be written after its caller was refused: the journal then tells of an act that was not done, never the other way
round. Owns the guard, too: while it objects (entries that were signed for are gone), nothing is appended, and no key
leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Final, TypeVar

from fiducia.errors import JournalError
from fiducia.ports import Journal
from fiducia.records.images import JournalEntry
from fiducia.records.journal import Disclosed

DEADLINE_S: Final = 10.0
AT_ONCE: Final = 64
"""Appends that may hang together; further ones wait for them, and are refused at their own deadline."""

_Result = TypeVar("_Result")


class WatchedJournal:
    """`fiducia.ports.Journal` around another one; safe for threads.

    Args:
        journal: what is watched.
        guard: raises JournalError while nothing may be appended.
        deadline_s: how long one append may take.
    """

    def __init__(
        self, journal: Journal, guard: Callable[[], None] = lambda: None, *, deadline_s: float = DEADLINE_S
    ) -> None:
        self._journal = journal
        self._guard = guard
        self._deadline_s = deadline_s
        self._appending = ThreadPoolExecutor(AT_ONCE, "journal")
        self._probing = ThreadPoolExecutor(1, "journal-health")

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append all in one durable write. Raises: JournalError (guarded, not written, or not in time)."""
        self.begin(entries)()

    def begin(self, entries: Sequence[JournalEntry]) -> Callable[[], None]:
        """Begin to append; return what waits until it is done, as `append` would. Raises: JournalError (guarded)."""
        self._guard()
        return self._begun(self._appending, lambda: self._journal.append(entries))

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """Yield entries in order. Raises: JournalError."""
        return self._journal.entries(kind)

    def since(self, reached: int, kinds: Collection[str]) -> tuple[int, Sequence[JournalEntry]]:
        """Return how far the journal reaches, and what came after a place in it. Raises: JournalError (or not in time).

        Whoever hands over looks here first, so a sink that hangs must be an answer here, too.
        """
        return self._in_time(self._appending, lambda: self._journal.since(reached, kinds))

    def size(self) -> int:
        """Return how many entries there are. Raises: JournalError."""
        return self._journal.size()

    def leaves(self, start: int, end: int) -> Sequence[bytes]:
        """Return the leaves from `start` up to `end`. Raises: JournalError."""
        return self._journal.leaves(start, end)

    def disclose(self, index: int) -> Disclosed:
        """Return an entry with the salt of its leaf. Raises: JournalError."""
        return self._journal.disclose(index)

    def health(self) -> None:
        """Return when an append can be expected to succeed. Raises: JournalError."""
        self._guard()
        self._in_time(self._probing, self._journal.health)

    def close(self) -> None:
        """Let go of the threads; what is watched is closed by whoever opened it."""
        self._appending.shutdown(wait=False, cancel_futures=True)
        self._probing.shutdown(wait=False, cancel_futures=True)

    def _in_time(self, pool: ThreadPoolExecutor, act: Callable[[], _Result]) -> _Result:
        return self._begun(pool, act)()

    def _begun(self, pool: ThreadPoolExecutor, act: Callable[[], _Result]) -> Callable[[], _Result]:
        future = pool.submit(act)

        def wait() -> _Result:
            try:
                return future.result(self._deadline_s)
            except FutureTimeoutError as error:
                future.cancel()
                raise JournalError(
                    f"the journal hangs: it did not answer within {self._deadline_s:g} s, so nothing is released; "
                    "look at its disk or its database"
                ) from error

        return wait
