"""Checkpoints on a chain in memory: anybody may put anything there, and nothing goes away."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

from fiducia.records.journal import AnchoredNote


class MemoryAnchors:
    """`fiducia.ports.Anchors` in a list; thread-safe.

    Args:
        block_number: the number of the block that the next note stands in.
    """

    def __init__(self, block_number: Callable[[], int]) -> None:
        self._block_number = block_number
        self._found: list[tuple[bytes, AnchoredNote]] = []
        self._lock = threading.Lock()

    def anchor(self, origin_hash: bytes, note: bytes) -> AnchoredNote:
        """Put a note on chain."""
        with self._lock:
            transaction = hashlib.sha256(len(self._found).to_bytes(8, "big") + note).digest()
            done = AnchoredNote(note, self._block_number(), transaction)
            self._found.append((origin_hash, done))
        return done

    def anchored(self, origin_hash: bytes, first_block: int, last_block: int) -> tuple[AnchoredNote, ...]:
        """Return the notes of a log in a stretch of blocks."""
        with self._lock:
            found = tuple(self._found)
        return tuple(
            note for log, note in found if log == origin_hash and first_block <= note.block_number <= last_block
        )
