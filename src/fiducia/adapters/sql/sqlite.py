"""One SQLite file as the house uses it: durable, private, shared by threads and processes.

Owns opening (modes, schema version, settings), transactions, claims and the mapping of SQLite's errors; does
not own any table but what a `Schema` brings. WAL with synchronous=FULL: a transaction that returned
survives a power cut. Every writer begins IMMEDIATE, so writers queue instead of failing half-way.
Source: sqlite.org/wal.html, sqlite.org/pragma.html, sqlite.org/howtocorrupt.html (section 2.2 is why the
database file is never opened here by anything but SQLite once it is in use).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Column, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from fiducia.adapters.key_encryption import make_private_directory, sync_directory
from fiducia.adapters.sql.claims import claim
from fiducia.adapters.sql.database import Database, Schema, hint, revision_of
from fiducia.adapters.sql.migrating import upgrade
from fiducia.adapters.sql.prepared import Prepared, driver_of
from fiducia.errors import ConfigError, VaultError

_BUSY_TIMEOUT_S: Final = 30
_SCRUB_TIMEOUT_S = 10.0
_SETTINGS: Final = (
    "synchronous=FULL",
    "fullfsync=ON",  # macOS: ask the disk, not only the kernel
    "checkpoint_fullfsync=ON",
    "secure_delete=ON",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # or REPLACE would delete rows past the triggers that forbid it
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "temp_store=MEMORY",  # no temporary file with rows in it
)
_HINTS: Final = (
    ("SQLITE_BUSY", "another process holds it for too long; try again"),
    ("SQLITE_LOCKED", "another process holds it for too long; try again"),
    ("SQLITE_FULL", "the disk is full; make room and try again"),
    ("SQLITE_READONLY", "it cannot be written; check its mode and its file system"),
    ("SQLITE_CANTOPEN", "it cannot be opened; check that it is there and its mode"),
    ("SQLITE_IOERR", "the disk failed, is full or has reached a limit"),
    ("SQLITE_NOTADB", "it is not a database; restore it from a backup"),
    ("SQLITE_CORRUPT", "it is damaged; restore it from a backup"),
)


class SqliteDatabase(Database):
    """An open database file. Thread-safe; not to be carried across a fork."""

    def __init__(self, path: Path, engine: Engine) -> None:
        super().__init__(engine)
        self.path = path
        self._writer = engine.execution_options(fiducia_immediate=True)
        self._file = _file_identity(path)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """All of a read sees one moment."""
        with mapped_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    def rows(self, query: Prepared, **values: int | str | bytes) -> Sequence[Sequence[Any]]:
        """Return the rows of one query; alone it sees one moment without a transaction around it."""
        if self._is_shared:
            return super().rows(query, **values)
        self._check()
        with mapped_errors(), closing(self._engine.raw_connection()) as pooled:
            driver = pooled.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            return query.rows_of(driver, values)

    @contextmanager
    def _writing(self, claimed: bytes | None) -> Iterator[Connection]:
        """A claim cannot be lost: the system holds it."""
        with mapped_errors(), self._writer.connect() as connection, connection.begin():
            yield connection
            # A file that was moved or replaced takes writes without complaint and loses them all.
            if _file_identity(self.path) != self._file:
                raise VaultError("the database file was moved or replaced while in use; start again")

    def claim(self, name: bytes, timeout_s: float) -> AbstractContextManager[None]:
        """Hold a name alone, by a lock file in `locks` beside the database; see `Database.claim`."""
        return claim(self.path.parent / "locks" / f"{name.hex()}.lock", timeout_s)

    def scrub(self, overwritten: Column[bytes]) -> None:
        """Move the log's content into the database and cut the log; see `Database.scrub`.

        SQLite overwrites a value of the same size in place, so what was overwritten is in neither then.
        """
        self._check()
        until = time.monotonic() + _SCRUB_TIMEOUT_S
        with mapped_errors(), self._engine.connect() as connection:
            cursor = connection.connection.cursor()  # past SQLAlchemy: a checkpoint must not stand in a transaction
            try:
                cursor.execute(f"PRAGMA busy_timeout={int(_SCRUB_TIMEOUT_S * 1000)}")  # what readers are waited for
                while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    if time.monotonic() >= until:
                        raise VaultError("the log could not be cut because the database is in use; run it again")
                    time.sleep(0.005)  # SQLite does not wait for somebody else's checkpoint by itself
            finally:
                cursor.execute(f"PRAGMA busy_timeout={int(_BUSY_TIMEOUT_S * 1000)}")


def open_sqlite(path: Path, schema: Schema) -> SqliteDatabase:
    """Open a database file; see `open_database`. An older one is brought to the schema's version.

    Args:
        path: the file; its `-wal` and `-shm` lie beside it.
        schema: what the file must hold; a new file gets its tables.

    Raises:
        ConfigError: the file holds something else or is newer, or its file system has no shared memory.
        VaultError: the file cannot be opened.
    """
    path = path.absolute()
    with mapped_errors():
        make_private_directory(path.parent)
        with _alone(path.parent):
            _make_private_file(path)
            engine = _engine(path)
            try:
                _prepare(engine, schema)
                return SqliteDatabase(path, engine)
            except BaseException:
                engine.dispose()
                raise


def version_of(path: Path) -> int:
    """Return the version that a database file says it has. Raises: VaultError."""
    with mapped_errors(), closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn SQLAlchemy's, SQLite's and the system's errors into VaultError; messages carry no row's content."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        origin = getattr(error, "orig", None) or error
        name = getattr(origin, "sqlite_errorname", type(origin).__name__)
        raise VaultError(f"the database does not do what is asked ({name}): {hint(_HINTS, name)}") from error


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=16,
        max_overflow=64,
        pool_timeout=_BUSY_TIMEOUT_S,
        hide_parameters=True,  # errors must not quote rows
        connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where sqlite3 guesses
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("fiducia_immediate", False)
    driver = driver_of(connection)
    assert driver is not None
    driver.execute("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _prepare(engine: Engine, schema: Schema) -> None:
    """Check kind and version, or make the tables in an empty file, in one transaction."""
    with engine.connect() as connection:
        mode = connection.connection.cursor().execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise ConfigError("the database's file system has no shared memory for a write-ahead log; use a local disk")
    kind = int.from_bytes(schema.kind.encode("ascii"), "big")
    with engine.execution_options(fiducia_immediate=True).connect() as connection, connection.begin():
        found_kind = _scalar(connection, "PRAGMA application_id")
        version = _scalar(connection, "PRAGMA user_version")
        if (found_kind, version, _scalar(connection, "SELECT count(*) FROM sqlite_schema")) == (0, 0, 0):
            schema.metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA application_id={kind}")
            connection.exec_driver_sql(f"PRAGMA user_version={schema.version}")
        elif found_kind != kind:
            raise ConfigError("the database file holds something else; name another file")
        elif version > schema.version:
            raise ConfigError(f"the database has version {version}, newer than this fiducia knows: update fiducia")
        elif version < schema.version:
            upgrade(connection, schema, revision_of(version))
            connection.exec_driver_sql(f"PRAGMA user_version={schema.version}")


def _scalar(connection: Connection, statement: str) -> Any:
    return connection.exec_driver_sql(statement).scalar_one()


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Let one opener at a time into a directory: switching to WAL does not wait for others by itself."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_private_file(path: Path) -> None:
    try:
        # Only a new file is opened: closing one in use would drop the locks that SQLite holds on it.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        sync_directory(path.parent)
    except FileExistsError:
        for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            if name.exists() and name.stat().st_mode & 0o077:
                name.chmod(0o600)
