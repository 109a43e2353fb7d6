"""Seeds that found something once, and how histories are compared between processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from tests.simulation.history import Happened
from tests.simulation.run import Watched

KEPT = Path(__file__).with_name("seeds.json")


def kept(path: Path = KEPT) -> dict[int, str]:
    """Return the seeds of `seeds.json`, with what each found."""
    return {int(seed): found for seed, found in json.loads(path.read_text(encoding="utf-8")).items()}


def keep(watched: Watched, path: Path = KEPT) -> None:
    """Keep a seed that broke a promise among those that are always run, where the sources can be written."""
    known = kept(path)
    if watched.broken and watched.seed not in known:
        known[watched.seed] = f"not explained yet: {watched.broken[0].promise}"
        text = json.dumps({str(seed): known[seed] for seed in sorted(known)}, indent=2, ensure_ascii=False)
        with contextlib.suppress(OSError):
            path.write_text(text + "\n", encoding="utf-8")


def digest_of_history(history: Iterable[Happened]) -> str:
    """Return one digest over all that happened, in its order."""
    digest = hashlib.sha256()
    for each in history:
        digest.update(repr(each).encode())
    return digest.hexdigest()
