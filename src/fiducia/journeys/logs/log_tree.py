"""A journal as a Merkle tree: roots, proofs and tiles, made from its leaves.

Nodes over 256 leaves and more never change and are remembered; the leaves themselves are read again, a tile at once.
So a journal of ten million entries costs a few megabytes, and its first root one pass over its leaves: whoever starts
reads all of them, and finds whether they still are what was signed. Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import threading

from fiducia.core.formats.merkle import leaf_hash, node_hash
from fiducia.core.formats.merkle_proofs import root_of
from fiducia.core.tlog.tiles import HEIGHT, WIDTH, Tile, bundle_bytes, tile_bytes, width_in
from fiducia.errors import NotThereError
from fiducia.ports import Journal

_LEAVES_PER_READ = 64 * WIDTH


class JournalTree:
    """The tree of one journal. Safe for threads.

    Example:
        ``tree = JournalTree(journal); root_of(tree.nodes, tree.size())``
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._over_tiles: list[bytes] = []  # over 256 leaves each, in order
        self._above: dict[tuple[int, int], bytes] = {}
        self._tile: tuple[int, list[bytes]] = (-1, [])

    def size(self) -> int:
        """Return the number of leaves now. Raises: JournalError."""
        return self._journal.size()

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves. Raises: JournalError."""
        with self._lock:
            self._read_whole_tiles(size)
        return root_of(self.nodes, size)

    def nodes(self, height: int, index: int) -> bytes:
        """Return a node's hash; all its leaves must be there. Raises: JournalError."""
        with self._lock:
            return self._node(height, index)

    def tile(self, tile: Tile) -> bytes:
        """Return a tile's or a bundle's content. Raises: NotThereError (not there, or not yet), JournalError."""
        if tile.width > width_in(tile.level, tile.number, self.size()):
            raise NotThereError("the log has no such tile (yet)")
        if tile.level is None:
            first = tile.number * WIDTH
            return bundle_bytes(self._journal.leaves(first, first + tile.width))
        return tile_bytes(self.nodes, tile)

    def _node(self, height: int, index: int) -> bytes:
        if height < HEIGHT:
            return self._within_tile(height, index)
        if height == HEIGHT:
            if index >= len(self._over_tiles):
                self._read_whole_tiles((index + 1) * WIDTH)
            return self._over_tiles[index]
        known = self._above.get((height, index))
        if known is None:
            known = node_hash(self._node(height - 1, 2 * index), self._node(height - 1, 2 * index + 1))
            self._above[height, index] = known
        return known

    def _within_tile(self, height: int, index: int) -> bytes:
        first = index << height
        number, start = first // WIDTH, first % WIDTH
        needed = start + (1 << height)
        if self._tile[0] != number or len(self._tile[1]) < needed:
            size = width_in(0, number, self._journal.size())
            leaves = self._journal.leaves(number * WIDTH, number * WIDTH + max(size, needed))
            self._tile = number, [leaf_hash(leaf) for leaf in leaves]
        return _joined(self._tile[1][start:needed])

    def _read_whole_tiles(self, size: int) -> None:
        """Hash what whole tiles there are below `size` and were not read yet."""
        while (start := len(self._over_tiles) * WIDTH) + WIDTH <= size:
            end = start + min(_LEAVES_PER_READ, (size - start) // WIDTH * WIDTH)
            hashes = [leaf_hash(leaf) for leaf in self._journal.leaves(start, end)]
            self._over_tiles += [_joined(hashes[at : at + WIDTH]) for at in range(0, len(hashes), WIDTH)]


def _joined(hashes: list[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]
