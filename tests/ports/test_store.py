"""What every store must do: one suite for the real Kubo, the embedded directory, the one in memory, and a cache."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fiducia.adapters.memory.store import MemoryStore
from fiducia.adapters.store_cache import CachedStore
from fiducia.adapters.store_directory import DirectoryStore
from fiducia.adapters.store_kubo import KuboStore
from fiducia.core.formats.cid import CHUNK_BYTES, CidBuilder, cid_of, raw_cid
from fiducia.errors import DicomError, StoreMissingError
from fiducia.ports import Piece, Store

SIZES = [0, 1, 16_400, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7]


@pytest.fixture(params=["memory", "directory", "kubo", "cached"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each kind of store in turn."""
    match request.param:
        case "memory":
            yield MemoryStore()
        case "directory":
            yield DirectoryStore(tmp_path / "store")
        case "cached":
            yield CachedStore(DirectoryStore(tmp_path / "store"), tmp_path / "cache")
        case _:
            node = KuboStore(request.getfixturevalue("kubo").api)
            yield node
            node.close()


def content(size: int, seed: str) -> bytes:
    """Bytes that look random and are the same every time."""
    return hashlib.shake_256(f"{seed}/{size}".encode()).digest(size)


def put(store: Store, data: bytes) -> str:
    """Store `data` in one piece and return its CID."""
    stored = store.put(lambda: cid_of(data), [data])
    assert stored.size_bytes == len(data)
    assert stored.cid == cid_of(data)
    return stored.cid


@pytest.mark.parametrize("size", SIZES)
def test_returns_what_was_put(store: Store, size: int) -> None:
    data = content(size, "whole")
    cid = put(store, data)
    assert store.read(cid, 0, size) == data
    assert store.size(cid) == size


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (0, 1),
        (0, 0),
        (17, 64 << 10),
        (CHUNK_BYTES - 1, 2),
        (CHUNK_BYTES, CHUNK_BYTES),
        (3 * CHUNK_BYTES + 6, 1),
        (3, 3 * CHUNK_BYTES),
    ],
)
def test_reads_ranges(store: Store, offset: int, length: int) -> None:
    data = content(SIZES[-1], "ranges")
    assert store.read(put(store, data), offset, length) == data[offset : offset + length]


def test_consumes_each_piece_before_the_next(store: Store) -> None:
    """A sealing journey yields views of one buffer that it fills again and again."""
    builder, expected, buffer = CidBuilder(), bytearray(), bytearray(400_000)

    def pieces() -> Iterator[Piece]:
        for number, length in enumerate([1, 100, 16_400, 0, 400_000, 399_999, 3, 262_144] * 2):
            view = memoryview(buffer)[:length]
            view[:] = content(length, f"piece {number}")
            builder.update(view)
            expected.extend(view)
            yield view
        buffer[:] = bytes(len(buffer))

    stored = store.put(builder.finish, pieces())
    assert stored.size_bytes == len(expected)
    assert store.read(stored.cid, 0, len(expected)) == bytes(expected)


def test_asks_for_the_cid_once_and_last(store: Store) -> None:
    calls: list[str] = []

    def pieces() -> Iterator[Piece]:
        yield b"first"
        assert calls == []
        yield b"last"
        calls.append("exhausted")

    def cid() -> str:
        calls.append("cid")
        return raw_cid(b"firstlast")

    store.put(cid, pieces())
    assert calls == ["exhausted", "cid"]


@pytest.mark.parametrize("error", [DicomError("a broken instance"), OSError("the disk of the source"), KeyError("x")])
@pytest.mark.parametrize("before", [0, 1 << 20])
def test_an_error_of_the_pieces_comes_through_and_nothing_is_stored(
    store: Store, error: Exception, before: int
) -> None:
    data = content(before, repr(error))

    def pieces() -> Iterator[Piece]:
        yield data
        raise error

    with pytest.raises(type(error)) as caught:
        store.put(lambda: pytest.fail("the CID of an unfinished object was asked for"), pieces())
    assert caught.value is error
    with pytest.raises(StoreMissingError):
        store.size(cid_of(data + b"never"))
    put(store, content(10, "afterwards"))


def test_putting_again_is_harmless(store: Store) -> None:
    data = content(2 * CHUNK_BYTES + 1, "again")
    assert put(store, data) == put(store, data)
    assert store.read(cid_of(data), 0, len(data)) == data


@pytest.mark.parametrize("size", [10, CHUNK_BYTES, 2 * CHUNK_BYTES])
@pytest.mark.parametrize("excess", [(0, 1), (1, 0), (-1, 2), (1 << 40, 1)])
def test_a_range_past_the_end_is_missing(store: Store, size: int, excess: tuple[int, int]) -> None:
    cid = put(store, content(size, "short"))
    offset, length = (size + excess[0], excess[1]) if excess[0] else (0, size + 1)
    with pytest.raises(StoreMissingError):
        store.read(cid, offset, length or 1)


@pytest.mark.parametrize("cid", [raw_cid(b"never stored"), cid_of(content(CHUNK_BYTES + 1, "never stored"))])
def test_the_absent_is_missing(store: Store, cid: str) -> None:
    with pytest.raises(StoreMissingError):
        store.read(cid, 0, 1)
    with pytest.raises(StoreMissingError):
        store.size(cid)
    store.remove(cid)


@pytest.mark.parametrize(
    "cid", ["", "/", "../../etc/passwd", "bafkrei", "QmTkzDwWqPbnAh5YiV5VwcTLnGdwSNsNTn2aDxdXBFca7D"]
)
def test_what_is_no_address_names_nothing(store: Store, cid: str) -> None:
    with pytest.raises(StoreMissingError):
        store.read(cid, 0, 1)
    with pytest.raises(StoreMissingError):
        store.size(cid)


@pytest.mark.parametrize("size", [5, CHUNK_BYTES + 5, 70 * CHUNK_BYTES])
def test_forgets_and_takes_again(store: Store, size: int) -> None:
    data, other = content(size, "gone"), content(size, "stays")
    cid, kept = put(store, data), put(store, other)
    store.remove(cid)
    for offset in (0, size - 1):
        with pytest.raises(StoreMissingError):
            store.read(cid, offset, 1)
    store.remove(cid)
    assert store.read(kept, 0, size) == other
    put(store, data)
    assert store.read(cid, 0, size) == data


def test_serves_many_threads(store: Store) -> None:
    def work(number: int) -> bool:
        data = content(CHUNK_BYTES + 1000 * number, f"thread {number}")
        cid = put(store, data)
        return all(store.read(cid, at, 999) == data[at : at + 999] for at in range(0, 1_000_000, 150_001))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))


def test_is_healthy(store: Store) -> None:
    store.health()
