"""Appenders that meet share one write, and a write that fails fails for all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from fiducia.adapters.sql import SqlJournal
from fiducia.adapters.sql.custody import VAULT_SALTS
from fiducia.adapters.sql.sqlite import SqliteDatabase
from fiducia.errors import ConfigError, JournalError, VaultError
from tests.support.custody import KEK, act, line, raw, worker


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqlJournal]:
    with SqlJournal(tmp_path / "journal.db", KEK) as made:
        yield made


@contextmanager
def all_waiting(journal: SqlJournal, count: int) -> Iterator[list[Future[None]]]:
    """Have `count` threads append while nobody may write; they go on when the block ends."""
    with ThreadPoolExecutor(count) as pool, journal._pen:
        calls = [pool.submit(journal.append, [act(number)]) for number in range(count)]
        while len(journal._queue) < count:
            time.sleep(0.001)
        yield calls


def test_all_who_wait_are_written_in_one_transaction(journal: SqlJournal) -> None:
    commits: list[Connection] = []
    note = commits.append  # one object: listeners are known by identity
    event.listen(Engine, "commit", note)
    try:
        with all_waiting(journal, 16) as calls:
            commits.clear()
        assert [call.result() for call in calls] == [None] * 16
    finally:
        event.remove(Engine, "commit", note)
    assert len(commits) == 1
    assert sorted(entry.at for entry in journal.entries()) == [act(number).at for number in range(16)]


@pytest.mark.parametrize("raised", [VaultError("full"), MemoryError(), KeyboardInterrupt()])
def test_a_write_that_fails_is_acknowledged_to_nobody(
    journal: SqlJournal, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    @contextmanager
    def failing(_: SqliteDatabase, claimed: bytes | None) -> Iterator[Connection]:
        raise raised
        yield

    with monkeypatch.context() as patch:
        with all_waiting(journal, 8) as calls:
            patch.setattr(SqliteDatabase, "_writing", failing)
        errors = [call.exception() for call in calls]
    assert all(isinstance(error, (JournalError, KeyboardInterrupt)) for error in errors)
    assert sum(isinstance(error, KeyboardInterrupt) for error in errors) == isinstance(raised, KeyboardInterrupt)
    assert list(journal.entries()) == []
    journal.append([act(1)])
    assert list(journal.entries()) == [act(1)]


def test_a_full_disk_is_refused_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    with worker("append-until-full", tmp_path) as process:
        assert line(process) == "append refused"
        assert line(process) == "health refused"
        acknowledged = int(line(process))
    assert acknowledged > 10
    with SqlJournal(tmp_path / "custody.db", KEK) as journal:
        assert list(journal.entries()) == [act(number) for number in range(acknowledged)]


def test_a_journal_that_may_only_be_read_is_not_healthy(tmp_path: Path, journal: SqlJournal) -> None:
    def forbid(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only=ON")  # what a read-only file system does, also to root

    event.listen(Engine, "begin", forbid)
    try:
        with pytest.raises(JournalError):
            journal.health()
        with pytest.raises(JournalError):
            journal.append([act(1)])
        assert list(journal.entries()) == []
    finally:
        event.remove(Engine, "begin", forbid)


def test_a_journal_moved_away_is_not_healthy(tmp_path: Path, journal: SqlJournal) -> None:
    (tmp_path / "journal.db").rename(tmp_path / "moved.db")
    for use in (journal.health, lambda: journal.append([act(1)])):
        with pytest.raises(JournalError):
            use()


def test_a_journal_that_cannot_be_opened_fails_closed_and_wrong_settings_stay_themselves(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database " * 100)
    with pytest.raises(JournalError):
        SqlJournal(tmp_path / "broken.db", KEK)
    with raw(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(ConfigError):
        SqlJournal(tmp_path / "other.db", KEK)


def test_health_leaves_no_entry_and_one_probe_at_most(tmp_path: Path, journal: SqlJournal) -> None:
    for _ in range(5):
        journal.health()
    assert list(journal.entries()) == []
    with raw(tmp_path / "journal.db") as connection:
        assert connection.execute("SELECT count(*) FROM journal_probe").fetchone() == (1,)


def test_a_dawdling_reader_does_not_keep_the_log(journal: SqlJournal) -> None:
    journal.append([act(number) for number in range(600)])
    reader = journal.entries()
    next(reader)
    journal._database.scrub(VAULT_SALTS.c.salt)
    assert len(list(reader)) == 599
