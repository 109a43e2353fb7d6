"""The index: the encrypted table of contents of one sealed series, readable by range.

Owns its binary layout: a fixed header, a table of fixed-size entries, then DICOM JSON and frame tables as
blobs. The table of 5,000 instances is one small read; a blob or the place of one frame out of 200,000 is
another. Parsing is strict: one layout per content, every offset where it must be. Sealing and the root
are `sealer`'s and `opener`'s. Source: docs/formats.md, "Index".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fiducia.core.formats.container import sealed_length
from fiducia.core.formats.context import U32_MAX, Piece, ReadRange, SeriesPlace
from fiducia.core.formats.digests import Leaf, check_uid, commitment
from fiducia.core.formats.padme import padme
from fiducia.errors import EncodingError

INSTANCES_MAX = 1 << 18
JSON_MAX_BYTES = 1 << 26
FRAMES_MAX = U32_MAX
ENCODING_AS_IS = 0

_MAGIC = b"FIDINDEX"
_VERSION = 1
_HEAD = struct.Struct(">8sHHI32sIIQ64s64s")
_ENTRY = struct.Struct(">IHH9Q32s32s32s64s64s64s")
_FRAME = struct.Struct(">QQ")
_ZEROS = bytes(1 << 16)


@dataclass(frozen=True, slots=True)
class SeriesUids:
    """The UIDs that a whole series shares."""

    study_instance_uid: str
    series_instance_uid: str


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
        frames_offset, frame_count: where its frame table lies in the index.
        transfer_syntax_uid, sop_class_uid, sop_instance_uid: as in the file, without padding.
    """

    number: int
    encoding: int
    offset: int
    sealed_bytes: int
    message_bytes: int
    original_bytes: int
    header_bytes: int
    json_offset: int
    json_bytes: int
    frames_offset: int
    frame_count: int
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


@dataclass(frozen=True, slots=True)
class IndexedInstance:
    """What the index is written from: an entry whose blob offsets are not set yet, and its blobs."""

    entry: IndexEntry
    dicom_json: bytes
    frames: bytes  # see `pack_frames`


def pack_frames(frames: Iterable[tuple[int, int]], header_bytes: int, message_bytes: int) -> bytes:
    """Return a frame table: per frame the offset u64 and length u64 of its bytes in the message.

    Raises:
        EncodingError: a frame outside the data set.
    """
    table = bytearray()
    for offset, length in frames:
        if not (header_bytes <= offset and 0 <= length <= message_bytes - offset):
            raise EncodingError(f"frame {len(table) // _FRAME.size + 1} lies outside its instance")
        table += _FRAME.pack(offset, length)
    return bytes(table)


def index_plaintext(place: SeriesPlace, uids: SeriesUids, instances: list[IndexedInstance]) -> Iterator[Piece]:
    """Yield the index's plaintext, zero-padded to its Padmé length.

    Args:
        place: the series.
        uids: its UIDs.
        instances: one or more, in the order of the pack.

    Raises:
        EncodingError: too many instances, a too long JSON, a UID or number out of form.
    """
    if not 1 <= len(instances) <= INSTANCES_MAX:
        raise EncodingError(f"a series has 1 to {INSTANCES_MAX} instances")
    json_at = _HEAD.size + len(instances) * _ENTRY.size
    frames_at = json_at + sum(len(instance.dicom_json) for instance in instances)
    content_bytes = frames_at + sum(len(instance.frames) for instance in instances)
    yield _HEAD.pack(
        _MAGIC,
        _VERSION,
        place.sealed_in,
        place.series,
        place.study_id,
        len(instances),
        _ENTRY.size,
        content_bytes,
        check_uid(uids.study_instance_uid, "the study instance UID"),
        check_uid(uids.series_instance_uid, "the series instance UID"),
    )
    for instance in instances:
        yield _pack_entry(instance, json_at, frames_at)
        json_at += len(instance.dicom_json)
        frames_at += len(instance.frames)
    yield from (instance.dicom_json for instance in instances)
    yield from (instance.frames for instance in instances)
    padding = padme(content_bytes) - content_bytes
    yield from (_ZEROS[: min(len(_ZEROS), padding - at)] for at in range(0, padding, len(_ZEROS)))


class IndexReader:
    """Reads an index by range. Entries are read and checked when it is made; blobs when they are asked for."""

    def __init__(self, place: SeriesPlace, length: int, read: ReadRange) -> None:
        """Read header and table.

        Args:
            place: the series the index must be of.
            length: the plaintext's length, padding included.
            read: reads the plaintext by range.

        Raises:
            EncodingError: not an index, of another series or version, or not laid out as it must be.
        """
        self._read = read
        self._length = length
        self.uids, count, content_bytes = self._read_head(place)
        table = self._take(_HEAD.size, count * _ENTRY.size, content_bytes)
        self.entries = tuple(_unpack_entry(fields) for fields in _ENTRY.iter_unpack(table))
        _check_layout(self.entries, content_bytes)

    def dicom_json(self, entry: IndexEntry) -> bytes:
        """Return the instance's DICOM JSON without bulk data, UTF-8."""
        return self._read_exactly(entry.json_offset, entry.json_bytes)

    def frame(self, entry: IndexEntry, frame: int) -> tuple[int, int]:
        """Return (offset, length) of a frame's bytes in the message; frames count from 1.

        Raises:
            EncodingError: there is no such frame, or its range lies outside the instance.
        """
        if not 1 <= frame <= entry.frame_count:
            raise EncodingError(f"instance {entry.number} has no addressable frame {frame}")
        at = entry.frames_offset + (frame - 1) * _FRAME.size
        return _unpack_frame(entry, frame, self._read_exactly(at, _FRAME.size))

    def frames(self, entry: IndexEntry) -> tuple[tuple[int, int], ...]:
        """Return (offset, length) of all frames. Raises: EncodingError (a range outside the instance)."""
        table = self._read_exactly(entry.frames_offset, entry.frame_count * _FRAME.size)
        pieces = (table[at : at + _FRAME.size] for at in range(0, len(table), _FRAME.size))
        return tuple(_unpack_frame(entry, frame, piece) for frame, piece in enumerate(pieces, 1))

    def _read_head(self, place: SeriesPlace) -> tuple[SeriesUids, int, int]:
        head = self._take(0, _HEAD.size, self._length)
        magic, version, sealed_in, series, study_id, count, entry_bytes, content_bytes, study, uid = _HEAD.unpack(head)
        if (magic, version, entry_bytes) != (_MAGIC, _VERSION, _ENTRY.size):
            raise EncodingError("this is not an index, or one of an unknown version")
        if (study_id, sealed_in, series) != (place.study_id, place.sealed_in, place.series):
            raise EncodingError("the index is of another series")
        if not 1 <= count <= INSTANCES_MAX or content_bytes > self._length or padme(content_bytes) != self._length:
            raise EncodingError("the index's counts do not fit its length")
        return SeriesUids(_unpack_uid(study), _unpack_uid(uid)), count, content_bytes

    def _take(self, offset: int, length: int, end: int) -> bytes:
        if length > end - offset:
            raise EncodingError("the index is cut short")
        return self._read_exactly(offset, length)

    def _read_exactly(self, offset: int, length: int) -> bytes:
        data = bytes(self._read(offset, length)) if length else b""
        if len(data) != length:
            raise EncodingError("the index is cut short")
        return data


def _pack_entry(instance: IndexedInstance, json_at: int, frames_at: int) -> bytes:
    entry = instance.entry
    frame_count = len(instance.frames) // _FRAME.size
    if len(instance.dicom_json) > JSON_MAX_BYTES or frame_count > FRAMES_MAX:
        raise EncodingError(f"instance {entry.number}: its DICOM JSON or frame table is too long")
    try:
        return _ENTRY.pack(
            entry.number,
            entry.encoding,
            0,
            entry.offset,
            entry.sealed_bytes,
            entry.message_bytes,
            entry.original_bytes,
            entry.header_bytes,
            json_at,
            len(instance.dicom_json),
            frames_at,
            frame_count,
            entry.identity_digest,
            entry.header_digest,
            entry.salt,
            check_uid(entry.transfer_syntax_uid, "the transfer syntax"),
            check_uid(entry.sop_class_uid, "the SOP class UID"),
            check_uid(entry.sop_instance_uid, "the SOP instance UID"),
        )
    except struct.error as error:
        raise EncodingError("an instance's number or length does not fit its field") from error


def _unpack_entry(fields: tuple[int | bytes, ...]) -> IndexEntry:
    number, encoding, reserved, *rest = fields
    if not number or encoding != ENCODING_AS_IS or reserved:
        raise EncodingError("an index entry has number 0, an unknown encoding or a reserved field set")
    uids = (_unpack_uid(uid) for uid in rest[12:])
    return IndexEntry(number, encoding, *rest[:12], *uids)  # type: ignore[arg-type]


def _unpack_uid(field: bytes | int) -> str:
    assert isinstance(field, bytes)
    uid = field.rstrip(b"\0")
    try:
        text = uid.decode("ascii")
    except UnicodeDecodeError as error:
        raise EncodingError("an index entry's UID is not ASCII") from error
    check_uid(text, "an index entry's UID")
    return text


def _unpack_frame(entry: IndexEntry, frame: int, piece: bytes) -> tuple[int, int]:
    offset, length = _FRAME.unpack(piece)
    if not entry.header_bytes <= offset <= entry.message_bytes or length > entry.message_bytes - offset:
        raise EncodingError(f"frame {frame} of instance {entry.number} lies outside it")
    return offset, length


def _check_layout(entries: tuple[IndexEntry, ...], content_bytes: int) -> None:
    """Refuse any layout but the one that the writer makes: messages and blobs back to back, in order."""
    number = offset = 0
    json_at = _HEAD.size + len(entries) * _ENTRY.size
    frames_at = json_at + sum(entry.json_bytes for entry in entries)
    for entry in entries:
        if entry.number <= number or entry.offset != offset:
            raise EncodingError("the index's instances are not ascending and back to back in the pack")
        if entry.sealed_bytes != sealed_length(entry.message_bytes) or entry.original_bytes != entry.message_bytes:
            raise EncodingError("an index entry's lengths contradict each other")
        if entry.header_bytes > entry.message_bytes or entry.json_bytes > JSON_MAX_BYTES:
            raise EncodingError("an index entry's header or DICOM JSON is too long")
        if (entry.json_offset, entry.frames_offset) != (json_at, frames_at):
            raise EncodingError("the index's blobs are not back to back")
        number, offset = entry.number, offset + entry.sealed_bytes
        json_at += entry.json_bytes
        frames_at += entry.frame_count * _FRAME.size
    if frames_at != content_bytes:
        raise EncodingError("the index is longer or shorter than what it holds")
