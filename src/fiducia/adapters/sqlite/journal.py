"""A broker's journal in SQLite: durable, append-only, fail-closed.

Owns `journal`. Appenders that meet share one transaction and its fsync: who gets the pen writes for
all who wait. Rows are numbered without gaps and sealed with their number, kind and time, so altered,
moved and missing rows are found when reading (rows cut off at the end are not: anchored journal roots
are for that). Kind and time are in the clear.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from fiducia.adapters.custody_codec import check_journal_entry, decode_journal_body, encode_journal_body
from fiducia.adapters.key_encryption import KeyEncryption
from fiducia.adapters.sqlite.custody import JOURNAL, JOURNAL_PROBE, open_custody
from fiducia.adapters.sqlite.database import Kept
from fiducia.errors import ConfigError, JournalError, VaultLockedError
from fiducia.records.images import JournalEntry

_PAGE_ROWS: Final = 500
_PROBE_BYTES: Final = 16 * 1024  # several pages, so that a full disk shows


@dataclass(slots=True, eq=False)
class _Waiting:
    """One append call: its entries with their bodies, and how it went."""

    rows: list[tuple[JournalEntry, bytes]]
    done: bool = False
    error: BaseException | None = None


class SqliteJournal(Kept):
    """`fiducia.ports.Journal` on a SQLite file; thread-safe, several processes may share the file."""

    def __init__(self, path: Path, kek: KeyEncryption) -> None:
        """Open or make the file. Raises: VaultLockedError, ConfigError, JournalError."""
        with _fail_closed():
            database, self._sealer = open_custody(path, kek, "journal")
        super().__init__(database)
        self._queue: list[_Waiting] = []
        self._queue_lock = threading.Lock()
        self._pen = threading.Lock()

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append all in one durable write, in this order. Raises: JournalError (nothing acknowledged)."""
        with _fail_closed():
            mine = _Waiting([(entry, _checked_body(entry)) for entry in entries])
            if not mine.rows:
                return
            with self._queue_lock:
                self._queue.append(mine)
            with self._pen:
                if not mine.done:  # nobody wrote for us while we waited: write for all who wait now
                    self._write_waiting()
            if mine.error is not None:
                raise JournalError("the journal was not written") from mine.error

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """Yield what stood in the journal at the first step, in order, all or of one kind.

        Raises:
            JournalError: unreadable, altered, or rows are missing.
        """
        with _fail_closed(), self._database.read() as connection:
            last = _last(connection)
            if connection.scalar(select(func.count()).select_from(JOURNAL).where(JOURNAL.c.seq <= last)) != last:
                raise JournalError("entries of the journal are missing; restore it from a backup")
        wanted = select(JOURNAL).where(JOURNAL.c.seq <= last).order_by(JOURNAL.c.seq).limit(_PAGE_ROWS)
        if kind is not None:
            wanted = wanted.where(JOURNAL.c.kind == kind)
        seen = 0
        while True:
            # Page by page: a reader that dawdles must not hold a transaction, or the log could not be cut.
            with _fail_closed(), self._database.read() as connection:
                rows = connection.execute(wanted.where(JOURNAL.c.seq > seen)).all()
            if not rows:
                return
            for row in rows:
                yield self._open(row.seq, row.kind, row.at, row.sealed)
            seen = rows[-1].seq

    def health(self) -> None:
        """Write durably as an append would, beside the journal, and return. Raises: JournalError."""
        with _fail_closed(), self._database.write() as connection:
            probe = connection.execute(insert(JOURNAL_PROBE).values(filler=bytes(_PROBE_BYTES)))
            (number,) = probe.inserted_primary_key or (None,)
            connection.execute(delete(JOURNAL_PROBE).where(JOURNAL_PROBE.c.id != number))

    def _write_waiting(self) -> None:
        """Write everybody's entries in one transaction; called with the pen held."""
        with self._queue_lock:
            batch, self._queue = self._queue, []
        error: BaseException | None = JournalError("writing the journal was interrupted")
        try:
            with self._database.write() as connection:
                self._insert(connection, [row for waiting in batch for row in waiting.rows])
            error = None
        except Exception as raised:
            error = raised  # each caller raises it for itself
        finally:
            for waiting in batch:
                waiting.done, waiting.error = True, error

    def _insert(self, connection: Connection, rows: Sequence[tuple[JournalEntry, bytes]]) -> None:
        first = _last(connection) + 1
        values = [
            {
                "seq": seq,
                "kind": entry.kind,
                "at": entry.at,
                "sealed": self._sealer.seal(body, *_place(seq, entry.kind, entry.at)),
            }
            for seq, (entry, body) in enumerate(rows, first)
        ]
        connection.execute(insert(JOURNAL), values)

    def _open(self, seq: int, kind: str, at: int, sealed: bytes) -> JournalEntry:
        with _fail_closed():
            return decode_journal_body(kind, at, self._sealer.open(sealed, *_place(seq, kind, at)))


@contextmanager
def _fail_closed() -> Iterator[None]:
    """Whatever goes wrong, the journal was not written: one error for all, but keys and settings keep theirs."""
    try:
        yield
    except (JournalError, VaultLockedError, ConfigError):
        raise
    except Exception as error:
        raise JournalError("the journal cannot be written or read: nothing may be released") from error


def _checked_body(entry: JournalEntry) -> bytes:
    check_journal_entry(entry)
    return encode_journal_body(entry)


def _last(connection: Connection) -> int:
    return connection.scalar(select(func.coalesce(func.max(JOURNAL.c.seq), 0))) or 0


def _place(seq: int, kind: str, at: int) -> tuple[bytes, ...]:
    return seq.to_bytes(8, "big"), kind.encode(), at.to_bytes(8, "big")
