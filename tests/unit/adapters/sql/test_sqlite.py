from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, Integer, LargeBinary, MetaData, String, Table, insert, select

from fiducia.adapters.sql import Schema, SqlJournal, sqlite
from fiducia.adapters.sql.custody import CUSTODY, JOURNAL
from fiducia.adapters.sql.migrating import upgrade
from fiducia.adapters.sql.sqlite import SqliteDatabase, open_sqlite
from fiducia.errors import ConfigError, VaultError
from tests.support.custody import KEK, act, raw, scalar, together

METADATA = MetaData()
STEPS = Path(__file__).parent / "steps"
THINGS = Table("things", METADATA, Column("id", Integer, primary_key=True), Column("word", String, unique=True))
SALT = Column("salt", LargeBinary)
SCHEMA = Schema(kind="test", version=3, metadata=METADATA)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "state" / "things.db"


@pytest.fixture
def opened(path: Path) -> Iterator[SqliteDatabase]:
    made = open_sqlite(path, SCHEMA)
    yield made
    made.close()


def write(opened: SqliteDatabase, word: str) -> None:
    with opened.write() as connection:
        connection.execute(insert(THINGS).values(word=word))


def words(opened: SqliteDatabase) -> list[str]:
    with opened.read() as connection:
        return list(connection.scalars(select(THINGS.c.word).order_by(THINGS.c.id)))


def test_everything_made_is_private_whatever_the_umask(path: Path) -> None:
    old = os.umask(0)
    try:
        opened = open_sqlite(path, SCHEMA)
        write(opened, "a")
        modes = {name: (path.parent / name).stat().st_mode & 0o777 for name in os.listdir(path.parent)}
        opened.close()
    finally:
        os.umask(old)
    assert modes == {"things.db": 0o600, "things.db-wal": 0o600, "things.db-shm": 0o600}
    assert [p.stat().st_mode & 0o777 for p in (path.parent, path.parent.parent)] == [0o700, 0o700]


def test_a_loose_mode_is_tightened(path: Path, opened: SqliteDatabase) -> None:
    write(opened, "a")
    wal = path.with_name("things.db-wal")
    for file in (path, wal):
        file.chmod(0o644)
    open_sqlite(path, SCHEMA).close()
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
def test_every_connection_has_the_house_s_settings(opened: SqliteDatabase, setting: str, value: object) -> None:
    for transaction in (opened.read, opened.write):
        with transaction() as first, opened.read() as second:
            for connection in (first, second):
                assert connection.exec_driver_sql(f"PRAGMA {setting}").scalar_one() == value


def test_a_transaction_is_whole_or_not_at_all(opened: SqliteDatabase) -> None:
    with pytest.raises(RuntimeError, match="mine"), opened.write() as connection:
        connection.execute(insert(THINGS).values(word="half"))
        raise RuntimeError("mine")
    assert words(opened) == []


def test_a_writer_is_alone_from_its_begin(opened: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_S", 0)
    impatient = open_sqlite(opened.path, SCHEMA)
    with opened.write(), pytest.raises(VaultError, match="another process holds it"), impatient.write():
        pytest.fail("two writers at once")
    impatient.close()


def test_errors_quote_no_row(opened: SqliteDatabase) -> None:
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
    open_sqlite(path, SCHEMA).close()
    with raw(path) as connection:
        connection.execute(statement)
        connection.execute("INSERT INTO things VALUES (1, 'kept')")
    with pytest.raises(ConfigError, match=message):
        open_sqlite(path, SCHEMA)
    assert scalar(path, "SELECT word FROM things") == "kept"


def test_somebody_else_s_database_is_refused(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with raw(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(ConfigError, match="something else"):
        open_sqlite(path, SCHEMA)


@pytest.mark.parametrize("content", [b"not a database at all, " * 100, bytes(range(256)) * 16])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(VaultError, match="not a database"):
        open_sqlite(path, SCHEMA)
    assert path.read_bytes() == content


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(VaultError):
        open_sqlite(tmp_path / "plain" / "things.db", SCHEMA)


def test_a_closed_database_refuses(opened: SqliteDatabase) -> None:
    opened.close()
    opened.close()
    for use in (lambda: words(opened), lambda: write(opened, "a"), lambda: opened.scrub(SALT)):
        with pytest.raises(VaultError, match="closed"):
            use()


def test_a_forked_database_refuses(opened: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    child = os.getpid() + 1
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: child)
        with pytest.raises(VaultError, match="before a fork"):
            write(opened, "a")
    write(opened, "b")
    assert words(opened) == ["b"]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_moved_away_takes_no_more_writes(path: Path, opened: SqliteDatabase, replaced: bool) -> None:
    write(opened, "a")
    path.rename(path.with_name("moved.db"))
    if replaced:
        path.touch()
    with pytest.raises(VaultError, match="moved or replaced"):
        write(opened, "b")


def test_a_log_that_a_reader_keeps_is_said_and_cut_later(
    path: Path, opened: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_SCRUB_TIMEOUT_S", 0.01)
    write(opened, "a")
    with opened.read() as reader:
        reader.execute(select(THINGS)).all()
        write(opened, "b")
        with pytest.raises(VaultError, match="run it again"):
            opened.scrub(SALT)
    opened.scrub(SALT)
    assert path.with_name("things.db-wal").stat().st_size == 0
    with opened.read() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 30_000


def test_one_opener_at_a_time_prepares_a_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, held = sqlite._prepare, []

    def try_the_lock(engine: Engine, schema: Schema) -> None:
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.append(path)
        finally:
            os.close(descriptor)
        prepare(engine, schema)

    monkeypatch.setattr(sqlite, "_prepare", try_the_lock)
    open_sqlite(path, SCHEMA).close()
    assert held == [path]


def test_many_processes_may_make_one_database_at_once(tmp_path: Path) -> None:
    assert set(together(5, "open-all", tmp_path)) == {"opened"}
    path = tmp_path / "new" / "custody.db"
    assert scalar(path, "SELECT count(*) FROM vault") == 5
    assert scalar(path, "SELECT count(*) FROM journal") == 5
    assert scalar(path, "SELECT count(*) FROM key_check") == 1


def test_sqlite_is_recent_enough() -> None:
    assert sqlite3.sqlite_version_info >= (3, 35), "RETURNING"


def test_an_older_file_is_brought_further_as_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "custody.db"
    with SqlJournal(path, KEK) as journal:
        journal.append([act(1)])
    later = replace(CUSTODY, version=4, migrations=STEPS)
    for _ in range(2):
        database = open_sqlite(path, later)
        with database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM later").scalar_one() == 0
            assert connection.scalar(select(JOURNAL.c.at)) == act(1).at
        database.close()
        assert scalar(path, "PRAGMA user_version") == 4
    with pytest.raises(ConfigError, match="newer than this fiducia"):
        SqlJournal(path, KEK)


def test_a_step_that_fails_leaves_an_older_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "custody.db"
    with SqlJournal(path, KEK) as journal:
        journal.append([act(1)])
    with pytest.raises(VaultError):
        open_sqlite(path, replace(CUSTODY, version=5, migrations=STEPS))
    with SqlJournal(path, KEK) as journal:
        assert list(journal.entries()) == [act(1)]
        journal.health()


def test_migrations_from_nothing_make_what_a_new_file_has(tmp_path: Path) -> None:
    open_sqlite(tmp_path / "new.db", CUSTODY).close()
    empty = MetaData()
    database = open_sqlite(tmp_path / "steps.db", Schema("fcus", 0, empty))
    with database.write() as connection:
        upgrade(connection, CUSTODY, None)
    database.close()
    wanted = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name <> 'alembic_version' ORDER BY 1, 2"
    made = []
    for name in ("new.db", "steps.db"):
        with raw(tmp_path / name) as connection:
            made.append([(*row[:3], " ".join(str(row[3]).split())) for row in connection.execute(wanted)])
    assert made[0] == made[1]
