"""What every second place does, in memory and in a folder."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fiducia.adapters.memory.second_place import MemorySecondPlace
from fiducia.adapters.second_place_folder import FolderSecondPlace
from fiducia.errors import BackupError
from fiducia.ports import SecondPlace

BASE, MORE = "base-00000001", "more-00000001"


@pytest.fixture(params=["memory", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> SecondPlace:
    return MemorySecondPlace() if request.param == "memory" else FolderSecondPlace(tmp_path)


def test_what_was_put_is_there(place: SecondPlace) -> None:
    place.put(BASE, [b"ab", memoryview(b"cd"), bytearray(b"")])
    assert (place.size(BASE), place.read(BASE, 1, 2), place.read(BASE, 4, 0)) == (4, b"bc", b"")
    assert place.names() == (BASE,)
    assert place.size(MORE) is None


def test_an_object_is_never_replaced(place: SecondPlace) -> None:
    place.put(BASE, [b"1"])
    with pytest.raises(BackupError):
        place.put(BASE, [b"2"])
    assert place.read(BASE, 0, 1) == b"1"


def test_what_raises_while_it_is_written_leaves_nothing(place: SecondPlace) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"1"
        raise LookupError

    with pytest.raises(LookupError):
        place.put(BASE, pieces())
    assert place.names() == ()
    place.put(BASE, [b"1"])


def test_reading_beyond_the_end_and_what_is_not_there_fails(place: SecondPlace) -> None:
    place.put(BASE, [b"1"])
    for name, offset, length in ((BASE, 0, 2), (BASE, 1, 1), (MORE, 0, 1)):
        with pytest.raises(BackupError):
            place.read(name, offset, length)


def test_removing_is_done_also_for_what_is_absent(place: SecondPlace) -> None:
    place.put(BASE, [b"1"])
    place.put(MORE, [b"1"])
    for _ in range(2):
        place.remove([BASE, "more-00000009"])
    assert place.names() == (MORE,)


def test_the_mark_stays_until_it_is_taken_back(place: SecondPlace) -> None:
    assert not place.marked()
    for unfinished in (True, True, False, False, True):
        place.mark(unfinished)
        assert place.marked() is unfinished
    assert place.names() == ()


def test_only_one_at_a_time_is_alone(place: SecondPlace) -> None:
    inside: list[int] = []

    def enter(number: int) -> None:
        with place.alone():
            inside.append(number)
            assert inside == [number]
            inside.remove(number)

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with place.alone():
        assert inside == []


# -- the folder alone


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="mount"):
        FolderSecondPlace(tmp_path / "second")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_vanishes_fails(tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    place = FolderSecondPlace(tmp_path / "second")
    (tmp_path / "second").rmdir()
    for call in (lambda: place.names(), lambda: place.put(BASE, [b"1"]), lambda: place.mark(True)):
        with pytest.raises(BackupError):
            call()
    with pytest.raises(BackupError), place.alone():
        pass


def test_objects_are_their_owners_alone_and_drafts_are_not_listed(tmp_path: Path) -> None:
    place = FolderSecondPlace(tmp_path)
    with place.alone():
        place.mark(True)
        place.put(BASE, [b"1"])
    (tmp_path / ".incoming-x").write_bytes(b"1")
    (tmp_path / "notes.txt").write_bytes(b"1")
    assert place.names() == (BASE,)
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir() if path.name in (BASE, ".lock")} == {0}


@pytest.mark.parametrize("name", ["../x", "x", ".lock", "base-1", "base-00000001/x"])
def test_other_names_are_no_parts_of_a_copy(tmp_path: Path, name: str) -> None:
    with pytest.raises(BackupError):
        FolderSecondPlace(tmp_path).put(name, [b"1"])


def _hold(root: Path, held: object, go: object) -> None:
    with FolderSecondPlace(root).alone():
        held.set()  # type: ignore[attr-defined]
        go.wait(60)  # type: ignore[attr-defined]


def test_another_process_is_waited_for_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, go = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, held, go))
    process.start()
    assert held.wait(60)
    with pytest.raises(BackupError, match="too long"), FolderSecondPlace(tmp_path, wait_s=0.0).alone():
        pass
    process.kill()
    process.join()
    with FolderSecondPlace(tmp_path, wait_s=30).alone():
        pass
