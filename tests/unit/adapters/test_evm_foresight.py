"""Notes about releases that are about to be recorded: what makes one, how long it is good, who waits for whom."""

from __future__ import annotations

import threading
from typing import cast

import pytest

from fiducia.adapters.evm import foresight as module
from fiducia.adapters.evm.chain import Chain
from fiducia.adapters.evm.foresight import Foresight
from fiducia.core.decision import Reason
from fiducia.records.typed import StaffAccess
from tests.support.evm_plans import DOMAINS, DeafChain
from tests.support.signers import Signers

NOT_RECORDED, RECORDED = ((0, 0, 0, 0),), ((7, 8, 1, 1),)


class Time:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def foresight() -> Foresight:
    return Foresight(cast(Chain, DeafChain()))


def accesses(count: int) -> list[StaffAccess]:
    c = Signers(DOMAINS, 1_700_000_000)
    grant = c.grant(bytes(32)).grant
    return [c.access(bytes(32), grant) for _ in range(count)]


@pytest.mark.parametrize(
    ("answers", "good"),
    [
        ([NOT_RECORDED, (Reason.NONE,)], True),
        ([RECORDED, (Reason.NONE,)], False),
        ([NOT_RECORDED, (Reason.GRANT_REVOKED,)], False),
    ],
)
def test_a_note_says_that_nothing_stands_against_it(
    foresight: Foresight, answers: list[tuple[object, ...]], good: bool
) -> None:
    one, other = accesses(2)
    foresight.note(one, answers)
    assert not foresight.take(other)
    assert foresight.take(one) is good
    assert not foresight.take(one)  # used up


@pytest.mark.parametrize(("later_s", "good"), [(0.0, True), (0.249, True), (0.251, False), (60.0, False)])
def test_a_note_is_good_for_a_moment(foresight: Foresight, time: Time, later_s: float, good: bool) -> None:
    (one,) = accesses(1)
    foresight.note(one, [NOT_RECORDED, (Reason.NONE,)])
    time.now += later_s
    assert foresight.take(one) is good


def test_old_notes_are_forgotten_and_there_are_never_many(
    foresight: Foresight, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEPT_AT_MOST", 3)
    five = accesses(5)
    for each in five:
        foresight.note(each, [NOT_RECORDED, (Reason.NONE,)])
    assert [foresight.take(each) for each in five[3:]] == [False, False]
    time.now += 1
    foresight.note(five[4], [NOT_RECORDED, (Reason.NONE,)])
    assert list(foresight._noted_at) == [five[4]]


def test_the_last_on_the_way_ends_the_wait(foresight: Foresight) -> None:
    one, other = accesses(2)
    for each in (one, other):
        foresight.note(each, [NOT_RECORDED, (Reason.NONE,)])
    waited = threading.Event()

    def wait() -> None:
        foresight.wait_for_company(30)
        waited.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert foresight.take(one)
    assert not waited.wait(0.05)
    assert foresight.take(other)
    assert waited.wait(10)
    thread.join()


def test_alone_nobody_is_waited_for_and_never_for_long(foresight: Foresight) -> None:
    foresight.wait_for_company(60)
    (one,) = accesses(1)
    foresight.note(one, [NOT_RECORDED, (Reason.NONE,)])
    foresight.wait_for_company(0.01)
