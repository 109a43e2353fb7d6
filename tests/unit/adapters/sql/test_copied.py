"""Copies of custody at rest: sealed anew under another key, in either database, and no durable table left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from fiducia.adapters.copied_logbook import LogbookSource
from fiducia.adapters.copy_sources import JournalSource, PatientsSource, StudiesSource, VaultSource
from fiducia.adapters.key_encryption import KeyEncryption
from fiducia.adapters.sql import Place, SqlJournal, SqlLogbook, SqlPatients, SqlStudies, SqlVault, open_database
from fiducia.adapters.sql.custody import CUSTODY
from fiducia.app.home import MemberPaths
from fiducia.app.wiring.copies import MEMBER_PARTS
from fiducia.ports import CopySource
from fiducia.records.images import JournalEntry
from tests.support.copies import checkpoint
from tests.support.custody import KEK, OTHER_KEK, custody_place, digest, patient, study

REBUILT = {
    "key_check": "binds one database to its data key",
    "key_wraps": "that data key, wrapped by the key-encryption keys that open the database",
    "journal_probe": "what a look at a journal's health writes",
}
"""Tables whose rows belong to one database. All others are a port's to tell."""


class Kept:
    """One member's custody, all parts of it in one database."""

    def __init__(self, place: Place, kek: KeyEncryption) -> None:
        self.place = place
        self.vault, self.journal = SqlVault(place, kek), SqlJournal(place, kek)
        self.patients, self.studies = SqlPatients(place, kek), SqlStudies(place, kek)
        self.logbook = SqlLogbook(place)

    def sources(self) -> dict[str, CopySource]:
        return {
            "logbook": LogbookSource("logbook", self.logbook),
            "studies": StudiesSource("studies", self.studies),
            "patients": PatientsSource("patients", self.patients),
            "journal": JournalSource("journal", self.journal),
            "vault": VaultSource("vault", self.vault),
        }

    def fill(self, count: int) -> None:
        self.vault.put({f"share/{digest(number).hex()}/1/1": digest(number) for number in range(count)})
        self.vault.put({"a-kind/that/nobody-knew": b"new"})
        for number in range(count):
            self.patients.add(patient(f"P{number}"))
            self.studies.confirm(study(f"1.2.{number}"))
        self.studies.propose(study("1.2.0", 2))
        self.journal.append([JournalEntry("denied", number, digest(number), "why") for number in range(count)])
        self.logbook.keep(checkpoint(count), 0)
        self.logbook.accuse(b"caught")

    def content(self) -> object:
        secrets = {name: self.vault.get(name) for name in self.vault.names("")}
        leaves = [self.journal.disclose(index) for index in range(self.journal.size())]
        logs = self.logbook.all(), self.logbook.evidence()
        return secrets, self.patients.all(), tuple(self.studies.states()), tuple(self.journal.entries()), leaves, logs

    def rows(self) -> dict[str, int]:
        """Return how many rows each table of the schema has."""
        database = open_database(self.place, CUSTODY, "counting")
        try:
            with database.read() as connection:
                return {
                    name: connection.scalar(select(func.count()).select_from(table)) or 0
                    for name, table in CUSTODY.metadata.tables.items()
                }
        finally:
            database.close()

    def close(self) -> None:
        for each in (self.vault, self.patients, self.studies, self.journal, self.logbook):
            each.close()


@pytest.fixture
def open_kept() -> Iterator[Callable[[Place, KeyEncryption], Kept]]:
    opened: list[Kept] = []

    def open_one(place: Place, kek: KeyEncryption) -> Kept:
        opened.append(Kept(place, kek))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def kept(tmp_path: Path, open_kept: Callable[[Place, KeyEncryption], Kept]) -> Kept:
    made = open_kept(tmp_path / "first.db", KEK)
    made.fill(12)
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def into(request: pytest.FixtureRequest, tmp_path: Path, open_kept: Callable[[Place, KeyEncryption], Kept]) -> Kept:
    return open_kept(custody_place(request, tmp_path), OTHER_KEK)


def carry(kept: Kept, into: Kept) -> None:
    """Have one take what the other tells."""
    sources = into.sources()
    for name, source in kept.sources().items():
        sources[name].apply(list(source.dump()))


def test_everything_is_sealed_anew_under_another_key(kept: Kept, into: Kept) -> None:
    for _ in range(2):
        carry(kept, into)
        assert into.content() == kept.content()
    assert into.patients.subject_of(patient("P3").identity) == patient("P3")
    assert into.studies.find("1.2.0").pending == study("1.2.0", 2)
    told = kept.sources()
    for name, source in into.sources().items():
        assert list(source.dump()) == list(told[name].dump())


def test_every_durable_table_is_in_a_copy(kept: Kept, into: Kept) -> None:
    """A new table of custody is filled here and told by a port, or it is one database's own (`REBUILT`)."""
    carry(kept, into)
    told = {name: count for name, count in kept.rows().items() if name not in REBUILT}
    assert all(told.values()), "a table that nothing here fills: have it told, and filled by `Kept.fill`"
    assert {name: count for name, count in into.rows().items() if name not in REBUILT} == told
    assert set(REBUILT) <= set(CUSTODY.metadata.tables)


def test_every_file_of_a_member_is_told_or_read_again() -> None:
    """A new file of a member is a part that copies tell; or it must be decided on here."""
    files = {name for name, each in vars(MemberPaths).items() if isinstance(each, property)}
    not_copied = {
        "spool": "instances that the sender keeps until they are registered",
        "cache": "ciphertext that the store gives again",
        "mirror": "events that the chain gives again",
    }
    assert files == {*MEMBER_PARTS, *not_copied}
