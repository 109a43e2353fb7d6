"""Canonical JSON: RFC 8785 out, and in only what is byte for byte canonical.

Owns the one way in which fiducia writes JSON that is digested (manifest, custody document), and the
strict reading of it: one encoding per value, no unknown fields, no surprises. It knows no document.
Source: RFC 8785, RFC 7493 (integers within 2**53 - 1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
import rfc8785

from fiducia.errors import EncodingError

SAFE_INTEGER_MAX = 2**53 - 1
_HEX = re.compile(r"0x(?:[0-9a-f]{2})*\Z")


def canonical_json(value: Any) -> bytes:
    """Return the RFC 8785 encoding of a JSON value.

    Raises:
        EncodingError: the value has no canonical form (a float that is not finite, a huge integer).
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise EncodingError("this value has no canonical JSON form") from error


def parse_canonical(data: bytes, *, what: str, max_bytes: int) -> dict[str, Any]:
    """Read a JSON object that is exactly its own RFC 8785 encoding.

    Args:
        data: the document, UTF-8.
        what: its name for messages, as "the manifest".
        max_bytes: refuse longer documents before parsing them.

    Raises:
        EncodingError: too long, not JSON, not an object, or not canonical (which includes duplicate keys).
    """
    if len(data) > max_bytes:
        raise EncodingError(f"{what} is longer than {max_bytes} bytes")
    try:
        value = orjson.loads(data)  # refuses deep nesting by itself, where json would lean on the stack
        again = rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:  # CanonicalizationError is a ValueError
        raise EncodingError(f"{what} is not JSON") from error
    if not isinstance(value, dict):
        raise EncodingError(f"{what} is not a JSON object")
    # Re-encoding and comparing refuses duplicate keys, white space, 1.0 for 1 and every other spelling at once.
    if again != data:
        raise EncodingError(f"{what} is not canonical JSON (RFC 8785)")
    return value


class Fields:
    """The fields of one JSON object, each taken exactly once and by type; `close` refuses leftovers."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, Mapping):
            raise EncodingError(f"{what} is not a JSON object")
        self._left: dict[str, Any] = dict(value)
        self._what = what

    def _take(self, name: str) -> Any:
        try:
            return self._left.pop(name)
        except KeyError as error:
            raise EncodingError(f"{self._what} has no field {name}") from error

    def integer(self, name: str, low: int, high: int) -> int:
        """Take an integer within low and high, both included."""
        value = self._take(name)
        if type(value) is not int or not low <= value <= high:
            raise EncodingError(f"{self._what}: {name} is not an integer from {low} to {high}")
        return value

    def text(self, name: str) -> str:
        """Take a string."""
        value = self._take(name)
        if not isinstance(value, str):
            raise EncodingError(f"{self._what}: {name} is not a string")
        return value

    def boolean(self, name: str) -> bool:
        """Take true or false."""
        value = self._take(name)
        if not isinstance(value, bool):
            raise EncodingError(f"{self._what}: {name} is not true or false")
        return value

    def value(self, name: str) -> Any:
        """Take any value, for its own reader."""
        return self._take(name)

    def constant(self, name: str, expected: str) -> None:
        """Take a string that must be `expected`."""
        if self.text(name) != expected:
            raise EncodingError(f"{self._what}: {name} is not {expected}")

    def hex_bytes(self, name: str, length: int) -> bytes:
        """Take 0x lower-case hex of `length` bytes."""
        return parse_hex(self.text(name), length, what=f"{self._what}: {name}")

    def items(self, name: str) -> list[Any]:
        """Take an array."""
        value = self._take(name)
        if not isinstance(value, list):
            raise EncodingError(f"{self._what}: {name} is not an array")
        return value

    def take(self, name: str) -> Any:
        """Take whatever stands there: a document within the document."""
        return self._take(name)

    def optional(self, name: str) -> Any | None:
        """Take a field that may be left out; None when it is."""
        return self._left.pop(name, None)

    def close(self) -> None:
        """Refuse fields that nobody took.

        Raises:
            EncodingError: there are unknown fields.
        """
        if self._left:
            raise EncodingError(f"{self._what} has {len(self._left)} unknown field(s)")


def to_hex(data: bytes) -> str:
    """Return 0x lower-case hex, the one spelling of bytes in JSON."""
    return "0x" + data.hex()


def parse_hex(text: str, length: int, *, what: str) -> bytes:
    """Read 0x lower-case hex of exactly `length` bytes.

    Raises:
        EncodingError: another spelling or length.
    """
    if len(text) != 2 + 2 * length or not _HEX.match(text):
        raise EncodingError(f"{what} is not 0x and {2 * length} lower-case hex digits")
    return bytes.fromhex(text[2:])
