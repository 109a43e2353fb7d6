"""The home's modes, locks and pins: strict in what is read, private in what is made."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fiducia.app.consortium import Consortium, MemberAddress, StoreAddress, from_json, to_json
from fiducia.app.home import Home
from fiducia.core.keys.custody import CustodyRule
from fiducia.errors import ConfigError, EncodingError, LimitError
from fiducia.records.ledger import Network

NAMES = ("WebAuthnVerifier", "Members", "Subjects", "Studies", "Grants", "Releases")


def consortium() -> Consortium:
    network = Network(
        chain_id=1_073_741_999,
        genesis_hash=b"\x01" * 32,
        contracts=tuple((name, bytes([i]) * 20) for i, name in enumerate(NAMES)),
        code_hashes=tuple((name, bytes([i]) * 32) for i, name in enumerate(NAMES)),
        rpc_urls=("http://127.0.0.1:8545",),
        first_block=3,
        webauthn_rp_id="localhost",
    )
    members = (MemberAddress("hospital-a", 1, "http://127.0.0.1:8701"),)
    return Consortium(network, members, StoreAddress("embedded", "/srv/objects"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "deep" / "home")
    home.create()
    return home


def test_a_home_is_made_for_its_owner_alone(home: Home) -> None:
    home.save(consortium())
    directories = [home.root, *(path for path in home.root.rglob("*") if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in directories} == {0o700}
    assert home.network_file.stat().st_mode & 0o777 == 0o600


def test_a_home_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    (tmp_path / "home" / "something").touch()
    with pytest.raises(ConfigError, match="chmod 700"):
        Home(tmp_path / "home").create()


def test_an_empty_directory_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    Home(tmp_path / "home").create()
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_a_home_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        Home(tmp_path / "file" / "home").create()


def test_pins_come_back_as_they_were_saved(home: Home) -> None:
    home.save(consortium())
    assert home.load() == consortium()


def test_an_empty_home_says_what_to_run(home: Home) -> None:
    with pytest.raises(ConfigError, match="fiducia up"):
        home.load()


def test_domains_are_the_contracts_addresses() -> None:
    domains = consortium().domains()
    assert (domains.chain_id, domains.members, domains.releases) == (1_073_741_999, b"\x01" * 20, b"\x05" * 20)


def test_a_broker_is_found_by_institution_or_refused() -> None:
    assert consortium().broker_of(1) == "http://127.0.0.1:8701"
    with pytest.raises(ConfigError, match="institution 2"):
        consortium().broker_of(2)


def _set(path: str, value: Any) -> Any:
    def change(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            document = document[name]
        document[last] = value

    return change


def _drop(path: str) -> Any:
    def change(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            document = document[name]
        del document[last]

    return change


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (_set("format", "fiducia/v2/network"), "format"),
        (_set("chain.chain_id", "1"), "chain.chain_id"),
        (_set("chain.chain_id", 0), "chain.chain_id"),
        (_set("chain.genesis_hash", "0x" + "AA" * 32), "chain.genesis_hash"),
        (_set("chain.genesis_hash", "0x" + "aa" * 31), "chain.genesis_hash"),
        (_set("chain.finality", "hope"), "chain.finality"),
        (_set("chain.rpc_urls", []), "chain.rpc_urls"),
        (_set("chain.rpc_urls", ["ftp://example.org"]), "chain.rpc_urls"),
        (_set("chain.rpc_urls", ["http://user:secret@example.org"]), "chain.rpc_urls"),
        (_drop("chain.contracts.grants"), "chain.contracts.grants"),
        (_set("chain.contracts.more", "0x" + "11" * 20), "chain.contracts.more"),
        (_set("chain.code_hashes.grants", "0x" + "11" * 20), "chain.code_hashes.grants"),
        (_set("members", []), "members"),
        (_set("members", [{"name": "../a", "institution": 1, "broker_url": "http://h"}]), "members.0.name"),
        (_set("members", [{"name": "a", "institution": 0, "broker_url": "http://h"}]), "members.0.institution"),
        (_set("store.kind", "tape"), "store.kind"),
        (_set("custody", {"threshold": 3, "trustees": [1, 2]}), "custody"),
        (_set("custody", {"threshold": 1, "trustees": [1, 1]}), "custody"),
        (_set("custody", {"threshold": 1}), "custody.trustees"),
        (_set("unknown", 1), "unknown"),
        (_drop("store"), "store"),
    ],
)
def test_pins_are_read_strictly_and_the_first_wrong_field_is_named(change: Any, where: str) -> None:
    document = json.loads(to_json(consortium()))
    change(document)
    with pytest.raises(EncodingError, match=where.replace(".", r"\.")):
        from_json(json.dumps(document).encode())


def test_a_custody_comes_back_and_is_left_out_where_there_is_none() -> None:
    assert "custody" not in json.loads(to_json(consortium()))
    dealt = replace(consortium(), custody=CustodyRule(2, (1, 2, 3)))
    assert from_json(to_json(dealt).encode()) == dealt


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "fiducia/v1/network"'])
def test_a_damaged_file_is_a_settings_error_that_names_it(home: Home, text: str) -> None:
    home.network_file.write_text(text)
    with pytest.raises(ConfigError, match=r"network\.json"):
        home.load()


@pytest.mark.parametrize("name", ["", "A", "1a", "../a", "a/b", "a.b", "a" * 33, "ä"])
def test_a_name_that_is_no_name_makes_no_path(home: Home, name: str) -> None:
    with pytest.raises(ConfigError):
        home.member(name)


def test_a_lock_is_one_holders_and_leaves_no_file(home: Home) -> None:
    with home.lock("up"):
        with pytest.raises(LimitError, match="up"), home.lock("up"):
            pass
        with home.lock("other"):
            pass
    with home.lock("up"):
        pass
    assert list((home.root / "locks").iterdir()) == []


def test_a_lock_is_waited_for(home: Home) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with home.lock("up"):
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    threading.Timer(0.2, done.set).start()
    with home.lock("up", wait_s=10):
        assert done.is_set()
    holder.join()


def test_a_lock_needs_a_home(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fiducia up"), Home(tmp_path / "none").lock("up"):
        pass
