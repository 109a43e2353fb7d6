"""What every journal does, in memory and at rest."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.copy_sources import SaltedJournal
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.sql import SqlJournal
from fiducia.core.tlog.leaf import leaf_of
from fiducia.errors import JournalError
from fiducia.ports import Journal
from fiducia.records.images import JournalEntry
from tests.support.custody import KEK, act, custody_place


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SaltedJournal]:
    made = MemoryJournal() if request.param == "memory" else SqlJournal(custody_place(request, tmp_path), KEK)
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


def test_what_came_since_is_told_by_kind_and_in_order(journal: Journal) -> None:
    assert journal.since(0, ["released"]) == (0, ())
    journal.append([act(1), act(2, "denied"), act(3)])
    reached, entries = journal.since(0, ["released"])
    assert (reached, list(entries)) == (3, [act(1), act(3)])
    assert journal.since(reached, ["released", "denied"]) == (3, ())
    journal.append([act(4, "denied"), act(5, "handed_over"), act(6)])
    reached, entries = journal.since(reached, {"denied", "released"})
    assert (reached, list(entries)) == (6, [act(4, "denied"), act(6)])
    assert list(journal.since(2, ["released", "denied", "handed_over"])[1]) == [
        act(3),
        act(4, "denied"),
        act(5, "handed_over"),
        act(6),
    ]
    assert journal.since(0, []) == (6, ())


def test_a_journal_that_became_shorter_is_refused(journal: Journal) -> None:
    journal.append([act(1)])
    with pytest.raises(JournalError, match="missing"):
        journal.since(2, ["released"])


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


def test_every_entry_has_a_leaf_that_its_salt_opens(journal: Journal) -> None:
    assert (journal.size(), list(journal.leaves(0, 0))) == (0, [])
    journal.append([act(1), act(1)])
    journal.append([act(2)])
    leaves = list(journal.leaves(0, 3))
    assert journal.size() == 3
    for index, leaf in enumerate(leaves):
        disclosed = journal.disclose(index)
        assert (disclosed.index, disclosed.entry) == (index, [act(1), act(1), act(2)][index])
        assert leaf_of(disclosed.entry, disclosed.salt) == leaf
    assert len(set(leaves)) == 3, "the same entry twice does not look the same"
    assert list(journal.leaves(1, 2)) == leaves[1:2]
    journal.append([act(3)])
    assert list(journal.leaves(0, 3)) == leaves


def test_whoever_copies_it_is_told_the_salts_of_its_first_step(journal: SaltedJournal) -> None:
    written = [act(number) for number in range(700)]
    journal.append(written)
    leaves = list(journal.leaves(0, 700))
    reader = journal.salted()
    told = [next(reader)]
    journal.append([act(700)])
    told += reader
    assert [entry for entry, _ in told] == written
    assert [leaf_of(entry, salt) for entry, salt in told] == leaves


@pytest.mark.parametrize(("start", "end"), [(0, 2), (1, 2), (7, 8)])
def test_leaves_that_are_not_there_are_an_error(journal: Journal, start: int, end: int) -> None:
    journal.append([act(1)])
    with pytest.raises(JournalError):
        journal.leaves(start, end)
    with pytest.raises(JournalError):
        journal.disclose(end - 1)


def test_a_broken_memory_journal_refuses_everything() -> None:
    journal = MemoryJournal()
    journal.append([act(1)])
    journal.working = False
    for attempt in (lambda: journal.append([act(2)]), lambda: list(journal.entries()), journal.health):
        with pytest.raises(JournalError):
            attempt()
    journal.working = True
    assert list(journal.entries()) == [act(1)]
