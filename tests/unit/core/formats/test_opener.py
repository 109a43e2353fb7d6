"""A sealed series, opened: the way back, and everything that can be wrong on it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducia.core.formats.cid import cid_of
from fiducia.core.formats.container import CHUNK_BYTES, HEADER_BYTES, SEALED_CHUNK_BYTES
from fiducia.core.formats.context import SeriesKeys
from fiducia.core.formats.index import SeriesUids
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.formats.padme import padme
from fiducia.errors import (
    DecryptionError,
    DigestError,
    EncodingError,
    FiduciaError,
    ProofError,
    StoreCorruptError,
    StoreMissingError,
)
from tests.support.series import SIZES, copied, inputs, open_series, stored
from tests.vectors.material import keys, material, place
from tests.vectors.study_case import SYNTAX, SealedSeries, seal_series


@pytest.fixture(scope="module")
def series() -> SealedSeries:
    return seal_series(place(), keys(), inputs(SIZES))


@settings(max_examples=30)
@given(
    sizes=st.dictionaries(st.integers(1, 2**32 - 1), st.integers(0, 3 * CHUNK_BYTES), min_size=1, max_size=5),
    piece_bytes=st.integers(1000, 40_000),
    read_ahead_bytes=st.integers(0, 200_000),
)
def test_round_trip(sizes: dict[int, int], piece_bytes: int, read_ahead_bytes: int) -> None:
    files = inputs(dict(sorted(sizes.items())))
    series = seal_series(place(), keys(), files, piece_bytes)
    assert len(series.pack) == series.line.pack_size_bytes == padme(len(series.pack))
    assert len(series.index) == series.line.index_size_bytes
    assert (cid_of(series.pack), cid_of(series.index)) == (series.line.pack_cid, series.line.index_cid)
    opener = open_series(series, read_ahead_bytes=read_ahead_bytes)
    for number, head, body in files:
        assert copied(opener, number) == head + body
        entry = opener.entry(number)
        assert entry.identity_digest == hashlib.sha256(SYNTAX.encode() + body).digest()
        assert entry.header_digest == hashlib.sha256(head).digest()
        assert opener.dicom_json(number) == f'{{"00200013":{{"vr":"IS","Value":[{number}]}}}}'.encode()


def test_reading_all_instances_takes_few_large_reads(series: SealedSeries) -> None:
    store = stored(series)
    opener = open_series(series, store)
    store.reads.clear()
    for number in SIZES:
        copied(opener, number)
    assert [cid for cid, _, _ in store.reads] == [series.line.pack_cid]


def test_a_frame_is_one_range_of_the_pack(series: SealedSeries) -> None:
    store = stored(series)
    opener = open_series(series, store)
    (offset, length) = opener.frame_range(7, 2)
    assert opener.frame_table(7).ranges[1] == (offset, length)
    store.reads.clear()
    body = {number: head + body for number, head, body in inputs(SIZES)}[7]
    assert opener.read_instance(7, offset, length) == body[offset : offset + length]
    chunks = offset // CHUNK_BYTES, -(-(offset + length) // CHUNK_BYTES)
    message = opener.entry(7).offset
    assert store.reads == [
        (series.line.pack_cid, message, HEADER_BYTES),
        (
            series.line.pack_cid,
            message + HEADER_BYTES + chunks[0] * SEALED_CHUNK_BYTES,
            opener.entry(7).sealed_bytes - HEADER_BYTES - chunks[0] * SEALED_CHUNK_BYTES,
        ),
    ]


def test_another_frame_of_an_instance_takes_one_read(series: SealedSeries) -> None:
    store = stored(series)
    opener = open_series(series, store)
    first, second = (opener.frame_range(7, frame) for frame in (1, 2))
    opener.read_instance(7, *first)
    store.reads.clear()
    body = {number: head + body for number, head, body in inputs(SIZES)}[7]
    assert opener.frame_range(7, 2) == second
    assert opener.read_instance(7, *second) == body[second[0] : sum(second)]
    assert [cid for cid, _, _ in store.reads] == [series.line.pack_cid]


def test_instances_can_be_read_in_turns(series: SealedSeries) -> None:
    opener = open_series(series)
    expected = {number: head + body for number, head, body in inputs(SIZES)}
    first = opener.instance(7)
    start = next(first)
    assert copied(opener, 4) == expected[4]
    assert bytes(start) == expected[7][: len(start)], "a view is valid until its own iterator's next"
    assert expected[7][: len(start)] + b"".join(bytes(view) for view in first) == expected[7]


@given(data=st.data())
def test_a_flipped_bit_of_the_pack_is_named_or_padding(data: st.DataObject) -> None:
    series = seal_series(place(), keys(), inputs(SIZES))
    at = data.draw(st.integers(0, len(series.pack) - 1))
    pack = bytearray(series.pack)
    pack[at] ^= 1 << data.draw(st.integers(0, 7))
    opener = open_series(replace(series, pack=bytes(pack)))
    assert cid_of(pack) != series.line.pack_cid
    for entry in opener.entries:
        if entry.offset <= at < entry.offset + entry.sealed_bytes:
            with pytest.raises(DecryptionError, match=f"^series 1, instance {entry.number}: "):
                copied(opener, entry.number)
        else:
            copied(opener, entry.number)


@given(data=st.data())
def test_a_flipped_bit_of_the_index_is_refused_where_it_is_read(data: st.DataObject) -> None:
    series = seal_series(place(), keys(), inputs(SIZES))
    index = bytearray(series.index)
    index[data.draw(st.integers(0, len(index) - 1))] ^= 1
    with pytest.raises(DecryptionError, match=r"^series 1"):
        open_series(replace(series, index=bytes(index))).dicom_json(7)


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_objects_of_another_length_are_refused(series: SealedSeries, cut: int) -> None:
    last = open_series(series).entries[-1]
    short = series.pack[: last.offset + last.sealed_bytes - cut]
    with pytest.raises(DecryptionError, match=f"series 1, instance {last.number}: the reader"):
        copied(open_series(replace(series, pack=short)), last.number)
    for index in (series.index[:-cut], series.index + bytes(cut)):
        with pytest.raises((DecryptionError, EncodingError), match="series 1: index"):
            open_series(replace(series, index=index), line=replace(series.line, index_size_bytes=len(index)))


@pytest.mark.parametrize("wrong", ["index_key", "pack_key", "series", "sealed_in", "study"])
def test_another_key_or_place_is_refused(series: SealedSeries, wrong: str) -> None:
    where, good, pack_key = place(), keys(), keys().pack_key
    if wrong == "pack_key":
        opener = open_series(series, with_keys=SeriesKeys(good.index_key, material("wrong")))
        with pytest.raises(DecryptionError, match="series 1, instance 1: the key"):
            copied(opener, 1)
        return
    if wrong == "index_key":
        good = SeriesKeys(material("wrong"), pack_key)
    where = {
        "series": replace(where, series=2),
        "sealed_in": replace(where, sealed_in=2),
        "study": replace(where, study_id=bytes(32)),
    }.get(wrong, where)
    with pytest.raises(DecryptionError, match="series 1: index: the key"):
        SeriesOpener(where, series.line, good, stored(series).read)


def test_a_manifest_with_another_root_is_refused(series: SealedSeries) -> None:
    with pytest.raises(ProofError, match="series 1: index: its instances"):
        open_series(series, line=replace(series.line, root=bytes(32)))


def test_another_pack_under_the_same_keys_is_refused_at_the_end(series: SealedSeries) -> None:
    """Whoever was given the keys could seal other bytes: the tags hold, the root's digests do not."""
    other = seal_series(
        place(), keys(), [(number, head, body[:-1] + b"!" if body else body) for number, head, body in inputs(SIZES)]
    )
    opener = open_series(replace(series, pack=other.pack))
    copied(opener, 1)
    for number in (2, 4, 7):
        with pytest.raises(DigestError, match=f"series 1, instance {number}: its data set"):
            copied(opener, number)
    other = seal_series(place(), keys(), [(n, b"\1" + head[1:], body) for n, head, body in inputs(SIZES)])
    with pytest.raises(DigestError, match="instance 7: its header"):
        copied(open_series(replace(series, pack=other.pack)), 7)


def test_metadata_alone_opens_no_image(series: SealedSeries) -> None:
    opener = open_series(series, with_keys=SeriesKeys(keys().index_key))
    assert opener.uids == SeriesUids("2.25.1", "2.25.1.1")
    assert opener.dicom_json(4)
    with pytest.raises(EncodingError, match="only the metadata"):
        copied(opener, 4)
    with pytest.raises(EncodingError, match="only the metadata"):
        opener.read_instance(4, 0, 1)


def test_an_unknown_instance_is_named(series: SealedSeries) -> None:
    with pytest.raises(EncodingError, match="series 1 has no instance 3"):
        open_series(series).entry(3)


@pytest.mark.parametrize("error", [StoreMissingError, StoreCorruptError])
def test_the_stores_own_errors_gain_the_place(series: SealedSeries, error: type[FiduciaError]) -> None:
    store = stored(series)

    def read(cid: str, offset: int, length: int) -> bytes:
        if cid == series.line.pack_cid:
            raise error("gone")
        return store.read(cid, offset, length)

    with pytest.raises(error, match="series 1, instance 4: gone"):
        copied(SeriesOpener(place(), series.line, keys(), read), 4)


@pytest.mark.parametrize("more", [-1024, 1, 1024])
def test_a_pack_of_another_size_is_refused(series: SealedSeries, more: int) -> None:
    line = replace(series.line, pack_size_bytes=series.line.pack_size_bytes + more)
    with pytest.raises(EncodingError, match="series 1: the index is of a pack of another size"):
        open_series(series, line=line)
