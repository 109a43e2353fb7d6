"""Exclusive claims beside a SQLite file, across threads and processes, that a crash lets go.

Owns the lock files. Each claim is flock(2) on a file description of its own: the kernel ends it with the
process, and two threads of one process exclude each other as two processes do. Files lie on a local
disk, where flock is reliable.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from fiducia.adapters.key_encryption import make_private_directory
from fiducia.errors import LimitError, VaultError

_FIRST_PAUSE_S: Final = 0.002
_LONGEST_PAUSE_S: Final = 0.05


@contextmanager
def claim(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock file alone; it is there only while somebody holds or awaits it.

    Args:
        path: the lock file; made when missing, mode 0600.
        timeout_s: how long to wait for another holder, in seconds.

    Raises:
        LimitError: still held by another after that time.
        VaultError: the lock file cannot be made.
    """
    try:
        descriptor = _acquire(path, time.monotonic() + timeout_s)
    except OSError as error:
        raise VaultError("the lock file of a study cannot be made; check the directory's mode and space") from error
    try:
        yield
    finally:
        # Removed while still held: who waits on this file sees that it is gone and takes the next one.
        with suppress(OSError):  # a file left behind hinders nobody
            path.unlink()
        os.close(descriptor)


def _acquire(path: Path, until: float) -> int:
    pause_s = _FIRST_PAUSE_S
    while True:
        descriptor = _try_lock(path)
        if descriptor is not None:
            return descriptor
        if time.monotonic() >= until:
            raise LimitError("this study is being worked on elsewhere; try again later")
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock, or None when another holds it or has just let go."""
    make_private_directory(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = os.fstat(descriptor)
        named = os.stat(path, follow_symlinks=False)
        if (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
