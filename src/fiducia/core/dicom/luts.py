"""Lookup tables of an image: for grey values, and the three of a palette.

Owns: reading a table by its descriptor, and writing a segmented one out. Source: PS3.3 sections C.7.6.3.1.5,
C.7.6.3.1.6, C.7.9.2 (segments), C.11.1 and C.11.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core.dicom.json_values import Bulk, Model, binary, numbers
from fiducia.errors import DicomError

ENTRIES_MAX = 1 << 16
_PALETTE = (
    ("00281101", "00281201", "00281221"),
    ("00281102", "00281202", "00281222"),
    ("00281103", "00281203", "00281223"),
)
_DESCRIPTOR, _DATA = "00283002", "00283006"


@dataclass(frozen=True, slots=True)
class Lut:
    """A lookup table.

    Attributes:
        first: the value that the first entry is for; lower ones get it, too, and higher ones get the last.
        bits: how many bits an entry's values have, 8..16.
        entries: 16 bits each, little-endian, unsigned; 1..65536 of them.
    """

    first: int
    bits: int
    entries: bytes


def grey_lut(item: Model, bulk: Bulk, *, signed: bool) -> Lut:
    """Return the table of one item of a Modality or VOI LUT Sequence.

    Args:
        item: the sequence's item.
        bulk: gives the bytes behind a BulkDataURI.
        signed: whether the values that go in may be negative.

    Raises:
        DicomError: no table.
    """
    count, first, bits = _descriptor(item, _DESCRIPTOR, signed=signed)
    return Lut(first, bits, _entries(binary(item, _DATA, bulk), count, bits))


def palette_of(model: Model, bulk: Bulk, *, signed: bool) -> tuple[Lut, Lut, Lut]:
    """Return an image's red, green and blue tables.

    Raises:
        DicomError: one of them is missing or no table.
    """
    red, green, blue = (_colour(model, *tags, bulk, signed=signed) for tags in _PALETTE)
    return red, green, blue


def _colour(model: Model, descriptor: str, data: str, segmented: str, bulk: Bulk, *, signed: bool) -> Lut:
    count, first, bits = _descriptor(model, descriptor, signed=signed)
    if segmented in model and data not in model:
        return Lut(first, bits, _entries(_expanded(binary(model, segmented, bulk), bits), count, 16))
    return Lut(first, bits, _entries(binary(model, data, bulk), count, bits))


def _descriptor(model: Model, tag: str, *, signed: bool) -> tuple[int, int, int]:
    """Entries, the first value, bits; 0 entries are 65536, and a first value is as signed as the pixels are."""
    found = [int(value) for value in numbers(model, tag)]
    if len(found) != 3:
        raise DicomError("a lookup table of the image is not described: export the image anew")
    count, first, bits = found[0] & 0xFFFF or ENTRIES_MAX, found[1], found[2]
    if not 8 <= bits <= 16:
        raise DicomError("a lookup table of the image has entries of less than 8 or more than 16 bits: export it anew")
    if signed and first > 0x7FFF:
        first -= 1 << 16
    return count, first, bits


def _entries(data: bytes, count: int, bits: int) -> bytes:
    """So many entries of 16 bits; those of 8 bits may have been packed two in a word."""
    if bits == 8 and count <= len(data) < 2 * count:
        return _widened(data[:count])
    if len(data) < 2 * count:
        raise DicomError("a lookup table of the image is shorter than it says: export the image anew")
    return data[: 2 * count]


def _widened(data: bytes) -> bytes:
    wide = bytearray(2 * len(data))
    wide[::2] = data
    return bytes(wide)


def _expanded(data: bytes, bits: int) -> bytes:
    """A segmented table written out: discrete, linear and indirect segments, never more than `ENTRIES_MAX` entries."""
    words = _words(data if bits > 8 else _widened(data))
    table: list[int] = []
    at = 0
    while at + 1 < len(words):
        at = _segment(words, at, table, byte_offsets=bits > 8)
    return b"".join(value.to_bytes(2, "little") for value in table)


def _segment(words: list[int], at: int, table: list[int], *, byte_offsets: bool, nested: bool = False) -> int:
    """Append what one segment stands for; returns where the next one begins."""
    code, length = words[at], words[at + 1]
    if len(table) + (length if code < 2 else 0) > ENTRIES_MAX:
        raise _damaged()
    if code == 0 and at + 2 + length <= len(words):
        table += words[at + 2 : at + 2 + length]
        return at + 2 + length
    if code == 1 and at + 2 < len(words) and table and length:
        begin, end = table[-1], words[at + 2]
        table += [begin + round((end - begin) * step / length) for step in range(1, length + 1)]
        return at + 3
    if code == 2 and at + 3 < len(words) and not nested:
        place = words[at + 2] | words[at + 3] << 16
        there = place // 2 if byte_offsets else place
        for _ in range(length):
            if there + 1 >= len(words) or there >= at:  # only back, and never into another indirect one: it ends
                raise _damaged()
            there = _segment(words, there, table, byte_offsets=byte_offsets, nested=True)
        return at + 4
    raise _damaged()


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data) - 1, 2)]


def _damaged() -> DicomError:
    return DicomError("a segmented palette of the image is damaged: export the image anew")
