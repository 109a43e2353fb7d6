"""A second place in memory, with a switch that cuts it off."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from fiducia.errors import BackupError
from fiducia.ports import Piece


class MemorySecondPlace:
    """A `fiducia.ports.SecondPlace` in a dictionary; thread-safe.

    Attributes:
        working: set it to False and every call fails as on a disk that is gone, until it is True again.
        objects: what lies there, by name; tests alter it.
    """

    def __init__(self) -> None:
        self.working = True
        self.objects: dict[str, bytes] = {}
        self._marked = False
        self._alone = threading.Lock()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `SecondPlace.alone`."""
        self._check()
        with self._alone:
            yield

    def put(self, name: str, pieces: Iterable[Piece]) -> None:
        """See `SecondPlace.put`."""
        self._check()
        content = b"".join(bytes(piece) for piece in pieces)
        if name in self.objects:
            raise BackupError(f"the second place has {name} already")
        self.objects[name] = content

    def size(self, name: str) -> int | None:
        """See `SecondPlace.size`."""
        self._check()
        return len(self.objects[name]) if name in self.objects else None

    def read(self, name: str, offset: int, length: int) -> bytes:
        """See `SecondPlace.read`."""
        self._check()
        content = self.objects.get(name, b"")[offset : offset + length]
        if len(content) != length:
            raise BackupError(f"the second place has not all of {name}")
        return content

    def names(self) -> tuple[str, ...]:
        """See `SecondPlace.names`."""
        self._check()
        return tuple(sorted(self.objects))

    def remove(self, names: Sequence[str]) -> None:
        """See `SecondPlace.remove`."""
        self._check()
        for name in names:
            self.objects.pop(name, None)

    def mark(self, unfinished: bool) -> None:
        """See `SecondPlace.mark`."""
        self._check()
        self._marked = unfinished

    def marked(self) -> bool:
        """See `SecondPlace.marked`."""
        self._check()
        return self._marked

    def _check(self) -> None:
        if not self.working:
            raise BackupError("the second place does not answer: is its disk there?")
