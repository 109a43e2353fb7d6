"""One SQLite file as the house uses it: durable, private, shared by threads and processes.

Owns opening (modes, schema version, settings), transactions and the mapping of SQLite's errors; does
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from fiducia.adapters.key_encryption import make_private_directory, sync_directory
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
_HINTS: Final = {
    "SQLITE_BUSY": "another process holds it for too long; try again",
    "SQLITE_LOCKED": "another process holds it for too long; try again",
    "SQLITE_FULL": "the disk is full; make room and try again",
    "SQLITE_READONLY": "it cannot be written; check its mode and its file system",
    "SQLITE_CANTOPEN": "it cannot be opened; check that it is there and its mode",
    "SQLITE_IOERR": "the disk failed, is full or has reached a limit",
    "SQLITE_NOTADB": "it is not a database; restore it from a backup",
    "SQLITE_CORRUPT": "it is damaged; restore it from a backup",
}


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database file holds: its kind (4 ASCII letters in the file's header), version and tables."""

    kind: str
    version: int
    metadata: MetaData


class Database:
    """An open database file. Thread-safe; not to be carried across a fork."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._reader = engine
        self._writer = engine.execution_options(fiducia_immediate=True)
        self._process = os.getpid()
        self._file = _file_identity(path)
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one moment. Raises: VaultError."""
        self._check()
        with mapped_errors(), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection that writes alone; all of it is durable on leaving, or none after an exception.

        Raises:
            VaultError: not written (or, at worst, written and not acknowledged).
        """
        self._check()
        with mapped_errors(), self._writer.connect() as connection, connection.begin():
            yield connection
            # A file that was moved or replaced takes writes without complaint and loses them all.
            if _file_identity(self.path) != self._file:
                raise VaultError("the database file was moved or replaced while in use; start again")

    def scrub(self) -> None:
        """Move the log's content into the database and cut the log, so that deleted bytes are in neither.

        Raises:
            VaultError: a reader in another process kept the log; call it again.
        """
        self._check()
        until = time.monotonic() + _SCRUB_TIMEOUT_S
        with mapped_errors(), self._reader.connect() as connection:
            cursor = connection.connection.cursor()  # past SQLAlchemy: a checkpoint must not stand in a transaction
            try:
                cursor.execute(f"PRAGMA busy_timeout={int(_SCRUB_TIMEOUT_S * 1000)}")  # what readers are waited for
                while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    if time.monotonic() >= until:
                        raise VaultError("the log could not be cut because the database is in use; run it again")
                    time.sleep(0.005)  # SQLite does not wait for somebody else's checkpoint by itself
            finally:
                cursor.execute(f"PRAGMA busy_timeout={int(_BUSY_TIMEOUT_S * 1000)}")

    def close(self) -> None:
        """Close every connection; closing twice is fine."""
        self._closed = True
        self._reader.dispose(close=os.getpid() == self._process)

    def _check(self) -> None:
        if self._closed:
            raise VaultError("the database is closed")
        if os.getpid() != self._process:
            raise VaultError("the database was opened before a fork; open it anew in this process")


class Kept:
    """What an adapter that keeps one database open has in common: closing, also by `with`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def close(self) -> None:
        """Close the file; closing twice is fine, any other call afterwards fails."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_database(path: Path, schema: Schema) -> Database:
    """Open a database file, made with mode 0600 (missing directories: 0700) when it is not there.

    A file or sidecar with a looser mode is tightened.

    Args:
        path: the file; its `-wal` and `-shm` lie beside it.
        schema: what the file must hold; a new file gets its tables.

    Raises:
        ConfigError: of another kind, or of a version that this fiducia does not know.
        VaultError: it cannot be made, opened or read.
    """
    path = path.absolute()
    with mapped_errors():
        make_private_directory(path.parent)
        with _alone(path.parent):
            _make_private_file(path)
            engine = _engine(path)
            try:
                _prepare(engine, schema)
                return Database(path, engine)
            except BaseException:
                engine.dispose()
                raise


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn SQLAlchemy's, SQLite's and the system's errors into VaultError; messages carry no row's content."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        origin = getattr(error, "orig", None) or error
        name = getattr(origin, "sqlite_errorname", type(origin).__name__)
        hint = next((text for prefix, text in _HINTS.items() if name.startswith(prefix)), "see the cause")
        raise VaultError(f"the database does not do what is asked ({name}): {hint}") from error


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
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


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
            raise ConfigError(f"the database has version {version}, which this fiducia no longer reads")


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
