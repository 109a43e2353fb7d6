"""Sealed series for tests: objects in memory, a store that notes what is read, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core.formats.container import CHUNK_BYTES
from fiducia.core.formats.context import SeriesKeys
from fiducia.core.formats.manifest import SeriesLine
from fiducia.core.formats.opener import SeriesOpener
from tests.vectors.material import header, keys, material, place
from tests.vectors.study_case import SealedSeries

SIZES = {1: 0, 2: 1, 4: CHUNK_BYTES - len(header(4)), 7: 3 * CHUNK_BYTES + 9}
Input = tuple[int, bytes, bytes]


def inputs(sizes: dict[int, int]) -> list[Input]:
    return [(number, header(number), material(f"body {number}", size)) for number, size in sizes.items()]


@dataclass
class Store:
    """Objects in memory, with what was read of them."""

    objects: dict[str, bytes]

    def __post_init__(self) -> None:
        self.reads: list[tuple[str, int, int]] = []

    def read(self, cid: str, offset: int, length: int) -> bytes:
        self.reads.append((cid, offset, length))
        return self.objects[cid][offset : offset + length]


def stored(series: SealedSeries) -> Store:
    return Store({series.line.pack_cid: series.pack, series.line.index_cid: series.index})


def open_series(
    series: SealedSeries,
    store: Store | None = None,
    *,
    line: SeriesLine | None = None,
    with_keys: SeriesKeys | None = None,
    read_ahead_bytes: int = 1 << 22,
) -> SeriesOpener:
    reader = (store or stored(series)).read
    return SeriesOpener(place(), line or series.line, with_keys or keys(), reader, read_ahead_bytes=read_ahead_bytes)


def copied(opener: SeriesOpener, number: int) -> bytes:
    out = bytearray()
    opener.copy_instance(number, out.extend)
    return bytes(out)
