"""The entries of a series' index: one instance each, of fixed size, and what a table of them must satisfy.

Owns the entry's value and binary layout, and the rules that leave one layout per content: messages and
blobs back to back, lengths that agree. The index around the table is `index`'s. Source: docs/formats.md,
"Index".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fiducia.core.formats.container import sealed_length
from fiducia.core.formats.digests import Leaf, check_uid, commitment
from fiducia.core.formats.frames import RANGE_BYTES, FrameLayout
from fiducia.errors import EncodingError

BLOB_MAX_BYTES = 1 << 28
ENCODING_AS_IS = 0

_ENTRY = struct.Struct(">IHHI9Q32s32s32s64s64s64s")
ENTRY_BYTES = _ENTRY.size


_LAYOUTS = frozenset(FrameLayout)


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One instance as its series' index has it.

    Attributes:
        number: instance number, 1 to 2**32 - 1.
        encoding: 0: the message is the file as it was.
        offset: where its message begins in the pack, in bytes.
        sealed_bytes: its message's length in the pack.
        message_bytes: the message's plaintext length.
        original_bytes: the file's length before encoding (with encoding 0: the same).
        header_bytes: how much of the file is preamble, prefix and group 0002.
        identity_digest: 32 bytes, see `digests.IdentityHasher`.
        header_digest: 32 bytes, see `digests.header_digest`.
        salt: 32 bytes, the commitment's.
        json_offset, json_bytes: where its DICOM JSON lies in the index.
        frame_layout: what the ranges of its frame table are, see `FrameLayout`.
        frame_count: how many frames the instance has.
        ranges_offset, range_count: where its frame table lies in the index, and how many ranges it has.
        transfer_syntax_uid, sop_class_uid, sop_instance_uid: as in the file, without padding.
    """

    number: int
    encoding: int
    frame_layout: FrameLayout
    frame_count: int
    offset: int
    sealed_bytes: int
    message_bytes: int
    original_bytes: int
    header_bytes: int
    json_offset: int
    json_bytes: int
    ranges_offset: int
    range_count: int
    identity_digest: bytes
    header_digest: bytes
    salt: bytes
    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str

    def leaf(self) -> bytes:
        """Return the instance's leaf in its series' tree, 52 bytes."""
        committed = commitment(self.salt, self.identity_digest, self.header_digest)
        return Leaf(self.number, self.offset, self.sealed_bytes, committed).to_bytes()

    def to_bytes(self) -> bytes:
        """Return the entry's 372 bytes. Raises: EncodingError (a number or UID does not fit its field)."""
        try:
            return _ENTRY.pack(
                self.number,
                self.encoding,
                self.frame_layout,
                self.frame_count,
                self.offset,
                self.sealed_bytes,
                self.message_bytes,
                self.original_bytes,
                self.header_bytes,
                self.json_offset,
                self.json_bytes,
                self.ranges_offset,
                self.range_count,
                self.identity_digest,
                self.header_digest,
                self.salt,
                check_uid(self.transfer_syntax_uid, "the transfer syntax"),
                check_uid(self.sop_class_uid, "the SOP class UID"),
                check_uid(self.sop_instance_uid, "the SOP instance UID"),
            )
        except struct.error as error:
            raise EncodingError("an instance's number or length does not fit its field") from error


def parse_entries(table: bytes) -> Iterator[IndexEntry]:
    """Yield the entries of a table, each well-formed by itself; `check_layout` checks them together.

    Raises:
        EncodingError: number 0, an unknown encoding or frame layout, or a UID out of form.
    """
    for number, encoding, layout, *rest in _ENTRY.iter_unpack(table):
        if not number or encoding != ENCODING_AS_IS or layout not in _LAYOUTS:
            raise EncodingError("an index entry has number 0, or an unknown encoding or frame layout")
        uids = (parse_uid(uid) for uid in rest[13:])
        yield IndexEntry(number, encoding, FrameLayout(layout), *rest[:13], *uids)


def parse_uid(field: bytes) -> str:
    """Read a UID from its zero-padded field of 64 bytes. Raises: EncodingError."""
    try:
        text = field.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise EncodingError("a UID in the index is not ASCII") from error
    check_uid(text, "a UID in the index")
    return text


def check_layout(entries: Sequence[IndexEntry], blobs_at: int, content_bytes: int) -> None:
    """Refuse any layout but the writer's: messages back to back in the pack, blobs back to back in the index.

    Args:
        entries: the whole table.
        blobs_at: where it ends.
        content_bytes: where the last blob must end.

    Raises:
        EncodingError: anything else.
    """
    number = offset = 0
    json_at = blobs_at
    ranges_at = json_at + sum(entry.json_bytes for entry in entries)
    for entry in entries:
        if entry.number <= number or entry.offset != offset:
            raise EncodingError("the index's instances are not ascending and back to back in the pack")
        if entry.sealed_bytes != sealed_length(entry.message_bytes) or entry.original_bytes != entry.message_bytes:
            raise EncodingError("an index entry's lengths contradict each other")
        if entry.header_bytes > entry.message_bytes:
            raise EncodingError("an index entry's header is longer than its file")
        if entry.json_bytes > BLOB_MAX_BYTES or entry.range_count * RANGE_BYTES > BLOB_MAX_BYTES:
            raise EncodingError("an index entry's DICOM JSON or frame table is too long")
        if entry.range_count != entry.frame_layout.range_count(entry.frame_count):
            raise EncodingError("an index entry's frame table does not fit its layout")
        if (entry.json_offset, entry.ranges_offset) != (json_at, ranges_at):
            raise EncodingError("the index's blobs are not back to back")
        number, offset = entry.number, offset + entry.sealed_bytes
        json_at += entry.json_bytes
        ranges_at += entry.range_count * RANGE_BYTES
    if ranges_at != content_bytes:
        raise EncodingError("the index is longer or shorter than what it holds")
