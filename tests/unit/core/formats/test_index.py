"""The index by itself: layout, ranges, and what a hostile custodian could write."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.container import sealed_length
from fiducia.core.formats.entry import ENTRY_BYTES, IndexEntry
from fiducia.core.formats.frames import NO_FRAMES, FrameLayout, FrameTable, pack_ranges
from fiducia.core.formats.index import IndexedInstance, IndexReader, SeriesUids, index_plaintext
from fiducia.core.formats.padme import padme
from fiducia.errors import EncodingError
from tests.vectors.material import material, place

UIDS = SeriesUids("2.25.1", "2.25.1.1")
HEAD_BYTES = 192


def instance(number: int, size: int = 1000, frames: FrameTable = NO_FRAMES, json: bytes = b"{}") -> IndexedInstance:
    entry = IndexEntry(
        number=number,
        encoding=0,
        frame_layout=frames.layout,
        frame_count=frames.frames,
        offset=0,
        sealed_bytes=sealed_length(size),
        message_bytes=size,
        original_bytes=size,
        header_bytes=100,
        json_offset=0,
        json_bytes=0,
        ranges_offset=0,
        range_count=0,
        identity_digest=material("identity"),
        header_digest=material("header"),
        salt=material("salt"),
        transfer_syntax_uid="1.2.840.10008.1.2",
        sop_class_uid="1.2",
        sop_instance_uid=f"2.25.{number}",
    )
    return IndexedInstance(entry, json, pack_ranges(frames, 100, size))


def in_pack(instances: list[IndexedInstance]) -> list[IndexedInstance]:
    """Set the offsets that messages back to back have."""
    offset, out = 0, []
    for one in instances:
        out.append(replace(one, entry=replace(one.entry, offset=offset)))
        offset += one.entry.sealed_bytes
    return out


def write(instances: list[IndexedInstance]) -> bytes:
    return b"".join(bytes(piece) for piece in index_plaintext(place(), UIDS, instances))


def read(plaintext: bytes, series: int = 1) -> IndexReader:
    return IndexReader(place(series), len(plaintext), lambda offset, length: plaintext[offset : offset + length])


TABLES = st.one_of(
    st.just(NO_FRAMES),
    st.just(FrameTable(FrameLayout.NONE, 3)),
    st.just(FrameTable(FrameLayout.WHOLE, 3, ((100, 900),))),
    st.lists(st.integers(100, 1000), max_size=5).map(
        lambda at: FrameTable(FrameLayout.FRAMES, len(at), tuple((offset, 1000 - offset) for offset in at))
    ),
)


@given(st.lists(st.tuples(TABLES, st.binary(max_size=50)), min_size=1, max_size=6))
def test_round_trip(blobs: list[tuple[FrameTable, bytes]]) -> None:
    written = in_pack([instance(3 * n, 1000, frames, json) for n, (frames, json) in enumerate(blobs, 1)])
    plaintext = write(written)
    assert padme(len(plaintext)) == len(plaintext)
    reader = read(plaintext)
    assert reader.uids == UIDS
    assert [entry.number for entry in reader.entries] == [one.entry.number for one in written]
    for entry, one, (frames, json) in zip(reader.entries, written, blobs, strict=True):
        assert entry.leaf() == one.entry.leaf()
        assert (entry.sop_instance_uid, entry.salt) == (one.entry.sop_instance_uid, one.entry.salt)
        assert reader.dicom_json(entry) == json
        assert reader.frame_table(entry) == frames


def test_one_frame_of_200_000_is_one_small_read() -> None:
    ranges = tuple((100 + 4 * frame, 4) for frame in range(200_000))
    plaintext = write([instance(1, 800_100, FrameTable(FrameLayout.FRAMES, 200_000, ranges))])
    reads: list[int] = []

    def reader(offset: int, length: int) -> bytes:
        reads.append(length)
        return plaintext[offset : offset + length]

    index = IndexReader(place(), len(plaintext), reader)
    assert index.frame_range(index.entries[0], 123_456) == ranges[123_455]
    assert reads == [HEAD_BYTES, ENTRY_BYTES, 16]


@pytest.mark.parametrize("frame", [0, 3, -1])
def test_there_are_no_other_frames(frame: int) -> None:
    index = read(write([instance(1, 1000, FrameTable(FrameLayout.FRAMES, 2, ((100, 1), (101, 1))))]))
    with pytest.raises(EncodingError, match="no frame"):
        index.frame_range(index.entries[0], frame)


@pytest.mark.parametrize("frames", [FrameTable(FrameLayout.NONE, 2), FrameTable(FrameLayout.WHOLE, 2, ((100, 5),))])
def test_frames_without_a_range_of_their_own(frames: FrameTable) -> None:
    index = read(write([instance(1, 1000, frames)]))
    with pytest.raises(EncodingError, match="range of its own"):
        index.frame_range(index.entries[0], 1)


@given(data=st.data())
def test_a_changed_byte_is_refused_or_changes_only_what_it_says(data: st.DataObject) -> None:
    frames = FrameTable(FrameLayout.ITEMS, 2, ((100, 5), (200, 800)))
    original = write(in_pack([instance(1), instance(2, 500), instance(9, 1000, frames)]))
    at = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        index = read(bytes(changed))
        for entry in index.entries:
            index.dicom_json(entry)
            index.frame_table(entry)
    except EncodingError:
        return
    assert len(index.entries) == 3
    assert at >= 64, "nothing of the head but its UIDs can change"


@given(cut=st.integers(0, 2000))
def test_another_length_is_refused(cut: int) -> None:
    plaintext = write(in_pack([instance(1), instance(2)]))
    with pytest.raises(EncodingError):
        read(plaintext[:cut] if cut < len(plaintext) else plaintext + bytes(cut))


def entry_with(**changes: object) -> bytes:
    """The plaintext of an index whose second entry was changed after all checks."""
    written = in_pack([instance(1), instance(2, 1000, FrameTable(FrameLayout.WHOLE, 1, ((100, 5),)))])
    plaintext = bytearray(write(written))
    good = read(bytes(plaintext)).entries[1]
    at = HEAD_BYTES + ENTRY_BYTES
    plaintext[at : at + ENTRY_BYTES] = replace(good, **changes).to_bytes()  # type: ignore[arg-type]
    return bytes(plaintext)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": 1},
        {"encoding": 1},
        {"frame_layout": 4},
        {"frame_layout": 1, "frame_count": 2},
        {"frame_layout": 0},
        {"offset": 0},
        {"offset": 2**63},
        {"sealed_bytes": 1},
        {"message_bytes": 999},
        {"original_bytes": 999},
        {"header_bytes": 1001},
        {"json_offset": 0},
        {"json_bytes": 3},
        {"json_bytes": 2**63},
        {"ranges_offset": 0},
        {"range_count": 2},
        {"range_count": 2**60},
    ],
)
def test_a_hostile_entry_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(EncodingError):
        read(entry_with(**changes))


@pytest.mark.parametrize("field", [b"", b"\xff", b"1\x001", b"1.2 ", b"1.2\n"])
def test_a_hostile_uid_is_refused(field: bytes) -> None:
    plaintext = bytearray(write([instance(1)]))
    plaintext[HEAD_BYTES + ENTRY_BYTES - 64 : HEAD_BYTES + ENTRY_BYTES] = field.ljust(64, b"\0")
    with pytest.raises(EncodingError):
        read(bytes(plaintext))


def test_an_index_of_another_series_is_refused() -> None:
    plaintext = write([instance(1)])
    assert read(plaintext).entries
    with pytest.raises(EncodingError, match="another series"):
        read(plaintext, series=2)


@pytest.mark.parametrize(
    "instances",
    [
        [],
        [instance(2), instance(1)],
        [instance(1), instance(1)],
        [instance(2**32)],
        [replace(instance(1), entry=replace(instance(1).entry, sop_class_uid="x"))],
    ],
)
def test_what_would_not_be_read_back_is_not_written(instances: list[IndexedInstance]) -> None:
    with pytest.raises(EncodingError):
        write(in_pack(instances))


@pytest.mark.parametrize(
    "frames",
    [
        FrameTable(FrameLayout.FRAMES, 1, ((99, 1),)),
        FrameTable(FrameLayout.FRAMES, 1, ((1000, 1),)),
        FrameTable(FrameLayout.FRAMES, 1, ((500, 501),)),
        FrameTable(FrameLayout.FRAMES, 1, ((500, -1),)),
        FrameTable(FrameLayout.FRAMES, 2, ((500, 1),)),
        FrameTable(FrameLayout.NONE, 1, ((500, 1),)),
        FrameTable(FrameLayout.WHOLE, 2, ((500, 1), (501, 1))),
    ],
)
def test_a_frame_table_that_does_not_fit_is_not_written(frames: FrameTable) -> None:
    with pytest.raises(EncodingError):
        pack_ranges(frames, 100, 1000)
