"""The DICOM JSON model of a data set, without bulk data and pixels.

Owns: PS3.18 annex F.2: UTF-8, tags as ascending hexadecimal names, numbers as numbers, names by component
group. Total: a value that does not follow its representation stands as the text it is, or as UN with its
bytes, so that an instance that could be read can always be described. Left out are group lengths and group
7FE0. A value over 1 KiB in a binary representation (`elements.Bulk`) is a BulkDataURI that says where in the file
it lies, `bulkdata/OFFSET-LENGTH`; where a reader could not use its bytes as they are there (a deflated or a
big-endian data set) it is left out, too.
"""

from __future__ import annotations

import math
from array import array
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

import orjson

from fiducia.core.dicom.bulk import bulk_uri
from fiducia.core.dicom.codec import Bulk, Element
from fiducia.core.dicom.dictionary import implicit_vr
from fiducia.core.dicom.text import Charset, charset_of

_CHARSET, _PIXEL_REPRESENTATION = 0x00080005, 0x00280103
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_STRUCTS = {(order, vr): Struct(order + code) for order in "<>" for vr, code in _NUMBERS.items()}
_WORDS = {"OW": "H", "OL": "I", "OF": "I", "OV": "Q", "OD": "Q"}
_SAFE = 1 << 53  # beyond this, JSON numbers lose digits in many readers
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def to_json(elements: Sequence[Element], *, big_endian: bool = False, deflated: bool = False) -> bytes:
    """Return the DICOM JSON model of a data set's elements.

    Args:
        elements: in ascending order of tag.
        big_endian: the byte order of their binary values.
        deflated: places are not places in the file.

    Returns:
        One JSON object, UTF-8.
    """
    signed = any(tag == _PIXEL_REPRESENTATION and value in (b"\1\0", b"\0\1") for tag, _, value in elements)
    return orjson.dumps(
        _Model(">" if big_endian else "<", signed, not big_endian and not deflated).data_set(elements, Charset())
    )


@dataclass(frozen=True, slots=True)
class _Model:
    """Converts values; `signed` decides "US or SS", `placed` whether bulk values are named by their place."""

    order: str
    signed: bool
    placed: bool

    def data_set(self, elements: Sequence[Element], charset: Charset) -> dict[str, Any]:
        """A data set or item; `charset` is the one around it (PS3.5 section 7.5.3)."""
        found: dict[str, Any] = {}
        for tag, vr, value in elements:
            if tag & 0xFFFF == 0 or tag >> 16 == 0x7FE0:
                continue
            name = f"{tag:08X}"
            if isinstance(value, Bulk):
                if self.placed:
                    place = bulk_uri(value.offset, value.length)
                    found[name] = {"vr": self._choose(vr) if " " in vr else vr, "BulkDataURI": place}
            elif isinstance(value, list):
                items = [self.data_set(item, charset) for item in value]
                found[name] = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
            elif tag == _CHARSET:
                charset = charset_of(value)
                found[name] = {"vr": "CS", "Value": ["ISO_IR 192"]}  # what this JSON is written in
            else:
                if vr == "UN" and self.order == "<" and not tag & 0x10000:
                    vr = _known(tag)
                found[name] = self.attribute(vr, value, charset)
        return found

    def attribute(self, vr: str, value: bytes, charset: Charset) -> dict[str, Any]:
        """One attribute that is no sequence."""
        if " " in vr:
            vr = self._choose(vr)
        if not value:
            return {"vr": vr}
        values: list[Any] | None
        if plain := _PLAIN.get(vr):
            values = plain(value.decode("latin_1"))
        elif text := _TEXT.get(vr):
            values = text(charset.decode(value))
        elif vr in _NUMBERS:
            values = self._numbers(vr, value)
        elif vr == "AT":
            values = self._tags(value)
        else:
            return {"vr": vr, "InlineBinary": b64encode(self._little_endian(vr, value)).decode()}
        if values is None:
            return {"vr": "UN", "InlineBinary": b64encode(value).decode()}
        return {"vr": vr, "Value": values} if values else {"vr": vr}

    def _choose(self, choice: str) -> str:
        """One of the representations that PS3.6 leaves open."""
        if "OW" in choice:
            return "OW"
        return "SS" if self.signed else "US"

    def _numbers(self, vr: str, value: bytes) -> list[Any] | None:
        one = _STRUCTS[self.order, vr]
        if len(value) % one.size:
            return None
        numbers: list[Any] = [number for (number,) in one.iter_unpack(value)]
        if vr in {"FL", "FD"}:
            return [number if math.isfinite(number) else str(number) for number in numbers]
        if vr in {"UV", "SV"}:
            return [number if -_SAFE < number < _SAFE else str(number) for number in numbers]
        return numbers

    def _tags(self, value: bytes) -> list[Any] | None:
        halves = self._numbers("US", value)
        if halves is None or len(halves) % 2:
            return None
        return [f"{group:04X}{element:04X}" for group, element in zip(halves[::2], halves[1::2], strict=True)]

    def _little_endian(self, vr: str, value: bytes) -> bytes:
        """Binary values as they would stand in a little-endian data set (PS3.18 section F.2.7)."""
        code = _WORDS.get(vr)
        if self.order == "<" or code is None:
            return value
        words = array(code)
        if len(value) % words.itemsize:
            return value
        words.frombytes(value)
        words.byteswap()
        return words.tobytes()


def _known(tag: int) -> str:
    """The representation of a public tag that its writer did not know (PS3.5 section 6.2.2, note 2)."""
    vr = implicit_vr(tag)
    return "UN" if vr == "SQ" else vr


def _each(convert: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """A conversion of backslash-separated values; an empty one among others is null (section F.2.5)."""

    def values(text: str) -> list[Any]:
        text = text.rstrip(" \0")
        if "\\" not in text:
            text = text.strip()
            return [convert(text)] if text else []
        parts = [part.strip(" \0") for part in text.split("\\")]
        return [convert(part) if part else None for part in parts]

    return values


def _whole(text: str) -> list[str]:
    """Text that has one value and may contain backslashes."""
    text = text.rstrip(" \0")
    return [text] if text else []


def _string(text: str) -> str:
    return text


def _integer(text: str) -> int | str:
    if len(text) <= 15 and text.isascii():
        try:
            return int(text)
        except ValueError:
            return text
    return text


def _decimal(text: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and "_" not in text else text


def _person(text: str) -> dict[str, str] | None:
    groups = text.split("=")
    return {name: part for name, part in zip(_GROUPS, groups, strict=False) if part} or None


_PLAIN: dict[str, Callable[[str], list[Any]]] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UI"), _each(_string)),
    "IS": _each(_integer),
    "DS": _each(_decimal),
    "UR": _whole,
}
_TEXT: dict[str, Callable[[str], list[Any]]] = {
    **dict.fromkeys(("LO", "SH", "UC"), _each(_string)),
    **dict.fromkeys(("LT", "ST", "UT"), _whole),
    "PN": _each(_person),
}
