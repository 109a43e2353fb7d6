"""The ledger port's shared suite, `tests/ports/test_ledger.py`, on four validators.

Every act there waits for a block, so several processes share the tests out; each test has its own contracts and
accounts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.support.anvil import ROOT
from tests.support.lab import Lab

SUITE = "tests/ports/test_ledger.py"
ANCHORS = "tests/ports/test_anchors.py"
WORKERS = 6
ENDS_S = 600.0
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no")


def pytest_on(lab: Lab, *words: str) -> str:
    """Run pytest in a process of its own, where the ledger's chain is the lab's; returns what it said."""
    ran = subprocess.run(
        [*PYTEST, *words],
        cwd=ROOT,
        env={**os.environ, "FIDUCIA_TEST_LAB": " ".join(lab.urls)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ENDS_S,
    )
    assert ran.returncode == 0, f"{ran.stdout[-6000:]}\n{ran.stderr[-2000:]}"
    return ran.stdout


def test_checkpoints_are_anchored_and_found(lab: Lab) -> None:
    said = pytest_on(lab, ANCHORS, "-k", "in_order", "-o", "addopts=--import-mode=importlib")
    assert "1 passed" in said


def test_the_shared_suite_passes(lab: Lab) -> None:
    listed = pytest_on(lab, SUITE, "--collect-only", "-o", "addopts=--import-mode=importlib -q")
    tests = re.findall(rf"^{SUITE}::.+$", listed, re.MULTILINE)
    assert len(tests) > 50
    assert all("[lab" in test for test in tests)
    shares = [tests[worker::WORKERS] for worker in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS) as pool:
        said = list(pool.map(lambda share: pytest_on(lab, *share, "-o", "addopts=--import-mode=importlib"), shares))
    passed = [int(count) for text in said for count in re.findall(r"(\d+) passed", text)]
    assert sum(passed) == len(tests)
