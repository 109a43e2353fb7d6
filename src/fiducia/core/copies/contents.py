"""A segment's table of contents: its JSON, its signature, and how the segments of one home hang together.

    segment = sealed changes ‖ table of contents (RFC 8785 JSON) ‖ Ed25519 signature (64) ‖ length of the table (u32)

Owns that form and the rules that tell a whole set of segments from one with a gap, a stranger's or an altered part.
Newest increments that were cut off leave no gap: what they held is missed only by the chain, which a restored home asks
before it lets anything leave. Source: docs/formats.md, "Copies".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fiducia.core.formats.canonical import Fields, canonical_json, parse_canonical, to_hex
from fiducia.core.formats.context import U64_MAX, ReadRange
from fiducia.core.keys.sealing import SEALED_KEY_BYTES
from fiducia.errors import EncodingError, VerificationError
from fiducia.records.copies import Contents, Reached

_FORMAT = "fiducia/v1/copy"
_TAG = b"fiducia/v1/copy/contents\x00"
_SIGNATURE_BYTES, _LENGTH_BYTES = 64, 4
TAIL_BYTES = _SIGNATURE_BYTES + _LENGTH_BYTES
CONTENTS_MAX_BYTES = 1 << 20
NO_DIGEST = bytes(32)
HOME_ID_BYTES = 16
_JSON_MAX = 2**53 - 1


def name_of(base: bool, number: int) -> str:
    """Return a segment's name at the second place: base-00000001, more-00000001."""
    return f"{'base' if base else 'more'}-{number:08}"


def signed_contents(contents: Contents, signer: bytes) -> bytes:
    """Return the end of a segment: the table of contents, signed.

    Args:
        contents: what the segment holds.
        signer: the Ed25519 private key, 32 bytes.
    """
    body = to_bytes(contents)
    return body + Ed25519PrivateKey.from_private_bytes(signer).sign(_TAG + body) + len(body).to_bytes(4, "big")


def read_contents(size: int, read: ReadRange, signer: bytes) -> Contents:
    """Read a segment's table of contents.

    Args:
        size: of the segment.
        read: reads it by range.
        signer: the Ed25519 public key that the home's copies are signed with.

    Raises:
        VerificationError: cut short, altered, or signed by somebody else.
    """
    if size < TAIL_BYTES:
        raise VerificationError("a segment of the copy is cut short")
    tail = bytes(read(size - TAIL_BYTES, TAIL_BYTES))
    length = int.from_bytes(tail[_SIGNATURE_BYTES:], "big")
    if length > min(CONTENTS_MAX_BYTES, size - TAIL_BYTES):
        raise VerificationError("a segment of the copy is cut short, or was altered")
    body = bytes(read(size - TAIL_BYTES - length, length))
    try:
        Ed25519PublicKey.from_public_bytes(signer).verify(tail[:_SIGNATURE_BYTES], _TAG + body)
        contents = _parse(body)
    except (InvalidSignature, ValueError):
        raise VerificationError("a segment of the copy was altered, or is not of this home") from None
    except EncodingError as error:
        raise VerificationError(f"a segment of the copy is not in its form: {error}") from error
    if contents.sealed_bytes != size - TAIL_BYTES - length:
        raise VerificationError("a segment of the copy is not as long as it says")
    return contents


def digest_of(contents: Contents) -> bytes:
    """Return SHA-256 of a table of contents: what the next segment names."""
    return hashlib.sha256(to_bytes(contents)).digest()


def require_whole(bases: Sequence[Contents], increments: Sequence[Contents], home_id: bytes) -> None:
    """See that segments are one home's, and that the increments after the newest base follow without a gap.

    Args:
        bases: whole copies, in order.
        increments: segments since the oldest of them, in order.
        home_id: whose they must be.

    Raises:
        VerificationError: a whole copy is missing, another home's segment, or a gap.
    """
    if not bases:
        raise VerificationError("there is no whole copy here: `fiducia backup create` makes one")
    if any(each.home_id != home_id for each in (*bases, *increments)):
        raise VerificationError("there are copies of another home here: keep each home's in a place of its own")
    newest = bases[-1]
    number, digest = newest.since, newest.previous
    for each in increments:
        if each.number <= newest.since:
            if each.number == newest.since and digest_of(each) != newest.previous:
                raise VerificationError("the newest whole copy names another increment than the one that is there")
            continue
        if (each.number, each.previous) != (number + 1, digest):
            raise VerificationError(f"after {name_of(False, number)} a segment of the copy is missing or was exchanged")
        number, digest = each.number, digest_of(each)


def require_reach(bases: Sequence[Contents], increments: Sequence[Contents], reached: Reached) -> None:
    """See that segments which are whole reach as far as their home says. Raises: VerificationError (cut off)."""
    newest = bases[-1]
    tips = {newest.since: newest.previous} | {each.number: digest_of(each) for each in increments}
    # An increment that is not there although later ones are was pruned.
    last = tips.get(reached.number, b"" if reached.number > max(tips) else reached.digest)
    if newest.number < reached.base or last != reached.digest:
        raise VerificationError(
            f"this home wrote copy {reached.base} and increment {reached.number} here, and they are gone or others: "
            "`fiducia backup create` makes another copy"
        )


def to_bytes(contents: Contents) -> bytes:
    """Return the canonical JSON. Raises: EncodingError (out of range)."""
    document: dict[str, Any] = {
        "format": _FORMAT,
        "home_id": to_hex(contents.home_id),
        "kind": "base" if contents.base else "more",
        "number": contents.number,
        "since": contents.since,
        "previous": to_hex(contents.previous),
        "at": contents.at,
        "expires_at": contents.expires_at,
        "recovery": to_hex(contents.recovery),
        "sealed_key": to_hex(contents.sealed_key),
        "sealed_bytes": contents.sealed_bytes,
        "digest": to_hex(contents.digest),
        "counts": [{"source": source, "changes": count} for source, count in contents.counts],
    }
    data = canonical_json(document)
    _parse(data)  # nothing is written that would not be read back
    return data


def _parse(data: bytes) -> Contents:
    what = "a copy's table of contents"
    fields = Fields(parse_canonical(data, what=what, max_bytes=CONTENTS_MAX_BYTES), what)
    fields.constant("format", _FORMAT)
    kind = fields.text("kind")
    if kind not in ("base", "more"):
        raise EncodingError(f"{what}: kind is base or more")
    contents = Contents(
        home_id=fields.hex_bytes("home_id", HOME_ID_BYTES),
        base=kind == "base",
        number=fields.integer("number", 1, _JSON_MAX),
        since=fields.integer("since", 0, _JSON_MAX),
        previous=fields.hex_bytes("previous", 32),
        at=fields.integer("at", 0, _JSON_MAX),
        expires_at=fields.integer("expires_at", 0, _JSON_MAX),
        recovery=fields.hex_bytes("recovery", 32),
        sealed_key=fields.hex_bytes("sealed_key", SEALED_KEY_BYTES),
        sealed_bytes=fields.integer("sealed_bytes", 0, min(_JSON_MAX, U64_MAX)),
        digest=fields.hex_bytes("digest", 32),
        counts=tuple(_count(each) for each in fields.items("counts")),
    )
    fields.close()
    return contents


def _count(value: object) -> tuple[str, int]:
    fields = Fields(value, "a count of a copy")
    counted = fields.text("source"), fields.integer("changes", 0, _JSON_MAX)
    fields.close()
    return counted
