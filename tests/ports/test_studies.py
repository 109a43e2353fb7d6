"""What every second half of the directory does, in memory and at rest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.memory.studies import MemoryStudies
from fiducia.adapters.sql import SqlStudies
from fiducia.errors import EncodingError, LimitError
from fiducia.ports import Studies
from fiducia.records.images import StudyState
from tests.support.custody import KEK, custody_place, study


def make(request: pytest.FixtureRequest, tmp_path: Path, claim_timeout_s: float) -> MemoryStudies | SqlStudies:
    if request.param == "memory":
        return MemoryStudies(claim_timeout_s=claim_timeout_s)
    return SqlStudies(custody_place(request, tmp_path), KEK, claim_timeout_s=claim_timeout_s)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def studies(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Studies]:
    with make(request, tmp_path, 60) as made:
        yield made


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def impatient(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Studies]:
    with make(request, tmp_path, 0.01) as made:
        yield made


def test_an_unknown_study_is_an_empty_state(studies: Studies) -> None:
    assert studies.find("1.2.3") == StudyState()
    assert studies.all() == ()


def test_a_study_goes_from_pending_to_anchored(studies: Studies) -> None:
    first, second = study("1.2.3", 1), study("1.2.3", 2, series=2)
    studies.propose(first)
    assert studies.find("1.2.3") == StudyState(pending=first)
    assert studies.all() == ()
    studies.confirm(first)
    assert studies.find("1.2.3") == StudyState(anchored=first)
    studies.propose(second)
    assert studies.find("1.2.3") == StudyState(anchored=first, pending=second)
    assert studies.all() == (first,)
    studies.confirm(second)
    assert studies.find("1.2.3") == StudyState(anchored=second)
    assert studies.all() == (second,)


def test_a_later_proposal_replaces_the_pending_one(studies: Studies) -> None:
    studies.propose(study("1.2.3", instances=1))
    studies.propose(study("1.2.3", instances=3))
    assert studies.find("1.2.3") == StudyState(pending=study("1.2.3", instances=3))


def test_confirming_needs_no_proposal_and_may_be_repeated(studies: Studies) -> None:
    for _ in range(2):
        studies.confirm(study("1.2.3"))
        assert studies.find("1.2.3") == StudyState(anchored=study("1.2.3"))


def test_studies_do_not_touch_each_other(studies: Studies) -> None:
    uids = [f"1.2.{number}" for number in range(10)]
    for uid in uids:
        studies.propose(study(uid))
    for uid in uids[::2]:
        studies.confirm(study(uid))
    assert studies.all() == tuple(study(uid) for uid in uids[::2])
    assert studies.find(uids[1]) == StudyState(pending=study(uids[1]))


def test_a_study_of_5000_instances_comes_back_whole(studies: Studies) -> None:
    large = study("1.2.840.113619.2.55.3.604688119", series=5, instances=1000)
    studies.propose(large)
    studies.confirm(large)
    assert studies.find(large.study_instance_uid) == StudyState(anchored=large)


def test_a_removed_study_is_unknown_and_the_others_stay(studies: Studies) -> None:
    for uid in ("1.2.3", "1.2.4"):
        studies.confirm(study(uid, 1))
        studies.propose(study(uid, 2))
    with studies.claim("1.2.3"):
        for _ in range(2):
            studies.remove("1.2.3")
            assert studies.find("1.2.3") == StudyState()
            assert studies.all() == (study("1.2.4", 1),)
    studies.propose(study("1.2.3", 1))
    assert studies.find("1.2.3") == StudyState(pending=study("1.2.3", 1)), "it may become known again"


@pytest.mark.parametrize(
    "bad",
    [
        study("\ud800"),
        replace(study("1.2"), revision=-1),
        replace(study("1.2"), revision=1 << 63),
        replace(study("1.2"), study_id="0x00"),  # type: ignore[arg-type]
        replace(study("1.2"), series=(replace(study("1.2").series[0], number=-1),)),
    ],
)
def test_an_entry_that_could_not_be_read_back_is_not_kept(studies: Studies, bad: object) -> None:
    for keep in (studies.propose, studies.confirm):
        with pytest.raises(EncodingError):
            keep(bad)  # type: ignore[arg-type]
    assert studies.find("1.2") == StudyState()


def test_a_claimed_study_is_held_alone_and_others_are_free(impatient: Studies) -> None:
    with impatient.claim("1.2.3"), ThreadPoolExecutor(1) as other_thread:

        def attempt(uid: str) -> None:
            with impatient.claim(uid):
                pass

        with pytest.raises(LimitError, match="try again"):
            other_thread.submit(attempt, "1.2.3").result()
        other_thread.submit(attempt, "1.2.4").result()
    with impatient.claim("1.2.3"):
        pass


def test_an_exception_lets_a_study_go(impatient: Studies) -> None:
    with pytest.raises(RuntimeError, match="mine"), impatient.claim("1.2.3"):
        raise RuntimeError("mine")
    with impatient.claim("1.2.3"):
        pass


def test_threads_take_turns(studies: Studies) -> None:
    inside = 0
    entered = threading.Semaphore(0)

    def enter(_: int) -> int:
        nonlocal inside
        with studies.claim("1.2.3"):
            inside += 1
            seen = inside
            entered.release()
            entered.acquire()
            inside -= 1
        return seen

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(enter, range(40))) == {1}
