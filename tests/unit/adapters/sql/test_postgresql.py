"""What is PostgreSQL's own: preparing, versions, claims that a lost connection loses, forgetting, and its errors."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Column, LargeBinary, MetaData, String, Table, insert, inspect, make_url, select

from fiducia.adapters.sql import PostgresPlace, Schema, SqlJournal, SqlStudies, SqlVault
from fiducia.adapters.sql import postgresql as adapter
from fiducia.adapters.sql import postgresql_server as server
from fiducia.adapters.sql.custody import CUSTODY, JOURNAL
from fiducia.adapters.sql.postgresql import PostgresDatabase, migrate, open_postgresql, versions
from fiducia.errors import ConfigError, JournalError, LimitError, VaultError
from fiducia.records.images import StudyState
from tests.support.custody import KEK, OTHER_KEK, act, digest, study
from tests.support.postgresql import PASSWORD, Cluster

STEPS = Path(__file__).parent / "steps"
LATER = replace(CUSTODY, version=4, migrations=STEPS)


@pytest.fixture
def place(postgresql_place: PostgresPlace) -> PostgresPlace:
    return postgresql_place


@pytest.fixture
def opened(place: PostgresPlace) -> Iterator[PostgresDatabase]:
    database = open_postgresql(place, CUSTODY, "journal")
    yield database
    database.close()


# -- preparing and versions


def test_an_unprepared_database_is_refused_and_left_empty(postgresql: Cluster) -> None:
    with postgresql.database("template0") as place:
        for owner in ("", "hospital-a"):
            with pytest.raises(ConfigError, match="fiducia database migrate"):
                SqlVault(replace(place, owner=owner), KEK)
        assert versions(place) == {}
        assert (
            postgresql.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'fid%'", str(place.url.database)) == []
        )


def test_owners_of_one_database_do_not_see_each_other(place: PostgresPlace) -> None:
    a, b = (replace(place, owner=owner) for owner in ("hospital-a", "hospital-b"))
    with SqlVault(a, KEK) as one, SqlVault(b, KEK) as other, SqlJournal(a, KEK) as journal:
        one.put({"name": b"a"})
        other.put({"name": b"b"})
        journal.append([act(1)])
        assert (one.get("name"), other.get("name")) == (b"a", b"b")
        with SqlJournal(b, KEK) as empty:
            assert list(empty.entries()) == []
    assert versions(place) == {"": "0003", "hospital-a": "0003", "hospital-b": "0003"}


def test_an_account_without_a_right_on_the_database_finds_its_schemas_made(
    place: PostgresPlace, postgresql: Cluster
) -> None:
    name = f"clerk_{place.url.database}"
    for statement in (
        f"CREATE ROLE {name} LOGIN",
        f'CREATE SCHEMA "fiducia_hospital-a" AUTHORIZATION {name}',
        f"GRANT USAGE ON SCHEMA fiducia TO {name}",
        f"GRANT SELECT ON fiducia.alembic_version TO {name}",
    ):
        postgresql.run(statement, str(place.url.database))
    clerk = replace(place, url=place.url.set(username=name))
    with SqlVault(replace(clerk, owner="hospital-a"), KEK) as vault:
        vault.put({"a": b"1"})
        vault.remove(["a"])
    with pytest.raises(VaultError, match="may not do that"):
        SqlVault(replace(clerk, owner="hospital-b"), KEK)


def test_another_key_is_refused_by_every_part(place: PostgresPlace) -> None:
    SqlVault(place, KEK).close()
    for part in (SqlVault, SqlJournal, SqlStudies):
        with pytest.raises(VaultError, match="another key-encryption key"):
            part(place, OTHER_KEK)


def test_many_who_open_a_new_owner_at_once_make_it_once(place: PostgresPlace) -> None:
    owner = replace(place, owner="new")

    def opened_by(number: int) -> bytes:
        with SqlVault(owner, KEK) as vault:
            vault.put({str(number): digest(number)})
            return vault.get(str(number))

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(opened_by, range(6))) == [digest(number) for number in range(6)]


def test_migrations_make_the_tables_that_the_code_has(opened: PostgresDatabase) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with opened.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, CUSTODY.metadata) == []
        assert inspect(connection).get_unique_constraints("vault")


def test_an_older_database_waits_for_the_command_and_keeps_its_rows(place: PostgresPlace) -> None:
    with SqlJournal(place, KEK) as journal:
        journal.append([act(1)])
    with pytest.raises(ConfigError, match=r"0003.*needs 0004.*fiducia database migrate"):
        open_postgresql(place, LATER, "")
    assert migrate(place, LATER) == ("0003", "0004")
    assert migrate(place, LATER) == ("0004", "0004")
    database = open_postgresql(place, LATER, "")
    with database.read() as connection:
        assert connection.scalar(select(JOURNAL.c.seq)) == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM later").scalar_one() == 0
    database.close()
    for use in (lambda: SqlVault(place, KEK), lambda: migrate(place, CUSTODY)):
        with pytest.raises(ConfigError, match="update fiducia"):
            use()


def test_a_migration_that_fails_changes_nothing(place: PostgresPlace) -> None:
    with pytest.raises(VaultError):
        migrate(place, replace(LATER, version=5))
    assert versions(place) == {"": "0003"}
    SqlVault(place, KEK).close()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_acknowledges_what_is_not_durable_is_refused(
    place: PostgresPlace, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if setting == "synchronous_commit":
        monkeypatch.setitem(server._SETTINGS, setting, "off")
    else:  # the server's own, and not a test's to change: what it answers is taken for the other answer
        monkeypatch.setitem(server._DURABLE, setting, "on")
    with pytest.raises(ConfigError, match="power cut"):
        open_postgresql(place, CUSTODY, "")


# -- transactions


def test_writers_of_one_part_queue_and_of_another_do_not(
    place: PostgresPlace, opened: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(server._SETTINGS, "lock_timeout", "10ms")
    same, other = (open_postgresql(place, CUSTODY, part) for part in ("journal", "vault"))
    with opened.write():
        with pytest.raises(VaultError, match="another process holds it"), same.write():
            pytest.fail("two writers at once")
        with other.write():
            pass
    with same.write():
        pass
    same.close()
    other.close()


def test_the_journal_stays_without_gaps_also_against_a_writer_that_does_not_queue(
    place: PostgresPlace, postgresql: Cluster
) -> None:
    with SqlJournal(place, KEK) as journal:
        journal.append([act(1), act(2)])
        for statement in (
            "INSERT INTO fiducia.journal VALUES (2, 'denied', 1, '')",
            "INSERT INTO fiducia.journal VALUES (4, 'denied', 1, '')",
            "UPDATE fiducia.journal SET at = 0",
            "DELETE FROM fiducia.journal",
            "TRUNCATE fiducia.journal",
            "DELETE FROM fiducia.key_check",
        ):
            with pytest.raises(Exception, match="append-only"):
                postgresql.run(f"SET search_path = public; {statement}", str(place.url.database))
        assert list(journal.entries()) == [act(1), act(2)]


def test_a_server_that_was_started_again_is_used_without_an_error(place: PostgresPlace, postgresql: Cluster) -> None:
    with SqlJournal(place, KEK) as journal:
        journal.append([act(1)])
        end_connections(postgresql, place)
        journal.append([act(2)])
        assert list(journal.entries()) == [act(1), act(2)]


def test_a_connection_lost_in_a_write_is_an_error_and_nothing_is_written(
    place: PostgresPlace, postgresql: Cluster, opened: PostgresDatabase
) -> None:
    with pytest.raises(VaultError, match="try again"), opened.write() as connection:
        connection.execute(insert(JOURNAL).values(seq=1, kind="denied", at=1, sealed=b""))
        end_connections(postgresql, place)
        connection.execute(select(JOURNAL.c.seq))
    with opened.read() as connection:
        assert connection.execute(select(JOURNAL.c.seq)).all() == []


def test_a_standby_is_refused(place: PostgresPlace, postgresql: Cluster) -> None:
    postgresql.run(f"ALTER DATABASE {place.url.database} SET default_transaction_read_only = on")
    with pytest.raises(JournalError):
        SqlJournal(place, KEK)


def end_connections(postgresql: Cluster, place: PostgresPlace) -> None:
    """Have the server end everybody's connections to a database."""
    postgresql.run(
        f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{place.url.database}'"
    )


# -- claims


def test_nothing_is_kept_under_a_claim_that_was_lost(place: PostgresPlace, postgresql: Cluster) -> None:
    with SqlStudies(place, KEK, claim_timeout_s=10) as studies, SqlStudies(place, KEK, claim_timeout_s=10) as others:
        with studies.claim("1.2.3"):
            studies.propose(study("1.2.3"))
            end_connections(postgresql, place)
            with others.claim("1.2.3"):
                others.propose(study("1.2.3", 2))
                for keep in (studies.propose, studies.confirm):
                    with pytest.raises(VaultError):
                        keep(study("1.2.3", 3))
        assert others.find("1.2.3") == StudyState(pending=study("1.2.3", 2))


def test_claims_of_different_owners_do_not_meet(place: PostgresPlace) -> None:
    with (
        SqlStudies(replace(place, owner="a"), KEK, claim_timeout_s=0.01) as one,
        SqlStudies(replace(place, owner="b"), KEK, claim_timeout_s=0.01) as other,
        one.claim("1.2.3"),
        other.claim("1.2.3"),
        pytest.raises(LimitError),
        one.claim("1.2.3"),
    ):
        pytest.fail("held twice")


def test_those_who_wait_for_claims_keep_nobody_from_writing(place: PostgresPlace) -> None:
    with SqlStudies(place, KEK, claim_timeout_s=30) as studies, ThreadPoolExecutor(20) as pool:

        def claim(_: int) -> None:
            with studies.claim("1.2.3"):
                pass

        with studies.claim("1.2.3"):
            waiting = [pool.submit(claim, number) for number in range(20)]
            studies.confirm(study("1.2.4"))
            assert studies.find("1.2.4") == StudyState(study("1.2.4"))
        for each in waiting:
            each.result()


# -- forgetting


def files(postgresql: Cluster, place: PostgresPlace, *, log: bool = False) -> bytes:
    """Every byte of a database's files, and of the server's write-ahead log."""
    postgresql.run("CHECKPOINT")
    ((number,),) = postgresql.run(f"SELECT oid FROM pg_database WHERE datname = '{place.url.database}'")
    rooms = [postgresql.data / "base" / str(number), *([postgresql.data / "pg_wal"] if log else [])]
    return b"".join(path.read_bytes() for room in rooms for path in room.rglob("*") if path.is_file())


def salts(postgresql: Cluster, place: PostgresPlace) -> dict[str, bytes]:
    rows = postgresql.run(
        "SELECT name, salt FROM fiducia.vault JOIN fiducia.vault_salts ON vault_salts.id = salt_id",
        str(place.url.database),
    )
    return {str(name): bytes(salt) for name, salt in rows}  # type: ignore[call-overload]


def test_a_removed_secret_s_salt_is_in_no_table_and_in_no_log_once_that_is_recycled(
    place: PostgresPlace, postgresql: Cluster
) -> None:
    with SqlVault(place, KEK) as vault:
        vault.put({f"share/{number}": digest(number) for number in range(40)})
        first = salts(postgresql, place)
        vault.put({f"share/{number}": digest(number) for number in range(0, 40, 3)})
        second = salts(postgresql, place)
        content = files(postgresql, place, log=True)
        assert all(salt in content for salt in (*first.values(), *second.values())), "the search can find a salt"
        vault.remove([f"share/{number}" for number in range(20)])
        kept = [second[f"share/{number}"] for number in range(20, 40)]
        gone = [first[name] for name in first if second[name] != first[name]]
        gone += [second[f"share/{number}"] for number in range(20)]
        content = files(postgresql, place)
        assert [salt for salt in gone if salt in content or salt[:12] in content or salt[-12:] in content] == []
        assert all(salt in content for salt in kept)
        for _ in range(2):  # as the log's retention does by and by
            postgresql.run("SELECT pg_switch_wal()")
            content = files(postgresql, place, log=True)
        assert [salt for salt in gone if salt in content] == []
        assert vault.get("share/30") == digest(30)


def test_a_reader_elsewhere_does_not_keep_a_removed_salt(place: PostgresPlace, postgresql: Cluster) -> None:
    import psycopg

    with SqlVault(place, KEK) as vault:
        vault.put({"a": digest(1)})
        salt = salts(postgresql, place)["a"]
        with psycopg.connect(
            host=str(postgresql.directory), port=postgresql.port, user="fiducia", dbname=place.url.database
        ) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT count(*) FROM fiducia.journal")  # its moment is before the removal
            vault.remove(["a"])
            assert salt not in files(postgresql, place)


def test_a_removal_that_a_reader_delays_is_said_and_finished_by_running_it_again(
    place: PostgresPlace, postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setattr(adapter, "_SCRUB_TIMEOUT_S", 0.01)
    with SqlVault(place, KEK) as vault:
        vault.put({"a": digest(1)})
        salt = salts(postgresql, place)["a"]
        with psycopg.connect(
            host=str(postgresql.directory), port=postgresql.port, user="fiducia", dbname=place.url.database
        ) as reader:
            reader.execute("SELECT * FROM fiducia.vault_salts")
            with pytest.raises(VaultError, match="try again"):
                vault.remove(["a"])
        vault.remove(["a"])
        assert salt not in files(postgresql, place)


# -- errors and settings


def whole_text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_errors_quote_no_row(opened: PostgresDatabase) -> None:
    row = {"name": "a name in an error", "salt_id": 1, "sealed": b"a sealed value"}
    with pytest.raises(VaultError) as caught, opened.write() as connection:
        connection.execute(insert(CUSTODY.metadata.tables["vault"]).values(**row))
    assert "23503" in str(caught.value)
    assert "a name in an error" not in whole_text(caught.value)
    assert "sealed value" not in whole_text(caught.value)


@pytest.mark.parametrize("wrong", ["password", "port", "database"])
def test_the_password_is_in_no_error(postgresql: Cluster, place: PostgresPlace, wrong: str) -> None:
    url = postgresql.tcp_url(str(place.url.database), PASSWORD)
    changed = {
        "password": url.set(password=PASSWORD + " no"),
        "port": url.set(port=9),
        "database": url.set(database="nothing"),
    }[wrong]
    for use in (lambda: SqlVault(PostgresPlace(changed), KEK), lambda: versions(PostgresPlace(changed))):
        with pytest.raises(VaultError, match="cannot be reached, or refuses us") as caught:
            use()
        assert PASSWORD not in whole_text(caught.value)
    assert PASSWORD not in repr(PostgresPlace(changed))


def test_a_password_opens_it_by_tcp(postgresql: Cluster, place: PostgresPlace) -> None:
    url = postgresql.tcp_url(str(place.url.database), PASSWORD)
    with SqlVault(PostgresPlace(url), KEK) as vault:
        vault.put({"a": b"1"})
        assert vault.get("a") == b"1"


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://a@db.example/fiducia", "verify-full"),
        ("postgresql://a@db.example/fiducia?sslmode=verify-ca", None),
        ("postgresql://a@localhost/fiducia", None),
        ("postgresql://a@127.0.0.1/fiducia", None),
        ("postgresql://a@/fiducia?host=/run/postgresql", None),
        ("postgresql://a@/fiducia?host=/run/postgresql&host=db.example", "verify-full"),
        ("postgresql:///fiducia", None),
    ],
)
def test_a_server_elsewhere_must_prove_itself_unless_the_address_says_how(url: str, mode: str | None) -> None:
    assert server._parameters(make_url(url)).get("sslmode") == mode


def test_a_connection_has_the_house_s_settings_after_those_of_the_address(place: PostgresPlace) -> None:
    given = place.url.update_query_dict({"options": "-c work_mem=2MB -c lock_timeout=1ms"})
    database = open_postgresql(replace(place, url=given), CUSTODY, "")
    with database.read() as connection:
        shown = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in ("work_mem", "lock_timeout", "search_path", "transaction_read_only", "transaction_isolation")
        }
    database.close()
    assert shown == {
        "work_mem": "2MB",
        "lock_timeout": "30s",
        "search_path": '"fiducia"',
        "transaction_read_only": "on",
        "transaction_isolation": "read committed",
    }


def test_a_closed_or_forked_database_refuses(place: PostgresPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    with SqlVault(place, KEK) as vault:
        child = os.getpid() + 1
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: child)
            with pytest.raises(VaultError, match="before a fork"):
                vault.get("a")
    uses: tuple[Callable[[], object], ...] = (lambda: vault.names(""), lambda: vault.put({"a": b""}))
    for use in uses:
        with pytest.raises(VaultError, match="closed"):
            use()


def test_without_the_extra_it_says_what_to_install(place: PostgresPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"fiducia\[postgresql\]"):
        SqlVault(place, KEK)


def test_a_schema_without_steps_is_not_brought_further(place: PostgresPlace) -> None:
    table = Table("other", MetaData(), Column("id", String, primary_key=True), Column("salt", LargeBinary))
    with pytest.raises(ConfigError, match="no longer reads"):
        migrate(place, Schema("othr", 7, table.metadata))
