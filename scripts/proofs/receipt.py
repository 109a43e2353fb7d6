"""The receipt: what was proven, of which sources.

Every step's figures are kept under the hash of the sources they are about, so that a proof can be made in
pieces; the receipt holds the steps that held so far. One that is about other sources, or whose figures fall short,
does not hold; a step that is not in it, or no receipt at all, claims nothing, and `scripts/check` says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

from scripts.proofs.tools import Json

NAME = "receipt.json"
ANSWERED = ("coverage", "mutation")  # steps that also read what is answered by hand


def proven_files(contracts: Path, *, answers: bool = True) -> Iterator[Path]:
    """Yield every file that the proofs are about, in order: sources, tests, settings, locked tools, exceptions.

    Args:
        contracts: the contracts' folder.
        answers: with the exceptions that are answered by hand.
    """
    found = [*contracts.glob("src/**/*.sol"), *contracts.glob("test/**/*.sol")]
    found += [contracts / "foundry.toml", contracts / "package-lock.json"]
    found += [path for path in contracts.glob("proofs/*.json") if answers and path.name != NAME]
    yield from sorted(path for path in found if path.is_file())


def hash_of(contracts: Path, *, answers: bool = True) -> str:
    """Return one digest over names and contents of what is proven."""
    return digest_of(contracts, proven_files(contracts, answers=answers))


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
        sources: the hash of all that is proven.
        folder: what is kept, for one state of the code: an answer may come later without everything being done again.
    """

    def __init__(self, home: Path, contracts: Path) -> None:
        self.sources = hash_of(contracts)
        self._code = hash_of(contracts, answers=False)
        self.folder = home / self._code[:16]

    def keep(self, step: str, figures: Json) -> None:
        """Keep a step's figures."""
        self.folder.mkdir(parents=True, exist_ok=True)
        waiting = self.folder / f"{step}.json.part"
        waiting.write_text(json.dumps({"about": self._about(step), "figures": figures}), encoding="utf-8")
        waiting.replace(self.folder / f"{step}.json")

    def kept(self, step: str) -> Json | None:
        """Return a step's figures, None when it has not held for these sources yet."""
        path = self.folder / f"{step}.json"
        if not path.is_file():
            return None
        stored = cast(Json, json.loads(path.read_text(encoding="utf-8")))
        return cast(Json, stored["figures"]) if stored["about"] == self._about(step) else None

    def take_over(self, path: Path) -> None:
        """Keep what a receipt holds for these very sources: what was proven on another machine is proven."""
        sources, steps = figures_in(path)
        if sources == self.sources:
            for step, figures in steps.items():
                if self.kept(step) is None:
                    self.keep(step, figures)

    def _about(self, step: str) -> str:
        return self.sources if step in ANSWERED else self._code


def render(sources: str, figures: Mapping[str, Json]) -> str:
    """Return the receipt's text."""
    return json.dumps({"sources": sources, "steps": dict(figures)}, indent=2) + "\n"


def complaint(path: Path, sources: str, shortfalls: Mapping[str, str]) -> str:
    """Return in one sentence why a receipt does not hold, or nothing.

    Args:
        path: the receipt.
        sources: the hash of the sources as they are now.
        shortfalls: what every step says about its figures in the receipt, nothing where its gate holds.
    """
    again = "run scripts/prove and commit what it writes"
    if not path.is_file():
        return ""
    if figures_in(path)[0] != sources:
        return f"the receipt of the contracts' proofs is about other sources than these: {again}, or remove it"
    if wrong := [f"{step} ({said})" for step, said in shortfalls.items() if said]:
        return f"the receipt of the contracts' proofs does not hold for {', '.join(wrong)}: {again}"
    return ""


def figures_in(path: Path) -> tuple[str, dict[str, Json]]:
    """Return the sources' hash and the steps' figures of a receipt; nothing for a file that is none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return str(stored["sources"]), dict(stored["steps"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", {}
