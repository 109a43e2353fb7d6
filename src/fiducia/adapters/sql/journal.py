"""A broker's journal in a database: durable, append-only, fail-closed.

Owns `journal`; each row has a leaf beside it (`leaves`). Appenders that meet share one transaction and its fsync: who
gets the pen writes for all who wait. Rows are numbered without gaps and sealed with their number, kind and time, so
altered, moved and missing rows are found when reading (rows cut off at the end are not: signed checkpoints, witnesses
and anchors are for that). Kind and time are in the clear.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, func, insert, select

from fiducia.adapters.custody_codec import check_journal_entry, decode_journal_body, encode_journal_body
from fiducia.adapters.key_encryption import KeyEncryption
from fiducia.adapters.sql import leaves
from fiducia.adapters.sql.custody import JOURNAL, JOURNAL_PROBE, open_custody
from fiducia.adapters.sql.database import Kept, Place
from fiducia.adapters.sql.prepared import Prepared
from fiducia.errors import ConfigError, JournalError, VaultError, VaultLockedError
from fiducia.records.images import JournalEntry
from fiducia.records.journal import Disclosed

_PAGE_ROWS: Final = 500
_PROBE_BYTES: Final = 16 * 1024  # several pages, so that a full disk shows
_LAST: Final = Prepared(select(func.max(JOURNAL.c.seq)))
_ADD: Final = Prepared(insert(JOURNAL))


@dataclass(slots=True, eq=False)
class _Waiting:
    """One append call: its entries with their bodies and their leaves' salts, and how it went."""

    rows: list[tuple[JournalEntry, bytes, bytes]]
    done: bool = False
    error: BaseException | None = None


class SqlJournal(Kept):
    """`fiducia.ports.Journal` in a database; thread-safe, several processes may share it."""

    def __init__(self, place: Place, kek: KeyEncryption) -> None:
        """Open or make it. Raises: VaultLockedError, ConfigError, JournalError."""
        with _fail_closed():
            database, self._sealer = open_custody(place, kek, "journal")
        super().__init__(database)
        self._queue: list[_Waiting] = []
        self._queue_lock = threading.Lock()
        self._pen = threading.Lock()
        self._add_leaves()

    def append(self, entries: Sequence[JournalEntry], salts: Sequence[bytes] | None = None) -> None:
        """Append all in one durable write, in this order; their leaves have these salts, where copies know them.

        Raises:
            JournalError: nothing is acknowledged.
        """
        with _fail_closed():
            salted = zip(entries, leaves.new_salts(len(entries)) if salts is None else salts, strict=True)
            mine = _Waiting([(entry, _checked_body(entry), salt) for entry, salt in salted])
            if not mine.rows:
                return
            with self._queue_lock:
                self._queue.append(mine)
            with self._pen:
                if not mine.done:  # nobody wrote for us while we waited: write for all who wait now
                    self._write_waiting()
            if mine.error is not None:
                raise _not_written(mine.error) from mine.error

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """Yield what stood in the journal at the first step, in order, all or of one kind.

        Raises:
            JournalError: unreadable, altered, or rows are missing.
        """
        wanted = select(JOURNAL)
        for row in self._rows(wanted if kind is None else wanted.where(JOURNAL.c.kind == kind)):
            yield self._open(row.seq, row.kind, row.at, row.sealed)

    def salted(self) -> Iterator[tuple[JournalEntry, bytes]]:
        """Yield the same with the salts of the entries' leaves. Raises: JournalError."""
        for row in self._rows(leaves.beside(select(JOURNAL))):
            entry = self._open(row.seq, row.kind, row.at, row.sealed)
            with _fail_closed():
                salt = leaves.open_salt(self._sealer, row.seq, entry, row.leaf, row.salt)
            yield entry, salt

    def _rows(self, wanted: Select[Any]) -> Iterator[Any]:
        """Yield rows of the journal up to what was the last one at the first step, in order."""
        with _fail_closed(), self._database.read() as connection:
            last = _last(connection)
            if connection.scalar(select(func.count()).select_from(JOURNAL).where(JOURNAL.c.seq <= last)) != last:
                raise JournalError("entries of the journal are missing; restore it from a backup")
        wanted = wanted.where(JOURNAL.c.seq <= last).order_by(JOURNAL.c.seq).limit(_PAGE_ROWS)
        seen = 0
        while True:
            # Page by page: a reader that dawdles must not hold a transaction, or the log could not be cut.
            with _fail_closed(), self._database.read() as connection:
                rows = connection.execute(wanted.where(JOURNAL.c.seq > seen)).all()
            if not rows:
                return
            yield from rows
            seen = rows[-1].seq

    def size(self) -> int:
        """Return how many entries there are. Raises: JournalError (unreadable, or last leaf and last row differ)."""
        with _fail_closed(), self._database.read() as connection:
            found = leaves.last(connection)
            if found != _last(connection):
                raise JournalError("the journal and its leaves differ; restore it from a backup")
            return found

    def leaves(self, start: int, end: int) -> Sequence[bytes]:
        """Return the leaves from `start` up to `end`, counted from 0. Raises: JournalError."""
        with _fail_closed(), self._database.read() as connection:
            return leaves.stretch(connection, start, end)

    def disclose(self, index: int) -> Disclosed:
        """Return an entry with the salt of its leaf. Raises: JournalError."""
        with _fail_closed(), self._database.read() as connection:
            row = connection.execute(select(JOURNAL).where(JOURNAL.c.seq == index + 1)).one_or_none()
            if row is None:
                raise JournalError("the journal has no such entry")
            entry = self._open(row.seq, row.kind, row.at, row.sealed)
            return leaves.open_disclosed(connection, self._sealer, row.seq, entry)

    def since(self, reached: int, kinds: Collection[str]) -> tuple[int, Sequence[JournalEntry]]:
        """Return how far it reaches, and what came after `reached`. See `Journal.since`."""
        with _fail_closed(), self._database.read() as connection:
            last = _last(connection)
            if last < reached:
                raise JournalError("entries of the journal are missing; restore it from a backup")
            if last == reached:
                return last, ()
            newer = JOURNAL.c.seq.between(reached + 1, last)
            if connection.scalar(select(func.count()).select_from(JOURNAL).where(newer)) != last - reached:
                raise JournalError("entries of the journal are missing; restore it from a backup")
            wanted = select(JOURNAL).where(newer, JOURNAL.c.kind.in_(kinds)).order_by(JOURNAL.c.seq)
            rows = connection.execute(wanted).all()
        return last, tuple(self._open(row.seq, row.kind, row.at, row.sealed) for row in rows)

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

    def _insert(self, connection: Connection, rows: Sequence[tuple[JournalEntry, bytes, bytes]]) -> None:
        first = _last(connection) + 1
        values = [
            {
                "seq": seq,
                "kind": entry.kind,
                "at": entry.at,
                "sealed": self._sealer.seal(body, *_place(seq, entry.kind, entry.at)),
            }
            for seq, (entry, body, _) in enumerate(rows, first)
        ]
        _ADD.each(connection, values)
        leaves.add(connection, self._sealer, first, [(entry, salt) for entry, _, salt in rows])

    def _add_leaves(self) -> None:
        """Make the leaves of a journal of before there were any, all of them or none."""
        with _fail_closed(), self._database.read() as connection:
            if leaves.last(connection) or not _last(connection):
                return
        with _fail_closed(), self._database.write() as connection:
            if leaves.last(connection):
                return
            for row in connection.execute(select(JOURNAL).order_by(JOURNAL.c.seq)).all():
                entry = self._open(row.seq, row.kind, row.at, row.sealed)
                leaves.add(connection, self._sealer, row.seq, [(entry, leaves.new_salts(1)[0])])

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
        raise _not_written(error) from error


def _not_written(error: BaseException) -> JournalError:
    """The error with its cause, so that whoever operates the broker learns what to do; it quotes no row."""
    if isinstance(error, JournalError):
        return error
    why = f" ({error})" if isinstance(error, VaultError) else ""
    return JournalError(f"the journal cannot be written or read: nothing may be released{why}")


def _checked_body(entry: JournalEntry) -> bytes:
    check_journal_entry(entry)
    return encode_journal_body(entry)


def _last(connection: Connection) -> int:
    ((last,),) = _LAST.rows(connection)
    return last or 0


def _place(seq: int, kind: str, at: int) -> tuple[bytes, ...]:
    return seq.to_bytes(8, "big"), kind.encode(), at.to_bytes(8, "big")
