"""Tiles: names, widths, and trees read from tiles alone."""

from __future__ import annotations

import hashlib

import pytest

from fiducia.core.formats.merkle import merkle_root
from fiducia.core.formats.merkle_proofs import consistency, inclusion, root_of
from fiducia.core.tlog.tiles import (
    Tile,
    TileNodes,
    bundle_bytes,
    leaves_of,
    nodes_of,
    tile_bytes,
    tile_named,
    width_in,
)
from fiducia.errors import EncodingError, ProofError

LEAVES = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(70_000)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "0/000"),
        (Tile(0, 1234067), "0/x001/x234/067"),  # C2SP tlog-tiles's own example
        (Tile(2, 1000, 17), "2/x001/000.p/17"),
        (Tile(None, 5, 255), "entries/005.p/255"),
        (Tile(63, 0), "63/000"),
    ],
)
def test_names(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert tile_named(path) == tile


@pytest.mark.parametrize(
    "path",
    ["", "0", "0/0", "0/x000/000", "64/000", "00/000", "0/000.p/0", "0/000.p/256", "0/000.p/01", "entry/000", "0/0000"],
)
def test_other_names_are_none(path: str) -> None:
    with pytest.raises(EncodingError):
        tile_named(path)


def test_widths_are_those_of_the_specifications_example() -> None:
    size = 70_000
    assert [width_in(0, number, size) for number in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [width_in(1, number, size) for number in (0, 1, 2)] == [256, 17, 0]
    assert [width_in(2, number, size) for number in (0, 1)] == [1, 0]
    assert [width_in(level, 0, 256) for level in (0, 1, 2)] == [256, 1, 0]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_536, 70_000])
def test_a_tree_is_read_from_its_tiles(size: int) -> None:
    whole = nodes_of(LEAVES[:size])
    asked: list[Tile] = []

    def fetch(tile: Tile) -> bytes:
        asked.append(tile)
        return tile_bytes(whole, tile)

    nodes = TileNodes(fetch, size)
    assert root_of(nodes, size) == merkle_root(LEAVES[:size])
    assert inclusion(nodes, size // 2, size) == inclusion(whole, size // 2, size)
    assert consistency(nodes, max(1, size // 3), size) == consistency(whole, max(1, size // 3), size)
    assert len(asked) == len(set(asked)), "each tile is asked for once"
    assert all(tile.width == width_in(tile.level, tile.number, size) for tile in asked)


def test_tiles_of_another_length_and_nodes_past_the_end_are_refused() -> None:
    whole = nodes_of(LEAVES[:300])
    with pytest.raises(ProofError):
        TileNodes(lambda tile: tile_bytes(whole, tile)[:-1], 300)(0, 0)
    nodes = TileNodes(lambda tile: tile_bytes(whole, tile), 300)
    for height, index in ((0, 300), (8, 1), (6, 4)):
        with pytest.raises(ProofError):
            nodes(height, index)


def test_bundles() -> None:
    assert bundle_bytes([b"ab", b""]) == b"\0\2ab\0\0"
    assert leaves_of(b"\0\2ab\0\0") == [b"ab", b""]
    for bad in (b"\0", b"\0\2a", b"\0\2ab\0"):
        with pytest.raises(EncodingError):
            leaves_of(bad)
