"""The ledger in memory beyond its port: faults that tests switch on, and the doubles beside it."""

from __future__ import annotations

import threading

import pytest

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.adapters.memory.progress import MemoryProgress
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core import ids
from fiducia.errors import (
    LedgerInconsistencyError,
    LedgerNotFinalError,
    LedgerStaleError,
    LedgerUnreachableError,
)
from fiducia.records.events import ReleaseRecorded
from tests.support import world as w


def test_a_lost_act_is_not_included_and_can_be_sent_again() -> None:
    world, ledger, clock = w.settled()
    ledger.faults.lose = 1
    with pytest.raises(LedgerNotFinalError):
        world.give(w.default_grant())
    clock.advance(1)
    assert world.state().grants_of_subject(w.SUBJECT) == ()
    assert len(world.give(w.default_grant()).events) == 1


def test_a_delayed_act_is_included_once() -> None:
    world, ledger, _ = w.settled()
    ledger.faults.delay = 1
    with pytest.raises(LedgerNotFinalError):
        world.give(w.default_grant())
    assert world.give(w.default_grant()).events == ()
    assert len(world.state().grants_of_subject(w.SUBJECT)) == 1


def test_what_became_void_while_it_waited_fails_in_its_block() -> None:
    world, ledger, clock = w.settled()
    ledger.faults.delay = 1
    with pytest.raises(LedgerNotFinalError):
        world.give(w.default_grant())
    clock.advance(w.HOUR_S)  # past relay_by
    assert world.state().grants_of_subject(w.SUBJECT) == ()


def test_a_stalled_chain_grows_stale() -> None:
    world, ledger, clock = w.settled()
    before = ledger.head()
    ledger.faults.stalled = True
    clock.advance(15)
    assert ledger.head() == before
    with pytest.raises(LedgerNotFinalError):
        world.give(w.default_grant())
    clock.advance(1)
    for ask in (ledger.head, lambda: ledger.are_open([]), lambda: ledger.facts(world.own()), world.revoke_all):
        with pytest.raises(LedgerStaleError):
            ask()
    ledger.faults.stalled = False
    assert ledger.head().time_at == w.NOW + 16
    assert len(world.state().grants_of_subject(w.SUBJECT)) == 1


def test_a_clock_behind_the_chain_is_stale_too() -> None:
    _, ledger, clock = w.settled()
    clock.advance(-15)
    ledger.head()
    clock.advance(-1)
    with pytest.raises(LedgerStaleError):
        ledger.head()


def test_an_unreachable_chain_answers_nothing() -> None:
    world, ledger, _ = w.settled()
    ledger.faults.unreachable = True
    for ask in (ledger.head, lambda: ledger.events(0, 1), lambda: ledger.block(1), world.revoke_all):
        with pytest.raises(LedgerUnreachableError):
            ask()
    mirror = MemoryMirror(ledger)
    with pytest.raises(LedgerUnreachableError):
        mirror.catch_up()
    ledger.faults.unreachable = False
    assert mirror.catch_up().study(w.STUDY) is not None
    ledger.faults.unreachable = True
    assert mirror.state().study(w.STUDY) is not None


def test_a_mirror_notices_another_chain() -> None:
    _, ledger, _ = w.settled()
    other = MemoryLedger(w.FOUNDERS, clock=MemoryClock(w.NOW + 1))
    for _ in range(20):
        other.mine()
    mirror = MemoryMirror(ledger)
    mirror.catch_up()
    mirror._ledger = other
    with pytest.raises(LedgerInconsistencyError, match="mirrored"):
        mirror.catch_up()


def test_many_threads_record_each_request_once() -> None:
    world, ledger, _ = w.settled()
    grant = w.default_grant()
    world.give(grant)
    accesses = [world.staff(w.default_request(grant, series=number % 5), grant) for number in range(20)]
    threads = [threading.Thread(target=world.record, args=(access,)) for access in accesses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorded = [event for event in w.events_of(ledger) if isinstance(event, ReleaseRecorded)]
    assert {event.request_id for event in recorded} == {ids.request_id(access.request) for access in accesses}
    assert len(recorded) == 5
    assert ledger.submitted >= 20


def test_steps_stop_where_they_are_told() -> None:
    steps = MemorySteps(stop_at="second")
    steps.reached("first")
    with pytest.raises(Stopped):
        steps.reached("second")
    assert steps.points == ["first", "second"]
    assert not issubclass(Stopped, Exception)


def test_entropy_is_repeatable_and_never_repeats() -> None:
    one, other = SeededEntropy(b"a"), SeededEntropy(b"a")
    drawn = [one.token(32) for _ in range(10)]
    assert drawn == [other.token(32) for _ in range(10)]
    assert len(set(drawn)) == 10
    assert SeededEntropy(b"b").token(32) not in drawn


def test_progress_adds_up() -> None:
    progress = MemoryProgress()
    progress.start("sealing", 10)
    progress.advance(4)
    progress.advance(6)
    assert (progress.started, progress.done_bytes) == ([("sealing", 10)], 10)
