"""What every home remembers of its copies, in memory and in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiducia.adapters.copy_memory_file import FileCopyMemory
from fiducia.adapters.memory.copy_memory import MemoryCopyMemory
from fiducia.ports import CopyMemory
from fiducia.records.copies import Reached

FIRST, LATER = Reached(1, 0, bytes(32)), Reached(2, 9, b"9" * 32)


@pytest.fixture(params=["memory", "file"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> CopyMemory:
    return MemoryCopyMemory() if request.param == "memory" else FileCopyMemory(tmp_path / "last", "/mnt/second")


def test_the_last_is_remembered(memory: CopyMemory) -> None:
    assert memory.last() is None
    for reached in (FIRST, LATER):
        memory.note(reached)
        assert memory.last() == reached


def test_another_process_remembers_it_and_another_place_is_not_meant(tmp_path: Path) -> None:
    FileCopyMemory(tmp_path / "last", "/mnt/second").note(LATER)
    assert FileCopyMemory(tmp_path / "last", "/mnt/second").last() == LATER
    assert FileCopyMemory(tmp_path / "last", "/mnt/third").last() is None
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


@pytest.mark.parametrize("content", ["", "{}", "[]", "\x00\x00", '{"format": "fiducia/v1/copied"}'])
def test_what_a_power_cut_left_is_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "last").write_text(content)
    assert FileCopyMemory(tmp_path / "last", "/mnt/second").last() is None


def test_where_it_cannot_be_written_what_was_remembered_stays_true(tmp_path: Path) -> None:
    memory = FileCopyMemory(tmp_path / "gone" / "last", "/mnt/second")
    memory.note(FIRST)
    assert memory.last() is None
