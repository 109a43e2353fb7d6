"""Work beside a door: it goes on whatever happens, and tells of a trouble once."""

from __future__ import annotations

import threading

import structlog

from fiducia.app.background import repeat
from fiducia.errors import StoreError, VaultError


def test_troubles_are_told_when_they_change_and_nothing_stops_it() -> None:
    stop = threading.Event()
    outcomes = [None, VaultError("a secret"), VaultError("another"), StoreError("third"), None, None]

    def act() -> None:
        outcome = outcomes.pop(0)
        if not outcomes:
            stop.set()
        if outcome is not None:
            raise outcome

    with structlog.testing.capture_logs() as told:
        repeat(act, stop, 0.0, room="fiducia.test", what="working")
    assert outcomes == []
    assert [(each["event"], each["trouble"]) for each in told] == [
        ("working", VaultError("").slug),
        ("working", StoreError("").slug),
        ("working", "over"),
    ]


def test_told_to_stop_it_does_nothing() -> None:
    stop = threading.Event()
    stop.set()
    repeat(lambda: 1 / 0, stop, 0.0, room="fiducia.test", what="working")
