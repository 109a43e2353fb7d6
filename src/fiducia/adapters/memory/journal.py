"""A broker's journal in memory, with a switch that breaks it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from fiducia.adapters.custody_codec import check_journal_entry, encode_journal_body
from fiducia.adapters.memory.closing import Closing
from fiducia.errors import EncodingError, JournalError
from fiducia.records.images import JournalEntry


class MemoryJournal(Closing):
    """`fiducia.ports.Journal` in a list; thread-safe.

    Attributes:
        working: set it to False and every call fails as on a full disk, until it is True again.
    """

    def __init__(self) -> None:
        self.working = True
        self._entries: list[JournalEntry] = []
        self._lock = threading.Lock()

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append all, in this order. Raises: JournalError (nothing appended)."""
        entries = tuple(entries)
        try:
            for entry in entries:
                check_journal_entry(entry)
                encode_journal_body(entry)
        except EncodingError as error:
            raise JournalError("the journal cannot be written: nothing may be released") from error
        with self._lock:
            self.health()
            self._entries.extend(entries)

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """Yield what stood in the journal at the first step, in order, all or of one kind. Raises: JournalError."""
        with self._lock:
            self.health()
            found = tuple(self._entries)
        yield from (entry for entry in found if kind is None or entry.kind == kind)

    def health(self) -> None:
        """Return while `working`. Raises: JournalError."""
        if not self.working:
            raise JournalError("the journal cannot be written: nothing may be released")
