"""The files for Besu, which was not run here: their form, what passkeys and free gas need, and that they say so."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

BESU = Path(__file__).resolve().parents[3] / "deploy" / "besu"
FORKS = ("berlinBlock", "londonBlock", "shanghaiTime", "cancunTime", "pragueTime", "osakaTime")


def test_the_first_block_has_every_fork_up_to_the_p256_precompile_and_costs_nothing() -> None:
    genesis = json.loads((BESU / "genesis.json").read_text())
    config = genesis["config"]
    assert [config[fork] for fork in FORKS] == [0] * len(FORKS)
    assert config["zeroBaseFee"] is True
    assert genesis["alloc"] == {}
    assert int(genesis["gasLimit"], 16) == 60_000_000


def test_nobody_starts_on_it_before_validators_are_named() -> None:
    assert json.loads((BESU / "genesis.json").read_text())["extraData"] == "0x"


def test_every_setting_is_explained_and_nothing_is_open_to_a_network() -> None:
    settings = tomllib.loads((BESU / "besu.toml").read_text())
    explained = (BESU / "README.md").read_text()
    known = {"data-path", "genesis-file", "p2p-port", "rpc-http-enabled", "rpc-http-port", "logging"}
    known |= {"permissions-nodes-config-file-enabled"}  # the file that it switches on is explained
    assert [name for name in settings if f"`{name}`" not in explained and name not in known] == []
    assert settings["min-gas-price"] == 0
    published = re.findall(r'ports: \["([^"]+)"\]', (BESU / "compose.yaml").read_text())
    assert len(published) == 4
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_it_is_said_plainly_that_this_was_not_run() -> None:
    assert "**Not run here**" in (BESU / "README.md").read_text()
    assert "Not run here" in (BESU / "compose.yaml").read_text()
