"""What somebody remembers of logs, in memory."""

from __future__ import annotations

import threading

from fiducia.adapters.memory.closing import Closing
from fiducia.core.tlog.witness import require_following
from fiducia.records.journal import KeptCheckpoint


class MemoryLogbook(Closing):
    """`fiducia.ports.Logbook` in a dict; thread-safe."""

    def __init__(self) -> None:
        self._newest: dict[str, KeptCheckpoint] = {}
        self._evidence: dict[bytes, None] = {}
        self._lock = threading.Lock()

    def newest(self, origin: str) -> KeptCheckpoint | None:
        """Return the newest checkpoint kept of a log."""
        with self._lock:
            return self._newest.get(origin)

    def all(self) -> tuple[KeptCheckpoint, ...]:
        """Return the newest checkpoint of every log, by origin."""
        with self._lock:
            return tuple(self._newest[origin] for origin in sorted(self._newest))

    def keep(self, kept: KeptCheckpoint, old_size: int) -> None:
        """Keep a checkpoint instead of the newest one. Raises: LogConflictError."""
        with self._lock:
            require_following(self._newest.get(kept.origin), kept, old_size)
            self._newest[kept.origin] = kept

    def accuse(self, evidence: bytes) -> None:
        """Keep evidence."""
        with self._lock:
            self._evidence[evidence] = None

    def evidence(self) -> tuple[bytes, ...]:
        """Return all evidence."""
        with self._lock:
            return tuple(self._evidence)
