"""A log's tree in pieces that never change: tiles of 256 hashes, bundles of 256 leaves, and their names.

Owns names, widths and what a tile holds; both sides use it, whoever serves tiles and whoever reads them. A reader makes
nodes out of tiles and believes none of them: what counts is that they lead to a signed root. Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fiducia.core.formats.merkle import leaf_hash, node_hash
from fiducia.core.formats.merkle_proofs import Nodes
from fiducia.errors import EncodingError, ProofError

WIDTH: Final = 256
HEIGHT: Final = 8
HASH_BYTES: Final = 32
_MAX_LEVEL: Final = 7  # of a tree of up to 2**64 leaves
_NAME: Final = re.compile(r"(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: its level (None for a bundle of leaves), its number there, and how many hashes it has."""

    level: int | None
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its name below `tile/`."""
        digits = f"{self.number:03d}"
        digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
        parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"{'entries' if self.level is None else self.level}/{name}{partial}"


def tile_named(path: str) -> Tile:
    """Return the tile of a name below `tile/`. Raises: EncodingError (not the one name of a tile)."""
    found = _NAME.fullmatch(path)
    if found is None:
        raise EncodingError("a tile's name is LEVEL/NUMBER, as C2SP tlog-tiles has it")
    level = None if found[1] == "entries" else int(found[1])
    tile = Tile(level, int(found[2].replace("x", "").replace("/", "")), int(found[3] or WIDTH))
    if tile.path != path:
        raise EncodingError("a tile has one name only, without needless zeros")
    return tile


def width_in(level: int | None, number: int, size: int) -> int:
    """Return how many hashes a tile has in a tree of `size` leaves; 0 when it is not there."""
    hashes = size >> (HEIGHT * (level or 0))
    return max(0, min(WIDTH, hashes - number * WIDTH))


def tile_bytes(nodes: Nodes, tile: Tile) -> bytes:
    """Return a tile's content: its hashes, one after the other."""
    height, first = HEIGHT * (tile.level or 0), tile.number * WIDTH
    return b"".join(nodes(height, first + at) for at in range(tile.width))


def bundle_bytes(leaves: Sequence[bytes]) -> bytes:
    """Return a bundle of leaves: each behind its length, u16."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def leaves_of(bundle: bytes) -> list[bytes]:
    """Return the leaves of a bundle. Raises: EncodingError (it ends within one)."""
    found, at = [], 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > len(bundle) or at + 2 > len(bundle):
            raise EncodingError("a bundle of leaves ends within a leaf")
        found.append(bundle[at + 2 : end])
        at = end
    return found


class TileNodes:
    """The nodes of a tree of `size` leaves whose tiles somebody else serves; each tile is asked for once.

    Example:
        ``root_of(TileNodes(fetch, size), size) == checkpoint.root``
    """

    def __init__(self, fetch: Callable[[Tile], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._tiles: dict[tuple[int, int], bytes] = {}

    def __call__(self, height: int, index: int) -> bytes:
        """Return a node's hash. Raises: ProofError (no tile has it, or one is not of its length)."""
        level = min(height // HEIGHT, _MAX_LEVEL)
        above = height - level * HEIGHT
        first = index << above
        tile = self._tile(level, first // WIDTH)
        start = first % WIDTH
        if (start + (1 << above)) * HASH_BYTES > len(tile):
            raise ProofError("the log's tiles do not reach as far as its checkpoint")
        hashes = [tile[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(start, start + (1 << above))]
        while len(hashes) > 1:
            hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
        return hashes[0]

    def _tile(self, level: int, number: int) -> bytes:
        known = self._tiles.get((level, number))
        if known is None:
            width = width_in(level, number, self._size)
            if not width:
                raise ProofError("the log's checkpoint does not reach that far")
            known = self._fetch(Tile(level, number, width))
            if len(known) != width * HASH_BYTES:
                raise ProofError("a tile of the log is not as long as its checkpoint says")
            self._tiles[level, number] = known
        return known


def nodes_of(leaves: Sequence[bytes]) -> Nodes:
    """Return the nodes of a tree over leaves that are all at hand."""
    known: dict[tuple[int, int], bytes] = {}

    def node(height: int, index: int) -> bytes:
        if height == 0:
            return leaf_hash(leaves[index])
        if (height, index) not in known:
            known[height, index] = node_hash(node(height - 1, 2 * index), node(height - 1, 2 * index + 1))
        return known[height, index]

    return node
