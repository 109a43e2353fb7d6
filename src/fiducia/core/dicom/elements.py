"""Walks the elements of one data set, in bounds, without pixels or bulk values.

Owns: PS3.5 section 7 (elements, sequences, items) in the three ways a data set is written. Every length is
checked against what encloses it before it is believed; depth, count and kept bytes are capped, so hostile
input costs bounded time and memory. Knows no tag's meaning beyond Pixel Data's. Values longer than 1 KiB
in binary representations are stepped over and stand as `Bulk`.
Not here: group 0002 (`part10`), values as JSON (`json_model`).
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple, TypeAlias

from fiducia.core.dicom.window import Window, cut_short
from fiducia.errors import DicomError

BULK_BYTES = 1024
KEPT_MAX_BYTES = 16 << 20
ELEMENTS_MAX = 1_000_000
FRAGMENTS_MAX = 4_000_000
DEPTH_MAX = 64
UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})  # float, double float, integer

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


class Bulk(NamedTuple):
    """A value that was left where it is: offset from the start of the file, length in bytes."""

    offset: int
    length: int


Element: TypeAlias = tuple[int, str, "bytes | Bulk | tuple[tuple[Element, ...], ...]"]  # tag, VR, value


@dataclass(frozen=True, slots=True)
class PixelValue:
    """A data set's Pixel Data: a native value, or fragments (`starts` are the items' own offsets).

    `first` is the offset of the first fragment's item and `table` the Basic Offset Table's place.
    """

    tag: int
    value: Bulk
    fragments: bool = False
    table: Bulk = Bulk(0, 0)
    first: int = 0
    starts: array[int] = array("Q")
    lengths: array[int] = array("Q")


@dataclass(frozen=True, slots=True)
class Codec:
    """One way of writing elements (PS3.5 section 7.1 and annex A)."""

    implicit: bool
    big_endian: bool
    short: Struct  # group, element, VR, 16-bit length
    long: Struct  # 32-bit length
    plain: Struct  # group, element, 32-bit length: implicit elements, items, delimiters


IMPLICIT_LITTLE = Codec(True, False, Struct("<HH2sH"), Struct("<I"), Struct("<HHI"))
EXPLICIT_LITTLE = Codec(False, False, Struct("<HH2sH"), Struct("<I"), Struct("<HHI"))
EXPLICIT_BIG = Codec(False, True, Struct(">HH2sH"), Struct(">I"), Struct(">HHI"))

_LONG = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
_BULK = frozenset("OB OD OF OL OV OW UN AT FD FL SL SS SV UL US UV".split())
_SHORT = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
_REPRESENTATIONS = {vr.encode(): (vr, True) for vr in _LONG.split()} | {
    vr.encode(): (vr, False) for vr in _SHORT.split()
}


class Walker:
    """Walks one data set from front to back."""

    def __init__(self, window: Window, codec: Codec) -> None:
        self._window = window
        self._codec = codec
        self._kept_bytes = 0
        self._elements = 0
        self.pixels: PixelValue | None = None

    def top(self, position: int) -> tuple[Element, ...]:
        """Return the elements from `position` up to, not including, Pixel Data (then in `pixels`).

        Raises:
            DicomError: not a data set, cut short, or beyond the caps.
        """
        return self._elements_until(position, self._window.size_bytes, 0, self._codec)[0]
