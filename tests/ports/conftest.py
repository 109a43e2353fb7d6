"""Worlds for the port suites: the same ledger in memory and on a real chain."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from fiducia.adapters.evm.deploy import deploy
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.adapters.system import SystemClock
from fiducia.core.typed_data import Domains
from fiducia.ports import Ledger
from fiducia.records.ledger import Network
from tests.support.anvil import AnvilNode, running_anvil
from tests.support.passkeys import RP_ID
from tests.support.signers import FOUNDERS, Signers, account


class ShiftedClock:
    """The machine's clock, wrong by `shift_s`."""

    def __init__(self) -> None:
        self.shift_s = 0

    def now(self) -> int:
        """Return UTC Unix seconds."""
        return SystemClock().now() + self.shift_s


@dataclass
class World:
    """A ledger with its contracts fresh, and how to disturb it."""

    ledger: Ledger
    domains: Domains
    now: int
    set_clock_wrong: Callable[[int], None]
    cut: Callable[[], Ledger]
    first_block: int
    c: Signers = field(init=False)

    def __post_init__(self) -> None:
        self.c = Signers(self.domains, self.now)


@pytest.fixture(scope="session")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnvilNode]:
    """One local chain for all tests of the session; skips, saying so, where Anvil cannot be had."""
    with running_anvil(tmp_path_factory.mktemp("anvil")) as node:
        yield node


@pytest.fixture
def own_anvil(tmp_path: Path) -> Iterator[AnvilNode]:
    """A local chain of this test's own, to stop, rewind and kill."""
    with running_anvil(tmp_path) as node:
        yield node


@pytest.fixture
def network(anvil: AnvilNode) -> Network:
    """Fresh contracts on the shared chain."""
    return deploy([anvil.url], account("deployer"), FOUNDERS, rp_id=RP_ID)


def memory_world() -> World:
    """The ledger in memory."""
    clock = MemoryClock()
    ledger = MemoryLedger(FOUNDERS, clock=clock)

    def wrong_by(shift_s: int) -> None:
        # This ledger mines when its clock moves on; one that is stalled ages.
        ledger.faults.stalled = True
        clock.advance(shift_s)

    def cut() -> Ledger:
        ledger.faults.unreachable = True
        return ledger

    return World(ledger, ledger.domains, clock.now(), wrong_by, cut, 0)


@contextmanager
def evm_world(network: Network, tmp_path: Path) -> Iterator[World]:
    """The ledger on the chain."""
    clock = ShiftedClock()
    dead = replace(network, rpc_urls=("http://127.0.0.1:9",))
    with (
        EvmLedger(network, clock=clock, relayer=account("relayer"), lock_path=tmp_path / "relayer.lock") as ledger,
        EvmLedger(dead, clock=clock, relayer=account("relayer")) as nowhere,
    ):
        yield _world(network, ledger, nowhere, clock)


def _world(network: Network, ledger: EvmLedger, nowhere: EvmLedger, clock: ShiftedClock) -> World:
    return World(
        ledger,
        ledger.domains,
        int(time.time()),
        lambda shift_s: setattr(clock, "shift_s", shift_s),
        lambda: nowhere,
        network.first_block,
    )


@pytest.fixture(params=["memory", "chain"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Each implementation of `ports.Ledger` in turn."""
    if request.param == "memory":
        yield memory_world()
        return
    with evm_world(request.getfixturevalue("network"), tmp_path) as chain:
        yield chain
