"""Copies of a home: what is copied, where to, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from fiducia.ports.keeping import Piece
from fiducia.records.copies import Change, Reached


class CopySource(Protocol):
    """One part of a home as copies hold it: whatever adapter keeps it, and under whatever key."""

    @property
    def grows(self) -> bool:
        """Whether changes add up: then what is told ends with what was there at the first step.

        Of other parts the last change to one thing counts, however often it is told.
        """
        ...

    def dump(self) -> Iterator[Change]:
        """Yield changes that give an empty part the present content. Raises: VaultError, JournalError."""
        ...

    def apply(self, changes: Sequence[Change]) -> None:
        """Take changes, in order, all of them durable when this returns; those that were taken before change nothing.

        Raises:
            VaultError, JournalError: not taken, or the part holds something else.
            EncodingError: not a change of this part.
        """
        ...


class SecondPlace(Protocol):
    """Where copies of a home lie: named, never replaced, whole or not there. Trusted with availability only.

    Every method raises BackupError when the place cannot be read or written.
    """

    def alone(self) -> AbstractContextManager[None]:
        """Hold the place alone, across threads, processes and machines; a crash lets go.

        Raises: BackupError (also when it is held for too long).
        """
        ...

    def put(self, name: str, pieces: Iterable[Piece]) -> None:
        """Keep `pieces` under a new name, durable when this returns; what `pieces` raises leaves nothing.

        Raises: BackupError (also when the name is taken).
        """
        ...

    def size(self, name: str) -> int | None:
        """Return an object's size in bytes; None when there is none."""
        ...

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        ...

    def names(self) -> tuple[str, ...]:
        """Return all names, sorted."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Forget objects in this order; absent ones are done."""
        ...

    def mark(self, unfinished: bool) -> None:
        """Note, durably, that something is being written that is not here yet; or that it is."""
        ...

    def marked(self) -> bool:
        """Tell whether that was noted and never taken back."""
        ...


class CopyMemory(Protocol):
    """What a home remembers of the copies that it wrote to its second place, so that it notices when they are cut off.

    It may remember less than is there, never more.
    """

    def last(self) -> Reached | None:
        """Return how far they reach; None when nothing is remembered."""
        ...

    def note(self, reached: Reached) -> None:
        """Remember it; called alone at the place, after what it names is there."""
        ...
