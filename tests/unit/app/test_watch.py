"""A watched folder: what is taken from it, when, and what never."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from fiducia.app.intake import watch
from fiducia.app.intake.watch import WatchedFolder
from fiducia.errors import ConfigError, VaultError
from tests.support.consortium import HOSPITAL_A, Consortium
from tests.unit.app.test_dimse import within
from tests.unit.app.test_intake import door_of


@pytest.fixture
def world() -> Consortium:
    return Consortium()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scanner").mkdir()
    return tmp_path / "scanner"


@pytest.fixture
def watched(world: Consortium, folder: Path) -> WatchedFolder:
    return WatchedFolder(door_of(world).receive, folder, quiet_s=3)


def put(folder: Path, files: dict[str, bytes]) -> list[Path]:
    paths = [folder / f"{number}.dcm" for number in range(len(files))]
    for path, data in zip(paths, files.values(), strict=True):
        path.write_bytes(data)
    return paths


def kept(world: Consortium) -> list[bytes]:
    return [world.spool.open(each.spool_id).read() for each in world.spool.all()]


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_what_is_quiet_is_received_and_removed(world: Consortium, folder: Path, watched: WatchedFolder) -> None:
    files = world.add_series(3)
    put(folder, files)
    assert watched.scan(now=0) == (0, 0)
    assert watched.scan(now=2.9) == (0, 0)
    assert len(names(folder)) == 3
    assert watched.scan(now=3) == (3, 0)
    assert names(folder) == set()
    assert sorted(kept(world)) == sorted(files.values())
    assert {(each.door, each.waiting) for each in world.spool.all()} == {("folder", True)}
    (study,) = door_of(world).close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True).studies
    assert study.instances == 3


def test_what_still_grows_is_left_alone(world: Consortium, folder: Path, watched: WatchedFolder) -> None:
    (data,) = world.add_series(1).values()
    path = folder / "slow.dcm"
    for now, size in enumerate(range(100, len(data), len(data) // 6)):
        path.write_bytes(data[:size])
        assert watched.scan(now=2 * now) == (0, 0)
    path.write_bytes(data)
    assert watched.scan(now=100) == (0, 0)
    assert watched.scan(now=103) == (1, 0)
    assert kept(world) == [data]


def test_folders_inside_are_looked_into_and_hidden_names_are_not(
    world: Consortium, folder: Path, watched: WatchedFolder
) -> None:
    (data,) = world.add_series(1).values()
    for name in ("a/b/c.dcm", ".part/x.dcm", ".x.dcm"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    watched.scan(now=0)
    assert watched.scan(now=5) == (1, 0)
    assert names(folder) == {".part/x.dcm", ".x.dcm"}


def test_links_pipes_and_what_they_lead_to_are_never_touched(
    world: Consortium, folder: Path, tmp_path: Path, watched: WatchedFolder
) -> None:
    (data,) = world.add_series(1).values()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.dcm").write_bytes(data)
    (folder / "link.dcm").symlink_to(outside / "secret.dcm")
    (folder / "links").symlink_to(outside)
    os.mkfifo(folder / "pipe.dcm")
    watched.scan(now=0)
    assert watched.scan(now=5) == (0, 0)
    assert (outside / "secret.dcm").exists()
    assert world.spool.all() == ()


def test_what_is_refused_is_moved_beside_and_its_neighbours_are_taken(
    world: Consortium, folder: Path, watched: WatchedFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    (data,) = world.add_series(1).values()
    for round_ in range(2):
        (folder / "SAMPLE-1.txt").write_bytes(b"no DICOM at all")
        (folder / "good.dcm").write_bytes(data)
        watched.scan(now=10 * round_)
        assert watched.scan(now=10 * round_ + 5) == (1, 1)
    assert names(folder) == set()
    refused = folder.parent / "refused"
    assert names(refused) == {"SAMPLE-1.txt", "2-SAMPLE-1.txt"}
    assert refused.stat().st_mode & 0o777 == 0o700
    assert "SAMPLE-1" not in "".join(capfd.readouterr())


def test_what_is_set_aside_is_kept_and_removed(world: Consortium, folder: Path, watched: WatchedFolder) -> None:
    (data,) = world.add_series(1).values()
    (folder / "odd.dcm").write_bytes(b"MZ" + data[2:])
    watched.scan(now=0)
    assert watched.scan(now=5) == (1, 0)
    assert names(folder) == set()
    assert [each.waiting for each in world.spool.all()] == [False]


def test_what_could_not_be_kept_stays_and_is_tried_again(
    world: Consortium, folder: Path, watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(pieces: Any) -> None:
        raise VaultError("the disk is full")

    put(folder, world.add_series(2))
    watched.scan(now=0)
    with monkeypatch.context() as patched:
        patched.setattr(world.spool, "take", full)
        with pytest.raises(VaultError):
            watched.scan(now=5)
    assert len(names(folder)) == 2
    assert watched.scan(now=6) == (2, 0)


def test_a_file_that_changes_while_it_is_read_is_not_taken(
    world: Consortium, folder: Path, watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data,) = world.add_series(1).values()
    path = folder / "a.dcm"
    path.write_bytes(data)
    take = world.spool.take

    def meddled(pieces: Any) -> Any:
        def slowly() -> Any:
            for piece in pieces:
                yield piece
                with path.open("ab") as file:
                    file.write(b"more")

        return take(slowly())

    watched.scan(now=0)
    with monkeypatch.context() as patched:
        patched.setattr(world.spool, "take", meddled)
        assert watched.scan(now=5) == (0, 0)
    assert path.exists()
    assert world.spool.all() == ()
    assert not (folder.parent / "refused").exists()


def test_a_file_that_took_the_name_of_a_received_one_stays(
    world: Consortium, folder: Path, watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = world.add_series(2).values()
    path = folder / "a.dcm"
    path.write_bytes(first)
    watched.scan(now=0)
    keep = world.spool.keep

    def replaced(*args: Any, **named: Any) -> Any:
        (folder / ".new").write_bytes(second)
        (folder / ".new").rename(path)
        return keep(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(world.spool, "keep", replaced)
        assert watched.scan(now=5) == (1, 0)
    assert path.read_bytes() == second
    watched.scan(now=6)
    assert watched.scan(now=9) == (1, 0)
    assert kept(world) == [first, second]


def test_what_cannot_be_removed_is_not_received_again(
    world: Consortium, folder: Path, watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError("read-only")

    (folder / "refused.txt").write_bytes(b"no DICOM at all")
    put(folder, world.add_series(1))
    monkeypatch.setattr(os, "unlink", denied)
    monkeypatch.setattr(os, "rename", denied)
    watched.scan(now=0)
    assert watched.scan(now=5) == (1, 1)
    assert watched.scan(now=6) == (0, 0)
    assert len(world.spool.all()) == 1
    assert len(names(folder)) == 2


def test_a_folder_that_is_none_is_refused(world: Consortium, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(ConfigError):
            WatchedFolder(door_of(world).receive, path)


def test_it_goes_on_by_itself_and_says_counts_only(
    world: Consortium, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "SCAN_EVERY_S", 0.02)
    stop = threading.Event()
    thread = threading.Thread(target=WatchedFolder(door_of(world).receive, folder, 0.1).serve, args=(stop,))
    thread.start()
    put(folder, world.add_series(2))
    (folder / "SAMPLE-1").write_bytes(b"no DICOM")
    assert within(5, lambda: not names(folder))
    stop.set()
    thread.join(5)
    told = "".join(capfd.readouterr())
    assert "received=" in told
    assert "SAMPLE-1" not in told
    assert ".dcm" not in told
