"""Changes as bytes: one after the other, each with its length, as they stand in a segment before it is sealed.

Source: docs/formats.md, "Copies".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from libipld import decode_dag_cbor, encode_dag_cbor

from fiducia.core.formats.context import Piece
from fiducia.errors import EncodingError
from fiducia.records.copies import Change

_Item = TypeVar("_Item")

_LENGTH_BYTES = 4
CHANGE_MAX_BYTES = 1 << 26

KEY_MATERIAL = ("share/", "deal/")
"""How names in a vault begin under which shares lie, or shares on their way to other trustees; a study's id follows."""

NOT_COPIED = "restored/"
"""Names in a vault that begin so are about one home in one place, and in no copy."""


def encode_change(change: Change) -> bytes:
    """Return a change with its length before it. Raises: EncodingError (larger than 64 MiB)."""
    body = encode_dag_cbor([change.source, change.verb, change.body])
    if len(body) > CHANGE_MAX_BYTES:
        raise EncodingError("one change of a copy has at most 64 MiB")
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def decode_changes(pieces: Iterable[Piece]) -> Iterator[Change]:
    """Yield the changes of a stream of bytes. Raises: EncodingError."""
    held = bytearray()
    for piece in pieces:
        held += piece
        at = 0
        while (end := _end_of(held, at)) is not None:
            yield _decode(bytes(held[at + _LENGTH_BYTES : end]))
            at = end
        del held[:at]
    if held:
        raise EncodingError("a copy's last change is cut short")


def batches(
    items: Iterable[_Item], count: int, weigh: Callable[[_Item], int] = lambda _: 0, heavy: int = 1 << 20
) -> Iterator[list[_Item]]:
    """Yield items in lists of at most `count`, shorter ones where they weigh more than `heavy` together.

    The first step takes items only as far as the first list goes.
    """
    batch: list[_Item] = []
    weight = 0
    for item in items:
        batch.append(item)
        weight += weigh(item)
        if len(batch) >= count or weight >= heavy:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _end_of(held: bytearray, at: int) -> int | None:
    """Return where the change at `at` ends, or None while it is not all there."""
    if len(held) < at + _LENGTH_BYTES:
        return None
    size = int.from_bytes(held[at : at + _LENGTH_BYTES], "big")
    if size > CHANGE_MAX_BYTES:
        raise EncodingError("a change of a copy is larger than any can be")
    end = at + _LENGTH_BYTES + size
    return end if len(held) >= end else None


def _decode(data: bytes) -> Change:
    try:
        value = decode_dag_cbor(data)
    except (ValueError, RecursionError):
        raise EncodingError("a change of a copy is not in a form that this version reads") from None
    match value:
        case [str(source), str(verb), bytes(body)]:
            return Change(source, verb, body)
    raise EncodingError("a change of a copy is not in a form that this version reads")
