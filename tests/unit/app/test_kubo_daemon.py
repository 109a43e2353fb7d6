"""The node is private, silent, on loopback only, and set up the same way every time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import psutil
import pytest

from fiducia.app.kubo_daemon import KUBO_VERSION, find_kubo, init_repository, settings
from fiducia.errors import ConfigError
from tests.support.kubo import KuboNode, kubo_binary

ROOT = Path(__file__).resolve().parents[3]


def leaves(value: object, path: str = "") -> list[str]:
    """The dotted names of all settings."""
    if isinstance(value, dict) and value:
        return [name for key, inner in value.items() for name in leaves(inner, f"{path}.{key}".lstrip("."))]
    return [path]


def test_listens_on_loopback_only_and_speaks_to_nobody(kubo: KuboNode) -> None:
    connections = psutil.Process(kubo.child.pid).net_connections("inet")
    assert [c.laddr for c in connections if c.status == psutil.CONN_LISTEN] == [("127.0.0.1", kubo.port)]
    assert {c.laddr.ip for c in connections} | {c.raddr.ip for c in connections if c.raddr} <= {"127.0.0.1"}


def test_keeps_the_settings_when_it_runs(kubo: KuboNode) -> None:
    config = json.loads((kubo.repository / "config").read_text())
    for name in leaves(settings()):
        expected, found = settings(), config
        for key in name.split("."):
            expected, found = expected[key], found[key]
        assert found == expected, name
    assert config["Datastore"]["Spec"]["mounts"][0]["sync"] is True
    assert not (kubo.repository / "telemetry_uuid").exists()


def test_keys_are_private(kubo: KuboNode) -> None:
    for path in [kubo.repository / "config", kubo.repository / "swarm.key"]:
        assert path.stat().st_mode & 0o077 == 0, path
    assert kubo.repository.stat().st_mode & 0o077 == 0


def test_setting_up_again_keeps_the_node_and_its_network(tmp_path: Path) -> None:
    binary, repository = kubo_binary(), tmp_path / "with a space" / "node"
    init_repository(binary, repository, api_port=1)
    before = json.loads((repository / "config").read_text())
    swarm_key = (repository / "swarm.key").read_text()
    init_repository(binary, repository, api_port=2)
    after = json.loads((repository / "config").read_text())
    assert after["Addresses"].pop("API") == "/ip4/127.0.0.1/tcp/2"
    assert before["Addresses"].pop("API") == "/ip4/127.0.0.1/tcp/1"
    assert after == before
    assert (repository / "swarm.key").read_text() == swarm_key
    assert re.fullmatch(r"/key/swarm/psk/1\.0\.0/\n/base16/\n[0-9a-f]{64}\n", swarm_key)


def test_a_repository_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    repository = tmp_path / "node"
    repository.mkdir()
    (repository / "datastore").write_text("in the way")
    with pytest.raises(ConfigError, match="Kubo refuses to init"):
        init_repository(kubo_binary(), repository, api_port=1)


def fake_kubo(path: Path, version: str) -> Path:
    """A program that says it is Kubo of some version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o700)
    return path


def test_finds_the_named_then_the_one_on_path_then_the_built_one(tmp_path: Path) -> None:
    named = fake_kubo(tmp_path / "named", KUBO_VERSION)
    on_path = fake_kubo(tmp_path / "bin" / "ipfs", KUBO_VERSION)
    built = fake_kubo(tmp_path / "cache" / f"kubo-{KUBO_VERSION}-0123" / "ipfs", KUBO_VERSION)
    path = {"PATH": str(on_path.parent)}
    assert find_kubo({"FIDUCIA_KUBO": str(named), **path}, tmp_path / "cache") == named
    assert find_kubo(path, tmp_path / "cache") == on_path
    assert find_kubo({}, tmp_path / "cache") == built
    assert find_kubo({}, tmp_path / "nothing") is None
    fake_kubo(on_path, "0.42.0")
    assert find_kubo(path, tmp_path / "cache") == built


@pytest.mark.parametrize("version", ["0.42.0", "0.43.1", ""])
def test_a_named_binary_of_another_version_is_a_setting_to_correct(tmp_path: Path, version: str) -> None:
    with pytest.raises(ConfigError, match="FIDUCIA_KUBO"):
        find_kubo({"FIDUCIA_KUBO": str(fake_kubo(tmp_path / "other", version))}, tmp_path)


def test_every_setting_is_explained() -> None:
    explained = (ROOT / "deploy" / "kubo" / "README.md").read_text()
    assert [name for name in leaves(settings()) if f"`{name}`" not in explained] == []
