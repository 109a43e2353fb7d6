"""A real Anvil for tests: the local chain as `fiducia up` starts it, and one with 1 s blocks only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fiducia.adapters.evm.rpc import Rpc
from fiducia.app.anvil import anvil_program, find_anvil
from fiducia.app.processes import Child, Stack, free_ports
from fiducia.errors import ConfigError
from tests.support.needs import unavailable

ROOT = Path(__file__).resolve().parents[2]
CHAIN_ID = 777_001
NO_FEES = ("--accounts", "0", "--block-base-fee-per-gas", "0", "--gas-price", "0")
"""A relayer needs no funds on such a chain."""


@dataclass(frozen=True, slots=True)
class AnvilNode:
    """A running Anvil: its endpoint, its process, and a client for its own methods."""

    url: str
    child: Child
    rpc: Rpc

    def do(self, method: str, *params: Any) -> Any:
        """Call one of Anvil's own methods, such as anvil_mine."""
        answer = self.rpc.call(method, *params)
        assert answer.fault is None, answer.fault
        return answer.result


def anvil_binary() -> Path:
    """The Anvil that scripts/install put into contracts/node_modules; skips when there is none."""
    try:
        return find_anvil(os.environ, ROOT)
    except ConfigError as error:
        unavailable(str(error))


@contextmanager
def running_anvil(
    directory: Path, *, only_every_s: int = 0, chain_id: int = CHAIN_ID, extra: Sequence[str] = ()
) -> Iterator[AnvilNode]:
    """Run a chain for as long as the block lasts.

    Args:
        directory: for its log.
        only_every_s: blocks come every so many seconds and at no other time; 0: at once, and every second.
        chain_id: the number of its chain.
        extra: further arguments.
    """
    binary = anvil_binary()
    (port,) = free_ports(1)
    program = anvil_program(
        binary,
        port=port,
        chain_id=chain_id,
        log=directory / "anvil.log",
        block_time_s=only_every_s or 1,
        extra=[*NO_FEES, *extra],
    )
    if only_every_s:
        program = replace(program, command=tuple(word for word in program.command if word != "--mixed-mining"))
    with Stack() as stack:
        child = stack.start(program)
        url = f"http://127.0.0.1:{port}"
        rpc = Rpc([url])
        try:
            child.wait_ready(lambda: rpc.call("eth_chainId"), 30)
            yield AnvilNode(url, child, rpc)
        finally:
            rpc.close()
