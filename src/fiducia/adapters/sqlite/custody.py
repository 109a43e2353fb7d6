"""The custody database: its tables, and the check that it is opened with its own key-encryption key.

Owns the schema of everything that is sealed at rest (vault, directory, journal), of which a file may use
a part. Does not own the rows (one module per port beside this one). The check value is derived from
the key-encryption key, so a lost or another key is an error at opening and never garbage later.
"""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
    select,
)

from fiducia.adapters.key_encryption import KEY_BYTES, KeyEncryption
from fiducia.adapters.sqlite.database import Database, Schema, open_database
from fiducia.adapters.sqlite.sealing import Sealer, derive
from fiducia.errors import VaultLockedError

_METADATA: Final = MetaData()

KEY_CHECK: Final = Table(
    "key_check",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
)
# A salt of its own per secret, in rows of one size that are never deleted: SQLite then overwrites it in
# place, while cells that were deleted and merged can leave copies in a page's unused part.
VAULT_SALTS: Final = Table(
    "vault_salts",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
)
VAULT: Final = Table(
    "vault",
    _METADATA,
    Column("name", String, primary_key=True),
    Column("salt_id", Integer, ForeignKey("vault_salts.id"), nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
)
PATIENTS: Final = Table(
    "patients",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("lookup", LargeBinary, nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
)
STUDIES: Final = Table(
    "studies",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("lookup", LargeBinary, nullable=False, unique=True),
    Column("anchored", LargeBinary),
    Column("pending", LargeBinary),
)
JOURNAL: Final = Table(
    "journal",
    _METADATA,
    Column("seq", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("at", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
JOURNAL_PROBE: Final = Table(
    "journal_probe",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("filler", LargeBinary, nullable=False),
)
Index("journal_by_kind", JOURNAL.c.kind, JOURNAL.c.seq)


def _create_triggers(_: MetaData, connection: Connection, **__: object) -> None:
    """Have the database itself refuse to change what must only grow."""
    for table in (JOURNAL.name, KEY_CHECK.name):
        for verb in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    connection.exec_driver_sql(
        "CREATE TRIGGER journal_in_order BEFORE INSERT ON journal "
        "WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM journal) "
        "BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END"
    )


event.listen(_METADATA, "after_create", _create_triggers)
CUSTODY: Final = Schema(kind="fcus", version=1, metadata=_METADATA)


def open_custody(path: Path, kek: KeyEncryption, domain: str) -> tuple[Database, Sealer]:
    """Open the custody database with its key-encryption key; a new file is bound to the key given.

    Args:
        path: the database file.
        kek: asked once; the key itself is not kept.
        domain: which rows will be sealed and opened ("vault", "patients", "studies", "journal").

    Returns:
        The database and the sealer of that domain's rows.

    Raises:
        VaultLockedError: the key cannot be had, or the database was made with another.
        ConfigError, VaultError: as `open_database`.
    """
    key = kek.key()
    if len(key) != KEY_BYTES:
        raise VaultLockedError(f"the key-encryption key has {len(key)} bytes instead of {KEY_BYTES}")
    database = open_database(path, CUSTODY)
    try:
        return database, Sealer(key, _unlock(database, key), domain)
    except BaseException:
        database.close()
        raise


def _unlock(database: Database, key: bytes) -> bytes:
    """Return the database's salt after checking the key; a new database is bound to the key here."""
    with database.read() as connection:
        row = connection.execute(select(KEY_CHECK.c.salt, KEY_CHECK.c.value)).one_or_none()
    if row is None:
        with database.write() as connection:
            row = connection.execute(select(KEY_CHECK.c.salt, KEY_CHECK.c.value)).one_or_none()
            if row is None:
                salt = secrets.token_bytes(32)
                value = derive(key, salt, "key-check")
                connection.execute(KEY_CHECK.insert().values(id=1, salt=salt, value=value))
                return salt
    if not hmac.compare_digest(row.value, derive(key, row.salt, "key-check")):
        raise VaultLockedError("the database was made with another key-encryption key: give that one")
    return bytes(row.salt)
