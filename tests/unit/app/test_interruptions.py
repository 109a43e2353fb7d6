"""Signals end what runs, whenever they come: also while Python runs a callback, where it ignores what is raised."""

from __future__ import annotations

import signal
import sys
import time
import weakref

import pytest

from fiducia.app.interruptions import ended_by_signals, undisturbed

WAIT_S = 5.0


class Thing:
    """Something to refer to weakly."""


def wait() -> None:
    """Wait as a command does, until interrupted."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_block_as_ctrl_c_does(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        signal.raise_signal(number)
    assert signal.getsignal(number) == before


def test_one_that_falls_into_a_callback_is_not_lost() -> None:
    hook, thing, called = sys.unraisablehook, Thing(), []

    def callback(_: weakref.ref[Thing]) -> None:
        called.append(1)
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        reference = weakref.ref(thing, callback)
        del thing
        wait()
    assert called
    assert reference() is None
    assert sys.unraisablehook is hook


def test_one_that_is_raised_again_after_the_block_ends_nothing() -> None:
    thing = Thing()
    with ended_by_signals():
        reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
        del thing
    time.sleep(0.1)
    assert reference() is None


def test_whatever_else_is_ignored_is_told_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda ignored: told.append(ignored.exc_type))
    thing = Thing()
    with ended_by_signals():
        reference = weakref.ref(thing, lambda _: 1 // 0)
        del thing
    assert told == [ZeroDivisionError]
    assert reference() is None


def test_one_that_comes_while_a_process_is_started_waits() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), ended_by_signals(), undisturbed():
        signal.raise_signal(signal.SIGTERM)
        steps.append("whole")
    assert steps == ["whole"]
