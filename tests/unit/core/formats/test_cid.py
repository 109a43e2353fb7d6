"""CIDs: shape and boundaries. tests/ports/test_cid_kubo.py compares them with a real node's."""

from __future__ import annotations

import hashlib

import libipld
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.cid import (
    CHUNK_BYTES,
    CidBuilder,
    check_cid,
    cid_of,
    cid_of_digest,
    digest_of_cid,
    raw_cid,
)
from fiducia.errors import EncodingError


def test_the_empty_object_is_the_empty_block() -> None:
    assert cid_of(b"") == raw_cid(b"") == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES])
def test_one_chunk_is_one_raw_block(size: int) -> None:
    data = b"x" * size
    assert cid_of(data) == raw_cid(data)


def test_two_chunks_are_a_tree_with_the_published_bytes() -> None:
    data = bytes(CHUNK_BYTES) + b"x"
    links = b""
    for chunk in (data[:CHUNK_BYTES], data[CHUNK_BYTES:]):
        cid = bytes((1, 0x55, 0x12, 32)) + hashlib.sha256(chunk).digest()
        size = b"\x80\x80\x40" if len(chunk) == CHUNK_BYTES else b"\x01"
        link = b"\x0a\x24" + cid + b"\x12\x00" + b"\x18" + size
        links += b"\x12" + bytes((len(link),)) + link
    unixfs = b"\x08\x02" + b"\x18\x81\x80\x40" + b"\x20\x80\x80\x40" + b"\x20\x01"
    digest = hashlib.sha256(links + b"\x0a" + bytes((len(unixfs),)) + unixfs).digest()
    parsed = libipld.decode_cid(cid_of(data))
    assert (parsed["version"], parsed["codec"], parsed["hash"]["digest"]) == (1, 0x70, digest)


@given(sizes=st.lists(st.integers(0, CHUNK_BYTES + 2), max_size=6))
def test_pieces_do_not_matter(sizes: list[int]) -> None:
    data = bytes(range(256)) * (sum(sizes) // 256 + 1)
    builder = CidBuilder()
    at = 0
    for size in sizes:
        builder.update(data[at : at + size])
        at += size
    assert builder.finish() == cid_of(data[:at])


@pytest.mark.parametrize(
    ("size", "cid"),
    [
        # What Kubo 0.43.0 (profile unixfs-v1-2025) answers for these many zero bytes.
        (CHUNK_BYTES + 1, "bafybeihd4yzq7n5umhjngdum4r6k2to7egxfkf2jz6thvwzf6djus22cmq"),
        (1024 * CHUNK_BYTES, "bafybeibqawkaltgjfdebq4no6nmfcvkcw7k52xqzclkwfmrkn6oxw7srmy"),
        (1024 * CHUNK_BYTES + 1, "bafybeigx4uyebjbq65346xh6cjrt6yshbdudzudhnqecwbzvymslxj7gje"),
    ],
)
def test_a_node_is_full_at_1024_links(size: int, cid: str) -> None:
    builder = CidBuilder()
    zeros = bytes(16 * CHUNK_BYTES)
    for at in range(0, size, len(zeros)):
        builder.update(memoryview(zeros)[: min(len(zeros), size - at)])
    assert builder.finish() == cid


def test_a_digest_and_a_raw_cid_are_the_same_thing() -> None:
    digest = hashlib.sha256(b"manifest").digest()
    assert digest_of_cid(cid_of_digest(digest)) == digest
    assert cid_of_digest(digest) == raw_cid(b"manifest")
    with pytest.raises(EncodingError):
        cid_of_digest(digest[:-1])
    with pytest.raises(EncodingError, match="tree"):
        digest_of_cid(cid_of(bytes(CHUNK_BYTES + 1)))


GOOD = raw_cid(b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        GOOD.upper(),
        "B" + GOOD[1:].upper(),
        GOOD + "a",
        GOOD[:-1],
        GOOD[:-1] + "v",  # the same bytes, other trailing bits
        " " + GOOD,
        "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
        libipld.encode_multibase("z", libipld.decode_multibase(GOOD)[1]),
        libipld.encode_multibase("b", bytes((1, 0x71, 0x12, 32)) + bytes(32)),  # dag-cbor
        libipld.encode_multibase("b", bytes((1, 0x55, 0x13, 64)) + bytes(64)),  # SHA-512
        libipld.encode_multibase("b", bytes((1, 0x55, 0x12, 31)) + bytes(31)),
        libipld.encode_multibase("b", bytes((1, 0x55, 0x12, 32)) + bytes(33)),
    ],
)
def test_other_spellings_and_kinds_are_refused(text: str) -> None:
    with pytest.raises(EncodingError):
        check_cid(text)


@given(st.text(max_size=80))
def test_any_text_is_a_cid_or_refused(text: str) -> None:
    with pytest.raises(EncodingError):
        check_cid(text)
