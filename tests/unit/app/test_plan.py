"""The plan of a stack: chosen once, kept, and moved only where somebody else took a port."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.app.home import Home
from fiducia.app.plan import MEMBERS, Plan, broker_name, load_plan, new_plan, save_plan, with_free_ports
from fiducia.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def plan() -> Plan:
    return new_plan(SeededEntropy(), 1_800_000_000, "embedded")


def ports_of(plan: Plan) -> list[int]:
    return [plan.chain_port, plan.kubo_port, *plan.broker_ports.values()]


def test_a_plan_comes_back_as_it_was_saved(home: Home) -> None:
    assert load_plan(home) is None
    saved = save_plan(home, plan())
    assert load_plan(home) == saved


def test_every_part_has_a_port_of_its_own_and_every_home_a_chain() -> None:
    assert len(set(ports_of(plan()))) == 2 + len(MEMBERS)
    assert plan().chain_id != new_plan(SeededEntropy(b"other"), 1_800_000_000, "embedded").chain_id


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "fiducia/v1/plan"}', '{"format": "other"}', "null"])
def test_a_damaged_plan_is_an_error_that_names_the_file(home: Home, text: str) -> None:
    (home.run / "plan.json").write_text(text)
    with pytest.raises(ConfigError, match=r"plan\.json"):
        load_plan(home)


def test_free_ports_stay() -> None:
    chosen = plan()
    assert with_free_ports(chosen, set()) == chosen


def test_a_port_that_somebody_took_moves_unless_the_part_itself_runs() -> None:
    chosen = plan()
    member = MEMBERS[0]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        chosen = replace(chosen, broker_ports={**chosen.broker_ports, member: port})
        assert with_free_ports(chosen, {broker_name(member)}) == chosen
        moved = with_free_ports(chosen, set())
    assert moved.broker_ports[member] != port
    assert replace(moved, broker_ports=chosen.broker_ports) == chosen
    assert len(set(ports_of(moved))) == 2 + len(MEMBERS)
