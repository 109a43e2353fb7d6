"""A clock that tests set. Owns nothing else; passes for `ports.Clock`."""

from __future__ import annotations


class MemoryClock:
    """A `Clock` that stands still until it is moved. Times are UTC Unix seconds."""

    def __init__(self, now: int = 1_800_000_000) -> None:
        self._now = now
        self._passed = 0.0

    def now(self) -> int:
        """Return the time that was set; see `fiducia.ports.Clock.now`."""
        return self._now

    def pause(self, seconds: float) -> None:
        """Move the clock; it shows whole seconds, and counts the parts. See `fiducia.ports.Clock.pause`."""
        before = int(self._passed)
        self._passed += seconds
        self._now += int(self._passed) - before

    def advance(self, seconds: int) -> None:
        """Move the clock; negative goes back."""
        self._now += seconds

    def set(self, now: int) -> None:
        """Set the clock."""
        self._now = now
