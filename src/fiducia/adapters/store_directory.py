"""The embedded store: one directory, one file per object, named by its CID.

Owns atomic, durable writing and ranged reading. Does not verify contents when reading: the seal's tags do, at the
caller; a store is trusted with availability only. Interchangeable with Kubo, whose CIDs are the same.
Layout: `objects/<two characters>/<cid>` and `incoming/` for what is being written. Source: rename(2), fsync(2).
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from fiducia.core.formats.cid import check_cid
from fiducia.errors import EncodingError, StoreError, StoreMissingError
from fiducia.ports import Piece
from fiducia.records.images import StoredObject

_ABANDONED_AFTER_S = 3600.0
_LARGEST_READ_BYTES = 1 << 30  # what one pread takes on every system; longer reads loop
_BEHIND_BYTES = 16 << 20  # what is written goes to the disk in steps of this, while the next is made


class DirectoryStore:
    """A `Store` in a directory of its own (mode 0700, files 0600). Safe for many threads and processes at once."""

    def __init__(self, root: Path) -> None:
        """Open or make the store. Raises: StoreError."""
        self._objects = root / "objects"
        self._incoming = root / "incoming"
        with _store_errors("cannot open the store's directory"):
            for directory in (root, self._objects, self._incoming):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_directory(root)
            self._sweep()

    def put(self, cid: Callable[[], str], pieces: Iterable[Piece]) -> StoredObject:
        """Store one object; see `fiducia.ports.Store.put`."""
        with _store_errors("cannot write to the store"):
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
        try:
            with contextlib.closing(_File(descriptor)) as file:
                for piece in pieces:  # outside of the error translation: what `pieces` raises is not the store's
                    with _store_errors("cannot write to the store"):
                        file.write(piece)
                address = _checked(cid())
                with _store_errors("cannot write to the store"):
                    file.sync()
                    self._install(name, address)
            return StoredObject(address, file.size_bytes)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(name)  # gone already when it was installed

    def read(self, cid: str, offset: int, length: int) -> bytes:
        """Read a range; see `fiducia.ports.Store.read`."""
        with _store_errors("cannot read from the store"):
            descriptor = os.open(f"{self._objects}/{_within(cid)}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = _read_fully(descriptor, offset, length)
            finally:
                os.close(descriptor)
        if len(data) != length:
            raise StoreMissingError(f"the store holds {len(data)} of {length} bytes at {offset} of {cid}")
        return data

    def size(self, cid: str) -> int:
        """Return the object's size in bytes; see `fiducia.ports.Store.size`."""
        with _store_errors("cannot read from the store"):
            return self._path(cid).stat().st_size

    def remove(self, cid: str) -> None:
        """Forget an object; see `fiducia.ports.Store.remove`."""
        with _store_errors("cannot write to the store"):
            path = self._path(cid)
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
                _sync_directory(path.parent)

    def health(self) -> None:
        """Return when files can be made here; see `fiducia.ports.Store.health`."""
        with _store_errors("cannot write to the store"), tempfile.TemporaryFile(dir=self._incoming):
            return

    def _path(self, cid: str) -> Path:
        return self._objects / _within(cid)

    def _install(self, name: str, cid: str) -> None:
        """Give a complete, synced file its name: it appears whole or not at all, and survives a power cut."""
        path = self._path(cid)
        try:
            path.parent.mkdir(mode=0o700)
            _sync_directory(self._objects)
        except FileExistsError:
            pass
        os.replace(name, path)  # over an object of the same CID too: that repairs a damaged one
        _sync_directory(path.parent)

    def _sweep(self) -> None:
        """Remove what killed writers left. A file that is locked, or young, may still have its writer."""
        for path in self._incoming.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime < _ABANDONED_AFTER_S:
                    continue
                with path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()


class _File:
    """A file being written; its lock tells other processes that its writer lives."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size_bytes = 0
        self._behind = ThreadPoolExecutor(1, thread_name_prefix="sync")  # no thread before there is something to do
        self._syncing: Future[None] | None = None
        self._sent_bytes = 0
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def write(self, piece: Piece) -> None:
        view = memoryview(piece).cast("B")
        while view:
            written = os.write(self._descriptor, view)
            self.size_bytes += written
            view = view[written:]
        if self.size_bytes - self._sent_bytes >= _BEHIND_BYTES:
            self._sync_behind()

    def sync(self) -> None:
        if self._syncing is not None:
            self._syncing.result()  # a disk tells of an error once: to this one, or to the next line
        os.fsync(self._descriptor)

    def close(self) -> None:
        self._behind.shutdown()  # before the descriptor can become another file's
        os.close(self._descriptor)

    def _sync_behind(self) -> None:
        """Begin to send to the disk what was written, unless it is busy with what was written before."""
        if self._syncing is not None:
            if not self._syncing.done():
                return
            self._syncing.result()
        self._sent_bytes = self.size_bytes
        self._syncing = self._behind.submit(os.fsync, self._descriptor)


def _read_fully(descriptor: int, offset: int, length: int) -> bytes:
    """Read `length` bytes, or what there is up to the end."""
    first = os.pread(descriptor, min(length, _LARGEST_READ_BYTES), offset)
    if len(first) == length or not first:
        return first
    parts = [first]
    done = len(first)
    while done < length and (part := os.pread(descriptor, min(length - done, _LARGEST_READ_BYTES), offset + done)):
        parts.append(part)
        done += len(part)
    return b"".join(parts)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@functools.lru_cache(maxsize=1024)  # every read of a frame asks for the same few
def _within(cid: str) -> str:
    """Where an object lies below `objects`. Raises: StoreMissingError."""
    # All our CIDs begin alike; the characters before the last (as in Kubo's flatfs) spread evenly.
    return f"{_checked(cid)[-3:-1]}/{cid}"


def _checked(cid: str) -> str:
    """A CID becomes part of a path: anything but the one canonical text names nothing here."""
    try:
        return check_cid(cid)
    except EncodingError as error:
        raise StoreMissingError("this is not the address of a stored object") from error


@contextlib.contextmanager
def _store_errors(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise StoreMissingError("the store has no such object") from error
    except OSError as error:
        raise StoreError(f"{what}: {error.strerror}") from error
