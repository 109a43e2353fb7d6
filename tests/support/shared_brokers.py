"""Several brokers of one hospital, each a process of its own, on one database of vault and journal.

Each has the same consortium in memory (its bytes are drawn from one seed), so every one of them can decide any request;
what they share is the database. One can be told to die by SIGKILL at a step of a journey or of the database.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import Engine, Pool, event

from fiducia.adapters.faults import FaultSteps
from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.adapters.sql import Place, SqlJournal, SqlVault
from fiducia.core.rules import Action, Purpose
from fiducia.errors import FiduciaError
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.records.typed import Access
from tests.support.consortium import Consortium
from tests.support.custody import KEK

SEALED = "release.sealed"
FORKS = multiprocessing.get_context("forkserver")
"""Modules are loaded once, each broker is forked from there."""
FORKS.set_forkserver_preload(["tests.support.shared_brokers"])


class SharedConsortium(Consortium):
    """A consortium whose hospital A has a database, a study of two instances, and a grant."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        # Not closed: each lives as long as its process.
        self.vault, self.journal = SqlVault(place, KEK), SqlJournal(place, KEK)  # type: ignore[assignment]
        self.add_series(2)
        self.run_register()
        self.study_id = self.mirror.catch_up().studies()[0].study_id
        self.grant_id = self.run_grant(self.study_id).grant_id

    def request(self, number: int) -> Access:
        """Return the clinician's request of a number, the same in every process."""
        entropy = SeededEntropy(f"request {number}".encode())
        draw_up = DrawUpRequest(mirror=self.mirror, clock=self.clock, entropy=entropy, domains=self.domains)
        return draw_up.run(self.study_id, 0, Purpose.TREAT, Action.RETAIN, self.clinician)


class RunningBroker:
    """A broker in a process of its own, seen from the tests' process."""

    def __init__(self, place: Place) -> None:
        self._pipe, theirs = FORKS.Pipe()
        self.process = FORKS.Process(target=_serve, args=(place, theirs))
        self.process.start()
        theirs.close()  # or its end could not be noticed

    def ask(self, verb: str, number: int = 0, stop_at: str | None = None) -> None:
        """Ask for something; `answer` waits for it.

        Args:
            verb: "release" (record and hand over), "hand-over" or "revoke".
            number: the request's.
            stop_at: where to die: a step of a journey, or "database:N", the N-th step of the database from the sealed
                keys on.
        """
        self._pipe.send((verb, number, stop_at))

    def answer(self) -> Any:
        """Wait for the answer: what was done, or the reason of a refusal."""
        return self._pipe.recv()

    def died(self) -> None:
        """Wait for the end, which must be by SIGKILL and without an answer."""
        with contextlib.suppress(EOFError):
            raise AssertionError(f"it answered: {self._pipe.recv()}")
        self.process.join()
        assert self.process.exitcode == -signal.SIGKILL

    def kill(self) -> None:
        """End it."""
        self.process.kill()
        self.process.join()


@contextmanager
def running_brokers(place: Place, number: int) -> Iterator[list[RunningBroker]]:
    """Run brokers for as long as the block lasts; what the block adds to the list is ended, too."""
    brokers = [RunningBroker(place) for _ in range(number)]
    try:
        assert [broker.answer() for broker in brokers] == ["ready"] * number
        yield brokers
    finally:
        for broker in brokers:
            broker.kill()


def _serve(place: Place, pipe: Connection) -> None:
    world = SharedConsortium(place)
    pipe.send("ready")
    while True:
        verb, number, stop_at = pipe.recv()
        world.steps = DatabaseFaults(stop_at)  # type: ignore[assignment]
        try:
            pipe.send(_do(world, verb, number))
        except FiduciaError as error:
            pipe.send(getattr(error, "reason", error.slug))


def _do(world: SharedConsortium, verb: str, number: int) -> object:
    if verb == "revoke":
        world.mirror.catch_up()
        world.ledger.faults.unreachable = True  # taken, and not to be seen on the chain yet
        return world.revoke.run(world.grant_id, world.patient)
    access = world.request(number)
    if verb == "release":
        world.record_release.run(access)
    return world.hand_over.run(access).request_id


class DatabaseFaults(FaultSteps):
    """Faults that may also be steps of the database, counted from the sealed keys on."""

    def __init__(self, fault: str | None) -> None:
        step = fault.partition("database:")[2] if fault else ""
        super().__init__(None if step else fault)
        self._database_step = int(step or 0)

    def reached(self, point: str) -> None:
        """Note a point."""
        super().reached(point)
        if point == SEALED and self._database_step:
            steps = count(1)

            def step(*_: object) -> None:
                if next(steps) == self._database_step:
                    os.kill(os.getpid(), signal.SIGKILL)

            for target, name in (
                (Engine, "before_cursor_execute"),
                (Engine, "after_cursor_execute"),
                (Engine, "commit"),
                (Pool, "checkin"),
            ):
                event.listen(target, name, step)
