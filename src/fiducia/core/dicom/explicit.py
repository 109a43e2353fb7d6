"""Writes elements that were read as Explicit VR Little Endian, in passages: long values stay where they are.

Owns: element headers (PS3.5 section 7.1.2), the choice where PS3.6 leaves a representation open, byte order. Values
keep their bytes but for that, and for the padding that an odd one lacks. Sequences get undefined lengths, so nothing is
measured before it is written. Group lengths (retired) are left out: they would be wrong.
Not here: pixels, and what changes with them (`conversion`).
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import TypeAlias

from fiducia.core.dicom.codec import (
    EXPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    REPRESENTATIONS,
    SEQUENCE_END,
    UNDEFINED,
    Bulk,
    Element,
)
from fiducia.core.dicom.passages import Coded, Passage, turned

WrittenValue: TypeAlias = "bytes | Bulk | Coded | list[list[Written]]"
Written: TypeAlias = tuple[int, str, WrittenValue]
"""An element as it was read, or with frames that are still coded for its value."""

PIXEL_REPRESENTATION = 0x00280103
_SHORT, _PLAIN = EXPLICIT_LITTLE.explicit_header, EXPLICIT_LITTLE.plain_header
_LONG = Struct("<HH2sHI")
_SHORT_MAX = 0xFFFE
_WORDS = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OL", "OF"), 4),
    **dict.fromkeys(("UV", "SV", "FD", "OV", "OD"), 8),
}
_TEXT = frozenset(["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT"])


class Writer:
    """Writes one data set, element by element, in ascending order."""

    def __init__(self, *, big_endian: bool = False, signed: bool = False) -> None:
        """Begin with nothing.

        Args:
            big_endian: the byte order of the values that are given.
            signed: decides where PS3.6 says "US or SS" and no Pixel Representation in the same item does.
        """
        self._big_endian = big_endian
        self._signed = signed
        self._new = bytearray()
        self._passages: list[Passage] = []

    def passages(self, head: bytes) -> list[Passage]:
        """Return all that was written, behind `head`."""
        return [Passage(head), *self._passages, Passage(bytes(self._new))]

    def elements(self, elements: Sequence[Written]) -> None:
        """Write elements. Raises: DicomError (frames that are not decoded)."""
        self._elements(elements, self._signed)

    def copied(self, tag: int, vr: str, place: Bulk, word_bytes: int) -> None:
        """Write an element whose value stays where it is; `word_bytes`: of its words, should they be big-endian."""
        self._header(tag, vr, place.length + place.length % 2)
        word_bytes = word_bytes if self._big_endian else 1
        self._flush(Passage(bytes(self._new), place.offset, place.length, word_bytes))
        self._pad(vr, place.length)

    def _elements(self, elements: Sequence[Written], signed: bool) -> None:
        signed = is_signed(elements, around=signed)
        for tag, vr, value in elements:
            if tag & 0xFFFF:
                self._element(tag, chosen(vr, signed=signed), value, signed)

    def _element(self, tag: int, vr: str, value: WrittenValue, signed: bool) -> None:
        if isinstance(value, Coded):
            self._decoded(tag, vr, value)
        elif isinstance(value, list):
            self._sequence(tag, value, signed)
        elif isinstance(value, Bulk):
            self.copied(tag, vr, value, _WORDS.get(vr, 1))
        else:
            self._header(tag, vr, len(value) + len(value) % 2)
            self._new += turned(value, _WORDS.get(vr, 1)) if self._big_endian else value
            self._pad(vr, len(value))

    def _decoded(self, tag: int, vr: str, coded: Coded) -> None:
        self._header(tag, vr, coded.size_bytes + coded.size_bytes % 2)
        self._flush(Passage(bytes(self._new), coded=coded))
        self._pad(vr, coded.size_bytes)

    def _sequence(self, tag: int, items: Sequence[Sequence[Written]], signed: bool) -> None:
        if not items:
            self._header(tag, "SQ", 0)
            return
        self._new += _LONG.pack(tag >> 16, tag & 0xFFFF, b"SQ", 0, UNDEFINED)
        for item in items:
            self._delimiter(ITEM, UNDEFINED)
            self._elements(item, signed)
            self._delimiter(ITEM_END)
        self._delimiter(SEQUENCE_END)

    def _delimiter(self, tag: int, length: int = 0) -> None:
        self._new += _PLAIN.pack(tag >> 16, tag & 0xFFFF, length)

    def _header(self, tag: int, vr: str, length: int) -> None:
        letters = vr.encode("ascii")
        long = REPRESENTATIONS[letters][1]
        if not long and length > _SHORT_MAX:  # as section 6.2.2, note 6, has it
            letters, long = b"UN", True
        if long:
            self._new += _LONG.pack(tag >> 16, tag & 0xFFFF, letters, 0, length)
        else:
            self._new += _SHORT.pack(tag >> 16, tag & 0xFFFF, letters, length)

    def _pad(self, vr: str, length: int) -> None:
        if length % 2:
            self._new += b" " if vr in _TEXT else b"\0"

    def _flush(self, passage: Passage) -> None:
        self._passages.append(passage)
        self._new = bytearray()


def chosen(vr: str, *, signed: bool) -> str:
    """Return one of the representations that PS3.6 leaves open; one that it does not, as it is."""
    if " " not in vr:
        return vr
    if "OW" in vr:
        return "OW"
    return "SS" if signed else "US"


def is_signed(elements: Sequence[Written] | Sequence[Element], *, around: bool = False) -> bool:
    """Return whether numbers are signed by the elements' own Pixel Representation; without one, as around them."""
    for tag, _, value in elements:
        if tag == PIXEL_REPRESENTATION:
            return value in (b"\1\0", b"\0\1")
    return around
