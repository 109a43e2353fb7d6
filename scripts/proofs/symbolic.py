"""Proofs of the core properties, by halmos, over the real contracts in any state: contracts/test/halmos.

A `check_` must hold on all paths, without a loop cut short. Beside each stands a `refute_`, the same with
something left out: it must have a counterexample, which shows that the proof is not about nothing. What was proven is
kept proof by proof, here and in contracts/proofs/symbolic.made.jsonl, and counts for the file that it stands in and
all that such files share: together they take an hour of computing or two.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from scripts.proofs import receipt, tools
from scripts.proofs.kept import Kept
from scripts.proofs.receipt import digest_of
from scripts.proofs.tools import CONTRACTS, FILES, Json, StepFailed, run_forge, tail

FOLDER = CONTRACTS / "test" / "halmos"
MADE = FILES / "symbolic.made.jsonl"
SETTINGS = {"FOUNDRY_PROFILE": "halmos"}
OUT = "cache/halmos/out"  # as foundry.toml says
DECLARED = re.compile(r"^(?:abstract )?contract (\w+)\b|^    function ((?:check|refute)_\w+)\(", re.MULTILINE)
HOLDS, REFUTED = 0, 1
VERDICTS = {0: "holds", 1: "has a counterexample", 2: "timed out", 3: "got stuck", 4: "only reverts", 5: "broke off"}
CORE = ("RevokedProofs", "RecordedProofs", "RecordedOtherwiseProofs", "EpochProofs", "DeciderProofs")


def run_proof(contract: str, name: str) -> Json | None:
    """Run halmos over one proof; None when it did not run.

    Raises:
        StepFailed: it did not come to an end.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "halmos.json"
        command = ["halmos", "--forge-build-out", OUT, "--contract", contract, "--function", f"^{name}\\b"]
        command += ["--no-status", "--solver-timeout-assertion", "5m", "--json-output", str(written)]
        done = tools.run(command, {**SETTINGS, "TMPDIR": folder})
        if not written.is_file():
            raise StepFailed(tail(done))
        found = json.loads(written.read_text(encoding="utf-8"))["test_results"]
    return by_name([each for results in found.values() for each in results]).get(name)


def declared(sources: Iterable[str]) -> dict[str, set[str]]:
    """Return the proofs that sources declare, by contract; without contracts that have none."""
    found: dict[str, set[str]] = {}
    contract = ""
    for source in sources:
        for match in DECLARED.finditer(source):
            if match[1]:
                contract = match[1]
                found[contract] = set()
            else:
                found[contract].add(match[2])
    return {contract: names for contract, names in found.items() if names}


def wrong(contract: str, names: set[str], results: list[Json]) -> list[str]:
    """Return a line for everything about one contract's proofs that is not as it must be."""
    lines = [f"{contract}.{name} has no {other(name)}" for name in sorted(names) if other(name) not in names]
    found = by_name(results)
    for name in sorted(names):
        result = found.get(name)
        if result is None:
            lines.append(f"{contract}.{name} did not run")
            continue
        code, loops = int(result["exitcode"]), int(result["num_bounded_loops"])
        if code != (HOLDS if name.startswith("check_") else REFUTED):
            lines.append(f"{contract}.{name} {VERDICTS.get(code, f'ended with {code}')}")
        elif code == HOLDS and loops:
            lines.append(f"{contract}.{name} holds, but {loops} loops were cut short")
    return lines


def by_name(results: list[Json]) -> dict[str, Json]:
    """Return results by the names of their functions."""
    return {str(each["name"]).partition("(")[0]: each for each in results}


def other(name: str) -> str:
    """Return the name of a proof's companion."""
    prefix, _, rest = name.partition("_")
    return f"{'refute' if prefix == 'check' else 'check'}_{rest}"


def run(home: Path, *, quick: bool) -> Json:
    """Run every proof that was not made yet; quick: those of one contract, all of them.

    Args:
        home: where what was proven is kept.
        quick: keep nothing.

    Raises:
        StepFailed: naming every proof that is not as it must be.
    """
    files = {path: declared([path.read_text(encoding="utf-8")]) for path in sorted(FOLDER.glob("*.sol"))}
    # Built here, so that the compiler's words are not lost among halmos's own.
    run_forge(["build", "--ast", "--extra-output", "storageLayout", "metadata"], SETTINGS)
    made = Kept(home / shared(CONTRACTS)[:16] / "symbolic.jsonl")
    made.take_over(MADE)
    made.forget_but({key(c, name, path) for path, found in files.items() for c in found for name in found[c]})
    problems: list[str] = []
    paths: dict[str, int] = {}
    for path, contracts in files.items():
        for contract in sorted(contracts):
            if quick and contract != CORE[0]:
                continue
            results = _results(contract, contracts[contract], path, None if quick else made)
            problems += wrong(contract, contracts[contract], results)
            paths |= {f"{contract}.{name}": int(each["num_paths"][0]) for name, each in by_name(results).items()}
    if problems:
        raise StepFailed("\n".join(problems))
    held = {name: count for name, count in sorted(paths.items()) if ".check_" in name}
    return {"held": len(held), "refuted": len(paths) - len(held), "paths": held}


def shared(contracts: Path) -> str:
    """Return one digest over what all proofs are about: everything that the step reads but the files they stand in."""
    files = receipt.proven_files(contracts, receipt.SYMBOLIC)
    return digest_of(contracts, (path for path in files if not declared([path.read_text(encoding="utf-8")])))


def key(contract: str, name: str, path: Path) -> str:
    """Return what a proof is kept under: its name, and a digest of the file that it stands in."""
    return f"{contract}.{name} {digest_of(path.parent, [path])[:16]}"


def _results(contract: str, names: set[str], path: Path, made: Kept | None) -> list[Json]:
    """What came of one contract's proofs; what is as it must be is kept, one after the other."""
    results = []
    for name in sorted(names):
        known = key(contract, name, path)
        if made is not None and known in made.lines:
            results.append(made.lines[known])
            continue
        result = run_proof(contract, name)
        if result is None:
            continue
        results.append(result)
        as_it_must = HOLDS if name.startswith("check_") else REFUTED
        if made is not None and int(result["exitcode"]) == as_it_must:
            kept = {field: result[field] for field in ("name", "exitcode", "num_bounded_loops", "num_paths")}
            made.add({"key": known, **kept})
            made.hand_on(MADE)
            print(f"  {contract}.{name}", file=sys.stderr, flush=True)
    return results


def shortfall(figures: Json) -> str:
    """Say what is missing, nothing when it holds."""
    proven = {name.partition(".")[0] for name in figures["paths"]}
    missing = [name for name in CORE if name not in proven]
    return f"no {', '.join(missing)}" if missing else ""
