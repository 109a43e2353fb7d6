"""The lab's chain node, evmd: which binary, how a chain of validators is made, how each is set up and started.

Owns the settings of private, silent, loopback-only validators (lab_settings.json beside this file; every line is
explained in deploy/lab/README.md). Does not supervise them: `lab` and `processes` do. Source: evmd's own commands,
github.com/cosmos/evm v0.3.2; CometBFT 0.38 (forms of keys, config.toml).
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any

from fiducia.app.config_files import lay_over, toml_text
from fiducia.app.home import write_private
from fiducia.app.plan import LAB_CHAIN_ID, ValidatorPorts, validator_name
from fiducia.app.processes import Program
from fiducia.errors import ConfigError

EVMD_VERSION = "v0.3.2"
DENOMINATION = "atest"
_OPERATOR = "operator"
_STAKE = 10**21
_COMMAND_TIMEOUT_S = 120.0
_AT_ONCE = 4
_CHAIN = ("--chain-id", str(LAB_CHAIN_ID))
_KEYRING = ("--keyring-backend", "test")
# Relative to the validator's own directory, where it runs: a socket's path has room for about a hundred characters.
_CONSENSUS_SOCKET = "consensus.sock"


def find_evmd(environment: Mapping[str, str], cache: Path) -> Path | None:
    """Return the evmd binary to use, or None when this machine has none of the right version.

    Args:
        environment: looked at for FIDUCIA_EVMD (a path; then nothing else is tried) and PATH.
        cache: fiducia's cache directory, where `scripts/install --lab` puts the one it builds.

    Raises:
        ConfigError: FIDUCIA_EVMD names something else than an evmd of the right version.
    """
    if named := environment.get("FIDUCIA_EVMD"):
        if not _fits(Path(named)):
            raise ConfigError(f"FIDUCIA_EVMD does not name an evmd {EVMD_VERSION} binary")
        return Path(named)
    on_path = shutil.which("evmd", path=environment.get("PATH", ""))
    candidates = [Path(on_path)] if on_path else []
    built = cache.glob(f"evmd-{EVMD_VERSION}-*/evmd")
    candidates += sorted(built, key=lambda path: path.stat().st_mtime, reverse=True)
    return next((path for path in candidates if _fits(path)), None)


def create_chain(binary: Path, directory: Path, *, validators: int, genesis_at: int) -> None:
    """Make the keys and the first block of a chain of so many validators, unless that was done before.

    Args:
        binary: from `find_evmd`.
        directory: gets one directory per validator, mode 0700; complete or not there at all.
        validators: how many; all have the same weight.
        genesis_at: the first block's time, UTC Unix seconds.

    Raises:
        ConfigError: evmd refuses, with its own words.
    """
    if directory.exists():
        return
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=directory.parent) as name:
        made = Path(name) / "chain"
        homes = [made / validator_name(number) for number in range(1, validators + 1)]
        for home in homes:
            home.mkdir(mode=0o700, parents=True)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            operators = list(pool.map(lambda home: _make_keys(binary, home), homes))
            genesis = json.loads(_genesis_of(homes[0]).read_bytes())
            _first_block(genesis, operators, genesis_at)
            for home in homes:
                write_private(_genesis_of(home), json.dumps(genesis))
            staked = list(pool.map(lambda home: _stake(binary, home), homes))
        genesis["app_state"]["genutil"]["gen_txs"] = staked
        for home in homes:
            write_private(_genesis_of(home), json.dumps(genesis))
            # Nobody needs an operator's key any more: what it could govern is fixed for the life of the chain.
            shutil.rmtree(home / "keyring-test")
        made.rename(directory)


def write_settings(directory: Path, ports: Sequence[ValidatorPorts], number: int) -> None:
    """Write one validator's settings, with the addresses of the plan. It must not run.

    Args:
        directory: from `create_chain`.
        ports: of all validators, in order.
        number: which validator, counted from 1.

    Raises:
        ConfigError: its directory is damaged.
    """
    peers = {
        other: f"{_node_id(directory / validator_name(other))}@127.0.0.1:{peer.peer}"
        for other, peer in enumerate(ports, 1)
        if other != number
    }
    own: dict[str, Any] = {
        "config.toml": {
            "moniker": validator_name(number),
            "rpc": {"laddr": f"unix://{_CONSENSUS_SOCKET}"},
            "p2p": {
                "laddr": f"tcp://127.0.0.1:{ports[number - 1].peer}",
                "persistent_peers": ",".join(peers.values()),
                "unconditional_peer_ids": ",".join(peer.partition("@")[0] for peer in peers.values()),
            },
        },
        "app.toml": {"json-rpc": {"address": f"127.0.0.1:{ports[number - 1].rpc}"}},
    }
    for name, values in own.items():
        _overlay_toml(directory / validator_name(number), name, values)


def validator_program(binary: Path, directory: Path, number: int, log: Path) -> Program:
    """Return how to start a validator whose settings are written."""
    home = directory / validator_name(number)
    # One that was killed left its socket behind, and does not start beside it.
    (home / _CONSENSUS_SOCKET).unlink(missing_ok=True)
    return Program(
        name=validator_name(number),
        command=(str(binary), "start", "--home", str(home), *_CHAIN, "--log_no_color"),
        log=log,
        environment={"HOME": str(home)},
        directory=home,
    )


def settings() -> dict[str, Any]:
    """The settings laid over what `evmd init` writes, by the file they belong to."""
    text = resources.files("fiducia.app").joinpath("lab_settings.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _make_keys(binary: Path, home: Path) -> str:
    """Make a validator's own keys and its operator's; return the operator's address."""
    _run(binary, home, "init", home.name, *_CHAIN)
    _overlay_toml(home, "client.toml", {})  # it signs nothing before it knows its chain
    said = _run(binary, home, "keys", "add", _OPERATOR, *_KEYRING, "--output", "json")
    return str(json.loads(said)["address"])


def _first_block(genesis: dict[str, Any], operators: Sequence[str], genesis_at: int) -> None:
    lay_over(genesis, settings()["genesis.json"])
    genesis["genesis_time"] = _utc(genesis_at)
    state = genesis["app_state"]
    stake = [{"denom": DENOMINATION, "amount": str(_STAKE)}]
    state["bank"]["balances"] = [{"address": address, "coins": stake} for address in operators]
    state["bank"]["supply"] = [{"denom": DENOMINATION, "amount": str(_STAKE * len(operators))}]
    account = {"@type": "/cosmos.auth.v1beta1.BaseAccount", "pub_key": None, "account_number": "0", "sequence": "0"}
    state["auth"]["accounts"] = [{**account, "address": address} for address in operators]


def _stake(binary: Path, home: Path) -> dict[str, Any]:
    """Return the signed transaction that makes a validator one from the first block on."""
    path = home / "gentx.json"
    words = ("genesis", "gentx", _OPERATOR, f"{_STAKE}{DENOMINATION}", "--gas-prices", f"0{DENOMINATION}")
    _run(binary, home, *words, *_CHAIN, *_KEYRING, "--output-document", str(path))
    staked = json.loads(path.read_bytes())
    path.unlink()
    return dict(staked)


def _genesis_of(home: Path) -> Path:
    return home / "config" / "genesis.json"


def _utc(at: int) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _node_id(home: Path) -> str:
    """Return the name by which other validators know a node: the first 20 bytes of its public key's SHA-256."""
    path = home / "config" / "node_key.json"
    try:
        secret = base64.b64decode(json.loads(path.read_bytes())["priv_key"]["value"], validate=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is not what evmd writes: restore it, or remove the home") from error
    return hashlib.sha256(secret[32:]).hexdigest()[:40]


def _overlay_toml(home: Path, name: str, own: Mapping[str, Any]) -> None:
    """Lay the settings of one file over what is there, and then a validator's own."""
    path = home / "config" / name
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not what evmd writes: restore it, or remove the home") from error
    lay_over(document, settings()[name])
    lay_over(document, own)
    write_private(path, toml_text(document))


def _fits(binary: Path) -> bool:
    with tempfile.TemporaryDirectory() as home:  # it writes default settings, even to say its version
        try:
            return _run(binary, Path(home), "version").strip() == EVMD_VERSION
        except ConfigError:
            return False


def _run(binary: Path, home: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [str(binary), *arguments, "--home", str(home)],
            env={"HOME": str(home)},
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().partition("\n")[0]
        raise ConfigError(f"evmd refuses to {arguments[0]}: {said}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{binary} cannot be run") from error
    return done.stdout
