"""What of a journal entry stands in the log: a salted commitment, which says nothing without its salt.

Leaves, tiles and proofs are for everybody; kinds, times and ids of acts are not. Whoever is shown one entry gets
its salt with it, and learns nothing about its neighbours. Source: docs/formats.md, section 20.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import orjson

from fiducia.core.formats.canonical import SAFE_INTEGER_MAX, Fields, canonical_json, parse_canonical, to_hex
from fiducia.errors import EncodingError
from fiducia.records.images import JournalEntry
from fiducia.records.journal import Disclosed

SALT_BYTES: Final = 32
LEAF_BYTES: Final = 32
DISCLOSED_MAX_BYTES: Final = 1 << 20
_LABEL: Final = b"fiducia/v1/journal/"
_FORMAT: Final = "fiducia/v1/journal-entry"


def leaf_of(entry: JournalEntry, salt: bytes) -> bytes:
    """Return the 32 bytes that stand in the log for an entry.

    Args:
        entry: the entry.
        salt: 32 random bytes of its own.

    Raises:
        EncodingError: a salt of another length, or an entry that has no canonical JSON.
    """
    if len(salt) != SALT_BYTES:
        raise EncodingError("the salt of a journal entry has 32 bytes")
    return hashlib.sha256(_LABEL + salt + _canonical(entry)).digest()


def encode_disclosed(disclosed: Disclosed) -> bytes:
    """Return an entry with its place and salt, as whoever is shown it gets it. Raises: EncodingError."""
    fields = {
        "format": _FORMAT,
        "index": disclosed.index,
        "entry": _value(disclosed.entry),
        "salt": to_hex(disclosed.salt),
    }
    return canonical_json(fields)


def decode_disclosed(data: bytes) -> Disclosed:
    """Return the disclosed entry that `data` holds. Raises: EncodingError."""
    what = "the disclosed entry"
    fields = Fields(parse_canonical(data, what=what, max_bytes=DISCLOSED_MAX_BYTES), what)
    fields.constant("format", _FORMAT)
    index, salt = fields.integer("index", 0, SAFE_INTEGER_MAX), fields.hex_bytes("salt", SALT_BYTES)
    inner = Fields(fields.take("entry"), "the entry")
    fields.close()
    entry = JournalEntry(
        kind=inner.text("kind"),
        at=inner.integer("at", 0, SAFE_INTEGER_MAX),
        subject_id=_bytes(inner.text("subject_id")),
        body=inner.text("body"),
    )
    inner.close()
    return Disclosed(index, entry, salt)


def _canonical(entry: JournalEntry) -> bytes:
    """Return `canonical_json` of an entry's value, in a fraction of its time: a leaf is made for every read.

    Names are ASCII and in order, values are texts and one integer: what is left of RFC 8785 is how texts are escaped
    and how far integers go, and orjson escapes them so.
    """
    if abs(entry.at) > SAFE_INTEGER_MAX:
        raise EncodingError("the time of a journal entry has no canonical JSON form")
    try:
        return orjson.dumps(_value(entry))
    except orjson.JSONEncodeError as error:
        raise EncodingError("this journal entry has no canonical JSON form") from error


def _value(entry: JournalEntry) -> dict[str, Any]:
    return {"at": entry.at, "body": entry.body, "kind": entry.kind, "subject_id": to_hex(entry.subject_id)}


def _bytes(text: str) -> bytes:
    try:
        data = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise EncodingError("the entry: subject_id is not hex") from None
    if to_hex(data) != text:
        raise EncodingError("the entry: subject_id is not 0x and lower-case hex digits")
    return data
