"""The bench runs on a real chain, prints what it measured, and leaves nothing behind. Times are never asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.anvil import anvil_binary

ROOT = Path(__file__).resolve().parents[2]


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the bench with a temporary directory of its own."""
    anvil_binary()  # skips where there is none
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "scripts.bench", "--quick", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def test_gas_is_under_its_gates_and_nothing_stays(tmp_path: Path) -> None:
    done = run(tmp_path, "--rows", "reading,prove,gas", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
    gas = {name: row for name, row in rows.items() if name.startswith("gas: ")}
    assert sum(name.endswith("a passkey") for name in gas) == 4
    assert len(gas) == 16
    assert [name for name, row in gas.items() if row["verdict"] == "MISSED"] == []
    assert any(name.startswith("verify") for name in rows)
    assert any(name.startswith("first frame") for name in rows)
    assert sum(name.startswith("check ") for name in rows) == 2
    assert not list(tmp_path.iterdir())
    assert [
        each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(each.info["cmdline"] or ())
    ] == []


def test_unknown_rows_are_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "--rows", "gas,speed")
    assert done.returncode == 2
    assert "speed" in done.stderr


@pytest.mark.parametrize("words", [("--rows", "")])
def test_no_rows_are_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert run(tmp_path, *words).returncode == 2
