"""The custody database: its tables, and the check that it is opened with its own key-encryption key.

Owns the schema of everything that is sealed at rest (vault, directory, journal), of which a SQLite file may
use a part; a PostgreSQL schema holds all of it. A change here is a step in `migrations` too. Does not own the
rows (one module per port beside this one), nor the change of the key (`key_wraps`). Rows are sealed under the
database's data key, which lies in it wrapped by each key-encryption key that opens it. The check value is derived from
the data key, so a lost or another key is an error at opening and never garbage later.
"""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import (
    BigInteger,
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
from sqlalchemy.exc import IntegrityError

from fiducia.adapters.key_encryption import KEY_BYTES, KeyEncryption
from fiducia.adapters.sql.database import Database, Place, Schema, open_database
from fiducia.adapters.sql.guards import append_only, in_order
from fiducia.adapters.sql.sealing import Sealer, derive, unwrap, wrap
from fiducia.errors import VaultLockedError

_METADATA: Final = MetaData()
_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")
# Names and kinds are ASCII and sort by their bytes in both databases.
_WORD: Final = String().with_variant(String(collation="C"), "postgresql")

KEY_CHECK: Final = Table(
    "key_check",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
)
# One row per key-encryption key that opens the database, and rows of zeros where one did. A database that never had any
# is from before there were data keys: its key-encryption key of that time is its data key.
KEY_WRAPS: Final = Table(
    "key_wraps",
    _METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)
# A salt of its own per secret, in rows of one size that are never deleted: SQLite then overwrites it in
# place, while cells that were deleted and merged can leave copies in a page's unused part. PostgreSQL keeps
# the row's older version, until `Database.scrub` has the table written anew.
VAULT_SALTS: Final = Table(
    "vault_salts",
    _METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
)
VAULT: Final = Table(
    "vault",
    _METADATA,
    Column("name", _WORD, primary_key=True),
    Column("salt_id", _NUMBER, ForeignKey("vault_salts.id"), nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
)
PATIENTS: Final = Table(
    "patients",
    _METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("lookup", LargeBinary, nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
)
STUDIES: Final = Table(
    "studies",
    _METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("lookup", LargeBinary, nullable=False, unique=True),
    Column("anchored", LargeBinary),
    Column("pending", LargeBinary),
)
JOURNAL: Final = Table(
    "journal",
    _METADATA,
    Column("seq", _NUMBER, primary_key=True, autoincrement=False),
    Column("kind", _WORD, nullable=False),
    Column("at", _NUMBER, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
JOURNAL_PROBE: Final = Table(
    "journal_probe",
    _METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("filler", LargeBinary, nullable=False),
)
# What of each entry everybody may see, and the salt that opens it, sealed: see `leaves`.
JOURNAL_LEAVES: Final = Table(
    "journal_leaves",
    _METADATA,
    Column("seq", _NUMBER, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
)
# What is remembered of logs is meant for everybody: see `logbook`.
CHECKPOINTS: Final = Table(
    "checkpoints",
    _METADATA,
    Column("origin", _WORD, primary_key=True),
    Column("size", _NUMBER, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
)
EVIDENCE: Final = Table(
    "evidence",
    _METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("evidence", LargeBinary, nullable=False),
)
Index("journal_by_kind", JOURNAL.c.kind, JOURNAL.c.seq)
_WANTED: Final = select(KEY_CHECK.c.salt, KEY_CHECK.c.value)


def _create_triggers(_: MetaData, connection: Connection, **__: object) -> None:
    """Have the database itself refuse to change what must only grow."""
    dialect = connection.dialect.name
    for statement in (
        *append_only(dialect, JOURNAL.name),
        *append_only(dialect, KEY_CHECK.name),
        *in_order(dialect, JOURNAL.name),
        *append_only(dialect, JOURNAL_LEAVES.name),
        *in_order(dialect, JOURNAL_LEAVES.name),
        *append_only(dialect, EVIDENCE.name),
    ):
        connection.exec_driver_sql(statement)


event.listen(_METADATA, "after_create", _create_triggers)
CUSTODY: Final = Schema("fcus", 3, _METADATA, Path(__file__).parent / "migrations")


def open_custody(place: Place, kek: KeyEncryption, domain: str) -> tuple[Database, Sealer]:
    """Open the custody database with its key-encryption key; a new one is bound to the key given.

    Args:
        place: the database file, or the owner's schema in a PostgreSQL database.
        kek: asked once; the key itself is not kept.
        domain: which rows will be sealed and opened ("vault", "patients", "studies", "journal").

    Returns:
        The database and the sealer of that domain's rows.

    Raises:
        VaultLockedError: the key cannot be had, or the database was made with another.
        ConfigError, VaultError: as `open_database`.
    """
    key = key_of(kek)
    database = open_database(place, CUSTODY, domain)
    try:
        return database, Sealer(*_unlock(database, key), domain)
    except BaseException:
        database.close()
        raise


def key_of(kek: KeyEncryption) -> bytes:
    """Return the key-encryption key. Raises: VaultLockedError (it cannot be had, or has another length)."""
    key = kek.key()
    if len(key) != KEY_BYTES:
        raise VaultLockedError(f"the key-encryption key has {len(key)} bytes instead of {KEY_BYTES}")
    return key


def is_bound(connection: Connection) -> bool:
    """Tell whether the database has a data key: one without sealed rows has none."""
    return connection.execute(_WANTED).one_or_none() is not None


def unlocked(connection: Connection, key: bytes) -> tuple[bytes, bytes]:
    """Return the data key and the salt of a bound database. Raises: VaultLockedError (another key opens it)."""
    check = connection.execute(_WANTED).one()
    wraps = connection.scalars(select(KEY_WRAPS.c.wrapped).order_by(KEY_WRAPS.c.id)).all()
    for data_key in (unwrap(wrapped, key, check.salt) for wrapped in wraps) if wraps else (key,):
        if data_key and hmac.compare_digest(check.value, derive(data_key, check.salt, "key-check")):
            return data_key, bytes(check.salt)
    raise VaultLockedError("the database was made with another key-encryption key: give that one")


def _unlock(database: Database, key: bytes) -> tuple[bytes, bytes]:
    """Return the database's data key and salt; a new database is bound to the key here."""
    with database.read() as connection:
        if is_bound(connection):
            return unlocked(connection, key)
    salt, data_key = secrets.token_bytes(32), secrets.token_bytes(KEY_BYTES)
    value = derive(data_key, salt, "key-check")
    with database.write() as connection:
        # Who writes another part may bind the database at the same moment: one of the two does.
        with suppress(IntegrityError), connection.begin_nested():
            connection.execute(KEY_CHECK.insert().values(id=1, salt=salt, value=value))
            connection.execute(KEY_WRAPS.insert().values(wrapped=wrap(data_key, key, salt)))
        return unlocked(connection, key)
