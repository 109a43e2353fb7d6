"""What somebody remembers of logs, in a database: newest checkpoints, and evidence.

Owns the rows of `checkpoints` and `evidence`. All of it is meant for everybody, so nothing is sealed and no key is
needed. A member's brokers share it, as they do the journal. Rolling it back does not help a log that lies: witnesses
and the chain remember, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from fiducia.adapters.sql.custody import CHECKPOINTS, CUSTODY, EVIDENCE
from fiducia.adapters.sql.database import Kept, Place, open_database
from fiducia.core.tlog.witness import require_following
from fiducia.errors import JournalError, VaultError
from fiducia.records.journal import KeptCheckpoint


class SqlLogbook(Kept):
    """`fiducia.ports.Logbook` in a database; thread-safe, several processes may share it."""

    def __init__(self, place: Place) -> None:
        """Open or make it. Raises: ConfigError, JournalError."""
        with _as_journal():
            database = open_database(place, CUSTODY, "logbook")
        super().__init__(database)

    def newest(self, origin: str) -> KeptCheckpoint | None:
        """Return the newest checkpoint kept of a log. Raises: JournalError."""
        with _as_journal(), self._database.read() as connection:
            return _newest(connection, origin)

    def all(self) -> tuple[KeptCheckpoint, ...]:
        """Return the newest checkpoint of every log, by origin. Raises: JournalError."""
        with _as_journal(), self._database.read() as connection:
            return tuple(_kept(row) for row in connection.execute(select(CHECKPOINTS).order_by(CHECKPOINTS.c.origin)))

    def keep(self, kept: KeptCheckpoint, old_size: int) -> None:
        """Keep a checkpoint instead of the newest one, durably. Raises: LogConflictError, JournalError."""
        with _as_journal(), self._database.write() as connection:
            require_following(_newest(connection, kept.origin), kept, old_size)
            connection.execute(delete(CHECKPOINTS).where(CHECKPOINTS.c.origin == kept.origin))
            row = {"origin": kept.origin, "size": kept.size, "root": kept.root, "note": kept.note}
            connection.execute(insert(CHECKPOINTS).values(row))

    def accuse(self, evidence: bytes) -> None:
        """Keep evidence, durably. Raises: JournalError."""
        digest = hashlib.sha256(evidence).digest()
        with _as_journal(), self._database.write() as connection:
            known = connection.scalar(select(EVIDENCE.c.id).where(EVIDENCE.c.digest == digest))
            if known is None:
                connection.execute(insert(EVIDENCE).values(digest=digest, evidence=evidence))

    def evidence(self) -> tuple[bytes, ...]:
        """Return all evidence, oldest first. Raises: JournalError."""
        with _as_journal(), self._database.read() as connection:
            rows = connection.execute(select(EVIDENCE.c.evidence).order_by(EVIDENCE.c.id))
            return tuple(bytes(row.evidence) for row in rows)


def _newest(connection: Connection, origin: str) -> KeptCheckpoint | None:
    row = connection.execute(select(CHECKPOINTS).where(CHECKPOINTS.c.origin == origin)).one_or_none()
    return _kept(row) if row else None


def _kept(row: Any) -> KeptCheckpoint:
    return KeptCheckpoint(row.origin, row.size, bytes(row.root), bytes(row.note))


@contextmanager
def _as_journal() -> Iterator[None]:
    try:
        yield
    except VaultError as error:
        raise JournalError(f"what is remembered of logs cannot be read or written: {error}") from error
