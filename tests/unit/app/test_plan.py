"""The plan of a stack: chosen once, kept, and moved only where somebody else took a port."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.app.home import Home
from fiducia.app.plan import (
    MEMBERS,
    Plan,
    broker_name,
    load_plan,
    new_plan,
    save_plan,
    validator_name,
    with_free_ports,
)
from fiducia.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def plan() -> Plan:
    return new_plan(SeededEntropy(), 1_800_000_000, "embedded")


def lab_plan() -> Plan:
    return new_plan(SeededEntropy(), 1_800_000_000, "embedded", validators=4)


def ports_of(plan: Plan) -> list[int]:
    chain = [port for ports in plan.validators for port in (ports.rpc, ports.peer)] or [plan.chain_port]
    return [*chain, plan.kubo_port, *plan.broker_ports.values()]


def test_a_plan_comes_back_as_it_was_saved(home: Home) -> None:
    assert load_plan(home) is None
    for made in (plan(), lab_plan(), new_plan(SeededEntropy(), 1_800_000_000, "embedded", custody=(2, 3))):
        assert load_plan(home) != made
        assert save_plan(home, made) == load_plan(home) == made


def test_every_part_has_a_port_of_its_own_and_every_home_a_chain() -> None:
    assert len(set(ports_of(plan()))) == 2 + len(MEMBERS)
    assert len(set(ports_of(lab_plan()))) == 8 + 1 + len(MEMBERS)
    assert plan().chain_id != new_plan(SeededEntropy(b"other"), 1_800_000_000, "embedded").chain_id


@pytest.mark.parametrize(("custody", "count"), [(None, 2), ((1, 1), 2), ((2, 3), 3), ((3, 5), 5)])
def test_there_are_as_many_members_as_trustees_and_two_at_least(custody: tuple[int, int] | None, count: int) -> None:
    made = new_plan(SeededEntropy(), 1_800_000_000, "embedded", custody=custody)
    assert len(made.members) == len(made.broker_ports) == count
    assert made.members[:2] == MEMBERS


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "fiducia/v1/plan"}', '{"format": "other"}', "null"])
def test_a_damaged_plan_is_an_error_that_names_the_file(home: Home, text: str) -> None:
    (home.run / "plan.json").write_text(text)
    with pytest.raises(ConfigError, match=r"plan\.json"):
        load_plan(home)


def test_free_ports_stay() -> None:
    for chosen in (plan(), lab_plan()):
        assert with_free_ports(chosen, set()) == chosen


def test_the_chains_endpoints_are_its_validators_or_anvil() -> None:
    chosen = lab_plan()
    assert chosen.rpc_urls == tuple(f"http://127.0.0.1:{ports.rpc}" for ports in chosen.validators)
    assert plan().rpc_urls[0].startswith("http://127.0.0.1:")
    assert len(plan().rpc_urls) == 1


@pytest.mark.parametrize("which", ["rpc", "peer"])
def test_a_validators_port_that_somebody_took_moves_unless_it_runs(which: str) -> None:
    chosen = lab_plan()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first, second, *others = chosen.validators
        second = replace(second, **{which: taken.getsockname()[1]})
        chosen = replace(chosen, validators=(first, second, *others))
        assert with_free_ports(chosen, {validator_name(2)}) == chosen
        moved = with_free_ports(chosen, {validator_name(1)})
    assert getattr(moved.validators[1], which) != getattr(second, which)
    assert (moved.validators[0], *moved.validators[2:]) == (first, *others)
    assert len(set(ports_of(moved))) == len(ports_of(chosen))


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
