"""The index: the encrypted table of contents of one sealed series, readable by range.

Owns its binary layout: a fixed header, a table of fixed-size entries, then DICOM JSON and frame tables as
blobs. The table of 5,000 instances is one small read; a blob or the place of one frame out of 200,000 is
another. Parsing is strict: one layout per content, every offset where it must be. Sealing and the root
are `sealer`'s and `opener`'s. Source: docs/formats.md, "Index".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fiducia.core.formats.context import Piece, ReadRange, SeriesPlace
from fiducia.core.formats.digests import check_uid
from fiducia.core.formats.entry import (
    ENTRY_BYTES,
    IndexEntry,
    check_layout,
    parse_entries,
    parse_uid,
)
from fiducia.core.formats.frames import RANGE_BYTES, FrameTable, unpack_ranges
from fiducia.core.formats.padme import padme
from fiducia.errors import EncodingError

INSTANCES_MAX = 1 << 18

_MAGIC = b"FIDINDEX"
_VERSION = 1
_HEAD = struct.Struct(">8sHHI32sIIQ64s64s")
_ZEROS = bytes(1 << 16)
_AHEAD_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SeriesUids:
    """The UIDs that a whole series shares."""

    study_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class IndexedInstance:
    """What the index is written from: an entry without its blobs' places, and the blobs."""

    entry: IndexEntry
    dicom_json: bytes
    ranges: bytes  # see `frames.pack_ranges`


def index_plaintext(place: SeriesPlace, uids: SeriesUids, instances: list[IndexedInstance]) -> Iterator[Piece]:
    """Yield the index's plaintext, zero-padded to its Padmé length.

    Args:
        place: the series.
        uids: its UIDs.
        instances: one or more, in the order of the pack.

    Raises:
        EncodingError: too many instances, a too long blob, a UID or number out of form.
    """
    if not 1 <= len(instances) <= INSTANCES_MAX:
        raise EncodingError(f"a series has 1 to {INSTANCES_MAX} instances")
    blobs_at = _HEAD.size + len(instances) * ENTRY_BYTES
    entries, content_bytes = _placed(instances, blobs_at)
    check_layout(entries, blobs_at, content_bytes)  # nothing is written that would not be read back
    study_uid = check_uid(uids.study_instance_uid, "the study instance UID")
    series_uid = check_uid(uids.series_instance_uid, "the series instance UID")
    numbers = (place.sealed_in, place.series, place.study_id, len(entries), ENTRY_BYTES, content_bytes)
    yield _HEAD.pack(_MAGIC, _VERSION, *numbers, study_uid, series_uid)
    yield from (entry.to_bytes() for entry in entries)
    yield from (instance.dicom_json for instance in instances)
    yield from (instance.ranges for instance in instances)
    padding = padme(content_bytes) - content_bytes
    yield from (_ZEROS[: min(len(_ZEROS), padding - at)] for at in range(0, padding, len(_ZEROS)))


def _placed(instances: list[IndexedInstance], blobs_at: int) -> tuple[list[IndexEntry], int]:
    """The entries with the places of their blobs, and where the last blob ends."""
    json_at = blobs_at
    ranges_at = json_at + sum(len(instance.dicom_json) for instance in instances)
    entries = []
    for instance in instances:
        json_bytes, count = len(instance.dicom_json), len(instance.ranges) // RANGE_BYTES
        entry = replace(instance.entry, json_offset=json_at, json_bytes=json_bytes)
        entries.append(replace(entry, ranges_offset=ranges_at, range_count=count))
        json_at += json_bytes
        ranges_at += len(instance.ranges)
    return entries, ranges_at


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
        blobs_at = _HEAD.size + count * ENTRY_BYTES
        self.entries = tuple(parse_entries(self._take(_HEAD.size, blobs_at, content_bytes)))
        check_layout(self.entries, blobs_at, content_bytes)

    def dicom_json(self, entry: IndexEntry) -> bytes:
        """Return the instance's DICOM JSON without bulk data, UTF-8."""
        return self._read_exactly(entry.json_offset, entry.json_bytes)

    def dicom_jsons(self) -> Iterator[tuple[IndexEntry, bytes]]:
        """Yield every instance with its DICOM JSON, reading the index in large pieces."""
        window, start = b"", self.entries[0].json_offset
        end = self.entries[-1].json_offset + self.entries[-1].json_bytes
        for entry in self.entries:
            at = entry.json_offset - start
            if at + entry.json_bytes > len(window):
                start = entry.json_offset
                window = self._read_exactly(start, max(entry.json_bytes, min(_AHEAD_BYTES, end - start)))
                at = 0
            yield entry, window[at : at + entry.json_bytes]

    def frame_range(self, entry: IndexEntry, frame: int) -> tuple[int, int]:
        """Return (offset, length) of a frame in the file; frames count from 1. What it holds: `frame_layout`.

        Raises:
            EncodingError: there is no such frame, it has no range of its own, or one outside the data set.
        """
        if not 1 <= frame <= entry.frame_count or entry.range_count != entry.frame_count:
            raise EncodingError(f"there is no frame {frame} with a range of its own")
        return self._ranges(entry, frame - 1, 1)[0]

    def frame_table(self, entry: IndexEntry) -> FrameTable:
        """Return the whole frame table. Raises: EncodingError (a range outside the data set)."""
        return FrameTable(entry.frame_layout, entry.frame_count, self._ranges(entry, 0, entry.range_count))

    def _ranges(self, entry: IndexEntry, first: int, count: int) -> tuple[tuple[int, int], ...]:
        packed = self._read_exactly(entry.ranges_offset + first * RANGE_BYTES, count * RANGE_BYTES)
        return tuple(unpack_ranges(packed, entry.header_bytes, entry.original_bytes))

    def _read_head(self, place: SeriesPlace) -> tuple[SeriesUids, int, int]:
        head = self._take(0, _HEAD.size, self._length)
        magic, version, sealed_in, series, study_id, count, entry_bytes, content_bytes, study, uid = _HEAD.unpack(head)
        if (magic, version, entry_bytes) != (_MAGIC, _VERSION, ENTRY_BYTES):
            raise EncodingError("this is not an index, or one of an unknown version")
        if (study_id, sealed_in, series) != (place.study_id, place.sealed_in, place.series):
            raise EncodingError("the index is of another series")
        if not 1 <= count <= INSTANCES_MAX or content_bytes > self._length or padme(content_bytes) != self._length:
            raise EncodingError("the index's counts do not fit its length")
        return SeriesUids(parse_uid(study), parse_uid(uid)), count, content_bytes

    def _take(self, start: int, end: int, limit: int) -> bytes:
        if end > limit:
            raise EncodingError("the index is cut short")
        return self._read_exactly(start, end - start)

    def _read_exactly(self, offset: int, length: int) -> bytes:
        data = bytes(self._read(offset, length)) if length else b""
        if len(data) != length:
            raise EncodingError("the index is cut short")
        return data
