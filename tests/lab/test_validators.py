"""The validators themselves: who may speak to them, what they keep, what stopping and returning them does."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import psutil

from fiducia.app.evmd import create_chain
from fiducia.app.plan import ValidatorPorts, load_plan, new_plan, save_plan, validator_name
from fiducia.app.processes import recorded
from tests.support.images import small_series
from tests.support.lab import VALIDATORS, Lab, evmd_binary
from tests.support.quick_lab import quick
from tests.support.stack import Development
from tests.unit.app.test_processes import wait_for

NUMBERS = range(1, VALIDATORS + 1)


def processes(lab: Lab) -> list[psutil.Process]:
    """The validators' processes, in order."""
    pids = {child.program.name: child.pid for child in recorded(lab.home.run)}
    return [psutil.Process(pids[validator_name(number)]) for number in NUMBERS]


def ports(lab: Lab) -> tuple[ValidatorPorts, ...]:
    plan = load_plan(lab.home)
    assert plan is not None
    return plan.validators


def test_validators_listen_on_loopback_and_speak_to_each_other_only(lab: Lab) -> None:
    known = {port for each in ports(lab) for port in (each.rpc, each.peer)}
    for process in processes(lab):
        connections = process.net_connections("inet")
        listening = {connection.laddr for connection in connections if connection.status == psutil.CONN_LISTEN}
        assert {address.ip for address in listening} == {"127.0.0.1"}
        # JSON-RPC, peers, and the one that cannot be switched off.
        assert len({address.port for address in listening} & known) == 2
        assert len(listening) == 3
        assert {connection.raddr.ip for connection in connections if connection.raddr} <= {"127.0.0.1"}


def test_settings_and_keys_are_what_they_should_be(lab: Lab) -> None:
    for number in NUMBERS:
        directory = lab.home.validators / validator_name(number)
        for name in ("config.toml", "app.toml", "client.toml"):
            found = tomllib.loads((directory / "config" / name).read_text())
            assert holds(found, quick()[name]), name
        assert holds(json.loads((directory / "config" / "genesis.json").read_bytes()), quick()["genesis.json"])
        assert directory.stat().st_mode & 0o077 == 0
        assert not list(directory.glob("keyring*"))
        assert not list(directory.rglob("*gentx*"))


def holds(found: Any, wanted: Any) -> bool:
    """Whether what was laid over is still there."""
    if isinstance(wanted, dict):
        return all(key in found and holds(found[key], value) for key, value in wanted.items())
    return bool(found == wanted)


def test_the_chain_is_what_passkeys_and_the_settings_need(lab: Lab) -> None:
    assert lab.rpc("eth_chainId") == "0x40000"
    assert lab.rpc("eth_gasPrice") == "0x0"
    first, second = (lab.rpc("eth_getBlockByNumber", number, False) for number in ("0x1", "0x2"))
    assert first["baseFeePerGas"] == "0x0"
    assert int(first["gasLimit"], 16) == 60_000_000
    assert second["parentHash"] == first["hash"]


def test_bringing_it_up_again_changes_nothing(lab: Lab) -> None:
    before = {child.program.name: child.pid for child in recorded(lab.home.run)}
    assert {row["part"]: row["pid"] for row in lab.up() if row["pid"]} == before
    other = lab.fiducia("lab", "up", "--validators", "5", "--detach", expect=2)
    assert "a lab of 4 validators" in other["detail"]
    create_chain(evmd_binary(), lab.home.validators, validators=9, genesis_at=0)  # made already: not touched
    assert len(list(lab.home.validators.iterdir())) == VALIDATORS


def test_a_home_on_anvil_does_not_become_a_lab(lab: Lab, tmp_path: Path) -> None:
    other = Development(tmp_path)
    other.home.create()
    with lab.house() as house:
        save_plan(other.home, new_plan(house.entropy, house.clock.now(), "embedded"))
    assert "chain is Anvil" in other.fiducia("lab", "up", "--detach", expect=2)["detail"]
    for words in (("status",), ("stop", "1"), ("start", "1")):
        assert "chain is Anvil" in other.fiducia("lab", *words, expect=2)["detail"]


def test_stopping_and_starting_say_what_they_did(lab: Lab) -> None:
    assert lab.fiducia("lab", "stop", "4").said == {"validator": 4, "running": False, "changed": True}
    assert lab.fiducia("lab", "stop", "4").said == {"validator": 4, "running": False, "changed": False}
    rows = lab.fiducia("lab", "status", expect=4).said
    assert [row["ready"] for row in rows] == [True, True, True, False]
    assert lab.process("lab", "start", "4").said == {"validator": 4, "running": True, "changed": True}
    assert lab.fiducia("lab", "start", "4").said == {"validator": 4, "running": True, "changed": False}
    assert lab.fiducia("lab", "stop", "5", expect=5)["detail"] == "there is no validator 5: this lab has 1 to 4"


def test_a_power_cut_takes_nothing_that_was_final(lab: Lab, tmp_path: Path) -> None:
    """All four at once, right after a study was anchored."""
    small_series(tmp_path, "anchored before the power cut")
    (study,) = lab.register(tmp_path)["studies"]
    for process in processes(lab):
        process.kill()
    psutil.wait_procs(processes_or_gone(lab), timeout=10)
    lab.fiducia("study", "list", expect=4)
    lab.up()
    assert study["study_id"] in {row["study_id"] for row in lab.fiducia("study", "list").said}
    before = int(lab.rpc("eth_blockNumber"), 16)
    wait_for(lambda: int(lab.rpc("eth_blockNumber"), 16) > before)
    assert lab.fiducia("audit", "verify")["verified"] is True


def processes_or_gone(lab: Lab) -> list[psutil.Process]:
    """Those of the validators that still run."""
    return [psutil.Process(c.pid) for c in recorded(lab.home.run) if c.program.name.startswith("validator")]
