"""A journal that hangs is refused in time; one that is guarded is not written."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence

import pytest

from fiducia.adapters.journal_watched import WatchedJournal
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.errors import JournalError
from fiducia.records.images import JournalEntry
from tests.support.custody import act


class Hanging(MemoryJournal):
    """Hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def append(self, entries: Sequence[JournalEntry], salts: Sequence[bytes] | None = None) -> None:
        self.go.wait()
        super().append(entries, salts)

    def since(self, reached: int, kinds: Collection[str]) -> tuple[int, Sequence[JournalEntry]]:
        self.go.wait()
        return super().since(reached, kinds)

    def health(self) -> None:
        if threading.current_thread() is not threading.main_thread() and not self._lock.locked():
            self.go.wait()
        super().health()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.go.set()


def test_a_sink_that_hangs_is_refused_in_time(hanging: Hanging) -> None:
    watched = WatchedJournal(hanging, deadline_s=0.05)
    with pytest.raises(JournalError, match="hangs"):
        watched.append([act(1)])
    with pytest.raises(JournalError, match="hangs"):
        watched.since(0, ["denied"])
    with pytest.raises(JournalError, match="hangs"):
        watched.health()
    watched.close()


def test_many_that_hang_do_not_keep_each_other_from_an_answer(hanging: Hanging) -> None:
    watched = WatchedJournal(hanging, deadline_s=0.05)
    for number in range(70):
        with pytest.raises(JournalError, match="hangs"):
            watched.append([act(number)])
    hanging.go.set()
    watched.close()


def test_what_works_is_passed_on() -> None:
    journal = MemoryJournal()
    watched = WatchedJournal(journal)
    watched.append([act(1), act(2)])
    watched.health()
    assert list(watched.entries()) == [act(1), act(2)]
    assert watched.since(1, [act(2).kind]) == journal.since(1, [act(2).kind]) == (2, (act(2),))
    assert (watched.size(), watched.leaves(0, 2), watched.disclose(1)) == (2, journal.leaves(0, 2), journal.disclose(1))
    journal.working = False
    with pytest.raises(JournalError, match="cannot be written"):
        watched.append([act(3)])
    watched.close()


def test_nothing_is_written_while_the_guard_objects() -> None:
    journal, trouble = MemoryJournal(), [JournalError("entries are lost")]

    def guard() -> None:
        if trouble:
            raise trouble[0]

    watched = WatchedJournal(journal, guard)
    with pytest.raises(JournalError, match="entries are lost"):
        watched.append([act(1)])
    with pytest.raises(JournalError, match="entries are lost"):
        watched.health()
    assert journal.size() == 0
    trouble.clear()
    watched.append([act(1)])
    assert journal.size() == 1
    watched.close()
