"""Where the frames of an instance lie, without reading a pixel.

Owns: finding the end of Pixel Data and the place of each frame, native (PS3.5 section 8.1) or in fragments
(annex A.4) by the Extended or Basic Offset Table where these fit what is there, else one fragment per
frame when the numbers agree, else one range for all. Offset tables are hints of whoever wrote the file:
one that does not fit is passed over, never followed.
Not here: decoding.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fiducia.core.dicom.codec import UNDEFINED, Bulk, Codec
from fiducia.core.dicom.window import Window, cut_short
from fiducia.core.formats.frames import FrameLayout
from fiducia.errors import DicomError

PIXEL_DATA = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})  # float, double float, integer
FRAGMENTS_MAX = 4_000_000
NOWHERE = Bulk(0, 0)


@dataclass(frozen=True, slots=True)
class FrameTable:
    """Where the frames lie.

    Attributes:
        layout: what each range is; a fragment's padding to an even length counts as the frame's unless an
            Extended Offset Table says better.
        frames: the number of frames that the instance declares; 0 without pixel data.
        offsets: ascending, from the start of the file.
        lengths: in bytes, one for each offset.
        tables_fit: False when the file has an offset table that was passed over, because it does not fit
            what is there.
    """

    layout: FrameLayout = FrameLayout.NONE
    frames: int = 0
    offsets: Sequence[int] = ()
    lengths: Sequence[int] = ()
    tables_fit: bool = True

    def __len__(self) -> int:
        """Return the number of ranges."""
        return len(self.offsets)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield (offset, length) of each range."""
        return zip(self.offsets, self.lengths, strict=True)


@dataclass(frozen=True, slots=True)
class PixelValue:
    """Pixel Data's place: a native value, or items.

    Attributes:
        tag: which of the three Pixel Data elements.
        value: the native value; or all items with the sequence delimiter.
        encapsulated: whether the value consists of items.
        table: the Basic Offset Table's value.
        starts: each fragment's item header.
        lengths: each fragment's length.
        vr: its representation, or a choice of them.
    """

    tag: int
    value: Bulk
    encapsulated: bool = False
    table: Bulk = NOWHERE
    starts: Sequence[int] = ()
    lengths: Sequence[int] = ()
    vr: str = "OB or OW"


@dataclass(frozen=True, slots=True)
class PixelDescription:
    """What the attributes say about the pixels; zeros where they say nothing."""

    frames: int
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    photometric: str
    extended_offsets: object = None  # bytes, or Bulk, of the two Extended Offset Table elements
    extended_lengths: object = None

    def frame_bits(self) -> int:
        """Return the size of one native frame in bits (PS3.3 section C.7.6.3.1.2 for the subsampled ones)."""
        pixels = self.rows * self.columns
        if self.photometric == "YBR_FULL_422" or self.photometric == "YBR_PARTIAL_422":
            return pixels * 2 * self.bits_allocated
        if self.photometric == "YBR_PARTIAL_420":
            return pixels * 3 * self.bits_allocated // 2
        return pixels * self.samples * self.bits_allocated

    def image_bytes(self) -> int:
        """Return the size of all native frames in bytes."""
        return (self.frame_bits() * self.frames + 7) // 8


def read_pixels(window: Window, tag: int, position: int, length: int, codec: Codec, vr: str = "OB or OW") -> PixelValue:
    """Find the end of Pixel Data that begin at `position`, stepping over fragments.

    Raises:
        DicomError: damaged or cut short.
    """
    if length != UNDEFINED:
        return PixelValue(tag, Bulk(position, length), vr=vr)
    begin, size_bytes = position, window.size_bytes
    starts, lengths = array("Q"), array("Q")
    while True:
        if size_bytes - position < 8:
            raise cut_short("the pixel data")
        index = window.load(position, 8, 8)  # fragments are far apart: 8 bytes each, not a window each
        group, element, item_bytes = codec.plain_header.unpack_from(window.buffer, index)
        if group != 0xFFFE or element not in (0xE000, 0xE0DD) or (element == 0xE0DD and item_bytes):
            raise DicomError("the pixel data are damaged: something stands between fragments")
        if element == 0xE0DD:
            break
        if item_bytes > size_bytes - position - 8:
            raise cut_short("the pixel data")
        starts.append(position)
        lengths.append(item_bytes)
        if len(starts) > FRAGMENTS_MAX:
            raise DicomError(f"the pixel data have more than {FRAGMENTS_MAX} fragments")
        position += 8 + item_bytes
    if not starts:
        raise DicomError("the pixel data are damaged: the item of the offset table is missing")
    table = Bulk(starts.pop(0) + 8, lengths.pop(0))
    return PixelValue(tag, Bulk(begin, position + 8 - begin), True, table, starts, lengths, vr)


def frame_table(window: Window, pixels: PixelValue, described: PixelDescription) -> FrameTable:
    """Return where the frames lie.

    Raises:
        DicomError: fewer pixel bytes than the attributes promise.
    """
    if pixels.encapsulated:
        return _encapsulated(window, pixels, described)
    bits, frames = described.frame_bits(), described.frames
    if described.image_bytes() > pixels.value.length:
        raise DicomError("there are fewer pixel bytes than the image's size asks for: copy it again, or export it anew")
    if not bits or bits % 8 or frames > FRAGMENTS_MAX:  # frames of single bits do not begin on bytes
        return FrameTable(FrameLayout.WHOLE, frames, (pixels.value.offset,), (pixels.value.length,))
    step, begin = bits // 8, pixels.value.offset
    return FrameTable(
        FrameLayout.FRAMES, frames, range(begin, begin + step * frames, step), array("Q", [step]) * frames
    )


def _encapsulated(window: Window, pixels: PixelValue, described: PixelDescription) -> FrameTable:
    starts, lengths, frames = pixels.starts, pixels.lengths, described.frames
    if not starts:
        raise DicomError("there are no pixel bytes, only an empty offset table: export the image anew")
    if len(starts) == frames and (exact := _exact_lengths(window, pixels, described)):
        return FrameTable(FrameLayout.FRAMES, frames, array("Q", [start + 8 for start in starts]), exact)
    extended = described.extended_offsets is not None or described.extended_lengths is not None
    if frames <= len(starts) and pixels.table.length == 4 * frames:
        first = [starts[0] + offset for offset in _integers(window, pixels.table, 4)]
        if first[0] == starts[0] and _ascending(first) and set(first) <= set(starts):
            return _runs(pixels, first, tables_fit=not extended)
    fit = not extended and not pixels.table.length
    if len(starts) == frames:
        return FrameTable(FrameLayout.FRAMES, frames, array("Q", [start + 8 for start in starts]), lengths, fit)
    layout = FrameLayout.ITEMS if frames == 1 else FrameLayout.WHOLE
    whole = starts[-1] + 8 + lengths[-1] - starts[0]
    return FrameTable(layout, frames, (starts[0],), (whole,), fit)


def _exact_lengths(window: Window, pixels: PixelValue, described: PixelDescription) -> array[int] | None:
    """Frame lengths without padding, by an Extended Offset Table that fits (PS3.3 section C.7.6.3.1.8)."""
    offsets = _integers(window, described.extended_offsets, 8)
    lengths = _integers(window, described.extended_lengths, 8)
    if not len(offsets) == len(lengths) == described.frames:
        return None
    base = pixels.starts[0]
    if any(base + offset != start for offset, start in zip(offsets, pixels.starts, strict=True)):
        return None
    if any(not 0 <= there - said <= 1 for said, there in zip(lengths, pixels.lengths, strict=True)):
        return None
    return lengths


def _runs(pixels: PixelValue, first: list[int], *, tables_fit: bool) -> FrameTable:
    """Frames that begin at these fragments and end where the next begins."""
    frames, starts, lengths = len(first), pixels.starts, pixels.lengths
    if frames == len(starts):
        return FrameTable(FrameLayout.FRAMES, frames, array("Q", [start + 8 for start in first]), lengths, tables_fit)
    ends = [*first[1:], starts[-1] + 8 + lengths[-1]]
    runs = array("Q", [end - begin for begin, end in zip(first, ends, strict=True)])
    return FrameTable(FrameLayout.ITEMS, frames, array("Q", first), runs, tables_fit)


def _ascending(values: Sequence[int]) -> bool:
    return all(a < b for a, b in pairwise(values))


def _integers(window: Window, place: object, width: int) -> array[int]:
    """Little-endian unsigned integers of 4 or 8 bytes; none when there is no such value, or a damaged one."""
    values = array("I" if width == 4 else "Q")
    if isinstance(place, Bulk) and place.length <= 8 * FRAGMENTS_MAX:
        index = window.load(place.offset, place.length)
        place = window.buffer[index : index + place.length]
    if isinstance(place, bytes) and len(place) % width == 0:
        values.frombytes(place)
    if sys.byteorder == "big":
        values.byteswap()
    return values
