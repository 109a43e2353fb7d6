"""The machine while the bench runs: the same small piece of work over and over, and how much its time varies."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from scripts.benches.measure import Series

_BYTES = 16 << 20


class Calibration:
    """Samples of one thread's arithmetic and of the disk; taken between the repetitions of all rows."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "calibration"
        self._bytes = bytes(_BYTES)
        self._hashing: list[float] = []
        self._syncing: list[float] = []

    def sample(self) -> None:
        """Take one sample of each."""
        begun = time.perf_counter()
        hashlib.sha256(self._bytes).digest()
        hashed = time.perf_counter()
        with self._path.open("wb", buffering=0) as file:
            file.write(self._bytes)
            os.fsync(file.fileno())
        synced = time.perf_counter()
        self._path.unlink()
        self._hashing.append((hashed - begun) * 1000)
        self._syncing.append((synced - hashed) * 1000)

    def series(self) -> tuple[Series, Series]:
        """Return all samples."""
        return (
            Series("hashing 16 MiB", "ms", tuple(self._hashing)),
            Series("writing and syncing 16 MiB", "ms", tuple(self._syncing)),
        )
