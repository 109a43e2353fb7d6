"""The receipt: what was proven, of which sources.

Every step's figures are kept under the hash of the sources that it is about, so that a proof can be made in pieces;
the receipt holds the steps that held so far. One that is about other sources, or whose figures fall short, does not
hold; a step that is not in it, or no receipt at all, claims nothing, and `scripts/check` says so. The symbolic proofs
are tests of their own: what they say changes nothing about the others, nor the other way round.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

from scripts.proofs.tools import Json

NAME = "receipt.json"
SYMBOLIC = "symbolic"
STEPS = ("fuzz", "invariants", "coverage", SYMBOLIC, "mutation")
ANSWERED = ("coverage", "mutation")  # steps that also read what is answered by hand


def proven_files(contracts: Path, step: str, *, answers: bool = True) -> Iterator[Path]:
    """Yield every file that a step is about, in order: sources, tests, settings, locked tools, exceptions.

    Args:
        contracts: the contracts' folder.
        step: the step.
        answers: with the exceptions that are answered by hand, where the step reads them.
    """
    symbolic = set(contracts.glob("test/halmos/**/*.sol"))
    if step == SYMBOLIC:
        tests = symbolic | set(contracts.glob("test/utils/**/*.sol"))
    else:
        tests = set(contracts.glob("test/**/*.sol")) - symbolic
    found = [*contracts.glob("src/**/*.sol"), *tests, contracts / "foundry.toml", contracts / "package-lock.json"]
    if answers and step in ANSWERED:
        found += [path for path in contracts.glob("proofs/*.json") if path.name != NAME]
    yield from sorted(path for path in found if path.is_file())


def hash_of(contracts: Path, step: str, *, answers: bool = True) -> str:
    """Return one digest over names and contents of what a step is about."""
    return digest_of(contracts, proven_files(contracts, step, answers=answers))


def sources_of(contracts: Path) -> dict[str, str]:
    """Return every step's digest."""
    return {step: hash_of(contracts, step) for step in STEPS}


def digest_of(root: Path, files: Iterable[Path]) -> str:
    """Return one digest over names (from `root` on) and contents of files, in their order."""
    digest = hashlib.sha256()
    for path in files:
        name = path.relative_to(root).as_posix().encode()
        content = path.read_bytes()
        digest.update(b"%d %d " % (len(name), len(content)) + name + content)
    return digest.hexdigest()


class Drawer:
    """The figures of the steps that held for one state of the sources.

    Attributes:
        sources: what every step is about, as a hash.
        home: where what was proven is kept.
    """

    def __init__(self, home: Path, contracts: Path) -> None:
        self.home = home
        self.sources = sources_of(contracts)
        self._code = {step: hash_of(contracts, step, answers=False)[:16] for step in STEPS}

    def folder(self, step: str) -> Path:
        """Where a step is kept, for one state of the code: an answer may come later without all being done again."""
        return self.home / self._code[step]

    def keep(self, step: str, figures: Json) -> None:
        """Keep a step's figures."""
        folder = self.folder(step)
        folder.mkdir(parents=True, exist_ok=True)
        waiting = folder / f"{step}.json.part"
        waiting.write_text(json.dumps({"about": self.sources[step], "figures": figures}), encoding="utf-8")
        waiting.replace(folder / f"{step}.json")

    def kept(self, step: str) -> Json | None:
        """Return a step's figures, None when it has not held for these sources yet."""
        path = self.folder(step) / f"{step}.json"
        if not path.is_file():
            return None
        stored = cast(Json, json.loads(path.read_text(encoding="utf-8")))
        return cast(Json, stored["figures"]) if stored["about"] == self.sources[step] else None

    def take_over(self, path: Path) -> None:
        """Keep what a receipt holds for these very sources: what was proven on another machine is proven."""
        sources, steps = figures_in(path)
        for step, figures in steps.items():
            if step in STEPS and sources.get(step) == self.sources[step] and self.kept(step) is None:
                self.keep(step, figures)


def render(sources: Mapping[str, str], figures: Mapping[str, Json]) -> str:
    """Return the receipt's text: the figures of steps, and which sources each of these is about."""
    about = {step: sources[step] for step in figures}
    return json.dumps({"sources": about, "steps": dict(figures)}, indent=2) + "\n"


def complaint(path: Path, sources: Mapping[str, str], shortfalls: Mapping[str, str]) -> str:
    """Return in one sentence why a receipt does not hold, or nothing.

    Args:
        path: the receipt.
        sources: the hash of each step's sources as they are now.
        shortfalls: what every step says about its figures in the receipt, nothing where its gate holds.
    """
    again = "run scripts/prove and commit what it writes"
    if not path.is_file():
        return ""
    about, steps = figures_in(path)
    if not steps:
        return f"{path.name} is no receipt of the contracts' proofs: {again}, or remove it"
    if wrong := [f"{step} ({said})" for step, said in shortfalls.items() if said]:
        return f"the receipt of the contracts' proofs does not hold for {', '.join(wrong)}: {again}"
    if old := [step for step in steps if about.get(step) != sources.get(step)]:
        return f"the receipt of the contracts' proofs is about other sources in {', '.join(old)}: {again}, or remove it"
    return ""


def figures_in(path: Path) -> tuple[dict[str, str], dict[str, Json]]:
    """Return each step's sources' hash and figures out of a receipt; nothing for a file that is none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return dict(stored["sources"]), dict(stored["steps"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}
