"""What a database is to its adapters, whichever it is: transactions, claims, forgetting.

Owns `Database`, `Schema` and the choice between SQLite (a path) and PostgreSQL (a `PostgresPlace`). What differs
between the two stands in `sqlite` and `postgresql` and nowhere else; does not own any table.
"""

from __future__ import annotations

import abc
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Column, Connection, Engine, MetaData

from fiducia.adapters.sql.prepared import Prepared
from fiducia.errors import VaultError


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database holds.

    Attributes:
        kind: 4 ASCII letters in a SQLite file's header, so that one file is not taken for another.
        version: of the tables; also the newest migration's revision, as four digits.
        metadata: the tables.
        migrations: where Alembic finds the steps from older versions; None for what is made anew instead.
    """

    kind: str
    version: int
    metadata: MetaData
    migrations: Path | None = None

    @property
    def revision(self) -> str:
        """The version as Alembic calls it."""
        return revision_of(self.version)


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """Where one owner's tables lie in a PostgreSQL database: a schema of their own.

    Attributes:
        url: the database; its password is in no text of this place.
        owner: whose tables; empty for the home's own, without which the database counts as not prepared.
    """

    url: URL = field(repr=False)
    owner: str = ""

    @property
    def schema_name(self) -> str:
        """The PostgreSQL schema's name."""
        return f"fiducia_{self.owner}" if self.owner else "fiducia"


Place = Path | PostgresPlace
"""Where a database is: a SQLite file, or one owner's schema in a PostgreSQL database."""


class Database(abc.ABC):
    """An open database. Thread-safe; not to be carried across a fork."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._process = os.getpid()
        self._closed = False
        self._shared = threading.local()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all that this thread writes and reads in the block one transaction. Raises: VaultError."""
        with self.write() as connection:
            self._shared.connection = connection
            try:
                yield
            finally:
                del self._shared.connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection whose every statement sees one moment. Raises: VaultError."""
        self._check()
        with self._shared_or(self._reading()) as connection:
            yield connection

    @contextmanager
    def write(self, claimed: bytes | None = None) -> Iterator[Connection]:
        """Give a connection that writes alone; all of it is durable on leaving, or none after an exception.

        Args:
            claimed: the name of a claim that this write leans on; when it is held here and was lost, nothing is
                written.

        Raises:
            VaultError: not written (or, at worst, written and not acknowledged).
        """
        self._check()
        with self._shared_or(self._writing(claimed)) as connection:
            yield connection

    def rows(self, query: Prepared, **values: int | str | bytes) -> Sequence[Sequence[Any]]:
        """Return the rows of one query that is asked alone, as in `read`. Raises: VaultError."""
        with self.read() as connection:
            return query.rows(connection, **values)

    def _shared_or(self, own: AbstractContextManager[Connection]) -> AbstractContextManager[Connection]:
        shared: Connection | None = getattr(self._shared, "connection", None)
        return own if shared is None else nullcontext(shared)

    @property
    def _is_shared(self) -> bool:
        """Whether this thread is inside of `together`."""
        return getattr(self._shared, "connection", None) is not None

    @abc.abstractmethod
    def _reading(self) -> AbstractContextManager[Connection]:
        """See `read`."""

    @abc.abstractmethod
    def _writing(self, claimed: bytes | None) -> AbstractContextManager[Connection]:
        """See `write`."""

    @abc.abstractmethod
    def claim(self, name: bytes, timeout_s: float) -> AbstractContextManager[None]:
        """Hold a name alone, across threads and processes; a crash lets go.

        Args:
            name: 32 bytes that show nothing.
            timeout_s: how long to wait for another holder, in seconds.

        Raises:
            LimitError: still held by another after that time. VaultError: it cannot be held.
        """

    @abc.abstractmethod
    def scrub(self, overwritten: Column[bytes]) -> None:
        """See that values of a column which were overwritten are nowhere in the database's own files.

        Raises:
            VaultError: somebody who reads kept them; call it again.
        """

    def close(self) -> None:
        """Close every connection; closing twice is fine."""
        self._closed = True
        self._engine.dispose(close=os.getpid() == self._process)

    def _check(self) -> None:
        if self._closed:
            raise VaultError("the database is closed")
        if os.getpid() != self._process:
            raise VaultError("the database was opened before a fork; open it anew in this process")


class Kept:
    """What an adapter that keeps one database open has in common: closing, also by `with`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def together(self) -> AbstractContextManager[None]:
        """Make all that this thread does here in the block one transaction. Raises: VaultError."""
        return self._database.together()

    def close(self) -> None:
        """Close the database; closing twice is fine, any other call afterwards fails."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_database(place: Place, schema: Schema, part: str = "") -> Database:
    """Open a database; one that is not there is made, in PostgreSQL only beside tables of the same home.

    Args:
        place: a file (made with mode 0600, missing directories 0700, a looser mode is tightened), or a schema in a
            PostgreSQL database.
        schema: what it must hold.
        part: what is written through it; who writes other parts is not waited for, where the database can do that.

    Raises:
        ConfigError: it holds something else, is newer or not prepared, or acknowledges what is not durable.
        VaultError: it cannot be opened.
    """
    if isinstance(place, PostgresPlace):
        from fiducia.adapters.sql.postgresql import open_postgresql  # its driver is an extra

        return open_postgresql(place, schema, part)
    from fiducia.adapters.sql.sqlite import open_sqlite

    return open_sqlite(place, schema)


def revision_of(version: int) -> str:
    """Return the name that Alembic has for a version."""
    return f"{version:04}"


def hint(hints: Sequence[tuple[str, str]], code: str) -> str:
    """Return what to do about an error: the text of the first prefix that its code has."""
    return next((text for prefix, text in hints if code.startswith(prefix)), "see the database's own log")
