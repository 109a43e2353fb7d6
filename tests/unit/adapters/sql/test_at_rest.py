"""What lies in the file opens with its own key, in its own place, unaltered, or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fiducia.adapters.key_encryption import KeyEncryption, KeyFile, KeyText, create_key_file
from fiducia.adapters.sql import SqlJournal, SqlPatients, SqlStudies, SqlVault
from fiducia.errors import FiduciaError, JournalError, VaultError, VaultLockedError
from tests.support.altered import altered
from tests.support.custody import KEK, OTHER_KEK, act, digest, patient, raw, scalar, study

ADAPTERS = [SqlVault, SqlPatients, SqlStudies, SqlJournal]
Open = Callable[[Path, KeyEncryption], SqlVault | SqlPatients | SqlStudies | SqlJournal]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with two of everything."""
    path = tmp_path / "custody.db"
    fill(path)
    return path


def fill(path: Path) -> None:
    with SqlVault(path, KEK) as vault:
        vault.put({"one": digest(1), "two": digest(2)})
    with SqlPatients(path, KEK) as patients:
        patients.add(patient("P-1"))
        patients.add(patient("P-2"))
    with SqlStudies(path, KEK) as studies:
        for uid in ("1.2.1", "1.2.2"):
            studies.confirm(study(uid, 1))
            studies.propose(study(uid, 2))
    with SqlJournal(path, KEK) as journal:
        journal.append([act(1), act(2)])


def edit(path: Path, *statements: str) -> None:
    """Change the file past the adapters, with the triggers out of the way."""
    with raw(path) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.create_function("flipped", 2, altered)
        for statement in statements:
            connection.execute(statement)


def read_vault(path: Path) -> None:
    with SqlVault(path, KEK) as vault:
        assert (vault.get("one"), vault.get("two")) == (digest(1), digest(2))


def read_patients(path: Path) -> None:
    with SqlPatients(path, KEK) as patients:
        assert patients.all() == (patient("P-1"), patient("P-2"))


def read_studies(path: Path) -> None:
    with SqlStudies(path, KEK) as studies:
        assert studies.find("1.2.1").anchored == study("1.2.1", 1)
        assert studies.find("1.2.1").pending == study("1.2.1", 2)
        assert studies.find("1.2.2").anchored == study("1.2.2", 1)
        assert studies.find("1.2.2").pending == study("1.2.2", 2)


def read_journal(path: Path) -> None:
    with SqlJournal(path, KEK) as journal:
        assert list(journal.entries()) == [act(1), act(2)]


READERS = [read_vault, read_patients, read_studies, read_journal]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_another_key_is_refused_at_opening(path: Path, adapter: Open) -> None:
    with pytest.raises(VaultLockedError, match="another key-encryption key"):
        adapter(path, OTHER_KEK)
    for read in READERS:
        read(path)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_lost_key_is_said_and_makes_no_file(tmp_path: Path, adapter: Open) -> None:
    create_key_file(tmp_path / "kek")
    adapter(tmp_path / "db", KeyFile(tmp_path / "kek")).close()
    (tmp_path / "kek").unlink()
    with pytest.raises(VaultLockedError, match="missing"):
        adapter(tmp_path / "db", KeyFile(tmp_path / "kek"))
    with pytest.raises(VaultLockedError, match="missing"):
        adapter(tmp_path / "new", KeyFile(tmp_path / "kek"))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_key_file_open_to_others_is_refused_and_makes_no_file(tmp_path: Path, adapter: Open) -> None:
    create_key_file(tmp_path / "kek")
    (tmp_path / "kek").chmod(0o644)
    with pytest.raises(VaultLockedError, match="chmod 600"):
        adapter(tmp_path / "db", KeyFile(tmp_path / "kek"))
    assert not (tmp_path / "db").exists()


def test_a_key_of_another_length_is_refused(tmp_path: Path) -> None:
    class Short:
        def key(self) -> bytes:
            return bytes(31)

    with pytest.raises(VaultLockedError, match="31 bytes"):
        SqlVault(tmp_path / "db", Short())


@pytest.mark.parametrize("column", ["salt", "value"])
def test_an_altered_key_check_locks(path: Path, column: str) -> None:
    edit(path, f"UPDATE key_check SET {column} = flipped({column}, 0)")
    with pytest.raises(VaultLockedError):
        SqlVault(path, KEK)


@pytest.mark.parametrize("at", [0, 31, 32, -1])
@pytest.mark.parametrize(
    ("place", "read"),
    [
        ("patients.sealed", read_patients),
        ("studies.anchored", read_studies),
        ("studies.pending", read_studies),
        ("journal.sealed", read_journal),
    ],
)
def test_an_altered_value_does_not_open(path: Path, place: str, read: Callable[[Path], None], at: int) -> None:
    table, column = place.split(".")
    edit(path, f"UPDATE {table} SET {column} = flipped({column}, {at}) WHERE rowid = 1")
    with pytest.raises((VaultError, JournalError)):
        read(path)


@pytest.mark.parametrize(
    ("statements", "read"),
    [
        (["UPDATE vault SET sealed = flipped(sealed, 0) WHERE name = 'two'"], read_vault),
        (["UPDATE vault SET sealed = flipped(sealed, -1) WHERE name = 'two'"], read_vault),
        (["UPDATE vault SET sealed = x'' WHERE name = 'two'"], read_vault),
        (["UPDATE vault_salts SET salt = flipped(salt, 0)"], read_vault),
        (["UPDATE vault SET name = name || 1", "UPDATE vault SET name = iif(name = 'one1', 'two', 'one')"], read_vault),
        (["UPDATE patients SET sealed = (SELECT p.sealed FROM patients p WHERE p.id = 2)"], read_patients),
        (["UPDATE patients SET lookup = flipped(lookup, 0)"], read_patients),
        (["UPDATE patients SET sealed = (SELECT anchored FROM studies)"], read_patients),
        (["UPDATE studies SET anchored = (SELECT s.anchored FROM studies s WHERE s.id = 2)"], read_studies),
        (["UPDATE studies SET anchored = pending"], read_studies),
        (["UPDATE studies SET pending = anchored"], read_studies),
        (["UPDATE journal SET sealed = (SELECT j.sealed FROM journal j WHERE j.seq = 2)"], read_journal),
        (["UPDATE journal SET seq = -seq", "UPDATE journal SET seq = 3 + seq"], read_journal),
        (["UPDATE journal SET kind = 'denied'"], read_journal),
        (["UPDATE journal SET at = at + 1"], read_journal),
        (["DELETE FROM journal WHERE seq = 1"], read_journal),
        (["DELETE FROM journal WHERE seq = 1", "UPDATE journal SET seq = 1"], read_journal),
    ],
)  # fmt: skip
def test_what_was_moved_or_altered_does_not_open(
    path: Path, statements: list[str], read: Callable[[Path], None]
) -> None:
    read(path)
    edit(path, *statements)
    with pytest.raises((VaultError, JournalError)) as refusal:
        read(path)
    assert not isinstance(refusal.value, VaultLockedError)


def test_a_missing_entry_is_found_also_when_reading_one_kind(path: Path) -> None:
    edit(path, "DELETE FROM journal WHERE seq = 1")
    with SqlJournal(path, KEK) as journal, pytest.raises(JournalError, match="missing"):
        list(journal.entries("handed_over"))


def test_values_of_another_database_do_not_open(path: Path, tmp_path: Path) -> None:
    fill(tmp_path / "other.db")
    edit(path, f"ATTACH '{tmp_path / 'other.db'}' AS other", "UPDATE journal SET sealed = (SELECT sealed FROM "
         "other.journal theirs WHERE theirs.seq = journal.seq)")  # fmt: skip
    with pytest.raises(JournalError):
        read_journal(path)
    assert scalar(path, "SELECT lookup FROM patients") != scalar(tmp_path / "other.db", "SELECT lookup FROM patients")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET kind = 'denied'",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal VALUES (1, 'denied', 0, x'00')",
        "INSERT INTO journal VALUES (9, 'denied', 0, x'00')",
        "UPDATE key_check SET salt = x'00'",
        "DELETE FROM key_check",
    ],
)
def test_the_file_itself_refuses_to_change_what_only_grows(path: Path, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), raw(path) as connection:
        connection.execute(statement)
    read_journal(path)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_closed_adapter_refuses(path: Path, adapter: Open) -> None:
    opened = adapter(path, KEK)
    opened.close()
    with pytest.raises(FiduciaError) as refusal:
        match opened:
            case SqlVault():
                opened.get("one")
            case SqlJournal():
                opened.append([act(3)])
            case _:
                opened.all()
    assert isinstance(refusal.value, JournalError if adapter is SqlJournal else VaultError)


def test_keys_are_not_in_the_adapters_texts(path: Path) -> None:
    with SqlVault(path, KeyText("5a" * 32)) as vault:
        assert "5a5a" not in repr(vault)
        assert "5a5a" not in str(vars(vault))
