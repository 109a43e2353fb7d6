"""A whole consortium whose custody lies in PostgreSQL under a PKCS#11 token: two machines' brokers on one database.

The second machine is a home of its own with the same key, pins and database. A broker that is killed at any step of a
release leaves the request to the other; the journal has each hand-over once; no password and no PIN is in any file.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy import make_url

from fiducia.adapters.key_encryption_pkcs11 import HsmToken
from fiducia.app.home import Home
from fiducia.app.processes import free_ports
from tests.support.erased import opened, openers_of, salts_of
from tests.support.images import small_series, small_study
from tests.support.plaintext import find_plaintext
from tests.support.postgresql import PASSWORD, Cluster
from tests.support.softhsm import PIN
from tests.support.stack import Development, fetch_words, running_stack
from tests.support.truths import assert_once, assert_recorded, assert_same_files, assert_whole, state_of

RELEASE = {"release.asked": 0, "release.recorded": 0, "release.sealed": 0, "release.handed-over": 1}
"""Where a broker dies, and how often its journal says by then that keys were handed over."""
OWNERS = ("hospital-a", "hospital-b", "clinician")


@pytest.fixture(scope="module")
def development(
    tmp_path_factory: pytest.TempPathFactory, postgresql: Cluster, softhsm: HsmToken
) -> Iterator[Development]:
    """A consortium in an empty database, which it prepares itself, as it makes its key in the token."""
    root = tmp_path_factory.mktemp("postgresql")
    with postgresql.database("template0") as place:
        assert place.url.database
        url = postgresql.tcp_url(place.url.database, PASSWORD).render_as_string(hide_password=False)
        environment = {
            "FIDUCIA_DATABASE_URL": url,
            "FIDUCIA_PKCS11_MODULE": str(softhsm.module),
            "FIDUCIA_PKCS11_TOKEN": softhsm.token,
            "FIDUCIA_PKCS11_PIN": softhsm.pin,
            "FIDUCIA_PKCS11_KEY": "stack",
            "SOFTHSM2_CONF": os.environ["SOFTHSM2_CONF"],
        }
        with running_stack(root, environment=environment) as development:
            yield development


@pytest.fixture(scope="module")
def elsewhere(development: Development) -> Home:
    """A second machine's home, whose commands go to the second broker."""
    home = Home(development.root / "elsewhere")
    home.create()
    for name in ("hsm.json", "custody", "network.json"):
        shutil.copy(development.home.root / name, home.root / name)
    (port,) = free_ports(1)
    consortium = home.load()
    first, *others = consortium.members
    assert first.name == "hospital-a"
    home.save(replace(consortium, members=(replace(first, broker_url=f"http://127.0.0.1:{port}"), *others)))
    development.broker_at(home, "hospital-a", port)
    return home


def handed_over(development: Development) -> Counter[bytes]:
    with development.house() as house:
        return Counter(entry.subject_id for entry in house.journal("hospital-a").entries("handed_over"))


def test_a_release_whose_broker_is_killed_at_any_step_is_finished_by_the_other_broker(
    development: Development, elsewhere: Home, tmp_path: Path
) -> None:
    files = small_study(tmp_path / "images", "shared")
    (study,) = development.register(tmp_path / "images")["studies"]
    development.grant(study["study_id"])
    for number, (point, times) in enumerate(RELEASE.items(), 1):
        out = tmp_path / f"out-{number}"
        before = handed_over(development)
        broker = psutil.Process(development.broker(FIDUCIA_STOP_AT=point).pid)
        development.fiducia(*fetch_words(study["study_id"], out), expect=4)
        broker.wait(timeout=30)
        assert not out.exists()
        development.fetch(study["study_id"], out, home=elsewhere.root)
        assert_same_files(out, files)
        assert sorted((handed_over(development) - before).values()) == [1 + times]
        with development.house() as house:
            assert len(state_of(house).releases(bytes.fromhex(study["study_id"][2:]))) == number
    with development.house() as house:
        assert_once(house)
        assert_recorded(house)
        assert_whole(house)
    development.up()


def test_a_revoke_that_one_broker_took_while_the_chain_stood_still_is_denied_by_the_other(
    development: Development, elsewhere: Home, tmp_path: Path
) -> None:
    small_series(tmp_path / "images", "revoked at the other broker")
    (study,) = development.register(tmp_path / "images")["studies"]
    grant_id = development.grant(study["study_id"])
    development.fetch(study["study_id"], tmp_path / "before", home=elsewhere.root)
    development.broker(FIDUCIA_FINALITY_S="1")
    with development.mining_stopped():
        taken = development.fiducia("grant", "revoke", grant_id, "--as", "patient")
        assert (taken["revoked"], taken["on_chain"]) == (True, False)
        # Refused, or the chain has been silent for too long by now: either way no key.
        before = handed_over(development)
        development.fetch(study["study_id"], tmp_path / "images-b", home=elsewhere.root, expect=(3, 4))
        assert handed_over(development) == before
    development.up()


def test_custody_is_in_the_database_and_its_password_nowhere_else(development: Development, elsewhere: Home) -> None:
    shown = development.fiducia("database", "show").said
    assert (shown["database"], shown["set_up"]) == ("postgresql", True)
    owners = {row["of"]: row["version"] for row in shown["owners"]}
    assert {"(home)", "hospital-a", "hospital-b", "clinician"} <= set(owners)
    migrated = development.fiducia("database", "migrate").said
    assert {row["of"]: (row["to"], row["changed"]) for row in migrated} == {
        owner: (version, False) for owner, version in owners.items()
    }
    files = [path for home in (development.home, elsewhere) for path in home.root.rglob("*") if path.is_file()]
    assert {path.name for path in files if path.suffix == ".sqlite"} == {"mirror.sqlite"}
    assert "key" not in {path.name for path in files}
    for secret in (PASSWORD, PIN):
        assert [path for path in files if secret.encode() in path.read_bytes()] == []


def test_nothing_in_the_database_or_its_log_opens_an_erased_study(
    development: Development, postgresql: Cluster, tmp_path: Path
) -> None:
    database = make_url(development.environment["FIDUCIA_DATABASE_URL"]).database
    assert database
    small_study(tmp_path / "images", "erased")
    (study,) = development.register(tmp_path / "images")["studies"]
    development.grant(study["study_id"])
    development.fetch(study["study_id"], tmp_path / "out")
    salts = salts_of(postgresql, database)
    with development.house() as house:
        openers = openers_of(house, bytes.fromhex(study["study_id"][2:]))
        assert opened(map(house.vault, OWNERS), openers.custodies), "the search can open it"
    postgresql.run("CHECKPOINT")
    assert {each.label for each in find_plaintext(postgresql.data, salts)} == salts.keys(), "and find what opens it"

    development.fiducia("study", "request-erasure", study["study_id"], "--as", "patient")
    development.fiducia("study", "erase", study["study_id"], "--out", str(tmp_path / "erased.json"))
    kept = salts_of(postgresql, database)
    gone = {name: salt for name, salt in salts.items() if name not in kept}
    assert gone
    for _ in range(2):  # as the log's retention does by and by
        postgresql.run("SELECT pg_switch_wal()")
        postgresql.run("CHECKPOINT")
    assert find_plaintext(postgresql.data, gone) == ()
    assert find_plaintext(development.root / "home", {**gone, **openers.objects}) == ()
    with development.house() as house:
        assert opened(map(house.vault, OWNERS), openers.custodies) == 0


def test_a_home_whose_custody_is_in_a_database_is_not_opened_without_it(
    development: Development, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIDUCIA_DATABASE_URL")
    refused = development.fiducia("study", "list", "--as", "hospital-a", expect=2)
    assert "set FIDUCIA_DATABASE_URL" in refused["detail"]
    monkeypatch.setenv("FIDUCIA_DATABASE_URL", f"postgresql://fiducia:{PASSWORD}@127.0.0.1:9/fiducia")
    unreachable = development.fiducia("study", "list", "--as", "hospital-a", expect=2)
    assert PASSWORD not in str(unreachable.said) + unreachable.errors
