"""What only the embedded directory store promises: atomic, durable, private, shared, honest about a full disk."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fiducia.adapters import store_directory
from fiducia.adapters.store_directory import DirectoryStore
from fiducia.core.formats.cid import raw_cid
from fiducia.errors import StoreError, StoreMissingError
from fiducia.ports import Piece
from tests.ports.test_store import content, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def files(root: Path) -> list[Path]:
    """Every file below the store's root."""
    return sorted(path for path in root.rglob("*") if path.is_file())


def object_file(root: Path, cid: str) -> Path:
    """The one file that holds an object."""
    (path,) = root.rglob(cid)
    return path


def test_files_are_private(root: Path) -> None:
    put(DirectoryStore(root), b"data")
    for path in [root, *root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_flipped_byte_is_delivered_for_the_seal_to_catch(root: Path) -> None:
    store = DirectoryStore(root)
    data = content(1000, "flip")
    cid = put(store, data)
    path = object_file(root, cid)
    path.write_bytes(data[:500] + bytes((data[500] ^ 1,)) + data[501:])
    read = store.read(cid, 0, 1000)
    assert [i for i in range(1000) if read[i] != data[i]] == [500]


@pytest.mark.parametrize("kept", [0, 1, 999])
def test_a_truncated_file_is_missing_what_it_lost(root: Path, kept: int) -> None:
    store = DirectoryStore(root)
    cid = put(store, content(1000, "cut"))
    os.truncate(object_file(root, cid), kept)
    with pytest.raises(StoreMissingError):
        store.read(cid, 0, 1000)


def test_putting_again_repairs(root: Path) -> None:
    store = DirectoryStore(root)
    cid = put(store, b"data")
    object_file(root, cid).write_bytes(b"DATA")
    put(store, b"data")
    assert store.read(cid, 0, 4) == b"data"


def test_an_object_appears_whole_or_not_at_all(root: Path) -> None:
    store = DirectoryStore(root)
    cid = raw_cid(b"firstlast")

    def pieces() -> Iterator[Piece]:
        yield b"first"
        with pytest.raises(StoreMissingError):
            store.size(cid)
        yield b"last"

    store.put(lambda: cid, pieces())
    assert store.size(cid) == 9
    assert files(root) == [object_file(root, cid)]


def test_everything_is_on_disk_before_put_returns(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order that survives a power cut: the data, then its name, then the directory that holds the name."""
    store = DirectoryStore(root)
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noting_fsync(descriptor: int) -> None:
        steps.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "data")
        fsync(descriptor)

    def noting_replace(source: str, target: Path) -> None:
        steps.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "replace", noting_replace)
    put(store, b"data")
    assert steps == ["data", "directory", "name", "directory"]  # the first directory: a new one's name in its parent


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_full_or_broken_disk_is_a_store_error_and_leaves_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    store = DirectoryStore(root)

    def fails(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fails)
        with pytest.raises(StoreError, match="No space left"):
            store.put(lambda: raw_cid(b"data"), [b"data"])
    assert files(root) == []
    put(store, b"data")


def test_what_a_disk_says_once_while_more_is_written_is_heard(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system tells of a failed write once: the next sync of the same file succeeds, though its bytes are lost."""
    monkeypatch.setattr(store_directory, "_BEHIND_BYTES", 2)
    store = DirectoryStore(root)
    fsync, failed = os.fsync, list[int]()

    def fails_once(descriptor: int) -> None:
        if not failed:
            failed.append(descriptor)
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails_once)
        with pytest.raises(StoreError, match="Input/output error"):
            store.put(lambda: raw_cid(b"data"), [b"da", b"t", b"a"])
    assert failed
    assert files(root) == []
    put(store, b"data")
    assert object_file(root, raw_cid(b"data")).read_bytes() == b"data"


def test_a_writer_killed_in_the_middle_leaves_no_object_and_its_remains_are_swept(root: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from fiducia.adapters import store_directory
from fiducia.adapters.store_directory import DirectoryStore
def pieces():
    yield b"data"
    os.kill(os.getpid(), 9)
DirectoryStore(Path(sys.argv[1])).put(lambda: "never", pieces())
"""
    done = subprocess.run([sys.executable, "-c", code, str(root)], check=False)
    assert done.returncode == -9
    (left,) = files(root)
    DirectoryStore(root)
    assert files(root) == [left], "a young file may have a living writer"
    hours_ago = time.time() - 7200
    os.utime(left, (hours_ago, hours_ago))
    DirectoryStore(root)
    assert files(root) == []


def test_a_slow_writer_is_not_swept(root: Path) -> None:
    store = DirectoryStore(root)
    cid = raw_cid(b"slowdata")

    def pieces() -> Iterator[Piece]:
        yield b"slow"
        (incoming,) = files(root)
        os.utime(incoming, (0, 0))
        DirectoryStore(root)
        yield b"data"

    store.put(lambda: cid, pieces())
    assert store.read(cid, 0, 8) == b"slowdata"


def test_two_stores_share_a_directory(root: Path) -> None:
    one, other = DirectoryStore(root), DirectoryStore(root)
    cid = put(one, b"shared")
    assert other.read(cid, 0, 6) == b"shared"
    other.remove(cid)
    with pytest.raises(StoreMissingError):
        one.read(cid, 0, 6)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError):
        DirectoryStore(tmp_path / "file" / "store")


def test_a_store_that_vanished_is_not_healthy(root: Path) -> None:
    store = DirectoryStore(root)
    for path in sorted(root.rglob("*"), reverse=True):
        path.rmdir()
    with pytest.raises(StoreError):
        store.health()
