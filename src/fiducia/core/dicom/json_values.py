"""Values of a DICOM JSON model, read by tag.

Owns: how one value is read where numbers, words, items or bytes are asked for. Total, except that bulk data are asked
for: what is absent or something else reads as None, "" or nothing. Source: PS3.18 annex F.
"""

from __future__ import annotations

import math
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from struct import pack
from typing import Any, TypeAlias

Model: TypeAlias = Mapping[str, Any]
Bulk: TypeAlias = Callable[[str], bytes]


def values(model: Model, tag: str) -> list[Any]:
    """Return all values of an attribute; none when it is absent or empty."""
    found = model.get(tag)
    listed = found.get("Value") if isinstance(found, Mapping) else None
    return listed if isinstance(listed, list) else []


def number(model: Model, tag: str) -> float | None:
    """Return an attribute's first value, when it is a finite number or a text of one."""
    return _finite(next(iter(values(model, tag)), None))


def numbers(model: Model, tag: str) -> list[float]:
    """Return an attribute's values as finite numbers; none at all when one is none."""
    found = [_finite(value) for value in values(model, tag)]
    return [value for value in found if value is not None] if None not in found else []


def whole(model: Model, tag: str) -> int | None:
    """Return an attribute's first value, when it is a whole number."""
    found = number(model, tag)
    return int(found) if found is not None and found.is_integer() else None


def word(model: Model, tag: str) -> str:
    """Return a code string's first value, upper case; "" when there is none."""
    found = next(iter(values(model, tag)), None)
    return found.strip().upper() if isinstance(found, str) else ""


def items(model: Model, tag: str) -> list[Model]:
    """Return a sequence's items."""
    return [item for item in values(model, tag) if isinstance(item, Mapping)]


def binary(model: Model, tag: str, bulk: Bulk) -> bytes:
    """Return a value's little-endian bytes, wherever they are: inline, in bulk data, or as 16-bit numbers."""
    found = model.get(tag)
    if not isinstance(found, Mapping):
        return b""
    if isinstance(uri := found.get("BulkDataURI"), str):
        return bulk(uri)
    if isinstance(inline := found.get("InlineBinary"), str):
        try:
            return b64decode(inline, validate=True)
        except Base64Error:
            return b""
    words = [value for value in values(model, tag) if isinstance(value, int) and -0x8000 <= value <= 0xFFFF]
    return pack(f"<{len(words)}H", *(value & 0xFFFF for value in words))


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
