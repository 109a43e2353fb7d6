"""A store with a bounded cache of ciphertext in front of it: what was read once is near the next time.

Owns blocks of 256 KiB, one file each, named by CID and number, and which go first when there are too many: those that
nobody read for longest. Only what a store gives is kept here, so what lies on the disk is sealed, as it is there. A
block carries a digest of its own: one that was damaged here is fetched again, rather than blamed on the store.
Writing is the store's behind it. A cache that cannot be written is none: reading goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

from fiducia.core.formats.cid import check_cid
from fiducia.errors import EncodingError, StoreError, StoreMissingError
from fiducia.ports import Piece, Store
from fiducia.records.images import StoredObject

BLOCK_BYTES = 1 << 18
LIMIT_BYTES = 4 << 30
_DIGEST_BYTES = 32
_SIZES_KEPT = 10_000
_HOT_BLOCKS = 64


class CachedStore:
    """A `Store` over another one. Safe for threads; the directory is one process' own."""

    def __init__(self, store: Store, root: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        """Take what earlier runs left in `root`. Raises: StoreError (it cannot be made or read)."""
        self._store = store
        self._root = root
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._blocks: OrderedDict[str, int] = OrderedDict()  # name -> bytes; the longest unread first
        self._held_bytes = 0
        self._hot: OrderedDict[str, bytes] = OrderedDict()  # in memory, too: for small reads in a row
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._find()
        except OSError as error:
            raise StoreError(f"the cache's directory cannot be used: {error.strerror}") from error
        self._make_room()

    def read(self, cid: str, offset: int, length: int) -> bytes:
        """Return a range, from here as far as it is here; see `fiducia.ports.Store.read`."""
        if length < 1:
            return self._store.read(cid, offset, length)
        size = self.size(cid)
        if not 0 <= offset <= size - length:
            raise StoreMissingError(f"the store holds {size} bytes of {cid}: {length} at {offset} are not among them")
        first, last = offset // BLOCK_BYTES, (offset + length - 1) // BLOCK_BYTES
        blocks = {number: self._kept(cid, number) for number in range(first, last + 1)}
        for begin, end in _gaps(blocks):
            blocks.update(self._fetch(cid, begin, end, size))
        return b"".join(_within(number, block, offset, length) for number, block in blocks.items() if block is not None)

    def size(self, cid: str) -> int:
        """Return the object's size in bytes; see `fiducia.ports.Store.size`."""
        with self._lock:
            known = self._sizes.get(cid)
        if known is not None:
            return known
        size = self._store.size(cid)
        with self._lock:
            self._sizes[cid] = size
            while len(self._sizes) > _SIZES_KEPT:
                self._sizes.popitem(last=False)
        return size

    def put(self, cid: Callable[[], str], pieces: Iterable[Piece]) -> StoredObject:
        """Store one object behind the cache; see `fiducia.ports.Store.put`."""
        return self._store.put(cid, pieces)

    def remove(self, cid: str) -> None:
        """Forget an object, here and behind; see `fiducia.ports.Store.remove`."""
        self._store.remove(cid)
        with self._lock:
            self._sizes.pop(cid, None)
            gone = [name for name in self._blocks if name.rpartition(".")[0] == cid]
            for name in gone:
                self._forget(name)

    def health(self) -> None:
        """Return when the store behind works; see `fiducia.ports.Store.health`."""
        self._store.health()

    # -- blocks

    def _fetch(self, cid: str, begin: int, end: int, size: int) -> dict[int, bytes]:
        """Read blocks begin to end from behind in one range, and keep them."""
        start = begin * BLOCK_BYTES
        data = self._store.read(cid, start, min((end + 1) * BLOCK_BYTES, size) - start)
        found = {}
        for number in range(begin, end + 1):
            at = (number - begin) * BLOCK_BYTES
            found[number] = data[at : at + BLOCK_BYTES]
            self._keep(cid, number, found[number])
        return found

    def _kept(self, cid: str, number: int) -> bytes | None:
        name = _name(cid, number)
        with self._lock:
            if name not in self._blocks:
                return None
            self._blocks.move_to_end(name)
            if name in self._hot:
                self._hot.move_to_end(name)
                return self._hot[name]
        digest = block = b""
        with contextlib.suppress(OSError), open(self._path(name), "rb", buffering=0) as file:
            digest, block = file.read(_DIGEST_BYTES), file.read(BLOCK_BYTES + 1)
        if digest == _digest(name, block):
            with self._lock:
                self._warm(name, block)
            return block
        with self._lock:
            self._forget(name)
        return None

    def _keep(self, cid: str, number: int, block: bytes) -> None:
        name = _name(cid, number)
        path = self._path(name)
        part = path.with_name(f"{secrets.token_hex(8)}.part")
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with open(part, "xb", opener=_private) as file:
                file.write(_digest(name, block))
                file.write(block)
            os.replace(part, path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            return
        with self._lock:
            self._held_bytes += len(block) - self._blocks.pop(name, 0)
            self._blocks[name] = len(block)
            self._warm(name, block)
        self._make_room()

    def _warm(self, name: str, block: bytes) -> None:
        self._hot[name] = block
        self._hot.move_to_end(name)
        while len(self._hot) > _HOT_BLOCKS:
            self._hot.popitem(last=False)

    def _make_room(self) -> None:
        with self._lock:
            while self._held_bytes > self._limit_bytes:
                self._forget(next(iter(self._blocks)))

    def _forget(self, name: str) -> None:
        self._held_bytes -= self._blocks.pop(name, 0)
        self._hot.pop(name, None)
        with contextlib.suppress(OSError):
            self._path(name).unlink()

    def _find(self) -> None:
        found = []
        for path in self._root.glob("??/*"):
            if path.suffix == ".part":
                path.unlink()
                continue
            state = path.stat()
            found.append((state.st_mtime_ns, path.name, state.st_size - _DIGEST_BYTES))
        for _, name, size_bytes in sorted(found):
            self._blocks[name] = size_bytes
            self._held_bytes += size_bytes

    def _path(self, name: str) -> Path:
        cid = name.rpartition(".")[0]
        return self._root / cid[-3:-1] / name


def _name(cid: str, number: int) -> str:
    try:
        return f"{check_cid(cid)}.{number}"
    except EncodingError as error:
        raise StoreError("this is not the CID of an object of ours") from error


def _within(number: int, block: bytes, offset: int, length: int) -> memoryview:
    """What a block has of a range of its object."""
    start = number * BLOCK_BYTES
    return memoryview(block)[max(0, offset - start) : offset + length - start]


def _digest(name: str, block: bytes) -> bytes:
    found = hashlib.sha256(f"{name}\n".encode())
    found.update(block)
    return found.digest()


def _gaps(blocks: dict[int, bytes | None]) -> list[tuple[int, int]]:
    """The runs of numbers that are not there, ascending."""
    runs: list[tuple[int, int]] = []
    for number, block in blocks.items():
        if block is not None:
            continue
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
