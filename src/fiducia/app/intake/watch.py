"""A watched folder: what is put there is received, and removed once it is durable in the spool.

A file is received when its length and its time did not change for a while: whoever writes it is done, or should write
it under another name first (names that begin with a dot are left alone). Only regular files, never through a link.
What is refused is moved into `refused` beside the folder, for whoever put it there to look at; what is set aside is
kept in quarantine like everything else. Nothing is logged but counts.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from fiducia.app.background import repeat
from fiducia.app.intake.data_set import INSTANCE_MAX_BYTES
from fiducia.errors import ConfigError, DicomError
from fiducia.journeys.intake.receive import ReceiveInstance, SetAsideError

SCAN_EVERY_S = 1.0
QUIET_S = 3.0
REFUSED: Final = "refused"
_READ_BYTES: Final = 1 << 20
# O_NONBLOCK: should a pipe take the file's place between look and open, opening it must not wait for a writer.
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_log = structlog.get_logger("fiducia.intake")


class _Seen(NamedTuple):
    """A file as it was found."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int


class _Done(IntEnum):
    RECEIVED = 1
    REFUSED = 2
    LATER = 3


class _ChangedError(DicomError):
    """The file is not what it was: it is received once it is quiet again."""


class WatchedFolder:
    """One folder, and what is in its folders.

    Example:
        ``WatchedFolder(receive, Path("/var/spool/scanner")).scan()``
    """

    def __init__(self, receive: ReceiveInstance, folder: Path, quiet_s: float = QUIET_S) -> None:
        """Look at the folder. Raises: ConfigError (it is none, or may not be changed)."""
        if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise ConfigError("the folder to watch is not there, or files in it may not be read and removed")
        self._receive = receive
        self._folder = folder.resolve()
        self._refused = self._folder.parent / REFUSED
        self._quiet_s = quiet_s
        self._since: dict[str, tuple[_Seen, float]] = {}
        self._left: dict[str, _Seen] = {}  # dealt with, and could not be moved or removed: left as they are

    def scan(self, now: float | None = None) -> tuple[int, int]:
        """Receive what is quiet.

        Args:
            now: seconds of the monotonic clock, for tests.

        Returns:
            How many files were received (set aside ones among them) and how many were refused.

        Raises:
            FiduciaError: one could not be kept; what was not received stays where it is.
        """
        now = time.monotonic() if now is None else now
        counts = dict.fromkeys(_Done, 0)
        there: dict[str, tuple[_Seen, float]] = {}
        try:
            for path, name, directory, seen in self._files():
                before, since = self._since.get(path, (None, now))
                since = since if before == seen else now
                there[path] = (seen, since)
                if now - since >= self._quiet_s and self._left.get(path) != seen:
                    counts[self._take(path, name, directory, seen)] += 1
        except BaseException:
            self._since |= there  # the others are as quiet as they were
            raise
        self._since = there
        self._left = {path: seen for path, seen in self._left.items() if path in there}
        return counts[_Done.RECEIVED], counts[_Done.REFUSED]

    def serve(self, stop: threading.Event) -> None:
        """Scan again and again until told to stop."""

        def look() -> None:
            try:
                received, refused = self.scan()
            except OSError as error:
                raise ConfigError("the watched folder cannot be read") from error
            if received or refused:
                _log.info("watched", received=received, refused=refused)

        repeat(look, stop, SCAN_EVERY_S, room="fiducia.intake", what="watching")

    def _files(self) -> Iterator[tuple[str, str, int, _Seen]]:
        """Yield regular files: path, name, its open directory's descriptor, and what was seen."""
        for path, folders, names, directory in os.fwalk(self._folder, follow_symlinks=False):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if name.startswith("."):
                    continue
                try:
                    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    yield os.path.join(path, name), name, directory, _seen(status)

    def _take(self, path: str, name: str, directory: int, seen: _Seen) -> _Done:
        try:
            self._receive.run(_pieces(name, directory, seen), door="folder")
        except SetAsideError:
            pass  # it is kept
        except _ChangedError:
            return _Done.LATER
        except DicomError:
            if not self._move(name, directory, seen):
                self._left[path] = seen
            return _Done.REFUSED
        # It is durable. Only the file that was read is removed, not one that took its name meanwhile.
        try:
            if _is_still(name, directory, seen):
                os.unlink(name, dir_fd=directory)
        except OSError:
            self._left[path] = seen  # or it would be received again and again
        return _Done.RECEIVED

    def _move(self, name: str, directory: int, seen: _Seen) -> bool:
        """Move a refused file away; False when that cannot be done (`refused` is on another file system, say)."""
        try:
            self._refused.mkdir(mode=0o700, exist_ok=True)
            target = self._refused / name
            number = 1
            while os.path.lexists(target):
                number += 1
                target = self._refused / f"{number}-{name}"
            if _is_still(name, directory, seen):
                os.rename(name, target, src_dir_fd=directory)
        except OSError:
            return False
        return True


def _seen(status: os.stat_result) -> _Seen:
    return _Seen(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _is_still(name: str, directory: int, seen: _Seen) -> bool:
    try:
        return _seen(os.stat(name, dir_fd=directory, follow_symlinks=False)) == seen
    except FileNotFoundError:
        return False


def _pieces(name: str, directory: int, seen: _Seen) -> Iterator[bytes]:
    """Yield a file's bytes. Raises: DicomError (too large); _ChangedError (not the file that was seen, at any time)."""
    if seen.size_bytes > INSTANCE_MAX_BYTES:
        raise DicomError("the instance is larger than this door takes")
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=directory)
    except OSError as error:
        raise _ChangedError("the file cannot be opened, or not any more") from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        count = 0
        while _seen(os.fstat(descriptor)) == seen:
            piece = file.read(_READ_BYTES)
            if not piece and count == seen.size_bytes:
                return
            count += len(piece)
            if not piece:
                break
            yield piece
    raise _ChangedError("the file changed while it was being read")
