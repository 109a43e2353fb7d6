"""Progress that nobody watches: counts, for tests."""

from __future__ import annotations


class MemoryProgress:
    """A `Progress` that adds up what it was told."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.done_bytes = 0

    def start(self, what: str, total_bytes: int) -> None:
        """Begin a stretch; see `fiducia.ports.Progress.start`."""
        self.started.append((what, total_bytes))

    def advance(self, size_bytes: int) -> None:
        """Add bytes; see `fiducia.ports.Progress.advance`."""
        self.done_bytes += size_bytes
