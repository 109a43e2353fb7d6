"""How the steps run forge, slither and halmos, and what they say when one of these fails."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parent.parent.parent
CONTRACTS = ROOT / "contracts"
FILES = CONTRACTS / "proofs"  # the receipt, and what is answered by hand
PROVERS = Path(os.environ.get("PROVE_VENV", ROOT / ".venv-prove")) / "bin"
# What the contracts cost is the gas tests' subject; nothing that changes the bytecode can pass them.
NO_GAS_TESTS = ("--no-match-contract", "GasTest")
TAIL_LINES = 40

Json = dict[str, Any]


class StepFailed(Exception):
    """A step did not hold; the message says what to do, or shows what the tool printed last."""


def cache_home() -> Path:
    """Where what is kept between runs lives: as scripts/_common.sh says."""
    home = os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/tmp")) / ".cache"
    return Path(home) / "fiducia" / "proofs"


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a tool: contracts/bin first, whose forge keeps its exit code."""
    path = os.pathsep.join([str(CONTRACTS / "bin"), str(PROVERS), os.environ.get("PATH", "")])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FOUNDRY_", "DAPP_"))}
    return {**kept, "PATH": path, "NO_COLOR": "1", **settings}


def run(
    command: list[str], settings: Mapping[str, str], cwd: Path = CONTRACTS, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end, whatever its exit code.

    Raises:
        subprocess.TimeoutExpired: after `timeout` seconds; the tool was ended.
    """
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own: what the tool started ends with it
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def forge_tests(arguments: list[str], settings: Mapping[str, str]) -> list[Json]:
    """Run forge's tests, and return every result with its suite and name.

    Raises:
        StepFailed: naming the tests that failed, or when there are none.
    """
    done = run(["forge", "test", "--json", *arguments], settings)
    results = read_results(done.stdout)
    if failed := [f"{each['suite']} {each['name']}: {each['reason']}" for each in results if not passed(each)]:
        raise StepFailed("\n".join(failed))
    if done.returncode or not results:
        raise StepFailed(tail(done))
    return results


def run_forge(arguments: list[str], settings: Mapping[str, str]) -> None:
    """Run forge.

    Raises:
        StepFailed: it said no.
    """
    done = run(["forge", *arguments], settings)
    if done.returncode:
        raise StepFailed(tail(done))


def read_results(printed: str) -> list[Json]:
    """Return what `forge test --json` printed, one entry a test; nothing when it printed no results."""
    line = next((line for line in printed.splitlines() if line.startswith("{")), "{}")
    try:
        suites = cast(Json, json.loads(line))
    except json.JSONDecodeError:
        return []
    return [
        {"suite": suite, "name": name, **result}
        for suite, found in suites.items()
        for name, result in found.get("test_results", {}).items()
    ]


def passed(result: Json) -> bool:
    """Whether a test passed or was skipped."""
    return result["status"] in ("Success", "Skipped")


def kind(result: Json, name: str) -> Json | None:
    """Return the figures of a test of that kind (Fuzz, Invariant), None for another."""
    found = result.get("kind", {})
    return cast(Json, found[name]) if isinstance(found, dict) and name in found else None


def tail(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last lines that a tool printed, and how it ended."""
    lines = (done.stdout + done.stderr).strip().splitlines()[-TAIL_LINES:]
    return "\n".join([*lines, f"{Path(str(done.args[0])).name} ended with exit code {done.returncode}"])


def places(path: Path) -> list[Json]:
    """Return a committed file of answers: a JSON list of objects."""
    return cast(list[Json], json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []
