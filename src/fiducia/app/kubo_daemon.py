"""Kubo as fiducia runs it: which binary, how a repository is set up, how the daemon starts.

Owns the settings of a private, silent, loopback-only node (kubo_settings.json beside this file; every line is explained
in deploy/kubo/README.md). Does not talk to the daemon: `adapters.store_kubo` does; does not supervise it: `processes`.
Source: Kubo's docs/config.md and docs/environment-variables.md, version 0.43.0.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from fiducia.app.config_files import lay_over
from fiducia.app.processes import Program
from fiducia.errors import ConfigError

KUBO_VERSION = "0.43.0"
PROFILES = "unixfs-v1-2025,autoconf-off"
_COMMAND_TIMEOUT_S = 60.0


def find_kubo(environment: Mapping[str, str], cache: Path) -> Path | None:
    """Return the Kubo binary to use, or None when this machine has none of the right version.

    Args:
        environment: looked at for FIDUCIA_KUBO (a path; then nothing else is tried) and PATH.
        cache: fiducia's cache directory, where scripts/install puts the one it builds.

    Raises:
        ConfigError: FIDUCIA_KUBO names something else than a Kubo of the right version.
    """
    if named := environment.get("FIDUCIA_KUBO"):
        if not _fits(Path(named)):
            raise ConfigError(f"FIDUCIA_KUBO does not name a Kubo {KUBO_VERSION} binary")
        return Path(named)
    on_path = shutil.which("ipfs", path=environment.get("PATH", ""))
    candidates = [Path(on_path)] if on_path else []
    candidates += sorted(cache.glob(f"kubo-{KUBO_VERSION}-*/ipfs"), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((path for path in candidates if _fits(path)), None)


def init_repository(binary: Path, repository: Path, *, api_port: int) -> None:
    """Make `repository` a fiducia node's, or bring an existing one's settings up to date. The daemon must not run.

    Args:
        binary: from `find_kubo`.
        repository: mode 0700; holds blocks, the node's key and the private network's key.
        api_port: the loopback port of its RPC, the only door it has.

    Raises:
        ConfigError: Kubo refuses, with its own words.
    """
    repository.mkdir(mode=0o700, parents=True, exist_ok=True)
    config_path = repository / "config"
    if not config_path.exists():
        _run(binary, repository, "init", "--empty-repo", f"--profile={PROFILES}")
    swarm_key = repository / "swarm.key"
    if not swarm_key.exists():
        # A network of its own: nobody without this key can speak to the node, even if a port were opened by mistake.
        _write(swarm_key, f"/key/swarm/psk/1.0.0/\n/base16/\n{secrets.token_hex(32)}\n")
    config = json.loads(config_path.read_text(encoding="utf-8"))
    lay_over(config, settings())
    config["Addresses"]["API"] = f"/ip4/127.0.0.1/tcp/{api_port}"
    for mount in config["Datastore"]["Spec"]["mounts"]:
        if mount["type"] == "flatfs":
            mount["sync"] = True
    _write(config_path, json.dumps(config, indent=2))


def kubo_program(binary: Path, repository: Path, log: Path) -> Program:
    """Return how to start the daemon of an initialised repository."""
    return Program(
        name="kubo",
        command=(str(binary), "daemon", "--migrate=false", "--enable-gc=false"),
        log=log,
        environment=kubo_environment(repository),
        directory=repository,
    )


def kubo_environment(repository: Path) -> dict[str, str]:
    """All variables that Kubo gets: private network enforced, no telemetry, nothing of ours."""
    return {
        "IPFS_PATH": str(repository),
        "HOME": str(repository),
        "LIBP2P_FORCE_PNET": "1",
        "IPFS_TELEMETRY": "off",
        "DO_NOT_TRACK": "1",
        "GOLOG_LOG_LEVEL": "error",
    }


def settings() -> dict[str, Any]:
    """The settings laid over what `ipfs init` writes."""
    text = resources.files("fiducia.app").joinpath("kubo_settings.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _write(path: Path, text: str) -> None:
    """Replace a file of mode 0600 in one step."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _fits(binary: Path) -> bool:
    try:
        return _run(binary, None, "version", "--number").strip() == KUBO_VERSION
    except ConfigError:
        return False


def _run(binary: Path, repository: Path | None, *arguments: str) -> str:
    environment = kubo_environment(
        repository or Path("/nonexistent")
    )  # Kubo insists on a HOME, even to say its version
    try:
        done = subprocess.run(
            [str(binary), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise ConfigError(f"Kubo refuses to {arguments[0]}: {error.stderr.strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{binary} cannot be run") from error
    return done.stdout
