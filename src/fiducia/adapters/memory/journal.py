"""A broker's journal in memory, with a switch that breaks it."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection, Iterator, Sequence

from fiducia.adapters.custody_codec import check_journal_entry, encode_journal_body
from fiducia.adapters.memory.closing import Closing
from fiducia.core.tlog.leaf import SALT_BYTES, leaf_of
from fiducia.errors import EncodingError, JournalError
from fiducia.records.images import JournalEntry
from fiducia.records.journal import Disclosed


class MemoryJournal(Closing):
    """`fiducia.ports.Journal` in a list; thread-safe.

    Attributes:
        working: set it to False and every call fails as on a full disk, until it is True again.
    """

    def __init__(self) -> None:
        self.working = True
        self._entries: list[JournalEntry] = []
        self._salts: list[bytes] = []
        self._leaves: list[bytes] = []
        self._lock = threading.Lock()

    def append(self, entries: Sequence[JournalEntry], salts: Sequence[bytes] | None = None) -> None:
        """Append all, in this order, with these salts of their leaves. Raises: JournalError (nothing appended)."""
        entries = tuple(entries)
        salts = [secrets.token_bytes(SALT_BYTES) for _ in entries] if salts is None else salts
        try:
            for entry in entries:
                check_journal_entry(entry)
                encode_journal_body(entry)
            leaves = [leaf_of(entry, salt) for entry, salt in zip(entries, salts, strict=True)]
        except EncodingError as error:
            raise JournalError("the journal cannot be written: nothing may be released") from error
        with self._lock:
            self.health()
            self._entries.extend(entries)
            self._salts.extend(salts)
            self._leaves.extend(leaves)

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """Yield what stood in the journal at the first step, in order, all or of one kind. Raises: JournalError."""
        with self._lock:
            self.health()
            found = tuple(self._entries)
        yield from (entry for entry in found if kind is None or entry.kind == kind)

    def salted(self) -> Iterator[tuple[JournalEntry, bytes]]:
        """Yield the same with the salts of the entries' leaves. Raises: JournalError."""
        with self._lock:
            self.health()
            found = tuple(zip(self._entries, self._salts, strict=True))
        yield from found

    def size(self) -> int:
        """Return how many entries there are. Raises: JournalError."""
        with self._lock:
            self.health()
            return len(self._entries)

    def leaves(self, start: int, end: int) -> Sequence[bytes]:
        """Return the leaves from `start` up to `end`. Raises: JournalError."""
        with self._lock:
            self.health()
            found = self._leaves[start:end]
        if len(found) != end - start:
            raise JournalError("leaves of the journal are missing; restore it from a backup")
        return found

    def disclose(self, index: int) -> Disclosed:
        """Return an entry with the salt of its leaf. Raises: JournalError."""
        with self._lock:
            self.health()
            if not 0 <= index < len(self._entries):
                raise JournalError("the journal has no such entry")
            entry, salt, leaf = self._entries[index], self._salts[index], self._leaves[index]
        if leaf_of(entry, salt) != leaf:
            raise JournalError("an entry of the journal is not what its leaf was made of: one of the two was changed")
        return Disclosed(index, entry, salt)

    def since(self, reached: int, kinds: Collection[str]) -> tuple[int, Sequence[JournalEntry]]:
        """Return how far it reaches, and what came after `reached`. See `Journal.since`."""
        with self._lock:
            self.health()
            if reached > len(self._entries):
                raise JournalError("entries of the journal are missing; restore it from a backup")
            newer = self._entries[reached:]
        return reached + len(newer), tuple(entry for entry in newer if entry.kind in kinds)

    def health(self) -> None:
        """Return while `working`. Raises: JournalError."""
        if not self.working:
            raise JournalError("the journal cannot be written: nothing may be released")
