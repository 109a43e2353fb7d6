"""Every invariant with foundry.toml's deep profile: 256 histories of 64 actions each."""

from __future__ import annotations

from scripts.proofs.tools import Json, forge_tests, kind

RUNS = 256
DEPTH = 64
QUICK = {"FOUNDRY_INVARIANT_RUNS": "4"}


def run(*, quick: bool) -> Json:
    """Run them."""
    settings = {"FOUNDRY_PROFILE": "deep", **(QUICK if quick else {})}
    return figures(forge_tests(["--match-test", "^invariant_"], settings))


def figures(results: list[Json]) -> Json:
    """Return how many invariants there are, and the fewest histories and actions of one."""
    found = [each for result in results if (each := kind(result, "Invariant"))]
    return {
        "tests": len(found),
        "fewest_runs": min((int(each["runs"]) for each in found), default=0),
        "fewest_calls": min((int(each["calls"]) for each in found), default=0),
    }


def shortfall(figures: Json) -> str:
    """Say what is missing, nothing when it holds."""
    if figures["fewest_runs"] < RUNS:
        return f"an invariant had {figures['fewest_runs']} of {RUNS} histories"
    if figures["fewest_calls"] < RUNS * DEPTH:
        return f"an invariant had {figures['fewest_calls']} of {RUNS * DEPTH} actions"
    return ""
