"""A home's key-encryption key is changed while it is in use; killed at any step, the same half completes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from fiducia.adapters.key_encryption import KeyEncryption, KeyFile, KeyText
from fiducia.adapters.key_encryption_pkcs11 import HsmToken
from fiducia.adapters.memory.steps import MemorySteps
from fiducia.adapters.sql import Place, PostgresPlace, SqlJournal, SqlPatients, SqlStudies, SqlVault
from fiducia.adapters.sql.claims import claim
from fiducia.app.cli import app
from fiducia.app.home import Home
from fiducia.app.settings import Settings
from fiducia.app.wiring.custody import Custody
from fiducia.app.wiring.key_rotation import KeyRotation, Rotated
from fiducia.errors import ConfigError, LimitError, VaultLockedError
from tests.support.custody import act, digest, patient, study

OWNERS = ("hospital-a", "hospital-b")


class Killed(Exception):
    """Stands for the end of the process."""


class KilledAt(MemorySteps):
    """Steps that end at the one with a number, whatever its name."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def reached(self, point: str) -> None:
        super().reached(point)
        if len(self.points) == self._number:
            raise Killed(point)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def rotation(home: Home, steps: MemorySteps | None = None, **settings: Any) -> KeyRotation:
    chosen = Settings(**settings)
    return KeyRotation(home=home, settings=chosen, custody=Custody(home, chosen), steps=steps or MemorySteps())


def fill(home: Home, **settings: Any) -> Custody:
    """Set a home up with something in every part of two owners' custody, and of its own."""
    custody = Custody(home, Settings(**settings))
    custody.create()
    kek = custody.key_encryption
    SqlVault(custody.place("", home.profiles), kek).close()
    for owner in OWNERS:
        at = home.member(owner)
        with SqlVault(custody.place(owner, at.vault), kek) as vault:
            vault.put({"one": digest(owner)})
        with SqlPatients(custody.place(owner, at.patients), kek) as patients:
            patients.add(patient(owner))
        with SqlStudies(custody.place(owner, at.studies), kek) as studies:
            studies.confirm(study("1.2"))
        with SqlJournal(custody.place(owner, at.journal), kek) as journal:
            journal.append([act(1)])
    return custody


@contextmanager
def opened(custody: Custody, home: Home, kek: KeyEncryption, owner: str) -> Iterator[tuple[Any, ...]]:
    at = home.member(owner)
    with (
        SqlVault(custody.place(owner, at.vault), kek) as vault,
        SqlPatients(custody.place(owner, at.patients), kek) as patients,
        SqlStudies(custody.place(owner, at.studies), kek) as studies,
        SqlJournal(custody.place(owner, at.journal), kek) as journal,
    ):
        yield vault, patients, studies, journal


def read(parts: tuple[Any, ...], owner: str) -> None:
    vault, patients, studies, journal = parts
    assert vault.get("one") == digest(owner)
    assert patients.subject_of(patient(owner).identity) == patient(owner)
    assert studies.find("1.2").anchored == study("1.2")
    assert list(journal.entries()) == [act(1)]
    assert journal.disclose(0).entry == act(1)


def check_all(custody: Custody, home: Home, kek: KeyEncryption) -> None:
    for owner in OWNERS:
        with opened(custody, home, kek, owner) as parts:
            read(parts, owner)


def opens_any(custody: Custody, kek: KeyEncryption) -> list[Place]:
    found = []
    for place in custody.places():
        try:
            SqlVault(place, kek).close()
        except VaultLockedError:
            continue
        found.append(place)
    return found


def test_both_keys_open_everything_until_the_rotation_is_finished(home: Home) -> None:
    custody = fill(home)
    before = KeyText(home.key_file.read_text())
    with opened(custody, home, before, "hospital-a") as parts:
        assert rotation(home).begin() == Rotated(9, 9)
        read(parts, "hospital-a")
        after = KeyText(home.key_file.read_text())
        assert after.key() != before.key()
        for kek in (before, after):
            check_all(custody, home, kek)
        assert rotation(home).begin() == Rotated(9, 0), "begun already: it is not another one"
        assert after.key() == KeyFile(home.key_file).key()
        assert rotation(home).finish() == Rotated(9, 9)
        read(parts, "hospital-a")
        parts[0].put({"later": digest(2)})
    check_all(custody, home, after)
    assert opens_any(custody, before) == []
    assert [path.name for path in home.root.glob("key*")] == ["key"]
    assert rotation(home).finish() == Rotated(9, 0)
    with SqlVault(custody.place("hospital-a", home.member("hospital-a").vault), after) as vault:
        assert vault.get("later") == digest(2)


STEPS = {"begin": 7, "finish": 2}
"""How many steps each half has in a home of two databases."""


def small(home: Home, **settings: Any) -> Custody:
    """Set a home up with two databases."""
    custody = Custody(home, Settings(**settings))
    custody.create()
    for file in (home.profiles, home.member("hospital-a").vault):
        with SqlVault(file, custody.key_encryption) as vault:
            vault.put({"one": digest(1)})
    return custody


def check_small(custody: Custody, kek: KeyEncryption) -> None:
    for place in custody.places():
        with SqlVault(place, kek) as vault:
            assert vault.get("one") == digest(1)


@pytest.mark.parametrize(("half", "number"), [(half, n) for half, last in STEPS.items() for n in range(1, last + 1)])
def test_killed_at_any_step_the_same_half_completes_it(home: Home, half: str, number: int) -> None:
    custody = small(home)
    before = KeyText(home.key_file.read_text())
    if half == "finish":
        rotation(home).begin()
    with pytest.raises(Killed):
        getattr(rotation(home, KilledAt(number)), half)()
    check_small(custody, KeyFile(home.key_file))
    if half == "begin":
        check_small(custody, before)
    getattr(rotation(home), half)()
    check_small(custody, KeyFile(home.key_file))
    assert KeyFile(home.key_file).key() != before.key()
    assert not home.successor(home.key_file).exists()
    rotation(home).finish()
    check_small(custody, KeyFile(home.key_file))
    assert opens_any(custody, before) == []


def test_the_steps_that_are_tried_are_all_there_are(home: Home) -> None:
    small(home)
    for half, last in STEPS.items():
        steps = MemorySteps()
        getattr(rotation(home, steps), half)()
        assert len(steps.points) == last


def test_a_rotation_that_is_not_in_place_is_not_finished(home: Home) -> None:
    custody = small(home)
    with pytest.raises(Killed):
        rotation(home, KilledAt(2)).begin()
    with pytest.raises(ConfigError, match="without --finish"):
        rotation(home).finish()
    check_small(custody, KeyFile(home.key_file))


def test_one_rotation_at_a_time(home: Home) -> None:
    custody = small(home)
    with claim(home.root / "locks" / "rotate-kek.lock", 0):
        for half in (KeyRotation.begin, KeyRotation.finish):
            with pytest.raises(LimitError, match="another rotation"):
                half(rotation(home))
    assert not home.successor(home.key_file).exists()
    check_small(custody, KeyFile(home.key_file))


def test_a_database_made_under_the_key_of_before_is_let_in_by_beginning_again(home: Home) -> None:
    custody = small(home)
    before = KeyText(home.key_file.read_text())
    rotation(home).begin()
    late = home.member("hospital-c").vault
    with SqlVault(late, before) as vault:
        vault.put({"late": digest(3)})
    with pytest.raises(VaultLockedError, match="rotate-kek"):
        rotation(home).finish()
    assert len(opens_any(custody, before)) == 3, "nothing was ended"
    assert rotation(home).begin() == Rotated(3, 1)
    rotation(home).finish()
    with SqlVault(late, custody.key_encryption) as vault:
        assert vault.get("late") == digest(3)


def test_the_environment_names_the_new_key_and_then_the_present_one(home: Home) -> None:
    first, second = "11" * 32, "22" * 32
    custody = small(home, key=SecretStr(first))
    with pytest.raises(ConfigError, match="FIDUCIA_NEXT_KEY"):
        rotation(home, key=SecretStr(first)).begin()
    done = rotation(home, key=SecretStr(first), next_key=SecretStr(second)).begin()
    assert done == Rotated(2, 2)
    for key in (first, second):
        check_small(custody, KeyText(key))
    assert rotation(home, key=SecretStr(second)).finish() == Rotated(2, 2)
    assert opens_any(custody, KeyText(first)) == []
    done = rotation(home, key=SecretStr(second), next_passphrase=SecretStr("open sesame")).begin()
    assert done == Rotated(2, 2)
    assert rotation(home, passphrase=SecretStr("open sesame")).finish() == Rotated(2, 2)
    assert opens_any(custody, KeyText(second)) == []
    with pytest.raises(ConfigError, match="not both"):
        rotation(home, next_key=SecretStr(first), next_passphrase=SecretStr("x")).begin()


def test_a_token_wraps_another_key(home: Home, softhsm: HsmToken) -> None:
    token: dict[str, Any] = {
        "pkcs11_module": softhsm.module,
        "pkcs11_token": softhsm.token,
        "pkcs11_pin": SecretStr(softhsm.pin),
        "pkcs11_key": softhsm.key,
    }
    custody = small(home, **token)
    before = KeyText(custody.key_encryption.key().hex())
    rotation(home, **token).begin()
    check_small(custody, Custody(home, Settings(**token)).key_encryption)
    rotation(home, **token).finish()
    check_small(custody, Custody(home, Settings(**token)).key_encryption)
    assert opens_any(custody, before) == []


def test_in_postgresql_every_owner_s_rows_go_over(home: Home, postgresql_place: PostgresPlace) -> None:
    url: dict[str, Any] = {"database_url": SecretStr(postgresql_place.url.render_as_string(hide_password=False))}
    custody = fill(home, **url)
    before = KeyText(home.key_file.read_text())
    with opened(custody, home, before, "hospital-a") as parts:
        assert rotation(home, **url).begin() == Rotated(3, 3)
        read(parts, "hospital-a")
        check_all(custody, home, before)
        assert rotation(home, **url).finish() == Rotated(3, 3)
        read(parts, "hospital-a")
    check_all(custody, home, KeyFile(home.key_file))
    assert opens_any(custody, before) == []


def test_an_empty_home_is_refused_and_left_empty(home: Home) -> None:
    for half in (KeyRotation.begin, KeyRotation.finish):
        with pytest.raises(ConfigError, match="fiducia up"):
            half(rotation(home))
    assert not home.successor(home.key_file).exists()


def test_the_command_begins_and_finishes(home: Home) -> None:
    custody = small(home)
    before = KeyText(home.key_file.read_text())
    halves: list[list[str]] = [[], ["--finish"]]
    for given in halves:
        result = CliRunner().invoke(app, ["--home", str(home.root), "--json", "key", "rotate-kek", *given])
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout) == {"databases": 2, "changed": 2, "finished": bool(given)}
    check_small(custody, KeyFile(home.key_file))
    assert opens_any(custody, before) == []
