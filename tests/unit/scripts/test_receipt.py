"""The receipt is about exactly these sources, and written whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts import prove
from scripts.proofs import receipt, symbolic
from scripts.proofs.receipt import Drawer
from scripts.proofs.tools import Json

HELD: dict[str, Json] = {
    "fuzz": {"tests": 1, "fewest_runs": 10_000},
    "invariants": {"tests": 1, "fewest_runs": 256, "fewest_calls": 256 * 64},
    "coverage": {"branches": 100, "covered": 98, "percent": 98.0},
    "symbolic": {"paths": {f"{name}.check_it": 1 for name in symbolic.CORE}},
    "mutation": {"tried": 300, "killed": 270, "percent": 90.0, "generated": 900, "equivalent": 0, "stillborn": 0},
}


SYMBOLIC = ("test/halmos/Proofs.sol",)
OTHERS = ("test/A.t.sol", "test/grants/B.t.sol")
COMMON = ("src/A.sol", "src/libraries/B.sol", "test/utils/C.sol", "foundry.toml", "package-lock.json")
FILES = (*COMMON, *OTHERS, *SYMBOLIC)


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    folder = tmp_path / "contracts"
    for name in (*FILES, "README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "proofs").mkdir()
    return folder


@pytest.mark.parametrize("name", [*FILES, "src/New.sol"])
def test_whatever_is_proven_is_hashed(contracts: Path, name: str) -> None:
    before = receipt.sources_of(contracts)
    (contracts / name).write_text("other")
    after = receipt.sources_of(contracts)
    changed = {step for step in receipt.STEPS if after[step] != before[step]}
    about = {SYMBOLIC: {"symbolic"}, OTHERS: {*receipt.STEPS} - {"symbolic"}}
    assert changed == next((steps for names, steps in about.items() if name in names), {*receipt.STEPS})


def test_exceptions_are_hashed_too_but_not_the_receipt(contracts: Path) -> None:
    before = receipt.sources_of(contracts)
    (contracts / "proofs" / receipt.NAME).write_text("{}")
    (contracts / "README.md").write_text("other words")
    (contracts / "out").mkdir()
    assert receipt.sources_of(contracts) == before
    (contracts / "proofs" / "mutants.survivors.json").write_text("[]")
    after = receipt.sources_of(contracts)
    assert [step for step in receipt.STEPS if after[step] != before[step]] == ["coverage", "mutation"]


def test_a_file_cannot_pass_for_another(contracts: Path) -> None:
    before = receipt.sources_of(contracts)
    (contracts / "src/A.sol").rename(contracts / "src/C.sol")
    assert not before.items() & receipt.sources_of(contracts).items()


def test_an_empty_drawer_takes_over_what_a_receipt_holds_for_the_same_sources(contracts: Path, tmp_path: Path) -> None:
    path = contracts / "proofs" / receipt.NAME
    path.write_text(receipt.render(receipt.sources_of(contracts), HELD))
    drawer = Drawer(tmp_path, contracts)
    newer: Json = {"tests": 2, "fewest_runs": 20_000}
    drawer.keep("fuzz", newer)
    drawer.take_over(path)
    assert {step: drawer.kept(step) for step in HELD} == {**HELD, "fuzz": newer}
    (contracts / "src/A.sol").write_text("other")
    changed = Drawer(tmp_path, contracts)
    changed.take_over(path)
    assert [changed.kept(step) for step in HELD] == [None] * len(HELD)


def test_a_drawer_gives_only_what_held_for_its_sources(contracts: Path, tmp_path: Path) -> None:
    Drawer(tmp_path, contracts).keep("fuzz", HELD["fuzz"])
    assert Drawer(tmp_path, contracts).kept("fuzz") == HELD["fuzz"]
    assert Drawer(tmp_path, contracts).kept("coverage") is None
    (contracts / "src" / "A.sol").write_text("changed")
    assert Drawer(tmp_path, contracts).kept("fuzz") is None


def test_an_answer_undoes_only_the_steps_that_read_it(contracts: Path, tmp_path: Path) -> None:
    before = Drawer(tmp_path, contracts)
    for name, figures in HELD.items():
        before.keep(name, figures)
    (contracts / "proofs" / "coverage.answers.json").write_text("[]")
    after = Drawer(tmp_path, contracts)
    assert after.folder("mutation") == before.folder("mutation")
    assert [name for name in HELD if after.kept(name) is None] == ["coverage", "mutation"]


def test_a_receipt_of_other_sources_says_so(tmp_path: Path) -> None:
    path, now = tmp_path / receipt.NAME, dict.fromkeys(receipt.STEPS, "a")
    assert receipt.complaint(path, now, {}) == ""  # what is not there claims nothing
    path.write_text(receipt.render(now, HELD))
    assert receipt.complaint(path, now, {"fuzz": ""}) == ""
    assert "other sources in symbolic: run" in receipt.complaint(path, {**now, "symbolic": "b"}, {"fuzz": ""})
    assert "fuzz (too few)" in receipt.complaint(path, now, {"fuzz": "too few"})
    for text in ("not JSON", '{"sources": "a", "steps": {"fuzz": {}}}', '{"sources": {}, "steps": {}}'):
        path.write_text(text)
        assert "is no receipt" in receipt.complaint(path, now, {})


def test_what_was_proven_of_some_sources_stays_when_others_change(contracts: Path, tmp_path: Path) -> None:
    before = Drawer(tmp_path, contracts)
    for name, figures in HELD.items():
        before.keep(name, figures)
    (contracts / SYMBOLIC[0]).write_text("another proof")
    after = Drawer(tmp_path, contracts)
    assert [name for name in HELD if after.kept(name) is None] == ["symbolic"]


@pytest.fixture
def house(contracts: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(prove, "CONTRACTS", contracts)
    monkeypatch.setattr(prove, "FILES", contracts / "proofs")
    monkeypatch.setattr(prove, "RECEIPT", contracts / "proofs" / receipt.NAME)
    return contracts


def test_a_receipt_holds_the_steps_that_held_so_far(
    house: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawer, so_far = Drawer(tmp_path / "cache", house), {}
    assert not prove.write_receipt(drawer)
    assert not prove.RECEIPT.exists()
    for name, figures in HELD.items():
        capsys.readouterr()
        assert prove.check() == 0
        assert name in capsys.readouterr().out  # not proven yet, and said so
        drawer.keep(name, figures)
        so_far[name] = figures
        assert prove.write_receipt(drawer) is (so_far == HELD)
        about = {step: drawer.sources[step] for step in so_far}
        assert json.loads(prove.RECEIPT.read_text()) == {"sources": about, "steps": so_far}
    capsys.readouterr()
    assert prove.check() == 0
    assert capsys.readouterr().out == ""


def test_no_receipt_for_sources_that_changed_meanwhile(house: Path, tmp_path: Path) -> None:
    drawer = Drawer(tmp_path / "cache", house)
    for name, figures in HELD.items():
        drawer.keep(name, figures)
    (house / "src" / "A.sol").write_text("changed")
    assert not prove.write_receipt(drawer)
    assert not prove.RECEIPT.exists()


@pytest.mark.parametrize(
    ("step", "figure", "value"),
    [
        ("fuzz", "fewest_runs", 9_999),
        ("invariants", "fewest_runs", 255),
        ("invariants", "fewest_calls", 256 * 63),
        ("coverage", "percent", 97.99),
        ("symbolic", "paths", {"RevokedProofs.check_it": 1}),
        ("mutation", "percent", 89.9),
        ("mutation", "tried", 299),
    ],
)
def test_a_gate_that_is_missed_is_no_proof(
    house: Path, capsys: pytest.CaptureFixture[str], step: str, figure: str, value: object
) -> None:
    prove.RECEIPT.write_text(receipt.render(receipt.sources_of(house), {**HELD, step: {**HELD[step], figure: value}}))
    assert prove.check() == 1
    assert f"does not hold for {step} (" in capsys.readouterr().err


def test_a_step_that_is_not_in_the_receipt_is_not_claimed(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = {name: figures for name, figures in HELD.items() if name != "mutation"}
    prove.RECEIPT.write_text(receipt.render(receipt.sources_of(house), some))
    assert prove.check() == 0
    assert capsys.readouterr().out == "not proven yet: mutation\n"


def test_a_step_that_nobody_knows_is_no_proof(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prove.RECEIPT.write_text(receipt.render({**receipt.sources_of(house), "prayer": ""}, {**HELD, "prayer": {}}))
    assert prove.check() == 1
    assert "prayer (no such step)" in capsys.readouterr().err
