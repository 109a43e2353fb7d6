"""Leaves beside rows: made together, found apart; old journals get theirs; a broken sink says what is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from fiducia.adapters.sql import SqlJournal
from fiducia.core.tlog.leaf import leaf_of
from fiducia.errors import JournalError
from tests.support.custody import KEK, act, raw, scalar, without_wraps


def written(path: Path, count: int = 5) -> Path:
    with SqlJournal(path / "journal.db", KEK) as journal:
        journal.append([act(number) for number in range(count)])
    return path / "journal.db"


def without_triggers(connection: sqlite3.Connection) -> None:
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")


def test_a_journal_of_before_gets_its_leaves_when_it_is_opened(tmp_path: Path) -> None:
    without_wraps(tmp_path / "journal.db")
    path = written(tmp_path, 600)
    with raw(path) as connection:
        for table in ("journal_leaves", "checkpoints", "evidence", "key_wraps"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version=1")
    with SqlJournal(path, KEK) as journal:
        assert journal.size() == 600
        leaves = list(journal.leaves(0, 600))
        journal.append([act(600)])
        assert list(journal.leaves(0, 600)) == leaves
        for index in (0, 599, 600):
            disclosed = journal.disclose(index)
            assert disclosed.entry == act(index)
            assert leaf_of(disclosed.entry, disclosed.salt) == journal.leaves(index, index + 1)[0]


def test_the_database_itself_keeps_leaves_from_being_changed(tmp_path: Path) -> None:
    path = written(tmp_path)
    for statement in ("UPDATE journal_leaves SET leaf = x'00'", "DELETE FROM journal_leaves"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            scalar(path, statement)


def test_a_row_or_a_leaf_that_was_changed_does_not_fit_the_other(tmp_path: Path) -> None:
    path = written(tmp_path)
    with raw(path) as connection:
        without_triggers(connection)
        connection.execute("UPDATE journal_leaves SET leaf = zeroblob(32) WHERE seq = 2")
        connection.execute(
            "UPDATE journal_leaves SET salt = (SELECT salt FROM journal_leaves WHERE seq = 4) WHERE seq = 3"
        )
        connection.execute("UPDATE journal SET sealed = zeroblob(64) WHERE seq = 5")
    with SqlJournal(path, KEK) as journal:
        assert journal.disclose(0).entry == act(0)
        with pytest.raises(JournalError, match="one of the two was changed"):
            journal.disclose(1)
        for index in (2, 4):
            with pytest.raises(JournalError):
                journal.disclose(index)
        telling = journal.salted()
        assert next(telling)[0] == act(0)
        with pytest.raises(JournalError, match="one of the two was changed"):
            next(telling)


@pytest.mark.parametrize(
    "cut",
    [
        "DELETE FROM journal_leaves WHERE seq = 5",
        "DELETE FROM journal_leaves WHERE seq = 2",
        "DELETE FROM journal WHERE seq = 5",
    ],
)
def test_leaves_and_rows_that_do_not_go_together_are_an_error(tmp_path: Path, cut: str) -> None:
    path = written(tmp_path)
    with raw(path) as connection:
        without_triggers(connection)
        connection.execute(cut)
    with SqlJournal(path, KEK) as journal:
        with pytest.raises(JournalError):
            journal.leaves(0, journal.size())
        if "journal_leaves" in cut:
            with pytest.raises(JournalError, match="has no leaf"):
                list(journal.salted())


def test_the_salts_are_not_in_the_clear(tmp_path: Path) -> None:
    path = written(tmp_path, 1)
    with SqlJournal(path, KEK) as journal:
        salt = journal.disclose(0).salt
    for file in tmp_path.iterdir():
        assert salt not in file.read_bytes()


def test_a_sink_that_is_absent_full_or_read_only_says_so(tmp_path: Path) -> None:
    def full(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def read_only(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only=ON")

    def journal_under(trouble: Callable[[Connection], None] | None, name: str, said: str) -> None:
        path = tmp_path / name / "journal.db"
        with SqlJournal(path, KEK) as journal:
            if trouble is None:
                path.rename(path.with_name("elsewhere"))
            else:
                event.listen(Engine, "begin", trouble)
            try:
                with pytest.raises(JournalError, match=said):
                    journal.append([act(number) for number in range(200)])
                with pytest.raises(JournalError, match=said):
                    journal.health()
            finally:
                if trouble is not None:
                    event.remove(Engine, "begin", trouble)

    journal_under(full, "full", "full")
    journal_under(read_only, "read-only", "cannot be written")
    journal_under(None, "absent", "moved or replaced")
