"""Sealing and opening a segment: its changes as one encrypted object under a key that is sealed to the recovery key.

Owns the context that binds a segment to its home and name. A segment is written in one pass and read as a stream;
nothing of it is believed before its tags held. Source: docs/formats.md, "Copies".
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fiducia.core.copies.changes import decode_changes, encode_change
from fiducia.core.copies.contents import name_of, signed_contents
from fiducia.core.formats.container import KEY_BYTES, SALT_BYTES, Opener, Outlet, Sealer
from fiducia.core.formats.context import Piece, ReadRange
from fiducia.core.keys.sealing import key_hash, open_key, seal_key
from fiducia.errors import DecryptionError, EncodingError, VerificationError
from fiducia.records.copies import Change, Contents, RecoveryKey

RANDOM_BYTES = KEY_BYTES + SALT_BYTES
_CONTEXT = b"fiducia/v1/copy/"


@dataclass(frozen=True, slots=True)
class Heading:
    """What is known of a segment before it is written; see `Contents`."""

    base: bool
    number: int
    since: int
    previous: bytes
    at: int
    expires_at: int

    @property
    def name(self) -> str:
        """The segment's name at the second place."""
        return name_of(self.base, self.number)


class SegmentSealer:
    """Seals one segment; afterwards `contents` is its table of contents.

    Args:
        heading: which segment.
        recovery: whom it is sealed to.
        signer: the Ed25519 private key, 32 bytes.
        randomness: `RANDOM_BYTES` random bytes, never used twice.
    """

    def __init__(self, heading: Heading, recovery: RecoveryKey, signer: bytes, randomness: bytes) -> None:
        if len(randomness) != RANDOM_BYTES:
            raise EncodingError(f"sealing a segment takes {RANDOM_BYTES} random bytes")
        key, salt = randomness[:KEY_BYTES], randomness[KEY_BYTES:]
        place = context_of(recovery.home_id, heading.name)
        self._signer = signer
        self._outlet = Outlet()
        self._sealer = Sealer(key, place, salt, self._outlet)
        self.contents = Contents(
            home_id=recovery.home_id,
            base=heading.base,
            number=heading.number,
            since=heading.since,
            previous=heading.previous,
            at=heading.at,
            expires_at=heading.expires_at,
            recovery=key_hash(recovery.public),
            sealed_key=seal_key(key, recipient=recovery.public, info=place),
            sealed_bytes=0,
            digest=b"",
            counts=(),
        )

    def run(self, changes: Iterable[Change]) -> Iterator[Piece]:
        """Yield the segment's bytes; a piece is valid until the next is asked for."""
        counts: Counter[str] = Counter()
        hasher, size = hashlib.sha256(), 0
        for piece in self._sealed(changes, counts):
            hasher.update(piece)
            size += len(piece)
            yield piece
        self.contents = replace(
            self.contents, sealed_bytes=size, digest=hasher.digest(), counts=tuple(sorted(counts.items()))
        )
        yield signed_contents(self.contents, self._signer)

    def _sealed(self, changes: Iterable[Change], counts: Counter[str]) -> Iterator[memoryview]:
        for change in changes:
            counts[change.source] += 1
            yield from self._sealer.update(encode_change(change))
        yield from self._sealer.finish()
        yield self._outlet.flush()


def require_digest(contents: Contents, read: ReadRange) -> None:
    """See that a segment's sealed bytes are the ones that were signed, without any key. Raises: VerificationError."""
    hasher, at = hashlib.sha256(), 0
    while at < contents.sealed_bytes:
        size = min(1 << 20, contents.sealed_bytes - at)
        hasher.update(read(at, size))
        at += size
    if hasher.digest() != contents.digest:
        raise VerificationError(f"{name_of(contents.base, contents.number)}: its content was altered")


def open_segment(contents: Contents, read: ReadRange, seed: bytes) -> Iterator[Change]:
    """Yield a segment's changes.

    Args:
        contents: its table of contents, verified.
        read: reads it by range.
        seed: the recovery key's, 32 bytes.

    Raises:
        DecryptionError: another key, or altered. VerificationError: not the changes that the table counts.
    """
    place = context_of(contents.home_id, name_of(contents.base, contents.number))
    key = open_key(contents.sealed_key, seed=seed, info=place)
    opener = Opener(key, place, contents.sealed_bytes, read)
    counts: Counter[str] = Counter()
    try:
        for change in decode_changes(opener.stream()):
            counts[change.source] += 1
            yield change
    except EncodingError as error:
        raise DecryptionError(f"a segment of the copy holds something else than changes: {error}") from error
    if tuple(sorted(counts.items())) != contents.counts:
        raise VerificationError("a segment of the copy holds other changes than its table of contents says")


def signer_of(private: bytes) -> bytes:
    """Return the Ed25519 public key of a private one (32 bytes)."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def context_of(home_id: bytes, name: str) -> bytes:
    """Return what a segment's key and content are bound to."""
    return _CONTEXT + home_id + b"/" + name.encode()
