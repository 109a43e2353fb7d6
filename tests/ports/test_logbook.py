"""What every logbook does, in memory and at rest."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from libipld import encode_dag_cbor

from fiducia.adapters import custody_changes as changes
from fiducia.adapters.copied_logbook import BulkLogbook, LogbookSource
from fiducia.adapters.memory.logbook import MemoryLogbook
from fiducia.adapters.sql import SqlLogbook
from fiducia.errors import EncodingError, JournalError, LogConflictError
from fiducia.ports import Logbook
from fiducia.records.copies import Change
from tests.support.copies import CopiedHome, Custody, checkpoint
from tests.support.custody import custody_place


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BulkLogbook]:
    made = MemoryLogbook() if request.param == "memory" else SqlLogbook(custody_place(request, tmp_path))
    with made:
        yield made


@pytest.fixture(params=["here", "in both places"])
def logbook(request: pytest.FixtureRequest, plain: BulkLogbook) -> Logbook:
    return plain if request.param == "here" else CopiedHome(Custody(logbook=plain)).logbook


def test_the_newest_of_each_log_is_checkpoint(logbook: Logbook) -> None:
    assert logbook.newest("log") is None
    logbook.keep(checkpoint(3), 0)
    logbook.keep(checkpoint(1, origin="other"), 0)
    logbook.keep(checkpoint(9), 3)
    assert logbook.newest("log") == checkpoint(9)
    assert logbook.newest("other") == checkpoint(1, origin="other")
    assert logbook.all() == (checkpoint(9), checkpoint(1, origin="other"))


def test_the_same_checkpoint_takes_more_signatures(logbook: Logbook) -> None:
    logbook.keep(checkpoint(0, root=7), 0)
    logbook.keep(checkpoint(0, root=7, note=b"note and more"), 0)
    assert logbook.newest("log") == checkpoint(0, root=7, note=b"note and more")


@pytest.mark.parametrize(("size", "old", "root"), [(9, 0, 0), (9, 4, 0), (4, 5, 0), (5, 5, 99)])
def test_what_does_not_follow_is_refused_and_nothing_changes(logbook: Logbook, size: int, old: int, root: int) -> None:
    logbook.keep(checkpoint(5), 0)
    with pytest.raises(LogConflictError) as refused:
        logbook.keep(checkpoint(size, root=root), old)
    assert refused.value.size == 5
    assert logbook.newest("log") == checkpoint(5)


def test_of_many_at_once_one_is_checkpoint(logbook: Logbook) -> None:
    def keep(root: int) -> bool:
        try:
            logbook.keep(checkpoint(5, root=root), 0)
        except LogConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(keep, range(1, 17))) == 1


def test_evidence_stays_once_each_in_order(logbook: Logbook) -> None:
    assert logbook.evidence() == ()
    for each in (b"a", b"b", b"a"):
        logbook.accuse(each)
    assert logbook.evidence() == (b"a", b"b")


def fill(logbook: Logbook) -> None:
    for number in range(3):
        logbook.keep(checkpoint(number, origin=f"log-{number}"), 0)
    for number in range(450):
        logbook.accuse(number.to_bytes(2, "big"))


def test_what_one_tells_is_what_another_remembers(plain: BulkLogbook) -> None:
    fill(other := MemoryLogbook())
    taking = LogbookSource("logbook", plain)
    told = list(LogbookSource("logbook", other).dump())
    for _ in range(2):
        taking.apply(told)
    assert (plain.all(), plain.evidence()) == (other.all(), other.evidence())
    assert list(taking.dump()) == told


def test_what_is_told_ends_with_what_was_there_at_the_first_step(plain: BulkLogbook) -> None:
    fill(plain)
    telling = LogbookSource("logbook", plain).dump()
    first = next(telling)
    plain.keep(checkpoint(9, origin="log-2"), 2)
    plain.accuse(b"later")
    LogbookSource("logbook", taken := MemoryLogbook()).apply([first, *telling])
    assert taken.newest("log-2") == checkpoint(2, origin="log-2")
    assert b"later" not in taken.evidence()


def test_an_older_checkpoint_does_not_replace_a_newer_one_and_another_history_none(plain: BulkLogbook) -> None:
    plain.keep(checkpoint(5), 0)
    source = LogbookSource("logbook", plain)
    source.apply([changes.keep("logbook", [checkpoint(4), checkpoint(1, origin="other")])])
    assert plain.all() == (checkpoint(5), checkpoint(1, origin="other"))
    with pytest.raises(JournalError, match="empty home"):
        source.apply([changes.keep("logbook", [checkpoint(5, root=99)])])
    assert plain.newest("log") == checkpoint(5)


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("keep", [["log", 5, b"short", b"note"]]),
        ("keep", [["log", -1, bytes(32), b"note"]]),
        ("keep", [["log", 5, bytes(32)]]),
        ("keep", {}),
        ("accuse", ["text"]),
        ("forget", []),
    ],
)
def test_what_is_no_change_of_a_logbook_is_refused(verb: str, body: object) -> None:
    with pytest.raises(EncodingError):
        LogbookSource("logbook", logbook := MemoryLogbook()).apply([Change("logbook", verb, encode_dag_cbor(body))])
    assert logbook.all() == ()
    assert logbook.evidence() == ()


def test_a_logbook_at_rest_remembers_and_says_when_it_cannot(tmp_path: Path) -> None:
    with SqlLogbook(tmp_path / "log.db") as first:
        first.keep(checkpoint(5), 0)
        first.accuse(b"a")
    with SqlLogbook(tmp_path / "log.db") as again:
        assert (again.newest("log"), again.evidence()) == (checkpoint(5), (b"a",))
    with pytest.raises(JournalError):
        again.newest("log")
