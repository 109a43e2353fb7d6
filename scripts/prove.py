"""The proofs: of the contracts, step by step, each kept when it holds, all of them together in their receipt; and the
simulation, which has a receipt of its own (docs/adr/0033).

Owns options, order and what is written; what a step is stands in scripts/proofs. Run through `scripts/prove`;
`--check` is one of the steps of `scripts/check`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

from scripts.proofs import coverage, fuzz, invariants, mutation, receipt, simulation, symbolic
from scripts.proofs.receipt import Drawer
from scripts.proofs.tools import CONTRACTS, FILES, Json, StepFailed, cache_home

RECEIPT = FILES / receipt.NAME
SHORTFALLS: Mapping[str, Callable[[Json], str]] = {
    "fuzz": fuzz.shortfall,
    "invariants": invariants.shortfall,
    "coverage": coverage.shortfall,
    "symbolic": symbolic.shortfall,
    "mutation": mutation.shortfall,
}


def steps(drawer: Drawer, jobs: int) -> Mapping[str, Callable[..., Json]]:
    """Return the steps in their order, cheap ones first."""
    return {
        "fuzz": fuzz.run,
        "invariants": invariants.run,
        "coverage": coverage.run,
        "symbolic": partial(symbolic.run, drawer.home),
        "mutation": partial(mutation.run, drawer.folder("mutation"), jobs),
    }


def prove(chosen: list[str], drawer: Drawer, jobs: int, *, quick: bool) -> bool:
    """Run steps, print a line each; keep what held, unless it was quick. Return whether all held."""
    good = True
    for name, step in steps(drawer, jobs).items():
        if name not in chosen:
            continue
        begun = time.monotonic()
        try:
            figures = step(quick=quick)
            problem = "" if quick else SHORTFALLS[name](figures)
        except StepFailed as failed:
            figures, problem = {}, str(failed)
        print(f"{'FAIL' if problem else 'ok  '}  {name:28} {time.monotonic() - begun:4.0f}s", flush=True)
        print(problem or "      " + shown(figures), flush=True)
        if problem:
            good = False
        elif not quick:
            drawer.keep(name, figures)
    return good


def shown(figures: Json) -> str:
    """Return the plain figures of a step in one line."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in figures.items() if not isinstance(value, dict)
    )


def write_receipt(drawer: Drawer) -> bool:
    """Write what held for these sources into the receipt; say what is missing. Return whether nothing is."""
    if receipt.sources_of(CONTRACTS) != drawer.sources:
        print("no receipt: the sources changed while they were being proven")
        return False
    kept = {name: figures for name in SHORTFALLS if (figures := drawer.kept(name)) is not None}
    if kept:
        FILES.mkdir(exist_ok=True)
        RECEIPT.write_text(receipt.render(drawer.sources, kept), encoding="utf-8")
        print(f"wrote {RECEIPT.relative_to(CONTRACTS.parent)}")
    if missing := missing_from(kept):
        print(f"not in the receipt yet: {missing} did not hold yet for these sources")
    return not missing


def missing_from(steps: Mapping[str, Json]) -> str:
    """Return the steps that a receipt does not hold, separated by commas."""
    return ", ".join(name for name in SHORTFALLS if name not in steps)


def simulate(jobs: int, *, quick: bool, again: bool) -> bool:
    """Run the simulation's seeds, print a line; write its receipt, unless it was quick. Return whether they held."""
    begun = time.monotonic()
    try:
        figures, problem = simulation.run(jobs, quick=quick, again=again), ""
    except StepFailed as failed:
        figures, problem = {}, str(failed)
    print(f"{'FAIL' if problem else 'ok  '}  {'simulation':28} {time.monotonic() - begun:4.0f}s", flush=True)
    print(problem or "      " + shown(figures), flush=True)
    if not problem and not quick:
        simulation.write(figures)
        print(f"wrote {simulation.RECEIPT.relative_to(CONTRACTS.parent)}")
    return not problem


def check_simulation() -> int:
    """Say in one sentence why the simulation's receipt is none (1 then), or how old it is (0 then)."""
    complaint, remark = simulation.complaint()
    print(complaint, end="\n" if complaint else "", file=sys.stderr)
    print(remark, end="\n" if remark else "")
    return 1 if complaint else 0


def check() -> int:
    """Say in one sentence why the contracts' receipt does not hold (1 then), or what it does not claim (0 then)."""
    steps = receipt.figures_in(RECEIPT)[1]
    said = {name: SHORTFALLS[name](steps[name]) if name in SHORTFALLS else "no such step" for name in steps}
    complaint = receipt.complaint(RECEIPT, receipt.sources_of(CONTRACTS), said)
    print(complaint, end="\n" if complaint else "", file=sys.stderr)
    if not complaint and (missing := missing_from(steps)):
        print(f"not proven yet: {missing}")
    return 1 if complaint else 0


def main() -> int:
    """Read the options, run."""
    known = (simulation.NAME, *SHORTFALLS)
    parser = argparse.ArgumentParser(prog="scripts/prove", description="Prove the contracts, simulate, write receipts.")
    parser.add_argument("steps", nargs="*", metavar="step", help=f"some of: {', '.join(known)} (all)")
    parser.add_argument("--again", action="store_true", help="run also what held for these sources before")
    parser.add_argument("--quick", action="store_true", help="small sizes: does everything work? Keeps nothing")
    parser.add_argument("--jobs", type=int, default=2, help="how many mutants or worlds at a time (2)")
    parser.add_argument("--check", action="store_true", help="run nothing: does the committed receipt hold?")
    options = parser.parse_args()
    if unknown := set(options.steps) - set(known):
        parser.error(f"no such step: {', '.join(sorted(unknown))}")
    if options.check:
        return max(check(), check_simulation())
    simulated = True
    if simulation.NAME in (options.steps or known):
        simulated = simulate(options.jobs, quick=options.quick, again=options.again)
    if options.steps == [simulation.NAME]:
        return 0 if simulated else 1
    return max(prove_contracts(options), int(not simulated))


def prove_contracts(options: argparse.Namespace) -> int:
    """Run the contracts' steps that are asked for and did not hold yet; write their receipt."""
    drawer = Drawer(cache_home(), CONTRACTS)
    drawer.take_over(RECEIPT)
    chosen = options.steps or list(SHORTFALLS)
    if not options.again and not options.quick:
        chosen = [name for name in chosen if drawer.kept(name) is None]
    good = prove(chosen, drawer, options.jobs, quick=options.quick)
    if options.quick:
        return 0 if good else 1
    return 0 if write_receipt(drawer) or (options.steps and good) else 1


if __name__ == "__main__":
    sys.exit(main())
