"""What the tests of custody at rest run in processes of their own: waiting, racing, filling, dying.

Run as ``python -m tests.support.custody_worker VERB DIRECTORY ARGUMENT...``; says "ready", awaits a line
where several start together, and prints one line per outcome.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, Pool, event, make_url

from fiducia.adapters.sql import Place, PostgresPlace, SqlJournal, SqlPatients, SqlStudies, SqlVault
from fiducia.errors import JournalError
from tests.support.custody import KEK, act, digest, patient, study

DATABASE, ELSEWHERE = "custody.db", "place"


def place_in(home: Path) -> Place:
    """Return the database that the tests of a directory share: a file in it, or where its file `place` says."""
    elsewhere = home / ELSEWHERE
    if not elsewhere.exists():
        return home / DATABASE
    url, owner = elsewhere.read_text().split("\n")
    return PostgresPlace(make_url(url), owner)


def note_place(home: Path, place: Place) -> None:
    """Have `place_in` return a PostgreSQL database for a directory."""
    if isinstance(place, PostgresPlace):
        (home / ELSEWHERE).write_text(f"{place.url.render_as_string(hide_password=False)}\n{place.owner}")


def say(text: object) -> None:
    print(text, flush=True)


def await_start() -> None:
    say("ready")
    sys.stdin.readline()


def hold(home: Path, uid: str) -> None:
    """Claim a study until told to let go."""
    with SqlStudies(place_in(home), KEK) as studies, studies.claim(uid):
        say("held")
        sys.stdin.readline()
    say("released")


def count_claimed(home: Path, number: str) -> None:
    """Add one to a number in a file, 20 times, each under a claim; without exclusion some get lost."""
    with SqlStudies(place_in(home), KEK) as studies:
        await_start()
        for _ in range(20):
            with studies.claim("1.2.3"):
                tally = home / "tally"
                before = int(tally.read_text()) if tally.exists() else 0
                tally.write_text(str(before + 1))
    say(number)


def add(home: Path, number: str) -> None:
    """Add one and the same identity with a salt of one's own; say whose salt stands."""
    with SqlPatients(place_in(home), KEK) as patients:
        await_start()
        say(patients.add(patient("P-1", salt=number)).salt.hex())


def open_all(home: Path, number: str) -> None:
    """Open what is not there yet."""
    await_start()
    with SqlVault(place_in(home / "new"), KEK) as vault, SqlJournal(place_in(home / "new"), KEK) as journal:
        vault.put({f"worker/{number}": digest(number)})
        journal.append([act(int(number))])
    say("opened")


def put_forever(home: Path) -> None:
    with SqlVault(place_in(home), KEK) as vault:
        for number in count():
            vault.put({f"{half}/{number}": digest(number) for half in "ab"})
            say(number)


def append_forever(home: Path) -> None:
    with SqlJournal(place_in(home), KEK) as journal:
        for number in count(step=2):
            journal.append([act(number), act(number + 1)])
            say(number)


def append_until_full(home: Path) -> None:
    """Append until files may not grow, then with room again; say how many were acknowledged."""
    acknowledged = 0
    with SqlJournal(home / DATABASE, KEK) as journal:
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, resource.RLIM_INFINITY))
        try:
            while True:
                journal.append([act(acknowledged)])
                acknowledged += 1
        except JournalError:
            say("append refused")
        try:
            journal.health()
        except JournalError:
            say("health refused")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        journal.health()
        journal.append([act(acknowledged)])
        say(acknowledged + 1)


def fill_and_die(home: Path) -> None:
    """Use every adapter, then die as if pulled out, so that logs and locks are left as they are."""
    path = home / DATABASE
    vault, patients = SqlVault(path, KEK), SqlPatients(path, KEK)
    studies, journal = SqlStudies(path, KEK), SqlJournal(path, KEK)
    with studies.claim("1.2.840.99.1"):
        for number in range(50):
            vault.put({f"pack/{number}": digest(f"pack key {number}")})
            patients.add(patient(f"Patient-{number}", issuer="Issuer-North"))
            studies.propose(study(f"1.2.840.99.{number}", instances=40))
            journal.append([act(number)])
        studies.confirm(study("1.2.840.99.1", instances=40))
        os.kill(os.getpid(), signal.SIGKILL)


def _done(_: object) -> None:
    """Take an answer that does not matter."""


OPERATIONS: dict[str, Callable[[Place], None]] = {
    "put": lambda path: SqlVault(path, KEK).put({"new/1": digest(1), "old/1": digest(2), "new/2": digest(3)}),
    "remove": lambda path: SqlVault(path, KEK).remove(["old/1", "old/2"]),
    "add": lambda path: _done(SqlPatients(path, KEK).add(patient("P-2"))),
    "propose": lambda path: SqlStudies(path, KEK).propose(study("1.2.3", 2)),
    "confirm": lambda path: SqlStudies(path, KEK).confirm(study("1.2.3", 2)),
    "append": lambda path: SqlJournal(path, KEK).append([act(1), act(2), act(3)]),
}


def crash(home: Path, operation: str, stride: str = "1") -> None:
    """Repeat an operation on copies of a database, each killed one database step later; say how each ended.

    Steps are: before and after each statement, before a commit, and after it when the connection goes back.
    Opening is part of the operation, so a database that is just being made is killed too. The next copy is made when
    a line comes.
    """
    for last_step in count(1, int(stride)):
        with copied(place_in(home / "start"), home / operation / str(last_step)) as case:
            child = os.fork()
            if child == 0:
                die_at(last_step)
                OPERATIONS[operation](case)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            say("killed" if killed else f"ended {status}")
            sys.stdin.readline()
        if not killed:
            return


def die_at(last_step: int) -> None:
    """Have this process killed at one of its steps in a database."""
    steps = count(1)

    def step(*_: object) -> None:
        if next(steps) == last_step:
            os.kill(os.getpid(), signal.SIGKILL)

    for target, name in (
        (Engine, "before_cursor_execute"),
        (Engine, "after_cursor_execute"),
        (Engine, "commit"),
        (Pool, "checkin"),
    ):
        event.listen(target, name, step)


@contextmanager
def copied(start: Place, case: Path) -> Iterator[Place]:
    """Give a copy of a database, and say in `case` where it is; one in PostgreSQL is removed on leaving."""
    if not isinstance(start, PostgresPlace):
        shutil.copytree(start.parent, case)
        yield case / DATABASE
        return
    case.mkdir(parents=True)
    name = f"{start.url.database}_{case.parent.name}_{case.name}"
    server: dict[str, Any] = {**start.url.query, "user": start.url.username, "dbname": "postgres", "autocommit": True}
    copy = PostgresPlace(start.url.set(database=name), start.owner)
    with psycopg.connect(**server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {start.url.database}".encode())
        note_place(case, copy)
        yield copy
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


VERBS: dict[str, Callable[..., None]] = {
    "hold": hold,
    "count-claimed": count_claimed,
    "add": add,
    "open-all": open_all,
    "put-forever": put_forever,
    "append-forever": append_forever,
    "append-until-full": append_until_full,
    "fill-and-die": fill_and_die,
    "crash": crash,
}

if __name__ == "__main__":
    VERBS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
