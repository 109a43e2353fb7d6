"""Mutation testing of contracts/src: how many small mistakes do the tests notice?

At least 90 % of the mutants that compile are killed, by a sample of fixed seed over all contracts. Those that are
the same as the original are listed in contracts/proofs/mutants.equivalent.json, and every survivor is explained in
contracts/proofs/mutants.survivors.json; mutants.py says how a mutant is named there. What was tried is kept, here and
in contracts/proofs/mutants.tried.jsonl, so that a run that was interrupted goes on where it was, on any machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.build_artifacts import profile, sources
from scripts.proofs import answers
from scripts.proofs.answers import Finding
from scripts.proofs.kept import Kept, read
from scripts.proofs.mutants import Mutant, mutants
from scripts.proofs.tools import CONTRACTS, FILES, Json, StepFailed
from scripts.proofs.workshop import KILLED, STILLBORN, SURVIVED, Outcome, Workshop

EQUIVALENT = FILES / "mutants.equivalent.json"
SURVIVORS = FILES / "mutants.survivors.json"
TRIED = FILES / "mutants.tried.jsonl"
PERCENT = 90.0
SAMPLE = 400
LEAST_SAMPLE = 300
LEAST_OF_A_FILE = 5
QUICK_SAMPLE = 6
SEED = 4


def run(folder: Path, jobs: int, *, quick: bool) -> Json:
    """Try the mutants of a sample that were not tried yet, and judge.

    Args:
        folder: where what was tried is kept, for these sources.
        jobs: how many to try at a time.
        quick: try a few.

    Raises:
        StepFailed: a survivor is not explained, or an explanation is about nothing.
    """
    generated = generate()
    equivalent = answers.read(EQUIVALENT, "file", "mutants")
    listed = {(answer.kind, place) for answer in equivalent for place in answer.places}
    drawn = sample(generated, SAMPLE, LEAST_OF_A_FILE)[: QUICK_SAMPLE if quick else None]
    chosen = [each for each in drawn if (each.file, each.place) not in listed]
    tried = Tried(folder)
    tried.kept.take_over(TRIED)
    try_all([each for each in chosen if each.key not in tried.kept.lines], tried, jobs, None if quick else TRIED)
    known = tried.outcomes
    outcomes = {each: known[each.key] for each in chosen}
    survivors = [each for each, outcome in outcomes.items() if outcome.verdict == SURVIVED]
    unknown = set(generated) - set(chosen)
    problems = answers.complaints([], equivalent, map(finding, generated))
    if not quick:
        explained = answers.read(SURVIVORS, "file", "mutants")
        problems += answers.complaints([*map(finding, survivors)], explained, map(finding, unknown))
    summary = figures(outcomes, len(generated), len(listed))
    print(f"  mutants: {summary['killed']} of {summary['tried']} killed, {summary['percent']} %", file=sys.stderr)
    if problems:
        raise StepFailed("\n".join(problems))
    return summary


def generate() -> list[Mutant]:
    """Return every mutant of contracts/src, from the compiler's trees."""
    settings = profile()
    question = {
        "language": "Solidity",
        "sources": sources(settings["remappings"]),
        "settings": {
            "remappings": settings["remappings"],
            "evmVersion": settings["evm_version"],
            "outputSelection": {"*": {"": ["ast"]}},
        },
    }
    compiler = [str(CONTRACTS / settings["solc"]), "--standard-json"]
    done = subprocess.run(compiler, input=json.dumps(question), capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    if problems := [each["formattedMessage"] for each in answer.get("errors", ()) if each["severity"] == "error"]:
        raise StepFailed("\n".join(problems))
    return [
        mutant
        for file, found in sorted(answer["sources"].items())
        if file.startswith("src/")
        for mutant in mutants(file, (CONTRACTS / file).read_bytes(), found["ast"])
    ]


def sample(generated: Sequence[Mutant], size: int, least: int) -> list[Mutant]:
    """Choose some as by chance, of every file about as large a part, in a mixed order.

    Chance is a hash of each mutant's place, so that a change somewhere leaves the choice elsewhere as it was.

    Args:
        generated: what to choose from.
        size: about how many; all when there are no more.
        least: of every file at least so many, where it has them.
    """
    files: dict[str, list[Mutant]] = {}
    for each in sorted(generated, key=_chance):
        files.setdefault(each.file, []).append(each)
    chosen = [each for found in files.values() for each in found[: max(least, -(-len(found) * size // len(generated)))]]
    return sorted(chosen, key=_chance)


def _chance(mutant: Mutant) -> bytes:
    return hashlib.sha256(f"{SEED} {mutant.file} {mutant.place}".encode()).digest()


class Tried:
    """What was tried, of these sources; and by which suite a mutant of others died."""

    def __init__(self, folder: Path) -> None:
        self.kept = Kept(folder / "mutants.jsonl")
        before = [each for path in sorted(folder.parent.glob("*/mutants.jsonl")) for each in read(path)]
        self.hints = {str(each["place"]): str(each["by"]) for each in before if each["verdict"] == KILLED}

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """What became of each, by its key."""
        return {key: Outcome(str(each["verdict"]), str(each["by"])) for key, each in self.kept.lines.items()}

    def add(self, mutant: Mutant, outcome: Outcome) -> None:
        """Keep one outcome."""
        self.kept.add({"key": mutant.key, "place": mutant.place, "verdict": outcome.verdict, "by": outcome.by})


def try_all(waiting: Sequence[Mutant], tried: Tried, jobs: int, beside: Path | None) -> None:
    """Try mutants, some at a time; what was tried is handed on to a file `beside` the sources each time."""
    if not waiting:
        return
    jobs = max(1, min(jobs, len(waiting)))
    shops: queue.SimpleQueue[Workshop] = queue.SimpleQueue()
    for number in range(jobs):
        shop = Workshop(tried.kept.path.parent / f"workshop{number}", max(1, (os.cpu_count() or 1) // jobs))
        shop.open()
        shops.put(shop)
    counts: Counter[str] = Counter()

    def one(mutant: Mutant) -> None:
        shop = shops.get()
        try:
            outcome = shop.try_mutant(mutant, tried.hints.get(mutant.place, ""))
        finally:
            shops.put(shop)
        tried.add(mutant, outcome)
        if beside is not None:
            tried.kept.hand_on(beside)
        counts[outcome.verdict] += 1
        said = f"  {counts.total()}/{len(waiting)} {outcome.verdict:9} {mutant.file} {mutant.place[:120]}"
        print(said, file=sys.stderr, flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        tasks = [pool.submit(one, each) for each in waiting]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    while not shops.empty():
        shops.get().close()


def finding(mutant: Mutant) -> Finding:
    """Return a mutant as what an answer may be about."""
    return Finding(mutant.file, mutant.place)


def figures(outcomes: dict[Mutant, Outcome], generated: int, equivalent: int) -> Json:
    """Return the figures of a run."""
    verdicts = Counter(outcome.verdict for outcome in outcomes.values())
    tried = verdicts[KILLED] + verdicts[SURVIVED]
    return {
        "generated": generated,
        "equivalent": equivalent,
        "sampled": len(outcomes),
        "stillborn": verdicts[STILLBORN],
        "tried": tried,
        "killed": verdicts[KILLED],
        "percent": (verdicts[KILLED] * 1000 // tried) / 10 if tried else 0.0,
        "files": by_file(outcomes.items()),
    }


def by_file(outcomes: Iterable[tuple[Mutant, Outcome]]) -> Json:
    """Return killed and tried of every file."""
    found: dict[str, list[int]] = {}
    for mutant, outcome in outcomes:
        if outcome.verdict != STILLBORN:
            line = found.setdefault(mutant.file, [0, 0])
            line[0] += outcome.verdict == KILLED
            line[1] += 1
    return {file: f"{killed} of {tried}" for file, (killed, tried) in sorted(found.items())}


def shortfall(figures: Json) -> str:
    """Say what is missing, nothing when it holds."""
    if figures["tried"] < min(LEAST_SAMPLE, figures["generated"] - figures["equivalent"] - figures["stillborn"]):
        return f"{figures['tried']} of {LEAST_SAMPLE} mutants tried"
    return "" if figures["percent"] >= PERCENT else f"{figures['percent']} % of {PERCENT} % of mutants killed"
