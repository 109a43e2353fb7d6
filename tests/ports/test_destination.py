"""One suite for both destinations: nothing is visible before it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fiducia.adapters.folder_destination import FolderDestination
from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.errors import InputError
from fiducia.ports import Destination

Visible = Callable[[], dict[tuple[int, int], bytes]]


class FolderCase:
    """A folder, and how to look at it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.out = root / "out"

    def make(self, label: str = "one") -> Destination:
        return FolderDestination(self.out, label)

    def visible(self) -> dict[tuple[int, int], bytes]:
        found = {}
        for path in self.out.glob("series-*/instance-*.dcm"):
            place = (int(path.parent.name.removeprefix("series-")), int(path.stem.removeprefix("instance-")))
            found[place] = path.read_bytes()
        return found


class MemoryCase:
    """The same in memory: one destination stands for its place."""

    def __init__(self) -> None:
        self.destination = MemoryDestination()

    def make(self, label: str = "one") -> Destination:
        return self.destination

    def visible(self) -> dict[tuple[int, int], bytes]:
        return dict(self.destination.visible)


@pytest.fixture(params=["folder", "memory"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> FolderCase | MemoryCase:
    return FolderCase(tmp_path) if request.param == "folder" else MemoryCase()


def test_what_is_staged_is_visible_only_after_publish(case: FolderCase | MemoryCase) -> None:
    destination = case.make()
    destination.stage(1, 1, [b"ab", memoryview(b"cd")])
    destination.stage(2, 7, [])
    assert case.visible() == {}
    destination.publish()
    assert case.visible() == {(1, 1): b"abcd", (2, 7): b""}
    destination.publish()
    assert case.visible() == {(1, 1): b"abcd", (2, 7): b""}


def test_an_interrupted_run_finds_what_it_staged(case: FolderCase | MemoryCase) -> None:
    case.make().stage(1, 1, [b"whole"])
    again = case.make()
    stream = again.staged(1, 1)
    assert stream is not None
    with stream:
        assert stream.read() == b"whole"
    assert again.staged(1, 2) is None


def test_pieces_that_fail_leave_nothing(case: FolderCase | MemoryCase) -> None:
    def failing() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError

    destination = case.make()
    with pytest.raises(RuntimeError):
        destination.stage(1, 1, failing())
    assert destination.staged(1, 1) is None
    destination.publish()
    assert case.visible() == {}


def test_discard_leaves_no_trace(case: FolderCase | MemoryCase) -> None:
    destination = case.make()
    destination.stage(1, 1, [b"x"])
    destination.discard()
    destination.discard()
    assert destination.staged(1, 1) is None
    destination.publish()
    assert case.visible() == {}
    if isinstance(case, FolderCase):
        assert list(case.root.iterdir()) == []


def test_another_series_joins_and_the_same_one_again_is_left(case: FolderCase | MemoryCase) -> None:
    for series in (1, 2, 1):
        destination = case.make()
        destination.stage(series, 1, [b"%d" % series])
        destination.publish()
    assert case.visible() == {(1, 1): b"1", (2, 1): b"2"}


@pytest.mark.parametrize("other", [{(1, 1): b"other"}, {(1, 1): b"one", (1, 2): b"more"}])
def test_files_that_are_there_are_never_overwritten(
    case: FolderCase | MemoryCase, other: dict[tuple[int, int], bytes]
) -> None:
    first = case.make()
    first.stage(1, 1, [b"one"])
    first.publish()
    second = case.make("two")
    second.stage(2, 1, [b"new"])
    for (series, instance), data in other.items():
        second.stage(series, instance, [data])
    with pytest.raises(InputError):
        second.publish()
    assert case.visible() == {(1, 1): b"one"}


def test_a_folder_that_cannot_be_made_is_the_callers_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    destination = FolderDestination(tmp_path / "file" / "out", "one")
    with pytest.raises(InputError, match="give another --out"):
        destination.stage(1, 1, [b"x"])


def test_files_of_others_in_the_folder_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    destination = FolderDestination(out, "one")
    destination.stage(1, 1, [b"x"])
    destination.publish()
    assert sorted(path.name for path in out.iterdir()) == ["notes.txt", "series-1"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
