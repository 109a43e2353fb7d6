"""A home is moved from SQLite files into PostgreSQL, and back, by a copy and a restore: with nothing lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from fiducia.adapters.sql import PostgresPlace
from fiducia.app.cli import main
from fiducia.app.home import Home
from fiducia.app.profiles import Kind, new_profile
from fiducia.app.settings import Settings
from fiducia.app.wiring import House
from fiducia.app.wiring.copies import SETTINGS_FILES
from fiducia.core.copies.changes import NOT_COPIED
from fiducia.errors import KeyMissingError, NotCaughtUpError
from fiducia.journeys.logs.log_tree import JournalTree
from fiducia.ports import Vault
from fiducia.records.journal import KeptCheckpoint
from tests.support.copies import checkpoint, entry, patient, share_name, study
from tests.support.postgresql import Cluster

MEMBERS, AUDITOR = ("hospital-a", "hospital-b"), "auditor"
ENTRIES = 300


@pytest.fixture
def empty_database(postgresql: Cluster) -> Iterator[PostgresPlace]:
    with postgresql.database("template0") as place:
        yield place


def house(home: Home, place: PostgresPlace | None = None) -> House:
    url = SecretStr(place.url.render_as_string(hide_password=False)) if place else None
    return House(home, Settings(_env_file=None, database_url=url))  # type: ignore[call-arg]


def set_up(home: Home) -> None:
    """A home in SQLite files with something in every part of it."""
    home.create()
    for name in SETTINGS_FILES:
        (home.root / name).write_text(json.dumps({"settings": name}))
    with house(home) as made:
        made.custody.create()
        for number, member in enumerate(MEMBERS, 1):
            made.new_profiles().save(new_profile(member, Kind.INSTITUTION, made.entropy, member=member))
            fill(made, member, number)
        made.logbook(AUDITOR).keep(checkpoint(7, origin=MEMBERS[0], note=b"as the auditor saw it"), 0)
        made.logbook(AUDITOR).accuse(b"what the auditor caught")


def fill(made: House, member: str, number: int) -> None:
    vault, studies, journal, logbook = (
        made.vault(member),
        made.studies(member),
        made.journal(member),
        made.logbook(member),
    )
    vault.put({share_name(each): bytes([each % 256, number]) * 32 for each in range(40)} | {"broker/log": b"k" * 32})
    vault.remove([share_name(39)])
    with made.plain_patients(member).together(), made.plain_studies(member).together():
        for each in range(20):
            made.patients(member).add(patient(each))
            studies.confirm(study(each))
    studies.propose(study(3, 2))
    made.patients(member).remove(patient(5).identity)
    studies.remove(study(5).study_instance_uid)
    journal.append([entry(each * number) for each in range(ENTRIES)])
    root = JournalTree(journal).root(ENTRIES)
    for other in MEMBERS:  # its own, and what it witnessed
        logbook.keep(KeptCheckpoint(other, ENTRIES, root, f"{member} signed".encode()), 0)
    logbook.accuse(b"what " + member.encode() + b" caught")


def write_more(made: House) -> None:
    """What is acknowledged while a home follows."""
    member = MEMBERS[0]
    made.vault(member).put({share_name(39): b"of the time in PostgreSQL"})
    made.vault(member).remove([share_name(1)])
    made.patients(member).add(patient(21))
    made.studies(member).confirm(study(3, 2))
    made.journal(member).append([entry(1)])
    newest = made.logbook(AUDITOR).newest(MEMBERS[0])
    assert newest is not None
    made.logbook(AUDITOR).keep(checkpoint(ENTRIES + 1, origin=MEMBERS[0]), newest.size)
    made.logbook(member).accuse(b"what was caught meanwhile")


def secrets(vault: Vault) -> Mapping[str, bytes]:
    return {name: vault.get(name) for name in vault.names("") if not name.startswith(NOT_COPIED)}


def content(of: House) -> object:
    """All that a home keeps, as its ports give it."""
    return (
        secrets(of.plain_home_vault()),
        {name: (of.home.root / name).read_bytes() for name in SETTINGS_FILES},
        {
            member: (
                secrets(of.plain_vault(member)),
                of.plain_patients(member).all(),
                tuple(of.plain_studies(member).states()),
                tuple(of.plain_journal(member).entries()),
                of.plain_journal(member).leaves(0, of.plain_journal(member).size()),
                JournalTree(of.plain_journal(member)).root(ENTRIES),
            )
            for member in MEMBERS
        },
        {owner: (of.logbook(owner).all(), of.logbook(owner).evidence()) for owner in (*MEMBERS, AUDITOR)},
    )


def run(home: Home, *words: object) -> None:
    assert main(["backup", *map(str, words), "--home", str(home.root), "--json"]) == 0


def test_a_home_moves_into_postgresql_and_back(
    empty_database: PostgresPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, database, back = (Home(tmp_path / name) for name in ("files", "database", "back"))
    place, shares = tmp_path / "place", tmp_path / "shares"
    for folder in (place, shares):
        folder.mkdir()
    share = ("--share", shares / "recovery-share-1-of-1.json")
    set_up(files)

    run(files, "key", "create", "--shares", "1of1", "--out", shares)
    with house(files) as first:
        expected = content(first)
    run(files, "create", "--to", place)
    monkeypatch.setenv("FIDUCIA_DATABASE_URL", empty_database.url.render_as_string(hide_password=False))
    run(database, "restore", "--from", place, *share)
    with house(database, empty_database) as second:
        assert content(second) == expected
        assert set(second.custody.versions()) == {"", *MEMBERS, AUDITOR}
        for member in MEMBERS:
            with pytest.raises(NotCaughtUpError):
                second.vault(member).get(share_name(1))
    assert list(database.root.rglob("*.sqlite")) == []

    run(database, "create", "--follow")
    with house(database, empty_database) as second:
        for member in MEMBERS:
            second.standing(member).end()  # as if it had caught up with the chain
        write_more(second)
        moved = content(second)
    assert moved != expected
    monkeypatch.delenv("FIDUCIA_DATABASE_URL")
    run(back, "restore", "--from", place, *share)
    with house(back) as third:
        assert content(third) == moved
        assert third.plain_journal(MEMBERS[0]).size() == ENTRIES + 1
        with pytest.raises(KeyMissingError):
            third.plain_vault(MEMBERS[0]).get(share_name(1))
