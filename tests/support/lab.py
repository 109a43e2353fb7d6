"""A lab of validators for tests: a consortium as `fiducia lab up` makes it, only with quicker blocks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fiducia.app.evmd import EVMD_VERSION, find_evmd
from fiducia.app.plan import load_plan
from tests.support.needs import unavailable
from tests.support.stack import Development, Running, clean_environment, processes_of

VALIDATORS = 4
QUICK = Path(__file__).with_name("quick_lab.py")


class Lab(Development):
    """One home whose chain has four validators."""

    def begin(self, *words: str, environment: Mapping[str, str] | None = None) -> Running:
        """Start a command in a process of its own, with quick validators."""
        return subprocess.Popen(
            [sys.executable, "-I", "-u", str(QUICK), *words, "--home", str(self.home.root), "--json"],
            env=clean_environment(**(environment or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def up(self, *options: str) -> list[dict[str, Any]]:
        """Bring up what does not run."""
        words = ("lab", "up", "--validators", str(VALIDATORS), "--detach", "--store", self.store)
        parts: list[dict[str, Any]] = self.process(*words).said
        assert all(part["ready"] for part in parts)
        return parts

    def kill(self, number: int) -> None:
        """End a validator at once, as a power cut would."""
        assert self.fiducia("lab", "stop", str(number), "--kill")["changed"]

    def start(self, number: int) -> None:
        """Start a validator again, and wait until it knows what the others know."""
        assert self.process("lab", "start", str(number))["changed"]

    def return_all(self) -> None:
        """Start every validator that does not run."""
        for number, part in enumerate(self.fiducia("lab", "status", expect=(0, 4)).said, 1):
            if part["pid"] is None:
                self.start(number)

    @property
    def urls(self) -> tuple[str, ...]:
        """The validators' endpoints."""
        plan = load_plan(self.home)
        assert plan is not None
        return plan.rpc_urls


def evmd_binary() -> Path:
    """The evmd that `scripts/install --lab` built; skips when there is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fiducia"
    binary = find_evmd(os.environ, cache)
    if binary is None:
        unavailable(f"evmd {EVMD_VERSION} is not here: `scripts/install --lab` makes the tests of the lab run")
    return binary


@contextmanager
def running_lab(root: Path) -> Iterator[Lab]:
    """Run a consortium on four validators for as long as the block lasts; skips where evmd cannot be had."""
    evmd_binary()
    lab = Lab(root)
    try:
        lab.up()
        yield lab
    finally:
        lab.down()
    assert processes_of(root) == []
