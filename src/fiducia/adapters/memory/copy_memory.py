"""What a home remembers of its copies, in memory."""

from __future__ import annotations

from fiducia.records.copies import Reached


class MemoryCopyMemory:
    """A `fiducia.ports.CopyMemory` in an attribute."""

    def __init__(self) -> None:
        self._last: Reached | None = None

    def last(self) -> Reached | None:
        """See `CopyMemory.last`."""
        return self._last

    def note(self, reached: Reached) -> None:
        """See `CopyMemory.note`."""
        self._last = reached
