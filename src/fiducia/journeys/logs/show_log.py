"""What a member shows of its log to everybody: the newest checkpoint and its tree's tiles. Source: C2SP tlog-tiles."""

from __future__ import annotations

from fiducia.core.tlog.tiles import Tile
from fiducia.errors import NotThereError
from fiducia.journeys.logs.log_tree import JournalTree
from fiducia.ports import Logbook


class ShowLog:
    """Show one's own log; nothing of it opens without an entry's salt.

    Example:
        ``ShowLog(tree=tree, logbook=logbook, origin=origin).checkpoint()``
    """

    def __init__(self, *, tree: JournalTree, logbook: Logbook, origin: str) -> None:
        self._tree = tree
        self._logbook = logbook
        self._origin = origin

    def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint. Raises: NotThereError (none yet), JournalError."""
        kept = self._logbook.newest(self._origin)
        if kept is None:
            raise NotThereError("no checkpoint was signed yet; come again in a moment")
        return kept.note

    def tile(self, tile: Tile) -> bytes:
        """Return a tile's or a bundle's content. Raises: NotThereError, JournalError."""
        return self._tree.tile(tile)
