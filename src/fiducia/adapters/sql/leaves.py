"""The log's leaves beside a journal's rows: one for each, written in the same transaction.

Owns the rows of `journal_leaves`: the row's number, the leaf as everybody may see it (`core.tlog.leaf`), and its salt,
sealed. A journal that was written before there were leaves gets them when it is opened, each with a salt of its own.
Opening an entry and its leaf side by side is `open_salt`'s: a row or a leaf that was changed does not fit its
partner.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, func, insert, select

from fiducia.adapters.sql.custody import JOURNAL, JOURNAL_LEAVES
from fiducia.adapters.sql.prepared import Prepared
from fiducia.adapters.sql.sealing import Sealer
from fiducia.core.tlog.leaf import LEAF_BYTES, SALT_BYTES, leaf_of
from fiducia.errors import JournalError
from fiducia.records.images import JournalEntry
from fiducia.records.journal import Disclosed

_PLACE: Final = b"leaf-salt"
_ADD: Final = Prepared(insert(JOURNAL_LEAVES))


def new_salts(count: int) -> list[bytes]:
    """Return fresh salts for that many leaves."""
    return [secrets.token_bytes(SALT_BYTES) for _ in range(count)]


def add(connection: Connection, sealer: Sealer, first: int, entries: Sequence[tuple[JournalEntry, bytes]]) -> None:
    """Write the leaves of rows that are numbered from `first` on, each with its salt. Raises: EncodingError."""
    values = []
    for seq, (entry, salt) in enumerate(entries, first):
        values.append({"seq": seq, "leaf": leaf_of(entry, salt), "salt": sealer.seal(salt, *_place(seq))})
    _ADD.each(connection, values)


def last(connection: Connection) -> int:
    """Return the number of the last leaf, 0 when there is none: whoever reads the leaves finds gaps."""
    return connection.scalar(select(func.coalesce(func.max(JOURNAL_LEAVES.c.seq), 0))) or 0


def stretch(connection: Connection, start: int, end: int) -> list[bytes]:
    """Return the leaves at `start` up to `end`, counted from 0. Raises: JournalError (one is missing)."""
    wanted = select(JOURNAL_LEAVES.c.leaf).where(JOURNAL_LEAVES.c.seq > start, JOURNAL_LEAVES.c.seq <= end)
    found = [bytes(row.leaf) for row in connection.execute(wanted.order_by(JOURNAL_LEAVES.c.seq))]
    if len(found) != end - start or any(len(leaf) != LEAF_BYTES for leaf in found):
        raise JournalError("leaves of the journal are missing; restore it from a backup")
    return found


def open_disclosed(connection: Connection, sealer: Sealer, seq: int, entry: JournalEntry) -> Disclosed:
    """Return an entry with its salt. Raises: JournalError (it is not what its leaf was made of), VaultError."""
    row: Any = connection.execute(select(JOURNAL_LEAVES).where(JOURNAL_LEAVES.c.seq == seq)).one_or_none()
    return Disclosed(seq - 1, entry, open_salt(sealer, seq, entry, row.leaf if row else None, row.salt if row else b""))


def beside(rows: Select[Any]) -> Select[Any]:
    """Return a query of the journal's rows with `leaf` and `salt` of each, None where there is no leaf."""
    same = JOURNAL_LEAVES.c.seq == JOURNAL.c.seq
    return rows.add_columns(JOURNAL_LEAVES.c.leaf, JOURNAL_LEAVES.c.salt).outerjoin(JOURNAL_LEAVES, same)


def open_salt(sealer: Sealer, seq: int, entry: JournalEntry, leaf: bytes | None, sealed_salt: bytes) -> bytes:
    """Return the salt of an entry's leaf. Raises: JournalError (it has none, or another entry's), VaultError."""
    if leaf is None:
        raise JournalError("an entry of the journal has no leaf; restore the journal from a backup")
    salt = sealer.open(sealed_salt, *_place(seq))
    if not hmac.compare_digest(leaf_of(entry, salt), leaf):
        raise JournalError("an entry of the journal is not what its leaf was made of: one of the two was changed")
    return salt


def _place(seq: int) -> tuple[bytes, ...]:
    return _PLACE, seq.to_bytes(8, "big")
