"""A spool in a folder: every instance sealed under a key of its own, which lies in the vault.

One file each, in `waiting/` or `quarantine/`: the instance as it came, then what it says of itself and why it is there,
both Cobblestone-256 messages of that key, and the length of the first. Destroying the key destroys both. While it is
taken, the file stands beside these folders and its key is in memory alone; the key goes into the vault, and the file
into its folder, once it counts: a crash before that leaves bytes that nothing opens, swept a day later. Names are made
of the time and chance, nothing else. Source: docs/formats.md (container), rename(2).
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import RawIOBase
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final, cast

import msgspec

from fiducia.adapters.key_encryption import make_private_directory, sync_directory
from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.spooled import Spooled, Taken
from fiducia.core.formats.container import KEY_BYTES, SALT_BYTES, Opener, Outlet, Sealer, sealed_length
from fiducia.errors import DecryptionError, DicomError, FiduciaError, KeyMissingError, VaultError
from fiducia.ports import Piece, Vault
from fiducia.records.intake import Defect

_ID_BYTES: Final = 16
_CONTEXT: Final = b"fiducia/v1/spool/"
_INSTANCE: Final = b"instance"
_ABOUT: Final = b"about"
_LENGTH: Final = Struct(">Q")
_ABANDONED_AFTER_S: Final = 86_400.0
_LOOKS: Final = (False, True, False)  # it moves out of quarantine, once: between two looks, or before the first
_GONE: Final = "the instance is not in the spool any more"


class FolderSpool:
    """`fiducia.ports.Spool` in a folder of its own (mode 0700, files 0600); several processes may share it."""

    def __init__(self, root: Path, vault: Vault) -> None:
        """Open or make the folder. Raises: VaultError."""
        self._vault = vault
        self._root = root
        self._waiting, self._quarantine = root / "waiting", root / "quarantine"
        self._taken: dict[bytes, bytes] = {}  # keys of what does not count yet
        self._listed: dict[bytes, Spooled] = {}  # read once: but for its folder, what was kept never changes
        with _spool_errors():
            for directory in (root, self._waiting, self._quarantine):
                make_private_directory(directory)
            sync_directory(root)
            self._sweep()

    def take(self, pieces: Iterable[Piece]) -> Taken:
        """Seal an instance's file; see `fiducia.ports.Spool.take`."""
        spool_id, key = _new_id(), secrets.token_bytes(KEY_BYTES)
        self._taken[spool_id] = key
        try:
            with _written(self._part(spool_id), os.O_CREAT | os.O_EXCL) as file:
                return Taken(spool_id, _seal(file, key, _INSTANCE, pieces))
        except BaseException:
            self._drop(spool_id)
            raise

    def keep(
        self, taken: Taken, examined: Examined, *, waiting: bool, door: str, at: int, defects: Sequence[Defect]
    ) -> Spooled:
        """Make a taken instance count; see `fiducia.ports.Spool.keep`."""
        spooled = Spooled(taken.spool_id, waiting, at, door, examined, tuple(defects))
        key, part = self._taken[taken.spool_id], self._part(taken.spool_id)
        try:
            with _written(part, os.O_APPEND) as file:
                _seal(file, key, _ABOUT, [msgspec.msgpack.encode(spooled)])
                _all(file.write, memoryview(_LENGTH.pack(sealed_length(taken.size_bytes))))
                with _spool_errors():
                    os.fsync(file.fileno())
            self._vault.put({_secret(taken.spool_id): key})
            with _spool_errors():
                os.replace(part, self._place(waiting, taken.spool_id))
                sync_directory(self._waiting if waiting else self._quarantine)
        except BaseException:
            del self._taken[taken.spool_id]  # the vault may have the key already: removed as what counts
            self.remove([taken.spool_id])
            raise
        del self._taken[taken.spool_id]
        return spooled

    def find(self, spool_id: bytes) -> Spooled | None:
        """Return one, by its id; see `fiducia.ports.Spool.find`."""
        for waiting in _LOOKS:
            path = self._place(waiting, spool_id)
            if path.exists() and (found := self._read(path, spool_id, waiting=waiting)):
                return found
        return None

    def all(self) -> tuple[Spooled, ...]:
        """Return all, in the order in which they came; see `fiducia.ports.Spool.all`."""
        with _spool_errors():
            # Quarantine first: what is released between the two looks is then seen twice rather than never.
            folders = ((False, self._quarantine), (True, self._waiting))
            places = {bytes.fromhex(path.name): waiting for waiting, folder in folders for path in folder.iterdir()}
        listed = {}
        for spool_id, waiting in sorted(places.items()):
            known = self._listed.get(spool_id)
            if known is None and (found := self.find(spool_id)) is not None:
                known = found.listed()
            if known is not None:
                listed[spool_id] = replace(known, waiting=waiting)
        self._listed = listed
        return tuple(listed.values())

    def open(self, spool_id: bytes) -> BinaryIO:
        """Open an instance's file; see `fiducia.ports.Spool.open`."""
        try:
            if key := self._taken.get(spool_id):
                return cast(BinaryIO, _opened(self._part(spool_id), key, None))
            key = self._vault.get(_secret(spool_id))
            for waiting in _LOOKS:
                with contextlib.suppress(FileNotFoundError):
                    return cast(BinaryIO, _opened(self._place(waiting, spool_id), key, _INSTANCE))
        except (KeyMissingError, FileNotFoundError) as error:
            raise DicomError(_GONE) from error
        except DecryptionError as error:
            raise _altered(spool_id.hex()) from error
        raise DicomError(_GONE)

    def release(self, spool_id: bytes) -> bool:
        """Let an instance out of quarantine; see `fiducia.ports.Spool.release`."""
        with _spool_errors():
            try:
                os.replace(self._place(False, spool_id), self._place(True, spool_id))
            except FileNotFoundError:
                return False
            sync_directory(self._waiting)
            sync_directory(self._quarantine)
        return True

    def remove(self, spool_ids: Sequence[bytes]) -> None:
        """Destroy instances; see `fiducia.ports.Spool.remove`."""
        self._vault.remove([_secret(spool_id) for spool_id in spool_ids if spool_id not in self._taken])
        with _spool_errors():
            for spool_id in spool_ids:
                for waiting in (True, False):
                    self._place(waiting, spool_id).unlink(missing_ok=True)
                self._drop(spool_id)

    def _drop(self, spool_id: bytes) -> None:
        """Destroy what was taken; its key was nowhere else."""
        self._taken.pop(spool_id, None)
        with _spool_errors():
            self._part(spool_id).unlink(missing_ok=True)

    def _place(self, waiting: bool, spool_id: bytes) -> Path:
        return (self._waiting if waiting else self._quarantine) / spool_id.hex()

    def _part(self, spool_id: bytes) -> Path:
        return self._root / spool_id.hex()

    def _read(self, path: Path, spool_id: bytes, *, waiting: bool) -> Spooled | None:
        try:
            key = self._vault.get(_secret(spool_id))
            with _spool_errors(), _opened(path, key, _ABOUT) as stream:
                kept = msgspec.msgpack.decode(stream.readall(), type=Spooled)
        except (KeyMissingError, FileNotFoundError):
            return None  # it was removed meanwhile
        except (DecryptionError, msgspec.DecodeError) as error:
            raise _altered(spool_id.hex()) from error
        if kept.spool_id != spool_id:
            raise _altered(spool_id.hex())
        # The folder says where it is now; the sealed value where it was put first.
        return replace(kept, waiting=waiting)

    def _sweep(self) -> None:
        """Remove what a crash left before it counted. What is being written now is younger."""
        limit = time.time() - _ABANDONED_AFTER_S
        for path in self._root.iterdir():
            if path.is_file() and path.stat().st_mtime < limit:
                self._vault.remove([_secret(bytes.fromhex(path.name))])
                path.unlink(missing_ok=True)


def _opened(path: Path, key: bytes, kind: bytes | None) -> _Opened:
    """Open one message of a file; without a kind, the instance of one that is not kept yet.

    Raises:
        FileNotFoundError: it is not there. DecryptionError: it was altered.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        begin, end = 0, os.fstat(descriptor).st_size
        if kind is not None:
            end -= _LENGTH.size
            place = os.pread(descriptor, _LENGTH.size, max(0, end))
            if len(place) != _LENGTH.size or end < 0:
                raise DecryptionError("the file is cut short")
            (length,) = _LENGTH.unpack(place)
            if length > end:
                raise DecryptionError("the file was altered: its parts do not fit it")
            begin, end = (0, length) if kind == _INSTANCE else (length, end)
        return _Opened(descriptor, path.name, key, kind or _INSTANCE, begin, end)
    except BaseException:
        os.close(descriptor)
        raise


class _Opened(io.RawIOBase):
    """A sealed message as a stream of what was sealed; opens the chunks that are asked for. Owns its descriptor."""

    def __init__(self, descriptor: int, name: str, key: bytes, kind: bytes, begin: int, end: int) -> None:
        super().__init__()
        self._name = name
        self._begin = begin
        self._descriptor = -1  # not ours before all went well
        self._opener = Opener(
            key, _CONTEXT + kind, end - begin, lambda offset, length: os.pread(descriptor, length, begin + offset)
        )
        self._opener.authenticate_length()
        self._descriptor = descriptor
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._opener.length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        count = max(0, min(len(view), self._opener.length - self._at))
        try:
            view[:count] = self._opener.read(self._at, count) if count else b""
        except DecryptionError as error:
            raise _altered(self._name) from error
        self._at += count
        return count

    def close(self) -> None:
        if not self.closed and self._descriptor >= 0:
            os.close(self._descriptor)
        super().close()


def _altered(name: str) -> VaultError:
    return VaultError(f"instance 0x{name} in the spool was altered: restore it, or `fiducia quarantine delete` it")


@contextmanager
def _written(path: Path, how: int) -> Iterator[RawIOBase]:
    """Open a file for writing, unbuffered."""
    with _spool_errors():
        descriptor = os.open(path, how | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        yield file


def _seal(file: RawIOBase, key: bytes, kind: bytes, pieces: Iterable[Piece]) -> int:
    """Seal pieces into a file as one message; returns how many bytes they were."""
    size_bytes = 0
    outlet = Outlet()
    sealer = Sealer(key, _CONTEXT + kind, secrets.token_bytes(SALT_BYTES), outlet)

    def put(views: Iterator[memoryview]) -> None:
        for view in views:
            _all(file.write, view)

    for piece in pieces:  # what `pieces` raises is not the spool's
        size_bytes += len(piece)
        put(sealer.update(piece))
    put(sealer.finish())
    _all(file.write, outlet.flush())
    return size_bytes


def _all(write: Callable[[memoryview], int | None], view: memoryview) -> None:
    with _spool_errors():
        while view:
            view = view[write(view) or 0 :]


@contextmanager
def _spool_errors() -> Iterator[None]:
    """One error for what the disk does; ours and a missing file pass."""
    try:
        yield
    except (FiduciaError, FileNotFoundError):
        raise
    except OSError as error:
        raise VaultError("the spool cannot be written or read: is the disk full, or not there?") from error


def _new_id() -> bytes:
    """Return an id that sorts after those before it: time in nanoseconds, then chance."""
    return time.time_ns().to_bytes(8, "big") + secrets.token_bytes(_ID_BYTES - 8)


def _secret(spool_id: bytes) -> str:
    return f"spool/{spool_id.hex()}"
