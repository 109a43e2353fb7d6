"""What the steps make of what forge and halmos print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.proofs import coverage, fuzz, invariants, symbolic
from scripts.proofs.answers import Finding
from scripts.proofs.kept import Kept, read
from scripts.proofs.mutants import Mutant
from scripts.proofs.mutation import Tried, figures, sample
from scripts.proofs.tools import CONTRACTS, passed, read_results
from scripts.proofs.workshop import KILLED, STILLBORN, SURVIVED, Outcome

FORGE = {
    "test/A.t.sol:ATest": {
        "test_results": {
            "test_one()": {"status": "Success", "reason": None, "kind": {"Unit": {"gas": 1}}},
            "test_any(uint256)": {"status": "Success", "reason": None, "kind": {"Fuzz": {"runs": 10_000}}},
            "test_all(uint256)": {"status": "Failure", "reason": "no", "kind": {"Fuzz": {"runs": 7}}},
            "invariant_x()": {"status": "Success", "reason": None, "kind": {"Invariant": {"runs": 256, "calls": 100}}},
        }
    }
}


def test_forges_results_are_read_beside_other_lines() -> None:
    results = read_results("Compiling 3 files\n" + json.dumps(FORGE) + "\n")
    assert [each["name"] for each in results if not passed(each)] == ["test_all(uint256)"]
    assert {each["suite"] for each in results} == {"test/A.t.sol:ATest"}
    assert read_results("Error: Compiler run failed") == []
    assert read_results("{cut") == []


def test_the_fewest_runs_count() -> None:
    results = read_results(json.dumps(FORGE))
    assert fuzz.figures(results) == {"tests": 2, "fewest_runs": 7}
    assert invariants.figures(results) == {"tests": 1, "fewest_runs": 256, "fewest_calls": 100}
    assert fuzz.shortfall(fuzz.figures([])) != ""
    assert invariants.shortfall(invariants.figures([])) != ""


LCOV = """TN:
SF:src/A.sol
DA:1,5
BRDA:2,0,0,4
BRDA:2,0,1,-
BRDA:3,1,0,0
end_of_record
SF:node_modules/x/B.sol
BRDA:1,0,0,-
end_of_record
"""


def test_only_branches_of_our_own_count(tmp_path: Path) -> None:
    found = coverage.read(LCOV)
    assert [(branch.line, taken) for branch, taken in found.items()] == [(2, True), (2, False), (3, False)]
    missed = [(branch.file, branch.line) for branch, taken in found.items() if not taken]
    (tmp_path / "src").mkdir()
    (tmp_path / "src/A.sol").write_text("one\n  if (two)\n  if (three)\n")
    assert coverage.findings(missed, tmp_path) == [
        Finding("src/A.sol", "if (two)"),
        Finding("src/A.sol", "if (three)"),
    ]


def test_every_folder_of_tests_is_a_part_of_its_own_and_the_rest_is_one() -> None:
    folders = {path.name for path in (CONTRACTS / "test").iterdir() if path.is_dir() and any(path.glob("*.t.sol"))}
    assert {*coverage.FOLDERS} == folders
    *parts, (rest, arguments) = coverage.parts()
    assert [test for test, _ in parts] == [f"test/{folder}" for folder in coverage.FOLDERS]
    assert (rest, arguments[0]) == ("test", "--skip")
    assert {*arguments[1:]} == {f"test/{folder}/**" for folder in (*folders, "halmos")}


@pytest.mark.parametrize(("covered", "missed", "percent"), [(49, 1, 98.0), (9799, 201, 97.99), (97_999, 2001, 97.99)])
def test_percentages_are_never_rounded_up(covered: int, missed: int, percent: float) -> None:
    assert coverage.percent(covered, missed) == percent
    assert coverage.percent(0, 0) == 0.0


HALMOS = """contract OneProofs is AnyLedger {
    function check_a(uint256 x) external {
    }
    function refute_a(uint256 x) external {
    }
    function helper() external {
    }
}
abstract contract Nothing {
}
contract Two {
    function check_b() external {
"""


def result(name: str, exitcode: int, loops: int = 0) -> dict[str, object]:
    return {"name": f"{name}(uint256)", "exitcode": exitcode, "num_bounded_loops": loops, "num_paths": [3, 1, 0]}


def test_proofs_are_those_that_the_sources_declare() -> None:
    assert symbolic.declared([HALMOS]) == {"OneProofs": {"check_a", "refute_a"}, "Two": {"check_b"}}


@pytest.mark.parametrize(
    ("results", "lines"),
    [
        ([result("check_a", 0), result("refute_a", 1)], []),
        ([result("check_a", 1), result("refute_a", 1)], ["OneProofs.check_a has a counterexample"]),
        ([result("check_a", 0), result("refute_a", 0)], ["OneProofs.refute_a holds"]),
        (
            [result("check_a", 2), result("refute_a", 4)],
            ["OneProofs.check_a timed out", "OneProofs.refute_a only reverts"],
        ),
        ([result("check_a", 0, 2), result("refute_a", 1)], ["OneProofs.check_a holds, but 2 loops were cut short"]),
        ([result("check_a", 0)], ["OneProofs.refute_a did not run"]),
    ],
)
def test_a_proof_holds_and_its_companion_is_refuted(results: list[dict[str, object]], lines: list[str]) -> None:
    assert symbolic.wrong("OneProofs", {"check_a", "refute_a"}, results) == lines


def test_a_proof_without_a_companion_is_none() -> None:
    assert symbolic.wrong("P", {"check_a"}, [result("check_a", 0)]) == ["P.check_a has no refute_a"]
    assert symbolic.wrong("P", {"refute_a"}, [result("refute_a", 1)]) == ["P.refute_a has no check_a"]


def test_a_proof_that_was_made_is_not_made_again_and_one_that_was_not_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, file = {"check_a", "refute_a"}, tmp_path / "One.sol"
    answers = {"check_a": [result("check_a", 0)], "refute_a": [result("refute_a", 2), result("refute_a", 1)]}
    monkeypatch.setattr(symbolic, "MADE", tmp_path / "symbolic.made.jsonl")
    monkeypatch.setattr(symbolic, "run_proof", lambda _, name: answers[name].pop(0))
    file.write_text("both")
    for left in (1, 0):
        made = Kept(tmp_path / "here" / "symbolic.jsonl")
        results = symbolic._results("OneProofs", names, file, made)
        assert len(symbolic.wrong("OneProofs", names, results)) == left
    there = Kept(tmp_path / "there" / "here" / "symbolic.jsonl")
    there.take_over(tmp_path / "symbolic.made.jsonl")
    assert symbolic.wrong("OneProofs", names, symbolic._results("OneProofs", names, file, there)) == []
    file.write_text("both, said otherwise")
    answers = {name: [result(name, code)] for name, code in (("check_a", 0), ("refute_a", 1))}
    assert len(symbolic._results("OneProofs", names, file, there)) == 2
    assert answers == {"check_a": [], "refute_a": []}


def test_what_proofs_share_is_all_but_the_files_that_they_stand_in(tmp_path: Path) -> None:
    for name, text in (("src/A.sol", ""), ("test/halmos/One.sol", HALMOS), ("test/halmos/Any.sol", "contract Any {")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = symbolic.shared(tmp_path)
    (tmp_path / "test/halmos/One.sol").write_text(HALMOS + "// more")
    assert symbolic.shared(tmp_path) == before
    for name in ("src/A.sol", "test/halmos/Any.sol"):
        (tmp_path / name).write_text("other")
        assert symbolic.shared(tmp_path) != before
        before = symbolic.shared(tmp_path)


def test_what_is_forgotten_is_not_handed_on(tmp_path: Path) -> None:
    made = Kept(tmp_path / "here" / "symbolic.jsonl")
    for name in ("kept", "gone"):
        made.add({"key": name})
    made.forget_but({"kept"})
    made.hand_on(tmp_path / "made.jsonl")
    assert [line["key"] for line in read(tmp_path / "made.jsonl")] == ["kept"]


def mutant(file: str, number: int) -> Mutant:
    return Mutant(file, number, 1, "x", "operator", "A.f", str(number))


MANY = [
    mutant(f"src/{name}.sol", number) for name, count in (("A", 900), ("B", 90), ("C", 3)) for number in range(count)
]


def test_a_sample_is_the_same_every_time_and_spread_over_all_files() -> None:
    chosen = sample(MANY, 300, 5)
    assert chosen == sample(list(reversed(MANY)), 300, 5)
    counts = {name: sum(each.file == f"src/{name}.sol" for each in chosen) for name in "ABC"}
    assert counts == {"A": 272, "B": 28, "C": 3}
    assert len(set(chosen)) == len(chosen) >= 300
    assert set(sample(MANY, 5000, 5)) == set(MANY)
    assert sample([], 300, 5) == []


def test_a_sample_stays_where_nothing_changed() -> None:
    before, after = sample(MANY, 300, 5), sample([*MANY[:500], *MANY[510:]], 300, 5)
    assert len(set(before) - set(after)) <= 20


def test_what_was_tried_is_kept_and_a_cut_line_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    tried = Tried(folder)
    tried.add(MANY[0], Outcome(KILLED, "test/A.t.sol:ATest"))
    tried.add(MANY[1], Outcome(SURVIVED))
    with tried.kept.path.open("a") as file:
        file.write('{"key": "cut')
    again = Tried(folder)
    assert again.outcomes == tried.outcomes
    other = Tried(tmp_path / "b")  # of other sources: what died by what is only where to look first
    assert other.outcomes == {}
    assert other.hints == {MANY[0].place: "test/A.t.sol:ATest"}


def test_what_was_tried_goes_with_the_sources_to_other_machines(tmp_path: Path) -> None:
    tried, path = Tried(tmp_path / "here" / "a"), tmp_path / "mutants.tried.jsonl"
    tried.add(MANY[0], Outcome(KILLED, "test/A.t.sol:ATest"))
    tried.add(MANY[1], Outcome(SURVIVED))
    tried.kept.hand_on(path)
    there, changed = Tried(tmp_path / "there" / "a"), Tried(tmp_path / "there" / "b")
    for each in (there, changed):
        each.kept.take_over(path)
        each.kept.take_over(tmp_path / "none")
    assert (there.outcomes, changed.outcomes) == (tried.outcomes, {})
    assert Tried(tmp_path / "there" / "a").outcomes == tried.outcomes
    there.kept.hand_on(tmp_path / "again")
    assert (tmp_path / "again").read_text() == path.read_text()


def test_only_what_compiles_counts() -> None:
    outcomes = {MANY[0]: Outcome(KILLED, "x"), MANY[1]: Outcome(SURVIVED), MANY[2]: Outcome(STILLBORN)}
    found = figures(outcomes, generated=10, equivalent=1)
    assert (found["tried"], found["killed"], found["stillborn"], found["percent"]) == (2, 1, 1, 50.0)
    assert found["files"] == {"src/A.sol": "1 of 2"}
