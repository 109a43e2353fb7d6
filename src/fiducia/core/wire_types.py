"""How each Python type of a record's field looks in JSON: `core.wire` puts these together.

One codec per type, built once from the dataclass's own annotations. Widths of byte fields come from
their Solidity type, else from the field's name in `_WIDTHS`. What is unbounded is given a bound here.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from fiducia.errors import EncodingError
from fiducia.records.events import EVENTS, LedgerEvent
from fiducia.records.ledger import Act, VoteAct
from fiducia.records.typed import Access, Solidity

TAG = "type"

_MAX_NUMBER = 2**53 - 1
_MAX_TEXT = 2048
_MAX_ITEMS = 1 << 20
_MAX_BYTES = 1 << 18

# Byte fields without a Solidity type whose width the formats fix.
_WIDTHS = {
    "by": 32,
    "certificate": 32,
    "first": 32,
    "governor": 20,
    "grant_id": 32,
    "hash": 32,
    "key_hash": 32,
    "manifest": 32,
    "person": 32,
    "recipient": 32,
    "report": 32,
    "representative": 32,
    "request_id": 32,
    "second": 32,
    "signer_hash": 32,
    "study_id": 32,
    "subject": 20,
    "terms": 32,
    "transaction_hash": 32,
}

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*", re.ASCII)
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Codec:
    """One type's way to and from JSON values; the second argument of both ways is the field's path."""

    encode: Callable[[Any, str], Any]
    decode: Callable[[Any, str], Any]
    schema: Callable[[], dict[str, Any]]


@cache
def codec_of(hint: Any, name: str = "") -> Codec:
    """Return the codec of a type hint; `name` is the field's, for widths. Raises: EncodingError."""
    marks = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Solidity)]
    if marks:
        return _solidity(marks[0].name)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _union_or_optional(arguments, name)
    if origin is tuple:
        return _array(arguments[0]) if arguments[1:] == (Ellipsis,) else _row(arguments)
    if isinstance(hint, type):
        return _plain(hint, name)
    raise EncodingError(f"{hint} does not travel")


def _plain(hint: type, name: str) -> Codec:
    if hint is LedgerEvent:
        return _union(EVENTS)
    if dataclasses.is_dataclass(hint):
        return _object(hint)
    if issubclass(hint, enum.IntEnum):
        return _enum(hint)
    if hint is bool:
        return _scalar(bool, {"type": "boolean"}, lambda value: isinstance(value, bool))
    if hint is int:
        return _number(_MAX_NUMBER)
    if hint is str:
        return _scalar(str, {"type": "string", "maxLength": _MAX_TEXT}, _is_text)
    if hint is bytes:
        return _bytes(_WIDTHS.get(name))
    raise EncodingError(f"{hint.__name__} does not travel")


def _refuse(path: str, what: str) -> EncodingError:
    return EncodingError(f"{path}: {what}")


def _scalar(kind: type, schema: dict[str, Any], fits: Callable[[Any], bool]) -> Codec:
    def same(value: Any, path: str) -> Any:
        if not fits(value):
            raise _refuse(path, f"not a {kind.__name__} within its bounds")
        return value

    return Codec(same, same, lambda: dict(schema))


def _is_text(value: Any) -> bool:
    # Lone surrogates have no UTF-8 form and could not be written again.
    return isinstance(value, str) and len(value) <= _MAX_TEXT and not any("\ud800" <= c <= "\udfff" for c in value)


def _number(limit: int) -> Codec:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit

    return _scalar(int, {"type": "integer", "minimum": 0, "maximum": limit}, fits)


def _enum(kind: type[enum.IntEnum]) -> Codec:
    numbers = {int(member): member for member in kind}

    def decode(value: Any, path: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int) or value not in numbers:
            raise _refuse(path, f"not one of {kind.__name__}")
        return numbers[value]

    return Codec(
        lambda value, path: int(decode(value, path)), decode, lambda: {"type": "integer", "enum": sorted(numbers)}
    )


def _solidity(name: str) -> Codec:
    if name == "uint64":
        return _decimal(64)
    if name.startswith("uint"):
        return _number((1 << int(name[4:])) - 1)
    return _bytes(20 if name == "address" else int(name.removeprefix("bytes")))


def _decimal(bits: int) -> Codec:
    def encode(value: Any, path: str) -> str:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0 or value >> bits:
            raise _refuse(path, f"not an unsigned integer of {bits} bits")
        return str(value)

    def decode(value: Any, path: str) -> int:
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value) or int(value) >> bits:
            raise _refuse(path, f"not a decimal string of an unsigned integer of {bits} bits")
        return int(value)

    pattern = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,19})$", "maxLength": 20}
    return Codec(encode, decode, lambda: dict(pattern))


def _bytes(width: int | None) -> Codec:
    most = _MAX_BYTES if width is None else width

    def fits(size: int) -> bool:
        return size <= most if width is None else size == width

    what = "bytes within their bound" if width is None else f"{width} bytes"

    def encode(value: Any, path: str) -> str:
        if not isinstance(value, bytes) or not fits(len(value)):
            raise _refuse(path, f"not {what}")
        return "0x" + value.hex()

    def decode(value: Any, path: str) -> bytes:
        if not isinstance(value, str) or not fits((len(value) - 2) // 2) or not _HEX.fullmatch(value):
            raise _refuse(path, f"not {what} as 0x and lower-case hex")
        return bytes.fromhex(value[2:])

    count = "*" if width is None else f"{{{width}}}"
    schema = {"type": "string", "pattern": f"^0x([0-9a-f]{{2}}){count}$", "maxLength": 2 + 2 * most}
    return Codec(encode, decode, lambda: dict(schema))


def _array(member: Any) -> Codec:
    inner = codec_of(member)

    def encode(value: Any, path: str) -> list[Any]:
        if not isinstance(value, tuple) or len(value) > _MAX_ITEMS:
            raise _refuse(path, f"not a tuple of at most {_MAX_ITEMS}")
        return [inner.encode(item, f"{path}[{i}]") for i, item in enumerate(value)]

    def decode(value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > _MAX_ITEMS:
            raise _refuse(path, f"not an array of at most {_MAX_ITEMS}")
        return tuple(inner.decode(item, f"{path}[{i}]") for i, item in enumerate(value))

    return Codec(encode, decode, lambda: {"type": "array", "items": inner.schema(), "maxItems": _MAX_ITEMS})


def _row(members: tuple[Any, ...]) -> Codec:
    inner = [codec_of(member) for member in members]

    def encode(value: Any, path: str) -> list[Any]:
        if not isinstance(value, tuple) or len(value) != len(inner):
            raise _refuse(path, f"not a tuple of {len(inner)}")
        return [codec.encode(item, f"{path}[{i}]") for i, (codec, item) in enumerate(zip(inner, value, strict=True))]

    def decode(value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(inner):
            raise _refuse(path, f"not an array of {len(inner)}")
        return tuple(
            codec.decode(item, f"{path}[{i}]") for i, (codec, item) in enumerate(zip(inner, value, strict=True))
        )

    def schema() -> dict[str, Any]:
        items = [codec.schema() for codec in inner]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items), "maxItems": len(items)}

    return Codec(encode, decode, schema)


def _union_or_optional(arguments: tuple[Any, ...], name: str) -> Codec:
    present = tuple(argument for argument in arguments if argument is not types.NoneType)
    inner = codec_of(present[0], name) if len(present) == 1 else _union(present)
    if len(present) == len(arguments):
        return inner
    return Codec(
        lambda value, path: None if value is None else inner.encode(value, path),
        lambda value, path: None if value is None else inner.decode(value, path),
        lambda: {"anyOf": [inner.schema(), {"type": "null"}]},
    )


def _union(members: tuple[type, ...]) -> Codec:
    by_tag = {tag_of(member): codec_of(member) for member in members}

    def encode(value: Any, path: str) -> Any:
        if type(value) not in members:
            raise _refuse(path, "not one of its kinds")
        return by_tag[tag_of(type(value))].encode(value, path)

    def decode(value: Any, path: str) -> Any:
        tag = value.get(TAG) if isinstance(value, dict) else None
        if not isinstance(tag, str) or tag not in by_tag:
            raise _refuse(f"{path}.{TAG}", "not one of " + ", ".join(by_tag))
        return by_tag[tag].decode(value, path)

    return Codec(encode, decode, lambda: {"oneOf": [codec.schema() for codec in by_tag.values()]})


def tag_of(kind: type) -> str:
    """Return a class's tag: its name in snake_case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


_TAGGED = (*typing.get_args(Access), *typing.get_args(Act), *typing.get_args(typing.get_type_hints(VoteAct)["vote"]))


def _is_tagged(kind: type) -> bool:
    return issubclass(kind, LedgerEvent) or kind in _TAGGED


def _object(kind: type) -> Codec:
    hints = typing.get_type_hints(kind, include_extras=True)
    inner = {field.name: codec_of(hints[field.name], field.name) for field in dataclasses.fields(kind)}
    tag = tag_of(kind) if _is_tagged(kind) else None
    expected = {*inner, TAG} if tag else set(inner)

    def encode(value: Any, path: str) -> dict[str, Any]:
        if type(value) is not kind:
            raise _refuse(path, f"not a {kind.__name__}")
        fields = {name: codec.encode(getattr(value, name), f"{path}.{name}") for name, codec in inner.items()}
        return {TAG: tag, **fields} if tag else fields

    def decode(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _refuse(path, "not an object")
        if value.keys() != expected:
            raise _fields_differ(path, expected, value)
        if tag and value[TAG] != tag:
            raise _refuse(f"{path}.{TAG}", f"not {tag}")
        return kind(**{name: codec.decode(value[name], f"{path}.{name}") for name, codec in inner.items()})

    def schema() -> dict[str, Any]:
        properties: dict[str, Any] = {TAG: {"const": tag}} if tag else {}
        properties |= {name: codec.schema() for name, codec in inner.items()}
        return {
            "type": "object",
            "title": kind.__name__,
            "properties": properties,
            "required": sorted(expected),
            "additionalProperties": False,
        }

    return Codec(encode, decode, schema)


def _fields_differ(path: str, expected: set[str], value: dict[str, Any]) -> EncodingError:
    missing = sorted(expected - value.keys())
    if missing:
        return _refuse(f"{path}.{missing[0]}", "missing")
    # An unknown name is the sender's own text, so it is not repeated.
    return _refuse(path, "has a field that is not one of " + ", ".join(sorted(expected)))
