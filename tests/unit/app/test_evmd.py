"""The lab's node: which binary is taken, every setting explained, settings written whole."""

from __future__ import annotations

import base64
import hashlib
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.app.config_files import lay_over, toml_text
from fiducia.app.evmd import EVMD_VERSION, create_chain, find_evmd, settings, write_settings
from fiducia.app.plan import LAB_CHAIN_ID, ValidatorPorts, validator_name
from fiducia.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
OWN = ("moniker", "rpc.laddr", "p2p.laddr", "p2p.persistent_peers", "p2p.unconditional_peer_ids", "json-rpc.address")


def leaves(value: object, path: str = "") -> list[str]:
    """The dotted names of all settings."""
    if isinstance(value, dict) and value:
        return [name for key, inner in value.items() for name in leaves(inner, f"{path}.{key}".lstrip("."))]
    return [path]


def test_every_setting_is_explained() -> None:
    explained = (ROOT / "deploy" / "lab" / "README.md").read_text()
    names = [name for values in settings().values() for name in leaves(values)]
    assert [name for name in (*names, *OWN) if f"`{name}`" not in explained] == []


def test_the_version_is_the_one_that_is_built() -> None:
    lab = ROOT / "deploy" / "lab"
    assert f"github.com/cosmos/evm {EVMD_VERSION} " in (lab / "go.mod").read_text()
    assert EVMD_VERSION in (lab / "build").read_text()
    assert f"EVMD_VERSION={EVMD_VERSION}\n" in (ROOT / "scripts" / "_common.sh").read_text()


def test_the_settings_name_one_chain() -> None:
    assert settings()["client.toml"]["chain-id"] == str(LAB_CHAIN_ID)


def fake_evmd(path: Path, version: str) -> Path:
    """A program that says it is evmd of some version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o700)
    return path


def test_finds_the_named_then_the_one_on_path_then_the_built_one(tmp_path: Path) -> None:
    named = fake_evmd(tmp_path / "named", EVMD_VERSION)
    on_path = fake_evmd(tmp_path / "bin" / "evmd", EVMD_VERSION)
    built = fake_evmd(tmp_path / "cache" / f"evmd-{EVMD_VERSION}-0123" / "evmd", EVMD_VERSION)
    path = {"PATH": str(on_path.parent)}
    assert find_evmd({"FIDUCIA_EVMD": str(named), **path}, tmp_path / "cache") == named
    assert find_evmd(path, tmp_path / "cache") == on_path
    assert find_evmd({}, tmp_path / "cache") == built
    assert find_evmd({}, tmp_path / "nothing") is None
    fake_evmd(on_path, "v0.4.0")
    assert find_evmd(path, tmp_path / "cache") == built


@pytest.mark.parametrize("version", ["v0.4.0", "0.3.2", ""])
def test_a_named_binary_of_another_version_is_a_setting_to_correct(tmp_path: Path, version: str) -> None:
    with pytest.raises(ConfigError, match="FIDUCIA_EVMD"):
        find_evmd({"FIDUCIA_EVMD": str(fake_evmd(tmp_path / "other", version))}, tmp_path)


def test_a_chain_that_cannot_be_made_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    refusing = tmp_path / "evmd"
    refusing.write_text("#!/bin/sh\necho 'Error: the disk is full' >&2\nexit 1\n")
    refusing.chmod(0o700)
    chain = tmp_path / "home" / "chain"
    with pytest.raises(ConfigError, match="evmd refuses to init: Error: the disk is full"):
        create_chain(refusing, chain, validators=4, genesis_at=1)
    assert list(chain.parent.iterdir()) == []


def made(directory: Path, count: int) -> list[ValidatorPorts]:
    """Validators' directories as `evmd init` leaves them, as far as settings go."""
    for number in range(1, count + 1):
        config = directory / validator_name(number) / "config"
        config.mkdir(parents=True)
        secret = bytes([number]) * 64
        value = base64.b64encode(secret).decode()
        (config / "node_key.json").write_text(json.dumps({"priv_key": {"type": "", "value": value}}))
        (config / "config.toml").write_text('moniker = "x"\n[p2p]\npex = true\nkept = 1\n[rpc]\n')
        (config / "app.toml").write_text('pruning = "default"\n[json-rpc]\nenable = false\n')
    return [ValidatorPorts(1000 + number, 2000 + number) for number in range(1, count + 1)]


def test_a_validator_knows_the_others_and_not_itself(tmp_path: Path) -> None:
    ports = made(tmp_path, 4)
    write_settings(tmp_path, ports, 2)
    config = tomllib.loads((tmp_path / "validator-2" / "config" / "config.toml").read_text())
    names = {number: hashlib.sha256(bytes([number]) * 32).hexdigest()[:40] for number in (1, 3, 4)}
    peers = [f"{name}@127.0.0.1:{2000 + number}" for number, name in names.items()]
    assert config["p2p"]["persistent_peers"].split(",") == peers
    assert config["p2p"]["unconditional_peer_ids"].split(",") == list(names.values())
    assert (config["p2p"]["laddr"], config["p2p"]["pex"], config["p2p"]["kept"]) == ("tcp://127.0.0.1:2002", False, 1)
    app = tomllib.loads((tmp_path / "validator-2" / "config" / "app.toml").read_text())
    assert (app["json-rpc"]["address"], app["json-rpc"]["enable"]) == ("127.0.0.1:1002", True)
    assert app["pruning"] == "default"


@pytest.mark.parametrize("name", ["node_key.json", "config.toml", "app.toml"])
def test_a_damaged_validator_is_named(tmp_path: Path, name: str) -> None:
    ports = made(tmp_path, 4)
    path = tmp_path / "validator-1" / "config" / name
    path.write_text("[[")
    with pytest.raises(ConfigError, match=name):
        write_settings(tmp_path, ports, 1 if name != "node_key.json" else 2)


def test_laying_over_merges_tables_and_replaces_the_rest() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    lay_over(base, {"a": {"c": [3], "e": {"f": 1}}, "d": {"g": 1}})
    assert base == {"a": {"b": 1, "c": [3], "e": {"f": 1}}, "d": {"g": 1}}


values = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3),
)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(
    st.dictionaries(names, st.one_of(values, st.dictionaries(names, st.one_of(values, st.dictionaries(names, values)))))
)
def test_what_is_written_as_toml_is_read_as_it_was(document: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(document)) == document
