"""Branch coverage of contracts/src by forge's tests.

At least 98 % are covered, and every branch that is not is answered in contracts/proofs/coverage.answers.json.
A branch's place is its file and the line of code it stands on, so that other lines may come and go. The tests are
built and run folder by folder, and a branch counts once any of them takes it: all at once they are more than the
compiler, which is WebAssembly, has memory for.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from scripts.proofs import answers
from scripts.proofs.answers import Finding
from scripts.proofs.tools import CONTRACTS, FILES, NO_GAS_TESTS, Json, StepFailed, run_forge

ANSWERS = FILES / "coverage.answers.json"
PERCENT = 98.0
SETTINGS = {
    "FOUNDRY_GAS_LIMIT": "1000000000000",  # counting costs gas, too
    "FOUNDRY_OUT": "cache/coverage/out",  # what is built to be counted is of no use for anything else
    "FOUNDRY_CACHE_PATH": "cache/coverage/cache",
    "FOUNDRY_INVARIANT_RUNS": "16",
}
FOLDERS = ("grants", "invariant", "members", "releases", "studies", "subjects")
HALMOS = "halmos"
QUICK = {"FOUNDRY_FUZZ_RUNS": "16", "FOUNDRY_INVARIANT_RUNS": "1", "FOUNDRY_INVARIANT_DEPTH": "32"}


class Branch(NamedTuple):
    """One branch: its file and line, and its numbers in the report, which are those of the source alone."""

    file: str
    line: int
    block: str
    number: str


def run(*, quick: bool) -> Json:
    """Measure, compare with the answers.

    Raises:
        StepFailed: a test failed, or a branch is neither covered nor answered, or covered and answered.
    """
    taken: dict[Branch, bool] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (test, arguments) in enumerate(parts()):
            report = Path(folder) / f"{number}.info"
            settings = {**SETTINGS, "FOUNDRY_TEST": test, **(QUICK if quick else {})}
            options = ["--ir-minimum", "--report", "lcov", "--report-file", str(report)]
            run_forge(["coverage", *options, *arguments, *NO_GAS_TESTS], settings)
            for branch, was in read(report.read_text(encoding="utf-8")).items():
                taken[branch] = taken.get(branch, False) or was
    covered = sum(taken.values())
    missed = [(branch.file, branch.line) for branch, was in taken.items() if not was]
    if wrong := answers.complaints(findings(missed), answers.read(ANSWERS, "file", "lines")):
        raise StepFailed("\n".join(wrong))
    return {"branches": covered + len(missed), "covered": covered, "percent": percent(covered, len(missed))}


def parts() -> list[tuple[str, list[str]]]:
    """Return what is built and run together: a directory of tests, and forge's further arguments."""
    skipped = [f"test/{folder}/**" for folder in (*FOLDERS, HALMOS)]
    return [*((f"test/{folder}", []) for folder in FOLDERS), ("test", ["--skip", *skipped])]


def read(report: str) -> dict[Branch, bool]:
    """Return every branch of src/ in an lcov report, and whether it was taken."""
    found: dict[Branch, bool] = {}
    file = ""
    for line in report.splitlines():
        word, _, rest = line.partition(":")
        if word == "SF":
            file = rest
        elif word == "BRDA" and file.startswith("src/"):
            number, block, branch, taken = rest.split(",")
            found[Branch(file, int(number), block, branch)] = taken not in ("-", "0")
    return found


def findings(missed: list[tuple[str, int]], contracts: Path = CONTRACTS) -> list[Finding]:
    """Return missed branches by their line's text; two of one line are one."""
    found: dict[tuple[str, str], Finding] = {}
    for file, number in missed:
        text = (contracts / file).read_text(encoding="utf-8").splitlines()[number - 1].strip()
        found.setdefault((file, text), Finding(file, text))
    return list(found.values())


def percent(covered: int, missed: int) -> float:
    """Return the percentage covered, rounded down: 98.0 is never written for less."""
    total = covered + missed
    return (covered * 10_000 // total) / 100 if total else 0.0


def shortfall(figures: Json) -> str:
    """Say what is missing, nothing when it holds."""
    return "" if figures["percent"] >= PERCENT else f"{figures['percent']} % of {PERCENT} % of branches covered"
