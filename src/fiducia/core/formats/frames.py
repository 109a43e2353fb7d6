"""Frame tables: where the frames of one instance lie in its file, so that a frame is a byte range of a pack.

Owns the table as the index keeps it. Finding the frames is `fiducia.core.dicom`'s, whose own table can be
given as it is. Source: docs/formats.md, "Frame tables"; DICOM PS3.5 section 8 and annex A.4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from fiducia.errors import EncodingError

RANGE_BYTES = 16

_RANGE = struct.Struct(">QQ")


class FrameLayout(IntEnum):
    """What the ranges of a frame table are."""

    NONE = 0  # there are none: no pixel data, or a deflated data set, in which nothing can be addressed
    FRAMES = 1  # one range per frame: exactly the frame's bytes
    ITEMS = 2  # one range per frame: its fragments as items, each with its 8-byte header (FFFE,E000)
    WHOLE = 3  # one range for all frames: the native value, or all fragments as items

    def range_count(self, frames: int) -> int:
        """Return how many ranges a table of this layout has for that many frames."""
        if self in (FrameLayout.FRAMES, FrameLayout.ITEMS):
            return frames
        return 1 if self is FrameLayout.WHOLE else 0


class Frames(Protocol):
    """A frame table: its layout, how many frames the instance has, and (offset, length) ranges in the file."""

    @property
    def layout(self) -> int:
        """A `FrameLayout`, or its number."""
        ...

    @property
    def frames(self) -> int:
        """The number of frames; 0 without pixel data."""
        ...

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield each range."""
        ...


@dataclass(frozen=True, slots=True)
class FrameTable:
    """A frame table in memory; empty for an instance without pixel data."""

    layout: FrameLayout = FrameLayout.NONE
    frames: int = 0
    ranges: tuple[tuple[int, int], ...] = ()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield each range."""
        return iter(self.ranges)


NO_FRAMES = FrameTable()


def pack_ranges(table: Frames, header_bytes: int, file_bytes: int) -> bytes:
    """Return a table's ranges: per range its offset u64 and length u64, big-endian.

    Raises:
        EncodingError: more or fewer ranges than the layout has, or one outside the data set.
    """
    packed = bytearray()
    for offset, length in table:
        _check_range(offset, length, header_bytes, file_bytes)
        packed += _RANGE.pack(offset, length)
    if len(packed) != RANGE_BYTES * FrameLayout(table.layout).range_count(table.frames):
        raise EncodingError("its frame table does not fit its layout")
    return bytes(packed)


def unpack_ranges(packed: bytes, header_bytes: int, file_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) of each packed range. Raises: EncodingError (one outside the data set)."""
    for offset, length in _RANGE.iter_unpack(packed):
        _check_range(offset, length, header_bytes, file_bytes)
        yield offset, length


def _check_range(offset: int, length: int, header_bytes: int, file_bytes: int) -> None:
    if not (header_bytes <= offset <= file_bytes and 0 <= length <= file_bytes - offset):
        raise EncodingError("a frame of it lies outside its data set")
