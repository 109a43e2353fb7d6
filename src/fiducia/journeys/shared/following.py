"""What a broker remembers of its journal, kept up to date: several brokers of one member may write one journal.

Whatever rests on the journal looks here before it answers, so a revoke that one broker took is denied by every other
from the same moment on.
"""

from __future__ import annotations

from collections.abc import Sequence

from fiducia.ports import Journal
from fiducia.records.images import JournalEntry


class Following:
    """A place in a journal, and what came after it. Not thread-safe: its owner's lock is held.

    Args:
        journal: the journal that is followed, from its beginning.
        kinds: what is wanted of it.
    """

    def __init__(self, journal: Journal, *kinds: str) -> None:
        self._journal = journal
        self._kinds = kinds
        self._reached = 0

    def news(self) -> Sequence[JournalEntry]:
        """Return what came since the last call, in order, written by whoever. Raises: JournalError."""
        self._reached, entries = self._journal.since(self._reached, self._kinds)
        return entries
