"""Repeatable bytes for tests: the same seed gives the same keys. Never for anything that matters."""

from __future__ import annotations

import hashlib


class SeededEntropy:
    """An `Entropy` that counts: SHAKE-256 over seed and counter."""

    def __init__(self, seed: bytes = b"test") -> None:
        self._seed = seed
        self._drawn = 0

    def token(self, size_bytes: int) -> bytes:
        """Return the next bytes; see `fiducia.ports.Entropy.token`."""
        self._drawn += 1
        return hashlib.shake_256(self._seed + self._drawn.to_bytes(8, "big")).digest(size_bytes)
