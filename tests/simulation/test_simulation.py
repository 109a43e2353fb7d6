"""Three hundred worlds: three members, one chain, one store, one thread, whatever may go wrong, each from its seed.

A seed that breaks a promise is printed, with the command that shows it, and belongs into `seeds.json`, whose seeds are
always run, too. `scripts/prove simulation` runs ten thousand.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.simulation.bugs import JournalsNoHandOver
from tests.simulation.history import (
    Acknowledged,
    Attempted,
    Demanded,
    HandedOver,
    Opened,
    Registered,
    Shown,
)
from tests.simulation.run import told, watch
from tests.simulation.seeds import digest_of_history, keep, kept

ROOT = Path(__file__).resolve().parents[2]
BATCH, BATCHES = 30, 10


def broken_among(seeds: Iterable[int]) -> str:
    """Return what is to be read of the seeds that break a promise; they are kept."""
    found = [watched for watched in map(watch, seeds) if watched.broken]
    for watched in found:
        keep(watched)
    return "\n".join(map(told, found))


@pytest.mark.parametrize("first", range(0, BATCH * BATCHES, BATCH))
def test_every_promise_is_kept(first: int) -> None:
    if broken := broken_among(range(first, first + BATCH)):
        pytest.fail(broken, pytrace=False)


def test_seeds_that_found_something_once_find_nothing_any_more() -> None:
    if broken := broken_among(kept()):
        pytest.fail(broken, pytrace=False)


def test_a_seed_that_breaks_a_promise_is_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "seeds.json"
    path.write_text('{"3": "something"}')
    watched = watch(0, JournalsNoHandOver)
    assert "python -m tests.simulation 0" in told(watched)
    assert watched.broken[0].promise in told(watched)
    keep(watched, path)
    keep(watch(1), path)
    assert kept(path) == {0: f"not explained yet: {watched.broken[0].promise}", 3: "something"}


def test_the_worlds_are_not_idle() -> None:
    """What is checked happens, and what may go wrong does."""
    happened: Counter[object] = Counter()
    for watched in map(watch, range(20)):
        happened.update(type(each) for each in watched.history)
        happened.update(each.outcome for each in watched.history if isinstance(each, Attempted))
        happened.update(each.what for each in watched.history if isinstance(each, Demanded))
    for kind in (HandedOver, Acknowledged, Opened, Shown, Registered):
        assert happened[kind] >= 20, kind
    for outcome in ("killed", "LedgerUnreachableError", "LedgerNotFinalError", "JournalError", "TrusteeError"):
        assert happened[outcome], outcome
    for demanded in ("granted", "stranger", "ended", "again"):
        assert happened[demanded] >= 5, demanded


def test_a_seed_is_the_same_history_each_time_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        pytest.fail(f"a thread was started: {thread.name}")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for seed in range(4):
        assert watch(seed).history == watch(seed).history


def test_a_seed_is_the_same_history_in_another_process() -> None:
    code = "from tests.simulation.run import watch; from tests.simulation.seeds import digest_of_history as digest\n"
    code += "print(digest(watch(4).history))"
    other = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == digest_of_history(watch(4).history)
