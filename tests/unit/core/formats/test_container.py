"""The container's own properties; the published cases are in test_container_wycheproof."""

from __future__ import annotations

import os

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.container import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    WINDOW_BYTES,
    NearReader,
    OpenedStream,
    Opener,
    Outlet,
    Sealer,
    plain_length,
    sealed_length,
)
from fiducia.errors import DecryptionError, EncodingError
from tests.vectors.material import material

KEY, SALT, CONTEXT = material("key"), material("salt", 24), b"context"
LENGTHS = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 70 * CHUNK_BYTES + 5]
lengths = st.one_of(st.sampled_from(LENGTHS[:-1]), st.integers(0, 4 * CHUNK_BYTES))


def seal(plaintext: bytes, pieces: list[int] | None = None, chunks: int = 64) -> bytes:
    outlet = Outlet(chunks)
    sealer = Sealer(KEY, CONTEXT, SALT, outlet)
    out = bytearray()
    at = 0
    for size in [*(pieces or []), len(plaintext)]:
        for view in sealer.update(plaintext[at : at + size]):
            out += view
        at += size
    for view in sealer.finish():
        out += view
    return bytes(out + outlet.flush())


def opener(sealed: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> Opener:
    return Opener(key, context, len(sealed), lambda offset, length: sealed[offset : offset + length])


def drain(stream: OpenedStream, into: bytearray) -> None:
    for view in stream:
        into += view


@pytest.mark.parametrize("length", LENGTHS)
def test_round_trip_and_lengths(length: int) -> None:
    plaintext = material("text", length)
    sealed = seal(plaintext)
    assert len(sealed) == sealed_length(length)
    assert plain_length(len(sealed)) == length
    opened = opener(sealed)
    assert opened.length == opened.authenticate_length() == length
    assert b"".join(bytes(view) for view in opened.stream()) == plaintext
    assert opened.read(0, length) == plaintext


@given(length=lengths, pieces=st.lists(st.integers(0, 2 * CHUNK_BYTES), max_size=5), chunks=st.integers(1, 4))
def test_pieces_and_outlet_size_do_not_matter(length: int, pieces: list[int], chunks: int) -> None:
    plaintext = material("text", length)
    assert seal(plaintext, pieces, chunks) == seal(plaintext)


@given(length=lengths)
def test_cryptographys_own_implementation_agrees(length: int) -> None:
    plaintext = material("text", length)
    theirs = Cobblestone256Decryptor(KEY, CONTEXT)
    assert theirs.update(seal(plaintext)) + theirs.finalize() == plaintext
    encryptor = Cobblestone256Encryptor(KEY, CONTEXT)
    sealed = encryptor.update(plaintext) + encryptor.finalize()
    assert opener(sealed).read(0, length) == plaintext


@given(length=lengths, data=st.data())
def test_any_range_opens_only_its_chunks(length: int, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, length))
    size = data.draw(st.integers(0, length - offset))
    plaintext = material("text", length)
    sealed = seal(plaintext)
    read: set[int] = set()

    def reader(at: int, count: int) -> bytes:
        read.update(
            range((at - HEADER_BYTES) // SEALED_CHUNK_BYTES, -(-(at + count - HEADER_BYTES) // SEALED_CHUNK_BYTES))
        )
        return sealed[at : at + count]

    opened = Opener(KEY, CONTEXT, len(sealed), reader)
    read.clear()
    assert opened.read(offset, size) == plaintext[offset : offset + size]
    needed = set(range(offset // CHUNK_BYTES, (offset + size - 1) // CHUNK_BYTES + 1)) if size else set()
    if offset + size == length:
        needed.add(length // CHUNK_BYTES)  # whoever reads to the end has the length proved
    assert read == needed


@given(length=lengths, data=st.data())
def test_what_is_read_nearby_is_the_same_and_read_once(length: int, data: st.DataObject) -> None:
    plaintext, sealed, reads = material("near", length), seal(material("near", length)), 0

    def read(offset: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        return sealed[offset : offset + size]

    near = NearReader(Opener(KEY, CONTEXT, len(sealed), read))
    for _ in range(4):
        start = data.draw(st.integers(0, length))
        size = data.draw(st.integers(0, length - start))
        assert near.read(start, size) == plaintext[start : start + size]
        reads = 0
        assert near.read(start, size) == plaintext[start : start + size]
        assert reads == 0 or size > CHUNK_BYTES


@given(length=lengths, data=st.data())
def test_a_flipped_bit_anywhere_is_refused(length: int, data: st.DataObject) -> None:
    sealed = bytearray(seal(material("text", length)))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DecryptionError):
        opener(bytes(sealed)).read(0, length)


@given(length=lengths, data=st.data())
def test_another_length_is_refused(length: int, data: st.DataObject) -> None:
    sealed = seal(material("text", length))
    cut = data.draw(st.integers(0, len(sealed) - 1))
    for changed in (sealed[:cut], sealed + bytes(cut + 1)):
        with pytest.raises(DecryptionError):
            list(opener(changed).stream())


def test_chunks_of_another_place_are_refused() -> None:
    sealed = seal(material("text", 3 * CHUNK_BYTES))
    chunk = [sealed[HEADER_BYTES + i * SEALED_CHUNK_BYTES :][:SEALED_CHUNK_BYTES] for i in range(4)]
    for order in ((1, 0, 2, 3), (0, 0, 2, 3), (0, 2, 1, 3)):
        with pytest.raises(DecryptionError):
            list(opener(sealed[:HEADER_BYTES] + b"".join(chunk[i] for i in order)).stream())


def test_another_key_or_context_is_refused_before_any_chunk_is_read() -> None:
    sealed = seal(b"text")
    read: list[int] = []

    def reader(at: int, count: int) -> bytes:
        read.append(at + count)
        return sealed[at : at + count]

    for key, context in ((material("other"), CONTEXT), (KEY, b"other")):
        with pytest.raises(DecryptionError, match="commitment"):
            Opener(key, context, len(sealed), reader)
    assert max(read) == HEADER_BYTES


@pytest.mark.parametrize("sealed", [0, 55, 56, 71, 56 + SEALED_CHUNK_BYTES, 56 + SEALED_CHUNK_BYTES + 15])
def test_lengths_that_no_message_has(sealed: int) -> None:
    with pytest.raises(DecryptionError):
        plain_length(sealed)


@given(sealed=st.integers(0, 2**53))
def test_a_length_is_either_refused_or_the_only_one(sealed: int) -> None:
    try:
        length = plain_length(sealed)
    except DecryptionError:
        return
    assert sealed_length(length) == sealed


def test_a_stream_hands_on_nothing_past_a_bad_chunk_and_keeps_failing() -> None:
    plaintext = material("text", 3 * WINDOW_BYTES)
    sealed = bytearray(seal(plaintext))
    sealed[HEADER_BYTES + (2 * WINDOW_BYTES // CHUNK_BYTES) * SEALED_CHUNK_BYTES] ^= 1
    stream = opener(bytes(sealed)).stream()
    handed_on = bytearray()
    with pytest.raises(DecryptionError):
        drain(stream, handed_on)
    assert handed_on == plaintext[: 2 * WINDOW_BYTES]
    with pytest.raises(DecryptionError):
        next(stream)


def test_a_stream_reuses_the_buffer_it_is_given() -> None:
    buffer = memoryview(bytearray(2 * CHUNK_BYTES))
    for view in opener(seal(material("text", 5 * CHUNK_BYTES))).stream(buffer=buffer):
        assert view.obj is buffer.obj


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, 11), (5, 6), (11, 0), (0, -1)])
def test_a_range_outside_the_message_is_refused(offset: int, length: int) -> None:
    with pytest.raises(DecryptionError):
        opener(seal(b"ten bytes.")).read(offset, length)
    near = NearReader(opener(seal(b"ten bytes.")))
    for _ in range(2):
        with pytest.raises(DecryptionError):
            near.read(offset, length)
        assert near.read(2, 3) == b"n b"


@pytest.mark.parametrize("more", [-56, -1, 1])
def test_a_reader_that_gives_more_or_less_is_refused(more: int) -> None:
    sealed = seal(b"text")
    with pytest.raises(DecryptionError, match="more or fewer"):
        Opener(KEY, CONTEXT, len(sealed), lambda at, count: sealed[at : at + count + more])


@pytest.mark.parametrize(("key", "salt"), [(b"k" * 31, SALT), (b"k" * 33, SALT), (KEY, b"s" * 23), (KEY, b"s" * 25)])
def test_keys_and_salts_of_another_length_are_refused(key: bytes, salt: bytes) -> None:
    with pytest.raises(EncodingError):
        Sealer(key, CONTEXT, salt, Outlet())


def test_a_finished_sealer_takes_no_more() -> None:
    sealer = Sealer(KEY, CONTEXT, SALT, Outlet())
    list(sealer.finish())
    with pytest.raises(EncodingError):
        list(sealer.update(b""))
    with pytest.raises(EncodingError):
        list(sealer.finish())


def test_messages_can_share_an_outlet() -> None:
    outlet = Outlet(2)
    out = bytearray()
    texts = [os.urandom(size) for size in (0, 10, CHUNK_BYTES, 3 * CHUNK_BYTES - 1)]
    for text in texts:
        sealer = Sealer(KEY, CONTEXT, SALT, outlet)
        for view in [*map(bytes, sealer.update(text)), *map(bytes, sealer.finish())]:
            out += view
    out += outlet.flush()
    assert bytes(out) == b"".join(seal(text) for text in texts)
