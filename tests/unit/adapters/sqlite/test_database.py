from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, insert, select

from fiducia.adapters.sqlite import Database, Schema, database, open_database
from fiducia.errors import ConfigError, VaultError
from tests.support.custody import raw, scalar, together

METADATA = MetaData()
THINGS = Table("things", METADATA, Column("id", Integer, primary_key=True), Column("word", String, unique=True))
SCHEMA = Schema(kind="test", version=3, metadata=METADATA)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "state" / "things.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Database]:
    made = open_database(path, SCHEMA)
    yield made
    made.close()


def write(opened: Database, word: str) -> None:
    with opened.write() as connection:
        connection.execute(insert(THINGS).values(word=word))


def words(opened: Database) -> list[str]:
    with opened.read() as connection:
        return list(connection.scalars(select(THINGS.c.word).order_by(THINGS.c.id)))


def test_everything_made_is_private_whatever_the_umask(path: Path) -> None:
    old = os.umask(0)
    try:
        opened = open_database(path, SCHEMA)
        write(opened, "a")
        modes = {name: (path.parent / name).stat().st_mode & 0o777 for name in os.listdir(path.parent)}
        opened.close()
    finally:
        os.umask(old)
    assert modes == {"things.db": 0o600, "things.db-wal": 0o600, "things.db-shm": 0o600}
    assert [p.stat().st_mode & 0o777 for p in (path.parent, path.parent.parent)] == [0o700, 0o700]


def test_a_loose_mode_is_tightened(path: Path, opened: Database) -> None:
    write(opened, "a")
    wal = path.with_name("things.db-wal")
    for file in (path, wal):
        file.chmod(0o644)
    open_database(path, SCHEMA).close()
    assert [file.stat().st_mode & 0o777 for file in (path, wal)] == [0o600, 0o600]
    assert words(opened) == ["a"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("secure_delete", 1),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
        ("trusted_schema", 0),
        ("temp_store", 2),
        ("busy_timeout", 30_000),
    ],
)
def test_every_connection_has_the_house_s_settings(opened: Database, setting: str, value: object) -> None:
    for transaction in (opened.read, opened.write):
        with transaction() as first, opened.read() as second:
            for connection in (first, second):
                assert connection.exec_driver_sql(f"PRAGMA {setting}").scalar_one() == value


def test_a_transaction_is_whole_or_not_at_all(opened: Database) -> None:
    with pytest.raises(RuntimeError, match="mine"), opened.write() as connection:
        connection.execute(insert(THINGS).values(word="half"))
        raise RuntimeError("mine")
    assert words(opened) == []


def test_a_writer_is_alone_from_its_begin(opened: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0)
    impatient = open_database(opened.path, SCHEMA)
    with opened.write(), pytest.raises(VaultError, match="another process holds it"), impatient.write():
        pytest.fail("two writers at once")
    impatient.close()


def test_errors_quote_no_row(opened: Database) -> None:
    write(opened, "Doe^Jane")
    with pytest.raises(VaultError) as refusal:
        write(opened, "Doe^Jane")
    assert "SQLITE_CONSTRAINT" in str(refusal.value)
    cause: BaseException | None = refusal.value
    while cause is not None:
        assert "Jane" not in str(cause)
        cause = cause.__cause__ or cause.__context__


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("PRAGMA user_version=4", "newer than this fiducia knows: update"),
        ("PRAGMA user_version=2", "no longer reads"),
        ("PRAGMA application_id=7", "something else"),
    ],
)
def test_another_version_or_kind_is_refused_and_left_alone(path: Path, statement: str, message: str) -> None:
    open_database(path, SCHEMA).close()
    with raw(path) as connection:
        connection.execute(statement)
        connection.execute("INSERT INTO things VALUES (1, 'kept')")
    with pytest.raises(ConfigError, match=message):
        open_database(path, SCHEMA)
    assert scalar(path, "SELECT word FROM things") == "kept"


def test_somebody_else_s_database_is_refused(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with raw(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(ConfigError, match="something else"):
        open_database(path, SCHEMA)


@pytest.mark.parametrize("content", [b"not a database at all, " * 100, bytes(range(256)) * 16])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(VaultError, match="not a database"):
        open_database(path, SCHEMA)
    assert path.read_bytes() == content


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(VaultError):
        open_database(tmp_path / "plain" / "things.db", SCHEMA)


def test_a_closed_database_refuses(opened: Database) -> None:
    opened.close()
    opened.close()
    for use in (lambda: words(opened), lambda: write(opened, "a"), opened.scrub):
        with pytest.raises(VaultError, match="closed"):
            use()


def test_a_forked_database_refuses(opened: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    child = os.getpid() + 1
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: child)
        with pytest.raises(VaultError, match="before a fork"):
            write(opened, "a")
    write(opened, "b")
    assert words(opened) == ["b"]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_moved_away_takes_no_more_writes(path: Path, opened: Database, replaced: bool) -> None:
    write(opened, "a")
    path.rename(path.with_name("moved.db"))
    if replaced:
        path.touch()
    with pytest.raises(VaultError, match="moved or replaced"):
        write(opened, "b")


def test_a_log_that_a_reader_keeps_is_said_and_cut_later(
    path: Path, opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_SCRUB_TIMEOUT_S", 0.01)
    write(opened, "a")
    with opened.read() as reader:
        reader.execute(select(THINGS)).all()
        write(opened, "b")
        with pytest.raises(VaultError, match="run it again"):
            opened.scrub()
    opened.scrub()
    assert path.with_name("things.db-wal").stat().st_size == 0
    with opened.read() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 30_000


def test_one_opener_at_a_time_prepares_a_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, held = database._prepare, []

    def try_the_lock(engine: Engine, schema: Schema) -> None:
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.append(path)
        finally:
            os.close(descriptor)
        prepare(engine, schema)

    monkeypatch.setattr(database, "_prepare", try_the_lock)
    open_database(path, SCHEMA).close()
    assert held == [path]


def test_many_processes_may_make_one_database_at_once(tmp_path: Path) -> None:
    assert set(together(5, "open-all", tmp_path)) == {"opened"}
    path = tmp_path / "new" / "custody.db"
    assert scalar(path, "SELECT count(*) FROM vault") == 5
    assert scalar(path, "SELECT count(*) FROM journal") == 5
    assert scalar(path, "SELECT count(*) FROM key_check") == 1


def test_sqlite_is_recent_enough() -> None:
    assert sqlite3.sqlite_version_info >= (3, 35), "RETURNING"
