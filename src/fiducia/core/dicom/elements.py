"""Walks the elements of one data set, in bounds, without pixels or bulk values.

Owns: PS3.5 section 7 (elements, sequences, items). Every length is checked against what encloses it before
it is believed; depth, count and kept bytes are capped, so hostile input costs bounded time and memory.
Tags must ascend (section 7.1): an element that is there twice would mean different things to different
readers. Binary values longer than 1 KiB are stepped over and stand as `Bulk`.
Not here: group 0002 (`part10`), pixels (`pixels`), values as JSON (`json_model`).
"""

from __future__ import annotations

from fiducia.core.dicom.codec import (
    BINARY,
    IMPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    REPRESENTATIONS,
    SEQUENCE_END,
    UNDEFINED,
    Bulk,
    Codec,
    Element,
    Fragments,
    Value,
    name_tag,
)
from fiducia.core.dicom.dictionary import implicit_vr
from fiducia.core.dicom.pixels import PIXEL_DATA, PixelValue, read_pixels
from fiducia.core.dicom.window import Window, cut_short
from fiducia.errors import DicomError

BULK_BYTES = 1024
KEPT_MAX_BYTES = 16 << 20
ELEMENTS_MAX = 1_000_000
DEPTH_MAX = 64
REST_MAX_BYTES = 64 << 10


class Walker:
    """Walks one data set from front to back, once."""

    def __init__(self, window: Window, codec: Codec, kept_max_bytes: int = KEPT_MAX_BYTES) -> None:
        self._window = window
        self._codec = codec
        self._kept_max_bytes = kept_max_bytes
        self._kept_bytes = 0
        self._elements = 0
        self.pixels: PixelValue | None = None
        self.depth = 0  # of the deepest item so far

    def top(self, position: int, end: int | None = None) -> list[Element]:
        """Return the elements from `position` to `end` (or the window's), or to Pixel Data (then in `pixels`).

        What follows Pixel Data (padding, signatures) is stored like every byte; see `rest`.

        Raises:
            DicomError: not a data set, cut short, or beyond the caps.
        """
        return self._elements_of(position, self._window.size_bytes if end is None else end, 0, self._codec)[0]

    def rest(self) -> list[Element] | None:
        """Return the elements that follow Pixel Data, or None for a little of something else.

        Writers pad files in their own ways, so a little of anything can be read past. A hole of gigabytes behind
        an image is no DICOM, and nobody wants it encrypted and kept.

        Raises:
            DicomError: much of something that is no data set.
        """
        if self.pixels is None:
            return []
        position = self.pixels.value.offset + self.pixels.value.length
        size_bytes = self._window.size_bytes - position
        if not size_bytes:
            return []
        try:
            rest, _ = self._elements_of(position, self._window.size_bytes, 1, self._codec)
            if rest[0][0] <= self.pixels.tag:
                raise _out_of_order(rest[0][0])
        except DicomError:
            if size_bytes > REST_MAX_BYTES:
                raise
            return None
        return rest

    def _elements_of(self, position: int, end: int | None, depth: int, codec: Codec) -> tuple[list[Element], int]:
        """The elements of a data set or item (without `end`: up to its delimiter), and where it ended."""
        limit = self._window.size_bytes if end is None else end
        read_header = self._implicit_header if codec.implicit else self._explicit_header
        found: list[Element] = []
        previous = -1
        while position != end:
            tag, vr, length, value_at = read_header(position, limit, codec)
            if tag == ITEM_END and end is None and length == 0:
                return found, value_at
            if tag <= previous or tag >> 16 == 0xFFFE:
                raise _out_of_order(tag)
            previous = tag
            self._count()
            if length > limit - value_at and length != UNDEFINED:
                raise cut_short()
            if tag in PIXEL_DATA and depth == 0:
                self.pixels = read_pixels(self._window, tag, value_at, length, codec, vr)
                return found, value_at
            if vr == "SQ" or length == UNDEFINED:
                value, position = self._open_value(tag, vr, value_at, length, depth, codec)
                if isinstance(value, list):
                    vr = "SQ"
            elif length > BULK_BYTES and (vr in BINARY or " " in vr):
                value, position = Bulk(value_at, length), value_at + length
            else:
                value, position = self._keep(value_at, length), value_at + length
            found.append((tag, vr, value))
        if end is None:
            raise cut_short()
        return found, position

    def _explicit_header(self, position: int, limit: int, codec: Codec) -> tuple[int, str, int, int]:
        """Tag, VR, length and where the value begins."""
        room = limit - position
        if room < 8:
            raise cut_short()
        window = self._window
        index = position - window.base
        if index < 0 or index + 12 > len(window.buffer):
            index = window.load(position, min(12, room))
        group, element, letters, length = codec.explicit_header.unpack_from(window.buffer, index)
        known = REPRESENTATIONS.get(letters)
        if known is None:
            if group == 0xFFFE:
                length = codec.plain_header.unpack_from(window.buffer, index)[2]
                return group << 16 | element, "", length, position + 8
            raise DicomError(
                f"the data set is damaged: element {name_tag(group << 16 | element)} names no value representation"
            )
        if not known[1]:
            return group << 16 | element, known[0], length, position + 8
        if room < 12:
            raise cut_short()
        (length,) = codec.long_length.unpack_from(window.buffer, index + 8)
        return group << 16 | element, known[0], length, position + 12

    def _implicit_header(self, position: int, limit: int, codec: Codec) -> tuple[int, str, int, int]:
        """Tag, VR by the dictionary, length and where the value begins."""
        if limit - position < 8:
            raise cut_short()
        index = self._window.load(position, 8)
        group, element, length = codec.plain_header.unpack_from(self._window.buffer, index)
        tag = group << 16 | element
        return tag, implicit_vr(tag), length, position + 8

    def _keep(self, position: int, length: int) -> bytes:
        """A value, counted against what may be kept."""
        if not length:
            return b""
        self._kept_bytes += length
        if self._kept_bytes > self._kept_max_bytes:
            raise DicomError(f"the data set has more than {self._kept_max_bytes >> 20} MiB of values beside its pixels")
        index = self._window.load(position, length)
        return self._window.buffer[index : index + length]

    def _open_value(self, tag: int, vr: str, position: int, length: int, depth: int, codec: Codec) -> tuple[Value, int]:
        """A sequence, or something of undefined length."""
        if length != UNDEFINED:
            return self._items(position, position + length, depth, codec)
        if vr == "SQ":
            return self._items(position, None, depth, codec)
        if vr == "UN":  # a sequence whose reader did not know it; always implicit (PS3.5 section 6.2.2, note 4)
            return self._items(position, None, depth, codec if codec.implicit else IMPLICIT_LITTLE)
        if tag in PIXEL_DATA and depth:  # an icon's
            value = Fragments(*read_pixels(self._window, tag, position, length, codec).value)
            return value, value.offset + value.length
        raise DicomError(f"the data set is damaged: element {name_tag(tag)} has no length")

    def _items(self, position: int, end: int | None, depth: int, codec: Codec) -> tuple[list[list[Element]], int]:
        """A sequence's items (PS3.5 section 7.5), and where it ended."""
        if depth >= DEPTH_MAX:
            raise DicomError(f"the data set is nested more than {DEPTH_MAX} sequences deep")
        if depth >= self.depth:
            self.depth = depth + 1
        limit = self._window.size_bytes if end is None else end
        items: list[list[Element]] = []
        while position != end:
            if limit - position < 8:
                raise cut_short()
            index = self._window.load(position, 8)
            group, element, length = codec.plain_header.unpack_from(self._window.buffer, index)
            tag, position = group << 16 | element, position + 8
            if tag == SEQUENCE_END and end is None and length == 0:
                return items, position
            if tag != ITEM:
                raise DicomError("the data set is damaged: a sequence holds something that is no item")
            self._count()
            if length > limit - position and length != UNDEFINED:
                raise cut_short()
            item_end = None if length == UNDEFINED else position + length
            item, position = self._elements_of(position, item_end, depth + 1, codec)
            if position > limit:
                raise DicomError("the data set is damaged: an item is longer than its sequence")
            items.append(item)
        if end is None:
            raise cut_short()
        return items, position

    def _count(self) -> None:
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            raise DicomError(f"the data set has more than {ELEMENTS_MAX} elements")


def _out_of_order(tag: int) -> DicomError:
    if tag >> 16 == 0xFFFE:
        return DicomError("the data set is damaged: an item or a delimiter stands where none can be")
    return DicomError(
        f"the data set is damaged: element {name_tag(tag)} is there twice or out of order, so readers may"
        " disagree about it"
    )
