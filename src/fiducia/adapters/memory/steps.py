"""The steps that a journey passed, for tests; stops it dead at a chosen one, as a crash would."""

from __future__ import annotations


class Stopped(BaseException):
    """The crash: no `except Exception` in a journey can swallow it."""


class MemorySteps:
    """A `Steps` that remembers, and raises `Stopped` at `stop_at` (the point's own name)."""

    def __init__(self, stop_at: str | None = None) -> None:
        self.points: list[str] = []
        self.stop_at = stop_at

    def reached(self, point: str) -> None:
        """Note a point; see `fiducia.ports.Steps.reached`."""
        self.points.append(point)
        if point == self.stop_at:
            raise Stopped(point)
