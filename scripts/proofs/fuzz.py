"""Every fuzz test with foundry.toml's deep profile: 10,000 runs each."""

from __future__ import annotations

from scripts.proofs.tools import NO_GAS_TESTS, Json, forge_tests, kind

RUNS = 10_000
QUICK = {"FOUNDRY_FUZZ_RUNS": "64"}


def run(*, quick: bool) -> Json:
    """Run them, and the unit tests that stand between them."""
    settings = {"FOUNDRY_PROFILE": "deep", **(QUICK if quick else {})}
    return figures(forge_tests(["--no-match-test", "^invariant_", *NO_GAS_TESTS], settings))


def figures(results: list[Json]) -> Json:
    """Return how many fuzz tests there are, and the fewest runs of one."""
    runs = [int(found["runs"]) for each in results if (found := kind(each, "Fuzz"))]
    return {"tests": len(runs), "fewest_runs": min(runs, default=0)}


def shortfall(figures: Json) -> str:
    """Say what is missing, nothing when it holds."""
    return "" if figures["fewest_runs"] >= RUNS else f"a fuzz test had {figures['fewest_runs']} of {RUNS} runs"
