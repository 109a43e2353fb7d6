"""The local chain starts on loopback with the chain id it was given, keeps mining, and survives a restart."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from fiducia.app.anvil import anvil_program, find_anvil, set_time
from fiducia.app.processes import Program, Stack, free_ports, port_is_open
from fiducia.errors import ConfigError
from tests.support.needs import unavailable
from tests.unit.app.test_processes import wait_for

ROOT = Path(__file__).resolve().parents[3]


def anvil() -> Path:
    """The Anvil of contracts/; skips when there is none."""
    try:
        return find_anvil(os.environ, ROOT)
    except ConfigError as error:
        unavailable(str(error))


def ask(port: int, method: str, *params: object) -> Any:
    """One JSON-RPC call to the local chain."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["result"]


def chain(tmp_path: Path, port: int) -> Program:
    """The local chain with a state file."""
    return anvil_program(anvil(), port=port, chain_id=262_144, log=tmp_path / "log", state=tmp_path / "state.json")


def test_is_on_loopback_only_with_its_own_chain_id(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with Stack() as stack:
        child = stack.start(chain(tmp_path, port))
        child.wait_ready(lambda: port_is_open(port), 30)
        assert int(ask(port, "eth_chainId"), 16) == 262_144
        listening = [c.laddr for c in psutil.Process(child.pid).net_connections("inet") if c.status == "LISTEN"]
        assert listening == [("127.0.0.1", port)]


def test_mines_without_transactions_and_keeps_its_state(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with Stack() as stack:
        stack.start(chain(tmp_path, port)).wait_ready(lambda: port_is_open(port), 30)
        wait_for(lambda: int(ask(port, "eth_blockNumber"), 16) >= 2)
        ask(port, "anvil_setBalance", "0x" + "11" * 20, "0x1234")
        stack.stop()
        stack.start(chain(tmp_path, port)).wait_ready(lambda: port_is_open(port), 30)
        assert int(ask(port, "eth_blockNumber"), 16) >= 2
        assert ask(port, "eth_getBalance", "0x" + "11" * 20, "latest") == "0x1234"


def test_finds_the_named_then_the_package_then_the_one_on_path(tmp_path: Path) -> None:
    def program(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o700)
        return path

    named, on_path = program(tmp_path / "named"), program(tmp_path / "bin" / "anvil")
    package = program(tmp_path / "contracts/node_modules/@foundry-rs/anvil-some-cpu/bin/anvil")
    path = {"PATH": str(on_path.parent)}
    assert find_anvil({"FIDUCIA_ANVIL": str(named), **path}, tmp_path) == named
    assert find_anvil(path, tmp_path) == package
    assert find_anvil(path, None) == on_path
    for environment in ({}, {"FIDUCIA_ANVIL": str(tmp_path / "nowhere")}):
        with pytest.raises(ConfigError):
            find_anvil(environment, None)


def test_stays_the_same_chain_through_many_restarts(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    began, first = int(time.time()) - 3600, set()
    for _ in range(8):
        with Stack() as stack:
            program = anvil_program(
                anvil(), port=port, chain_id=7, log=tmp_path / "log", state=tmp_path / "state.json", genesis_at=began
            )
            stack.start(program).wait_ready(lambda: port_is_open(port), 30)
            set_time(f"http://127.0.0.1:{port}", int(time.time()))
            first.add(ask(port, "eth_getBlockByNumber", "0x0", False)["hash"])
            wait_for(
                lambda: abs(int(ask(port, "eth_getBlockByNumber", "latest", False)["timestamp"], 16) - time.time()) < 10
            )
    assert len(first) == 1
