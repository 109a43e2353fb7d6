"""Worlds for the port suites: the same ledger in memory and on a real chain.

Where FIDUCIA_TEST_LAB names the endpoints of a running lab, the suites run on that alone: `tests/lab` does it so,
in several processes at once, since every act there waits for a block.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount

from fiducia.adapters.evm.deploy import APPOINTMENT_DELAY_S, RECOVERY_DELAY_S, deploy
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

LAB = tuple(os.environ.get("FIDUCIA_TEST_LAB", "").split())


class ShiftedClock:
    """The machine's clock, wrong by `shift_s`."""

    def __init__(self) -> None:
        self.shift_s = 0

    def now(self) -> int:
        """Return UTC Unix seconds."""
        return SystemClock().now() + self.shift_s

    def pause(self, seconds: float) -> None:
        """Sleep."""
        SystemClock().pause(seconds)


@dataclass
class World:
    """A ledger with its contracts fresh, and how to disturb it."""

    ledger: Ledger
    domains: Domains
    now: int
    set_clock_wrong: Callable[[int], None]
    cut: Callable[[], Ledger]
    first_block: int
    wait_until: Callable[[int], None]
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


def memory_world(appointment_delay_s: int = APPOINTMENT_DELAY_S, recovery_delay_s: int = RECOVERY_DELAY_S) -> World:
    """The ledger in memory."""
    clock = MemoryClock()
    ledger = MemoryLedger(
        FOUNDERS, clock=clock, appointment_delay_s=appointment_delay_s, recovery_delay_s=recovery_delay_s
    )

    def wrong_by(shift_s: int) -> None:
        # This ledger mines when its clock moves on; one that is stalled ages.
        ledger.faults.stalled = True
        clock.advance(shift_s)

    def cut() -> Ledger:
        ledger.faults.unreachable = True
        return ledger

    return World(ledger, ledger.domains, clock.now(), wrong_by, cut, 0, clock.set)


@contextmanager
def evm_world(network: Network, tmp_path: Path, relayer: str = "relayer") -> Iterator[World]:
    """The ledger on the chain."""
    clock = ShiftedClock()
    dead = replace(network, rpc_urls=("http://127.0.0.1:9",))
    with (
        EvmLedger(network, clock=clock, relayer=account(relayer), lock_path=tmp_path / "relayer.lock") as ledger,
        EvmLedger(dead, clock=clock, relayer=account(relayer)) as nowhere,
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
        partial(_wait_until, ledger),
    )


def _wait_until(ledger: EvmLedger, time_at: int) -> None:
    deadline = time.monotonic() + 30
    while ledger.head().time_at < time_at:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def hasty(rpc_urls: Sequence[str], deployer: LocalAccount) -> Network:
    """Fresh contracts that wait a moment only for vetoes."""
    return deploy(rpc_urls, deployer, FOUNDERS, rp_id=RP_ID, appointment_delay_s=1, recovery_delay_s=1)


@contextmanager
def lab_world(tmp_path: Path, *, is_hasty: bool = False) -> Iterator[World]:
    """Fresh contracts on the lab's chain, and an account of this test's own: others relay there at the same time."""
    relayer = f"relayer {secrets.token_hex(8)}"
    deployer = account(relayer)
    network = hasty(LAB, deployer) if is_hasty else deploy(LAB, deployer, FOUNDERS, rp_id=RP_ID)
    with evm_world(network, tmp_path, relayer) as world:
        yield world


@pytest.fixture(params=["lab"] if LAB else ["memory", "chain"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Each implementation of `ports.Ledger` in turn."""
    if request.param == "memory":
        yield memory_world()
        return
    if request.param == "lab":
        with lab_world(tmp_path) as lab:
            yield lab
        return
    with evm_world(request.getfixturevalue("network"), tmp_path) as chain:
        yield chain


@pytest.fixture(params=["lab"] if LAB else ["memory", "chain"])
def hasty_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The same, where what waits for vetoes waits for a moment only."""
    if request.param == "memory":
        yield memory_world(1, 1)
        return
    if request.param == "lab":
        with lab_world(tmp_path, is_hasty=True) as lab:
            yield lab
        return
    url = request.getfixturevalue("anvil").url
    with evm_world(hasty([url], account("deployer")), tmp_path) as chain:
        yield chain
