"""What every journal does, in memory and at rest."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.sqlite import SqliteJournal
from fiducia.errors import JournalError
from fiducia.ports import Journal
from fiducia.records.images import JournalEntry
from tests.support.custody import KEK, act


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made = MemoryJournal() if request.param == "memory" else SqliteJournal(tmp_path / "journal.db", KEK)
    with made:
        yield made


def test_a_new_journal_is_empty_and_healthy(journal: Journal) -> None:
    journal.health()
    assert list(journal.entries()) == []
    assert list(journal.entries("released")) == []


def test_entries_come_back_whole_and_in_order(journal: Journal) -> None:
    written = [act(1), act(2, "denied"), act(3), JournalEntry("revoke_taken", 0, b"", '{"é": "\\u0000 山"}')]
    journal.append(written[:1])
    journal.append([])
    journal.append(written[1:])
    journal.health()
    assert list(journal.entries()) == written
    assert list(journal.entries("released")) == [act(1), act(3)]
    assert list(journal.entries("handed_over")) == []


def test_more_than_a_page_of_entries_comes_back(journal: Journal) -> None:
    written = [act(number, "denied" if number % 3 else "released") for number in range(1700)]
    journal.append(written)
    assert list(journal.entries()) == written
    assert list(journal.entries("denied")) == [entry for entry in written if entry.kind == "denied"]


def test_a_reader_sees_the_journal_of_its_first_step(journal: Journal) -> None:
    journal.append([act(number) for number in range(3)])
    reader = journal.entries()
    seen = [next(reader)]
    journal.append([act(number) for number in range(3, 600)])
    assert seen + list(reader) == [act(number) for number in range(3)]


@pytest.mark.parametrize(
    "bad",
    [
        replace(act(1), kind=""),
        replace(act(1), kind="Released"),
        replace(act(1), kind="a" * 65),
        replace(act(1), at=-1),
        replace(act(1), at=1 << 63),
        replace(act(1), at=1.5),  # type: ignore[arg-type]
        replace(act(1), body="\ud800"),
        replace(act(1), body=b"{}"),  # type: ignore[arg-type]
        replace(act(1), subject_id="0x00"),  # type: ignore[arg-type]
    ],
)
def test_one_bad_entry_keeps_the_whole_call_out(journal: Journal, bad: JournalEntry) -> None:
    with pytest.raises(JournalError):
        journal.append([act(1), bad])
    assert list(journal.entries()) == []


def test_appends_of_many_threads_are_all_there_each_in_one_piece(journal: Journal) -> None:
    def append(number: int) -> None:
        journal.append([act(3 * number + offset) for offset in range(3)])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(append, range(64)))
    found = list(journal.entries())
    pieces = [found[at : at + 3] for at in range(0, len(found), 3)]
    expected = [[act(3 * number + offset) for offset in range(3)] for number in range(64)]
    assert sorted(pieces, key=lambda piece: piece[0].at) == expected


def test_a_broken_memory_journal_refuses_everything() -> None:
    journal = MemoryJournal()
    journal.append([act(1)])
    journal.working = False
    for attempt in (lambda: journal.append([act(2)]), lambda: list(journal.entries()), journal.health):
        with pytest.raises(JournalError):
            attempt()
    journal.working = True
    assert list(journal.entries()) == [act(1)]
