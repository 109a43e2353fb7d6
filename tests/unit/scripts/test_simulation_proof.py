"""The simulation's proof: what it is about, how it goes on, what it says of a seed that breaks a promise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from scripts.proofs import simulation
from scripts.proofs.tools import ROOT, Json, StepFailed
from tests.simulation.checker import Violation
from tests.simulation.run import Watched

FIGURES: Json = {
    "sources": "ab" * 32,
    "seeds": 10_000,
    "registrations": 1,
    "hand_overs": 1,
    "openings": 1,
    "revokes": 1,
    "digest": "cd" * 32,
}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Six worlds, two at a time, in this process's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(simulation, "SEEDS", 6)
    monkeypatch.setattr(simulation, "AT_A_TIME", 2)
    return tmp_path


def test_its_sources_are_the_journeys_and_the_worlds(tmp_path: Path) -> None:
    for path in simulation.simulated_files():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    before = simulation.sources(tmp_path)
    assert before == simulation.sources()
    for name in ("src/fiducia/journeys/reading/fetch.py", "src/fiducia/ports/ledger.py", "tests/simulation/plot.py"):
        kept = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(kept + b"\n")
        assert simulation.sources(tmp_path) != before, name
        (tmp_path / name).write_bytes(kept)
    assert not [path for path in simulation.simulated_files() if path.suffix != ".py"], "no seed makes a receipt older"


def test_an_interrupted_proof_goes_on_and_comes_to_the_same(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = simulation.run(1, again=True)
    (kept,) = few.glob("**/simulation.jsonl")
    first, *_ = kept.read_text(encoding="utf-8").splitlines()
    kept.write_text(first + "\n", encoding="utf-8")
    assert simulation.run(1) == whole
    monkeypatch.setattr(simulation, "batch", None)
    assert simulation.run(1) == whole, "nothing is left to do"
    assert whole["seeds"] == 6
    assert whole["sources"] == simulation.sources()


def test_a_seed_that_breaks_a_promise_is_told_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []

    def watch(seed: int) -> Watched:
        broken = (Violation("a promise", 7, "how"),) if seed == 3 else ()
        return Watched(seed, (), broken)

    monkeypatch.setattr(simulation, "watch", watch)
    monkeypatch.setattr(simulation, "keep", lambda watched: kept.append(watched.seed))
    line = simulation.batch(2, 4)
    assert kept == [3]
    (said,) = line["broken"]
    assert "seed 3, at 7: broken: a promise: how" in said
    assert "python -m tests.simulation 3" in said


def test_a_broken_promise_fails_the_proof(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def submit(_: object, act: object, first: int, count: int) -> object:
        return _Done({"key": first, "broken": ["seed 3"] if first == 2 else []})

    monkeypatch.setattr("scripts.proofs.simulation.ProcessPoolExecutor.submit", submit)
    monkeypatch.setattr(simulation, "as_completed", list)
    with pytest.raises(StepFailed, match="seed 3"):
        simulation.run(1)


class _Done:
    def __init__(self, line: Json) -> None:
        self._line = {"seeds": 2, "digest": "", **dict.fromkeys(simulation.COUNTED, 1), **line}

    def result(self) -> Json:
        return self._line


def test_a_receipt_is_of_these_sources_or_said_to_be_older(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    assert simulation.complaint(path) == ("", "not simulated yet: scripts/prove simulation")
    path.write_text(json.dumps(FIGURES), encoding="utf-8")
    assert simulation.complaint(path, FIGURES["sources"]) == ("", "")
    complaint, remark = simulation.complaint(path, "ef" * 32)
    assert complaint == ""
    assert "about earlier sources" in remark


@pytest.mark.parametrize(
    "changed",
    [{"seeds": 9_999}, {"hand_overs": 0}, {"sources": "none"}, {"digest": "ab"}, {"seeds": "many"}],
    ids=["too few", "idle", "of nothing", "cut", "no number"],
)
def test_what_is_no_receipt_is_refused(tmp_path: Path, changed: Json) -> None:
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps({**FIGURES, **changed}), encoding="utf-8")
    assert "no receipt" in simulation.complaint(path)[0]
    path.write_text("{", encoding="utf-8")
    assert "no receipt" in simulation.complaint(path)[0]
