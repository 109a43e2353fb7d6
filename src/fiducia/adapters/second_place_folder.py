"""A second place in a folder: another disk, a mount, a machine that is synchronised elsewhere.

Owns that an object is whole and durable under its name or not there, and the lock and the mark beside the objects.
What lies here is sealed and signed: the folder is trusted with availability only. The folder must be there: a mount
that is missing must not be mistaken for an empty place. Source: rename(2), link(2), fsync(2), flock(2).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fiducia.adapters.key_encryption import sync_directory
from fiducia.errors import BackupError
from fiducia.ports import Piece

WAIT_S = 60.0
_PAUSE_S = 0.005
_NAME = re.compile(r"(?:base|more)-[0-9]{8,12}")
_LOCK, _MARK = ".lock", ".unfinished"
_UNFINISHED, _FINISHED = b"1", b"0"


class FolderSecondPlace:
    """A `fiducia.ports.SecondPlace` in a folder (files 0600). Safe for many threads and processes at once."""

    def __init__(self, root: Path, *, wait_s: float = WAIT_S) -> None:
        """Use a folder that is there. Raises: BackupError (it is not)."""
        self._root = root
        self._wait_s = wait_s
        if not root.is_dir():
            raise BackupError(f"there is no folder {root}: make it, or mount the disk on which it lies")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the place; see `SecondPlace.alone`."""
        with _told("cannot be locked"):
            descriptor = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock(descriptor, time.monotonic() + self._wait_s)
            yield
        finally:
            os.close(descriptor)

    def put(self, name: str, pieces: Iterable[Piece]) -> None:
        """Keep an object; see `SecondPlace.put`."""
        path = self._path(name)
        with _told("cannot be written"):
            descriptor, draft = tempfile.mkstemp(dir=self._root, prefix=".incoming-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:  # outside of the translation: what `pieces` raises is not the place's
                    with _told("cannot be written"):
                        file.write(piece)
                with _told("cannot be written"):
                    file.flush()
                    os.fsync(file.fileno())
                    os.link(draft, path)  # fails when the name is taken, where a rename would replace
                    sync_directory(self._root)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(draft)

    def size(self, name: str) -> int | None:
        """Return an object's size; see `SecondPlace.size`."""
        with _told("cannot be read"):
            try:
                return self._path(name).stat().st_size
            except FileNotFoundError:
                return None

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Read a range; see `SecondPlace.read`."""
        with _told("cannot be read"), self._path(name).open("rb") as file:
            file.seek(offset)
            content = file.read(length)
        if len(content) != length:
            raise BackupError(f"the second place has not all of {name}")
        return content

    def names(self) -> tuple[str, ...]:
        """Return all names; see `SecondPlace.names`."""
        with _told("cannot be read"):
            return tuple(sorted(name for name in os.listdir(self._root) if _NAME.fullmatch(name)))

    def remove(self, names: Sequence[str]) -> None:
        """Forget objects; see `SecondPlace.remove`."""
        with _told("cannot be written"):
            for name in names:
                self._path(name).unlink(missing_ok=True)
                sync_directory(self._root)

    def mark(self, unfinished: bool) -> None:
        """Note it; see `SecondPlace.mark`. Taken back, it may survive a power cut: a stale mark only costs time."""
        with _told("cannot be written"):
            descriptor = os.open(self._root / _MARK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(descriptor, _UNFINISHED if unfinished else _FINISHED, 0)
                if unfinished:
                    os.fsync(descriptor)
                    sync_directory(self._root)
            finally:
                os.close(descriptor)

    def marked(self) -> bool:
        """Tell whether it is noted; see `SecondPlace.marked`."""
        with _told("cannot be read"):
            try:
                return (self._root / _MARK).read_bytes() == _UNFINISHED
            except FileNotFoundError:
                return False

    def _lock(self, descriptor: int, until: float) -> None:
        while True:
            try:
                with _told("cannot be locked", passing=BlockingIOError):
                    return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise BackupError("the second place is being written by others for too long; try again") from None
            time.sleep(_PAUSE_S)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise BackupError("this is not the name of a part of a copy")
        return self._root / name


@contextmanager
def _told(what: str, passing: type[OSError] = InterruptedError) -> Iterator[None]:
    try:
        yield
    except passing:
        raise
    except FileExistsError as error:
        raise BackupError("the second place has a part of that name already: is another home copied there?") from error
    except OSError as error:
        raise BackupError(f"the second place {what}: {error.strerror}") from error
