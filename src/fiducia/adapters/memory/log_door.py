"""A member's log door that is called in process, with a switch that shuts it."""

from __future__ import annotations

from collections.abc import Callable

from fiducia.core.tlog.tiles import Tile
from fiducia.errors import LedgerUnreachableError


class MemoryLogDoor:
    """`fiducia.ports.LogDoor` over whatever answers behind it.

    Attributes:
        up: set it to False and nobody answers, until it is True again.
    """

    def __init__(
        self,
        checkpoint: Callable[[], bytes],
        tile: Callable[[Tile], bytes],
        add_checkpoint: Callable[[bytes], bytes],
        witnessed: Callable[[bytes], bytes],
    ) -> None:
        self.up = True
        self._checkpoint = checkpoint
        self._tile = tile
        self._add_checkpoint = add_checkpoint
        self._witnessed = witnessed

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint."""
        self._require_up()
        return self._checkpoint()

    def tile(self, tile: Tile) -> bytes:
        """Return a tile's or a bundle's content."""
        self._require_up()
        return self._tile(tile)

    def add_checkpoint(self, request: bytes) -> bytes:
        """Have a checkpoint cosigned."""
        self._require_up()
        return self._add_checkpoint(request)

    def witnessed(self, origin_hash: bytes) -> bytes:
        """Return the newest checkpoint that was cosigned of a log."""
        self._require_up()
        return self._witnessed(origin_hash)

    def _require_up(self) -> None:
        if not self.up:
            raise LedgerUnreachableError("the member's broker does not answer; is it up?")
