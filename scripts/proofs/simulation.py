"""Ten thousand simulated worlds (`tests/simulation`): every seed's history keeps every promise.

Seeds are run some at a time, and what was run is kept for the sources it is about, so that an interrupted proof goes
on. The receipt is about one state of the sources and says which; later sources do not make it wrong, only older:
`scripts/check` says so and goes on (docs/adr/0033).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import cast

from scripts.proofs.kept import Kept
from scripts.proofs.receipt import digest_of
from scripts.proofs.tools import ROOT, Json, StepFailed, cache_home
from tests.simulation.history import Acknowledged, HandedOver, Opened, Registered
from tests.simulation.run import told, watch
from tests.simulation.seeds import digest_of_history, keep

NAME = "simulation"
RECEIPT = ROOT / "tests" / "simulation" / "receipt.json"
SEEDS, QUICK_SEEDS, AT_A_TIME = 10_000, 50, 100
ABOUT = (
    "src/fiducia/journeys",
    "src/fiducia/ports",
    "src/fiducia/core",
    "src/fiducia/records",
    "src/fiducia/adapters/memory",
    "tests/support/consortium",
    "tests/simulation",
)
BESIDE = "src/fiducia/errors.py"
COUNTED = {"registrations": Registered, "hand_overs": HandedOver, "openings": Opened, "revokes": Acknowledged}


def simulated_files(root: Path = ROOT) -> Iterator[Path]:
    """Yield every source that the worlds are made of, in order; tests of them are not."""
    found = [path for folder in ABOUT for path in (root / folder).glob("**/*.py")]
    yield from sorted(path for path in (*found, root / BESIDE) if not path.name.startswith("test_"))


def sources(root: Path = ROOT) -> str:
    """Return one digest over them."""
    return digest_of(root, simulated_files(root))


def run(jobs: int, *, quick: bool = False, again: bool = False) -> Json:
    """Run the seeds that were not run for these sources yet; return the figures.

    Raises:
        StepFailed: a seed breaks a promise; the message names it and how to see it again. It is kept among the seeds
        that are always run.
    """
    about, count = sources(), QUICK_SEEDS if quick else SEEDS
    kept = Kept(cache_home() / about[:16] / f"{NAME}.jsonl")
    starts = [first for first in range(0, count, AT_A_TIME) if quick or again or str(first) not in kept.lines]
    lines = {} if quick or again else dict(kept.lines)
    with ProcessPoolExecutor(jobs) as processes:
        waiting = [processes.submit(batch, first, min(AT_A_TIME, count - first)) for first in starts]
        for done in as_completed(waiting):
            line = done.result()
            if line["broken"]:
                processes.shutdown(cancel_futures=True)
                raise StepFailed("\n".join(cast(list[str], line["broken"])))
            lines[str(line["key"])] = line
            if not quick:
                kept.add(line)
    return figures(about, [lines[str(first)] for first in range(0, count, AT_A_TIME)])


def batch(first: int, count: int) -> Json:
    """Run some seeds; return what happened in sum, and what is said of those that break a promise."""
    digest, counted = hashlib.sha256(), dict.fromkeys(COUNTED, 0)
    broken = []
    for watched in map(watch, range(first, first + count)):
        digest.update(digest_of_history(watched.history).encode())
        for name, kind in COUNTED.items():
            counted[name] += sum(isinstance(each, kind) for each in watched.history)
        if watched.broken:
            keep(watched)
            broken.append(told(watched))
    return {"key": first, "seeds": count, "digest": digest.hexdigest(), **counted, "broken": broken}


def figures(about: str, lines: list[Json]) -> Json:
    """Return what a receipt says of these lines."""
    digest = hashlib.sha256("".join(str(line["digest"]) for line in lines).encode())
    counted = {name: sum(cast(int, line[name]) for line in lines) for name in ("seeds", *COUNTED)}
    return {"sources": about, **counted, "digest": digest.hexdigest()}


def write(found: Json) -> None:
    """Write the receipt."""
    RECEIPT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def complaint(path: Path = RECEIPT, about: str | None = None) -> tuple[str, str]:
    """Return why a receipt is none, and what else is to be said of it; nothing for one of these very sources."""
    if not path.is_file():
        return "", "not simulated yet: scripts/prove simulation"
    wrong = f"{path.name} is no receipt of {SEEDS} simulated worlds: run scripts/prove simulation, or remove it"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        whole = found["seeds"] >= SEEDS and all(found[name] > 0 for name in COUNTED)
        digests = [bytes.fromhex(found[name]) for name in ("sources", "digest")]
    except (OSError, ValueError, KeyError, TypeError):
        return wrong, ""
    if not whole or any(len(digest) != 32 for digest in digests):
        return wrong, ""
    if found["sources"] != (about or sources()):
        return "", "the simulation's receipt is about earlier sources: scripts/prove simulation runs it for these"
    return "", ""
