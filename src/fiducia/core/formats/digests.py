"""What is digested of an instance: identity, header, commitment, leaf.

An instance is one message: the header bytes (preamble, "DICM", group 0002) and the data set's original
bytes. Where one ends and the other begins is for `fiducia.core.dicom`; hashing them is ours.
Source: docs/formats.md, "Digests of an instance"; DICOM PS3.10 section 7.1.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass

from fiducia.core.formats.context import Piece
from fiducia.errors import EncodingError

SALT_BYTES = 32
LEAF_BYTES = 52

_LEAF = struct.Struct(">IQQ32s")
_UID = re.compile(r"[0-9.]{1,64}\Z")


def check_uid(uid: str, what: str) -> bytes:
    """Return a UID as ASCII without padding (DICOM PS3.5 section 9.1: digits and dots, 1 to 64).

    Raises:
        EncodingError: another form; the message names `what`, never the UID.
    """
    if not _UID.match(uid):
        raise EncodingError(f"{what} is not a UID of 1 to 64 digits and dots")
    return uid.encode("ascii")


class IdentityHasher:
    """The identity digest of one instance, fed with its data set's bytes in order.

    SHA-256 over the transfer syntax UID (ASCII, no padding) and the bytes after group 0002 as they are,
    so that a file and the same data set from the network have the same identity.
    """

    def __init__(self, transfer_syntax_uid: str) -> None:
        self._hash = hashlib.sha256(check_uid(transfer_syntax_uid, "the transfer syntax"))

    def update(self, piece: Piece) -> None:
        """Take the data set's next bytes."""
        self._hash.update(piece)

    def digest(self) -> bytes:
        """Return the 32 bytes over all that was fed so far."""
        return self._hash.digest()


def header_digest(header: Piece) -> bytes:
    """Return SHA-256 over the header bytes: preamble, prefix and group 0002 as they are."""
    return hashlib.sha256(header).digest()


def commitment(salt: bytes, identity: bytes, header: bytes) -> bytes:
    """Return SHA-256(salt || identity digest || header digest); each is 32 bytes.

    Once the salt is destroyed, nobody can show that a digest belongs to a leaf.
    """
    if len(salt) != SALT_BYTES or len(identity) != 32 or len(header) != 32:
        raise EncodingError("salt, identity digest and header digest are 32 bytes each")
    return hashlib.sha256(salt + identity + header).digest()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One instance's leaf of the series' tree.

    Attributes:
        number: instance number, 1 to 2**32 - 1.
        offset: where its message begins in the pack, in bytes.
        length: its message's length in the pack (sealed), in bytes.
        commitment: 32 bytes, see `commitment`.
    """

    number: int
    offset: int
    length: int
    commitment: bytes

    def to_bytes(self) -> bytes:
        """Return the 52 bytes: number u32, offset u64, length u64, commitment; big-endian."""
        try:
            return _LEAF.pack(self.number, self.offset, self.length, self.commitment)
        except struct.error as error:
            raise EncodingError("a leaf's number or range does not fit its field") from error
