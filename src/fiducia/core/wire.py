"""Records as strict JSON, for HTTP bodies, journals and the mirror: one accepted form for each value.

- Records are objects with exactly the record's fields, named as in Python; none may be missing, unknown
  or given twice; an absent optional value is ``null``.
- Bytes are ``0x`` and lower-case hex, of the exact width where the field has one.
- Solidity integers up to 32 bits, and integers without a Solidity type, are JSON numbers (at most
  2**53 - 1); ``uint64`` is a decimal string, because JSON readers lose digits beyond that.
- Members of a union (`Access`, `Act`, votes, events) carry ``"type"``, the class's name in snake_case.

`encode` writes the canonical form (RFC 8785); `decode` takes any spacing and order. What a field means
is not checked here. An error names the path of the field, never its value. Source: RFC 8259, RFC 8785.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar, cast

import orjson

from fiducia.core.wire_types import Codec, codec_of
from fiducia.errors import EncodingError
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import Act
from fiducia.records.typed import Access

LIMIT_BYTES = 1 << 20

_Record = TypeVar("_Record")


def encode(record: object) -> bytes:
    """Return a record's canonical JSON.

    Raises:
        EncodingError: not a record that travels, or a field that does not fit its type.
    """
    codec = _codec(type(record))
    # Keys are ASCII, so sorting by code point is RFC 8785's order; there are no floating-point numbers.
    return orjson.dumps(codec.encode(record, type(record).__name__), option=orjson.OPT_SORT_KEYS)


def decode(kind: type[_Record], data: bytes, *, limit_bytes: int = LIMIT_BYTES) -> _Record:
    """Return the record that `data` holds.

    Args:
        kind: a record class; for unions there are `decode_access`, `decode_act` and `decode_event`.
        data: JSON, UTF-8.
        limit_bytes: longer data are refused unread.

    Raises:
        EncodingError: too long, not JSON, or not exactly the fields of `kind` in their one form.
    """
    value = parse(data, limit_bytes=limit_bytes)
    return cast(_Record, _codec(kind).decode(value, getattr(kind, "__name__", "body")))


def parse(data: bytes, *, limit_bytes: int = LIMIT_BYTES) -> Any:
    """Return the JSON value that `data` holds: no field twice, no floating-point number.

    Args:
        data: JSON, UTF-8.
        limit_bytes: longer data are refused unread.

    Raises:
        EncodingError: too long, or not such JSON.
    """
    if len(data) > limit_bytes:
        raise EncodingError(f"longer than {limit_bytes} bytes")
    try:
        # orjson first: it refuses deep nesting by itself, where json would lean on the stack; it lets twins pass.
        orjson.loads(data)
        return json.loads(
            str(data, "utf-8"), object_pairs_hook=_no_twins, parse_float=_no_number, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise EncodingError("not JSON (RFC 8259)") from error


def schema(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a record class or union, self-contained, for OpenAPI."""
    return _codec(kind).schema()


def decode_access(data: bytes) -> Access:
    """Return the `Access` that `data` holds. Raises: EncodingError."""
    return cast(Access, decode(cast(Any, Access), data))


def decode_act(data: bytes) -> Act:
    """Return the `Act` that `data` holds. Raises: EncodingError."""
    return cast(Act, decode(cast(Any, Act), data))


def decode_event(data: bytes) -> LedgerEvent:
    """Return the ledger event that `data` holds. Raises: EncodingError."""
    return decode(LedgerEvent, data)


def _codec(kind: Any) -> Codec:
    return codec_of(kind)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise EncodingError("a field is given twice")
    return found


def _no_number(_: str) -> NoReturn:
    raise EncodingError("numbers are integers")
