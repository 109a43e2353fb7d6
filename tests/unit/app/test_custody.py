"""A home keeps to the database that it was made with, and to the source of its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fiducia.adapters.key_encryption_pkcs11 import HsmToken
from fiducia.adapters.sql import PostgresPlace, SqlVault
from fiducia.app.home import Home
from fiducia.app.settings import Settings
from fiducia.app.wiring.custody import Custody
from fiducia.errors import ConfigError, VaultError, VaultLockedError
from tests.support.postgresql import Cluster

PASSWORD = "pw-1618"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def in_database(home: Home, place: PostgresPlace, **settings: Any) -> Custody:
    url = SecretStr(place.url.render_as_string(hide_password=False))
    return Custody(home, Settings(database_url=url, **settings))


def keep(custody: Custody, home: Home, owner: str = "hospital-a") -> None:
    with SqlVault(custody.place(owner, home.member(owner).vault), custody.key_encryption) as vault:
        vault.put({"name": b"secret"})


def kept(custody: Custody, home: Home, owner: str = "hospital-a") -> bytes:
    with SqlVault(custody.place(owner, home.member(owner).vault), custody.key_encryption) as vault:
        return vault.get("name")


def set_up_in_files(home: Home) -> Custody:
    custody = Custody(home, Settings())
    custody.create()
    SqlVault(custody.place("", home.profiles), custody.key_encryption).close()
    return custody


def test_a_new_home_keeps_custody_in_files_and_its_key_beside_them(home: Home) -> None:
    custody = set_up_in_files(home)
    assert custody.exists()
    assert custody.kind == "sqlite"
    key = home.key_file.read_bytes()
    custody.create()
    assert home.key_file.read_bytes() == key
    assert not custody.is_kept("hospital-a", home.member("hospital-a").vault)
    keep(custody, home)
    assert custody.is_kept("hospital-a", home.member("hospital-a").vault)
    assert custody.migrate() == {
        "profiles.sqlite": ("0003", "0003"),
        "members/hospital-a/vault.sqlite": ("0003", "0003"),
    }


def test_a_new_home_prepares_its_database_and_is_found_in_it_again(
    home: Home, postgresql: Cluster, tmp_path: Path
) -> None:
    with postgresql.database("template0") as place:
        custody = in_database(home, place)
        assert not custody.exists()
        with pytest.raises(ConfigError, match="fiducia up"):
            custody.place("hospital-a", tmp_path / "unused")
        for _ in range(2):
            custody.create()
        assert custody.exists()
        keep(custody, home)
        again = in_database(home, place)
        assert kept(again, home) == b"secret"
        assert again.is_kept("hospital-a", tmp_path)
        assert not again.is_kept("hospital-b", tmp_path)
        assert again.versions() == {"": "0003", "hospital-a": "0003"}
        assert again.migrate() == {"": ("0003", "0003"), "hospital-a": ("0003", "0003")}
        assert list(home.root.rglob("*.sqlite")) == []


def test_the_command_prepares_an_empty_database(home: Home, postgresql: Cluster) -> None:
    with postgresql.database("template0") as place:
        assert in_database(home, place).migrate() == {"": (None, "0003")}
        assert in_database(home, place).migrate() == {"": ("0003", "0003")}


def test_a_home_is_not_opened_in_the_other_database(
    home: Home, postgresql_place: PostgresPlace, tmp_path: Path
) -> None:
    in_database(home, postgresql_place).create()
    without = Custody(home, Settings())
    in_files = Home(tmp_path / "files")
    in_files.create()
    set_up_in_files(in_files)
    with_both = in_database(in_files, postgresql_place)
    uses: dict[str, Callable[[Custody], object]] = {
        "exists": Custody.exists,
        "create": Custody.create,
        "migrate": Custody.migrate,
        "place": lambda custody: custody.place("hospital-a", tmp_path / "unused"),
    }
    for use in uses.values():
        with pytest.raises(ConfigError, match="set FIDUCIA_DATABASE_URL"):
            use(without)
        with pytest.raises(ConfigError, match="unset FIDUCIA_DATABASE_URL"):
            use(with_both)
    assert not home.profiles.exists()
    assert not in_files.custody_file.exists()


def test_setting_up_goes_on_where_it_was_cut_off(home: Home, postgresql: Cluster) -> None:
    with postgresql.database("template0") as place:
        nowhere = replace(place, url=place.url.set(database="nothing"))
        with pytest.raises(VaultError):
            in_database(home, nowhere).create()
        key = home.key_file.read_bytes()
        assert not home.custody_file.exists()
        in_database(home, place).create()
        assert home.key_file.read_bytes() == key


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://fiducia:{PASSWORD}@db/fiducia",
        f"postgresql+asyncpg://fiducia:{PASSWORD}@db/fiducia",
        f"postgresql://fiducia:{PASSWORD}@db",
        f"postgresql://fiducia:{PASSWORD}@db:port/fiducia",
        f"{PASSWORD}",
        "sqlite:///custody.db",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_quoted(home: Home, url: str) -> None:
    custody = Custody(home, Settings(database_url=SecretStr(url)))
    with pytest.raises(ConfigError, match="FIDUCIA_DATABASE_URL is postgresql://") as refused:
        custody.exists()
    assert PASSWORD not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_home_whose_key_a_token_wraps_opens_with_that_token_alone(home: Home, softhsm: HsmToken) -> None:
    given: dict[str, Any] = {
        "pkcs11_module": softhsm.module,
        "pkcs11_token": softhsm.token,
        "pkcs11_pin": SecretStr(softhsm.pin),
        "pkcs11_key": "home",
    }
    custody = Custody(home, Settings(**given))
    for _ in range(2):
        custody.create()
    keep(custody, home)
    assert kept(Custody(home, Settings(**given)), home) == b"secret"
    assert {path.name for path in home.root.iterdir() if path.is_file()} == {"hsm.json"}
    others: list[dict[str, Any]] = [
        {"pkcs11_pin": SecretStr("0000")},
        {"pkcs11_key": "another"},
        {"pkcs11_token": "other"},
    ]
    for other in others:
        with pytest.raises(VaultLockedError):
            kept(Custody(home, Settings(**{**given, **other})), home)
    with pytest.raises(VaultLockedError, match="missing"):
        kept(Custody(home, Settings()), home)
