"""Single values of a data set, read by tag: texts in the default repertoire, numbers, items.

Owns: how a value is read where nothing more than plain ASCII is asked for. Total: what is absent, damaged or
no bytes reads as "", None or nothing. Source: PS3.5 section 6.2.
Not here: text in other character sets (`text`), what may stand in a value (`validation`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal, TypeAlias

from fiducia.core.dicom.codec import Element, Value

Values: TypeAlias = Mapping[int, Value]
TEXT_MAX_BYTES = 512
ByteOrder: TypeAlias = Literal["little", "big"]
PADDING = " \0"
_INTEGER = re.compile(r"[+-]?[0-9]{1,11}", re.ASCII)


def text_of(values: Values, tag: int) -> str:
    """Return a value in the default repertoire without its padding; "" when absent."""
    value = values.get(tag, b"")
    return value.decode("latin_1").strip(PADDING) if isinstance(value, bytes) else ""


def integer_of(values: Values, tag: int) -> int | None:
    """Return an integer string's number, when it is one."""
    text = text_of(values, tag)
    return int(text) if _INTEGER.fullmatch(text) else None


def unsigned_of(values: Values, tag: int, order: ByteOrder) -> int:
    """Return one 16-bit number; 0 when there is none, or something else."""
    value = values.get(tag, b"")
    return int.from_bytes(value, order) if isinstance(value, bytes) and len(value) == 2 else 0


def by_tag(elements: Iterable[Element]) -> Values:
    """Return elements by tag, without their representations."""
    return {tag: value for tag, _, value in elements}


def first_item(values: Values, tag: int) -> Values:
    """Return a sequence's first item; nothing when there is none."""
    items = values.get(tag)
    return by_tag(items[0]) if isinstance(items, list) and items else {}


def raw(values: Values, tag: int) -> bytes:
    """Return a value's bytes without padding; none when absent, an item or over `TEXT_MAX_BYTES`."""
    value = values.get(tag, b"")
    return value.strip(b"\0 ") if isinstance(value, bytes) and len(value) <= TEXT_MAX_BYTES else b""


@lru_cache(maxsize=256)
def words(value: bytes) -> tuple[str, ...]:
    """Return the values of a code string, upper case."""
    return tuple(word.strip(" \0").upper() for word in value.decode("latin_1").split("\\")) if value else ()


def decimals(value: bytes, count: int) -> tuple[float, ...] | None:
    """Return that many finite decimal strings."""
    parts = value.decode("latin_1").split("\\")
    if len(parts) != count or b"_" in value:
        return None
    try:
        found = tuple(float(part) for part in parts)
    except ValueError:
        return None
    return found if all(map(math.isfinite, found)) else None


def lengths(value: bytes) -> tuple[float, float] | None:
    """Return two lengths of more than 0 mm."""
    found = decimals(value, 2)
    return (found[0], found[1]) if found and min(found) > 0 else None


def length(value: bytes) -> float | None:
    """Return a length of more than 0 mm; some makers write distances with a sign."""
    found = decimals(value, 1)
    return abs(found[0]) or None if found else None


def count(value: bytes) -> int | None:
    """Return an integer string that counts something."""
    return int(value) if re.fullmatch(rb"[0-9]{1,9}", value) else None
