"""Statements that run at every read of an image, with as little around them as can be.

Around a statement SQLAlchemy takes many times as long as SQLite takes for it. So in SQLite a prepared one goes to the
driver as a text that was made once, in the transaction that the connection is in. In PostgreSQL it goes the usual way:
a round trip takes longer than both, and lost connections are SQLAlchemy's to notice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Select
from sqlalchemy.dialects import sqlite


class Prepared:
    """A statement whose values are named when it runs, and are integers, texts and bytes; thread-safe."""

    def __init__(self, statement: Select[Any] | Insert) -> None:
        self._statement = statement
        self._text = str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))

    def rows(self, connection: Connection, **values: int | str | bytes) -> Sequence[Sequence[Any]]:
        """Run it once and return its rows. Raises: what the connection's database turns into VaultError."""
        driver = driver_of(connection)
        if driver is None:
            return connection.execute(self._statement, values).all()
        return self.rows_of(driver, values)

    def rows_of(self, driver: sqlite3.Connection, values: Mapping[str, int | str | bytes]) -> Sequence[Sequence[Any]]:
        """Run it once on SQLite's own connection. Raises: sqlite3.Error."""
        return driver.execute(self._text, values).fetchall()

    def each(self, connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of these, in order. Raises: as `rows`."""
        driver = driver_of(connection)
        if driver is None:
            connection.execute(self._statement, values)
            return
        driver.executemany(self._text, values)


def driver_of(connection: Connection) -> sqlite3.Connection | None:
    """Return SQLite's own connection, or None where the database is another one."""
    driver = connection.connection.driver_connection
    return driver if isinstance(driver, sqlite3.Connection) else None
