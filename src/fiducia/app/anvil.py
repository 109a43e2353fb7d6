"""Anvil as fiducia runs it: the local chain of development, tests and the demo.

Owns which binary and which arguments. Mixed mining with 1 s blocks keeps the head fresh while transactions are mined
at once; the state file survives a restart (Anvil loses what it mined after the last dump when it is killed).
Source: `anvil --help`, version 1.7.1.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from fiducia.app import node_rpc
from fiducia.app.processes import Program
from fiducia.errors import ConfigError

KEPT_STATES = 256
"""How many blocks' states the local chain remembers."""


def find_anvil(environment: Mapping[str, str], project: Path | None) -> Path:
    """Return the Anvil binary: FIDUCIA_ANVIL, then the npm package in contracts/, then PATH.

    Args:
        environment: looked at for FIDUCIA_ANVIL and PATH.
        project: the repository's root, when running from one.

    Raises:
        ConfigError: none found.
    """
    if named := environment.get("FIDUCIA_ANVIL"):
        if not shutil.which(named):
            raise ConfigError("FIDUCIA_ANVIL does not name a program")
        return Path(named)
    packages = project / "contracts" / "node_modules" / "@foundry-rs" if project else None
    for binary in sorted(packages.glob("anvil-*/bin/anvil*")) if packages else []:
        if shutil.which(str(binary)):  # npm installs the package of this platform only
            return binary
    if on_path := shutil.which("anvil", path=environment.get("PATH", "")):
        return Path(on_path)
    raise ConfigError("Anvil was not found: run scripts/install, or name the binary in FIDUCIA_ANVIL")


def anvil_program(
    binary: Path,
    *,
    port: int,
    chain_id: int,
    log: Path,
    state: Path | None = None,
    block_time_s: int = 1,
    state_interval_s: int = 5,
    genesis_at: int | None = None,
    extra: Sequence[str] = (),
) -> Program:
    """Return how to start the local chain, listening on loopback only.

    Args:
        binary: from `find_anvil`.
        port: its JSON-RPC port.
        chain_id: the consortium's own.
        log: where it writes.
        state: a file loaded at start if it is there, written every `state_interval_s` and at the end.
        block_time_s: an empty block is mined this often, so that the head is never old.
        state_interval_s: how much mining a kill may lose.
        genesis_at: the first block's time, UTC Unix seconds. Anvil makes that block anew at each start, so a
            chain that shall stay the same chain is given the same time each time, and then `set_time`.
        extra: further arguments, such as prefunded accounts.
    """
    command = [str(binary), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id)]
    command += ["--mixed-mining", "--block-time", str(block_time_s), "--quiet", *extra]
    # Nothing is asked about the state at old blocks; without this each block's goes to disk, for ever.
    command += ["--prune-history", str(KEPT_STATES)]
    if genesis_at is not None:
        command += ["--timestamp", str(genesis_at)]
    if state is not None:
        state.parent.mkdir(parents=True, exist_ok=True)
        command += ["--state", str(state), "--state-interval", str(state_interval_s)]
    return Program("anvil", tuple(command), log, {"HOME": str(log.parent)}, log.parent)


def set_time(url: str, now: int) -> None:
    """Set the local chain's clock, which otherwise goes on from its first block's time.

    Args:
        url: its JSON-RPC endpoint.
        now: UTC Unix seconds.

    Raises:
        LedgerUnreachableError: it does not answer, or refuses.
    """
    node_rpc.ask(url, "anvil_setTime", now)
