"""The parts of a running stack as people see them: process, address, and whether it is ready.

Owns nothing but their form; each part knows by itself how it is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fiducia.errors import FiduciaError


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the stack: what it is, where it answers, and whether it does."""

    name: str
    pid: int | None
    address: str
    ready: bool
    detail: str = ""


def look(name: str, pid: int | None, address: str, probe: Callable[[], str]) -> Part:
    """Return a part as `probe` finds it: its detail, or what is wrong in one line."""
    try:
        return Part(name, pid, address, True, probe())
    except FiduciaError as error:
        return Part(name, pid, address, False, str(error).splitlines()[0])
