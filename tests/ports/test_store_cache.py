"""A cache of ciphertext: bounded, mended by itself, and nothing but the store's own bytes on the disk."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from fiducia.adapters.memory.store import MemoryStore
from fiducia.adapters.store_cache import BLOCK_BYTES, CachedStore
from fiducia.core.formats.cid import cid_of
from fiducia.errors import StoreError, StoreMissingError
from tests.support.altered import altered

SIZE = 5 * BLOCK_BYTES + 77


class Counting(MemoryStore):
    """Counts what is read from it."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[tuple[int, int]] = Counter()

    def read(self, cid: str, offset: int, length: int) -> bytes:
        self.reads[offset, length] += 1
        return super().read(cid, offset, length)


@pytest.fixture
def behind() -> Counting:
    return Counting()


@pytest.fixture
def data() -> bytes:
    return hashlib.shake_256(b"a pack").digest(SIZE)


@pytest.fixture
def cid(behind: Counting, data: bytes) -> str:
    return behind.put(lambda: cid_of(data), [data]).cid


def on_disk(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_what_was_read_is_not_read_again(tmp_path: Path, behind: Counting, cid: str, data: bytes) -> None:
    cache = CachedStore(behind, tmp_path)
    for offset, length in [(10, 5), (BLOCK_BYTES - 3, 9), (0, SIZE), (SIZE - 1, 1), (3 * BLOCK_BYTES, BLOCK_BYTES)]:
        assert cache.read(cid, offset, length) == data[offset : offset + length]
    # One block, then its neighbour, then the rest in one range.
    assert list(behind.reads) == [
        (0, BLOCK_BYTES),
        (BLOCK_BYTES, BLOCK_BYTES),
        (2 * BLOCK_BYTES, SIZE - 2 * BLOCK_BYTES),
    ]
    assert all(path.read_bytes()[32:] in data for path in on_disk(tmp_path))  # sealed, as the store has it
    again = CachedStore(behind, tmp_path)
    behind.reads.clear()
    assert again.read(cid, 0, SIZE) == data
    assert not behind.reads


def test_what_nobody_read_for_longest_goes_first(tmp_path: Path, behind: Counting, cid: str, data: bytes) -> None:
    cache = CachedStore(behind, tmp_path, limit_bytes=2 * BLOCK_BYTES)
    for number in (0, 1, 0, 2):
        cache.read(cid, number * BLOCK_BYTES, 1)
    assert sum(path.stat().st_size for path in on_disk(tmp_path)) <= 2 * (BLOCK_BYTES + 32)
    behind.reads.clear()
    assert cache.read(cid, 0, 1) == data[:1]
    assert not behind.reads
    assert cache.read(cid, BLOCK_BYTES, 1) == data[BLOCK_BYTES : BLOCK_BYTES + 1]
    assert behind.reads


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone"])
def test_a_damaged_block_is_fetched_again(tmp_path: Path, behind: Counting, cid: str, data: bytes, damage: str) -> None:
    cache = CachedStore(behind, tmp_path)
    cache.read(cid, 0, 100)
    (path,) = on_disk(tmp_path)
    held = path.read_bytes()
    match damage:
        case "flip":
            path.write_bytes(altered(held, 50))
        case "cut":
            path.write_bytes(held[:-1])
        case "empty":
            path.write_bytes(b"")
        case _:
            path.unlink()
    again = CachedStore(behind, tmp_path)  # what is in memory does not hide it
    assert again.read(cid, 0, 100) == data[:100]
    assert on_disk(tmp_path)[0].read_bytes() == held


def test_blocks_do_not_stand_for_each_other(tmp_path: Path, behind: Counting, cid: str, data: bytes) -> None:
    cache = CachedStore(behind, tmp_path)
    cache.read(cid, 0, 2 * BLOCK_BYTES)
    first, second = on_disk(tmp_path)
    first.write_bytes(second.read_bytes())
    assert CachedStore(behind, tmp_path).read(cid, 0, 2 * BLOCK_BYTES) == data[: 2 * BLOCK_BYTES]


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path, behind: Counting, cid: str, data: bytes) -> None:
    cache = CachedStore(behind, tmp_path / "cache")
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").write_bytes(b"in the way")
    assert cache.read(cid, 0, SIZE) == data
    with pytest.raises(StoreError):
        CachedStore(behind, tmp_path / "cache")


def test_what_an_interrupted_run_left_is_removed(tmp_path: Path, behind: Counting, cid: str) -> None:
    CachedStore(behind, tmp_path).read(cid, 0, 1)
    (kept,) = on_disk(tmp_path)
    (kept.parent / "0123.part").write_bytes(b"half")
    CachedStore(behind, tmp_path)
    assert on_disk(tmp_path) == [kept]


def test_removing_forgets_it_here_too(tmp_path: Path, behind: Counting, cid: str) -> None:
    cache = CachedStore(behind, tmp_path)
    cache.read(cid, 0, SIZE)
    cache.remove(cid)
    assert on_disk(tmp_path) == []
    with pytest.raises(StoreMissingError):
        cache.read(cid, 0, 1)


def test_a_range_outside_is_refused(tmp_path: Path, behind: Counting, cid: str) -> None:
    cache = CachedStore(behind, tmp_path)
    for offset, length in [(SIZE, 1), (SIZE - 1, 2), (-1, 1)]:
        with pytest.raises(StoreMissingError):
            cache.read(cid, offset, length)
