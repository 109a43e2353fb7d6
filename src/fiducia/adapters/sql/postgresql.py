"""One owner's schema in a PostgreSQL database as the house uses it: durable, shared by brokers on several machines.

Owns opening, preparing, transactions, claims and forgetting; does not own any table but what a `Schema` brings, nor
how sessions are set up (`postgresql_server`). Who writes one part of one schema holds an advisory lock until the
commit, so writers queue as they do in SQLite, and what they read before they write stays true. A process that is killed
loses its connection, and the server takes back what it held. Needs session-level connections: no pooler that hands one
over per transaction. Source: PostgreSQL 15 documentation, chapter 13 (concurrency); server 14 or newer.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Column, Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateSchema

from fiducia.adapters.sql.database import Database, PostgresPlace, Schema
from fiducia.adapters.sql.migrating import upgrade
from fiducia.adapters.sql.postgresql_server import engine_of, mapped_errors, require_durable
from fiducia.errors import ConfigError, LimitError, VaultError

_SCRUB_TIMEOUT_S = 10.0


class PostgresDatabase(Database):
    """An open schema. Thread-safe; not to be carried across a fork."""

    def __init__(self, place: PostgresPlace, engine: Engine, part: str) -> None:
        super().__init__(engine)
        self.place = place
        self._reader = engine.execution_options(postgresql_readonly=True)
        self._writers = _number(place.schema_name, "write", part.encode())
        # Connections of their own: who waits for a claim must not keep others from writing.
        self._claimers = engine_of(place, NullPool)
        self._claims: dict[bytes, _Claim] = {}

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with mapped_errors(), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _writing(self, claimed: bytes | None) -> Iterator[Connection]:
        """What leans on a claim goes through its own connection: the server refuses it once the claim is lost."""
        claim = self._claims.get(claimed) if claimed is not None else None
        if claim is not None:
            with claim.lock, mapped_errors():
                if claim.connection.invalidated:  # or it would be connected anew, and the claim somebody else's
                    raise VaultError("the claim was lost with its connection; begin again")
                with claim.connection.begin():
                    self._alone(claim.connection)
                    yield claim.connection
            return
        with mapped_errors(), self._engine.connect() as connection, connection.begin():
            self._alone(connection)
            yield connection

    def _alone(self, connection: Connection) -> None:
        # At this isolation level each later statement sees what was committed before the lock was had.
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": self._writers})

    @contextmanager
    def claim(self, name: bytes, timeout_s: float) -> Iterator[None]:
        """Hold a name alone as long as its connection lives; see `Database.claim`."""
        self._check()
        number = _number(self.place.schema_name, "claim", name)
        with mapped_errors():
            connection = self._claimers.connect()
        try:
            with mapped_errors():
                _hold(connection, number, timeout_s)
            self._claims[name] = _Claim(connection, threading.Lock())
            try:
                yield
            finally:
                del self._claims[name]
                _let_go(connection, number)
        finally:
            connection.close()

    def scrub(self, overwritten: Column[bytes]) -> None:
        """Write a table anew with its living rows alone; see `Database.scrub`.

        An overwritten row's old version stays in a table until it is vacuumed, and then as refuse in its page. Changing
        a column's type copies what is alive into new files and drops the old ones. The server's write-ahead log keeps
        older pages until it is recycled, and its archive until its retention ends: docs/postgresql.md.
        """
        self._check()
        table, column = overwritten.table.fullname, overwritten.name
        with mapped_errors(), self._engine.connect() as connection, connection.begin():
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{int(_SCRUB_TIMEOUT_S * 1000)}ms'")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql(
                f"ALTER TABLE {table} ALTER COLUMN {column} TYPE bytea USING {column} || ''::bytea"
            )


class _Claim:
    """A connection that holds a claim; one write at a time."""

    def __init__(self, connection: Connection, lock: threading.Lock) -> None:
        self.connection = connection
        self.lock = lock


def open_postgresql(place: PostgresPlace, schema: Schema, part: str) -> PostgresDatabase:
    """Open a schema; see `open_database`. One that is missing is made where the home's own was prepared."""
    with mapped_errors():
        engine = engine_of(place)
        try:
            with engine.connect() as connection, connection.begin():
                require_durable(connection)
                found = _revision(connection, place.schema_name)
                is_prepared = found is not None or _revision(connection, PostgresPlace(place.url).schema_name)
            if not is_prepared:
                raise ConfigError(
                    "the database is not prepared for fiducia: check that it is the right one, "
                    "then run `fiducia database migrate`"
                )
            if found is None:
                _bring(engine, place, schema)
            elif found != schema.revision:
                raise _other_version(found, schema)
            return PostgresDatabase(place, engine, part)
        except BaseException:
            engine.dispose()
            raise


def migrate(place: PostgresPlace, schema: Schema) -> tuple[str | None, str]:
    """Make a schema's tables, or bring them to the present version; nothing to do is fine.

    Returns:
        The version before (None: it was not there) and the version now.

    Raises:
        ConfigError: newer than this fiducia, or a server that acknowledges what is not durable. VaultError: not done.
    """
    with mapped_errors():
        engine = engine_of(place)
        try:
            with engine.connect() as connection, connection.begin():
                require_durable(connection)
            return _bring(engine, place, schema), schema.revision
        finally:
            engine.dispose()


def versions(place: PostgresPlace) -> dict[str, str]:
    """Return the version of every owner's tables in the database. Raises: ConfigError, VaultError."""
    home = PostgresPlace(place.url).schema_name
    with mapped_errors():
        engine = engine_of(place)
        try:
            with engine.connect() as connection, connection.begin():
                require_durable(connection)
                names = connection.scalars(
                    text("SELECT nspname FROM pg_namespace WHERE nspname = :home OR nspname LIKE :owners ORDER BY 1"),
                    {"home": home, "owners": home + r"\_%"},
                ).all()
                found = {name.removeprefix(home).removeprefix("_"): _revision(connection, name) for name in names}
            return {owner: revision for owner, revision in found.items() if revision is not None}
        finally:
            engine.dispose()


def _revision(connection: Connection, name: str) -> str | None:
    """Return the version of a schema's tables, or None where there are none."""
    quoted = '"' + name.replace('"', '""') + '"'
    table = f"{quoted}.alembic_version"
    if connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is None:
        return None
    revision: str | None = connection.scalar(text(f"SELECT version_num FROM {table}"))
    return revision


def _bring(engine: Engine, place: PostgresPlace, schema: Schema) -> str | None:
    """Make or migrate the tables in one transaction, one process at a time; return the version before."""
    with engine.connect() as connection, connection.begin():
        number = _number(place.schema_name, "migrate", b"")
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        if not inspect(connection).has_schema(place.schema_name):  # one that is there needs no right to make any
            connection.execute(CreateSchema(place.schema_name))
        found = _revision(connection, place.schema_name)
        if found is not None and found > schema.revision:
            raise _other_version(found, schema)
        if found != schema.revision:
            upgrade(connection, schema, found)
        return found


def _other_version(found: str, schema: Schema) -> ConfigError:
    if found > schema.revision:
        return ConfigError(f"the database has version {found}, newer than this fiducia knows: update fiducia")
    return ConfigError(
        f"the database has version {found}, and this fiducia needs {schema.revision}: stop its other processes, "
        "then run `fiducia database migrate`"
    )


def _hold(connection: Connection, number: int, timeout_s: float) -> None:
    """Take a lock that the connection keeps after the transaction. Raises: LimitError."""
    with connection.begin():
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, int(timeout_s * 1000))}")
        try:
            connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": number})
        except SQLAlchemyError as error:
            if getattr(getattr(error, "orig", None), "sqlstate", None) == "55P03":
                raise LimitError("this study is being worked on elsewhere; try again later") from None
            raise


def _let_go(connection: Connection, number: int) -> None:
    """Give a claim back; when that fails, the server does so as the connection ends."""
    with suppress(SQLAlchemyError), connection.begin():
        connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})


def _number(schema_name: str, what: str, name: bytes) -> int:
    """Return the advisory lock's number; two names with one number would only wait for each other."""
    digest = hashlib.sha256(b"\0".join((schema_name.encode(), what.encode(), name))).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
