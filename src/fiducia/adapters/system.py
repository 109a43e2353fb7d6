"""The machine's own clock, random generator and (silent) steps.

Owns nothing else: one place for each, so that everything above takes them as arguments. Source: os.urandom
through `secrets`; POSIX time.
"""

from __future__ import annotations

import secrets
import time


class SystemClock:
    """A `Clock` that reads this machine's civil time."""

    def now(self) -> int:
        """Return UTC Unix seconds; see `fiducia.ports.Clock.now`."""
        return int(time.time())

    def pause(self, seconds: float) -> None:
        """Sleep; see `fiducia.ports.Clock.pause`."""
        time.sleep(seconds)


class SystemEntropy:
    """An `Entropy` from the operating system's generator."""

    def token(self, size_bytes: int) -> bytes:
        """Return random bytes; see `fiducia.ports.Entropy.token`."""
        return secrets.token_bytes(size_bytes)


class SilentSteps:
    """A `Steps` for production: nothing happens at any point."""

    def reached(self, point: str) -> None:
        """Note nothing; see `fiducia.ports.Steps.reached`."""


class SilentProgress:
    """A `Progress` that nobody watches, for what runs in the background."""

    def start(self, what: str, total_bytes: int) -> None:
        """Say nothing; see `fiducia.ports.Progress.start`."""

    def advance(self, size_bytes: int) -> None:
        """Say nothing; see `fiducia.ports.Progress.advance`."""
