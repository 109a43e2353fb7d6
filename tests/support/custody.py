"""Custody at rest for tests: keys, example entries, raw access to a database file, worker processes."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fiducia.adapters.key_encryption import KeyText
from fiducia.adapters.sql import Place, PostgresPlace, SqlVault
from fiducia.adapters.sql.sealing import derive
from fiducia.records.images import (
    InstanceEntry,
    JournalEntry,
    PatientIdentity,
    SeriesEntry,
    StudyEntry,
    SubjectEntry,
)

KEK = KeyText("5a" * 32)
OTHER_KEK = KeyText("5b" * 32)
ROOT = Path(__file__).parents[2]


def digest(text: object) -> bytes:
    """Return 32 bytes that look random and are the same in every run."""
    return hashlib.sha256(str(text).encode("utf-8", "surrogatepass")).digest()


def patient(name: str, *, issuer: str = "", salt: str = "salt") -> SubjectEntry:
    return SubjectEntry(
        PatientIdentity(issuer, name), digest(name)[:20], digest(salt), digest("signer")[:20], "patient"
    )


def study(uid: str, revision: int = 1, *, series: int = 1, instances: int = 2) -> StudyEntry:
    return StudyEntry(
        study_instance_uid=uid,
        study_id=digest(uid),
        subject=digest("subject")[:20],
        salt=digest("salt"),
        revision=revision,
        manifest=digest(revision),
        series=tuple(
            SeriesEntry(
                f"{uid}.{s}",
                s,
                revision,
                tuple(InstanceEntry(f"{uid}.{s}.{i}", i, digest((s, i))) for i in range(1, instances + 1)),
            )
            for s in range(1, series + 1)
        ),
        retain_until_day=20_000,
    )


def act(number: int, kind: str = "released") -> JournalEntry:
    return JournalEntry(kind, 1_700_000_000 + number, digest(number), f'{{"number":{number}}}')


def custody_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return the place of a database that a fixture's parameter names: "sqlite" or "postgresql"."""
    if request.param == "postgresql":
        place: PostgresPlace = request.getfixturevalue("postgresql_place")
        return place
    return tmp_path / "custody.db"


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database file as somebody does who goes past the adapters; committed on leaving."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


def without_wraps(path: Path) -> None:
    """Make a database as it was before there were data keys: `KEK` itself is what rows will be sealed under."""
    SqlVault(path, KEK).close()
    salt = digest("database")
    with raw(path) as connection:
        (trigger,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'key_check_no_update'").fetchone()
        connection.execute("DELETE FROM key_wraps")
        connection.execute("DROP TRIGGER key_check_no_update")
        connection.execute("UPDATE key_check SET salt = ?, value = ?", (salt, derive(KEK.key(), salt, "key-check")))
        connection.execute(trigger)


def scalar(path: Path, statement: str, *values: Any) -> Any:
    with raw(path) as connection:
        return connection.execute(statement, values).fetchone()[0]


@contextmanager
def worker(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run `tests.support.custody_worker` with these arguments; killed on leaving if it still runs."""
    command = [sys.executable, "-m", "tests.support.custody_worker", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    """Return the worker's next line; an empty one when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def say(process: subprocess.Popen[str], text: str = "go") -> None:
    assert process.stdin is not None
    process.stdin.write(text + "\n")
    process.stdin.flush()


def together(count: int, *arguments: object) -> Sequence[str]:
    """Let several workers get ready, start them at once, and return what each says."""
    with _all([worker(*arguments, number) for number in range(count)]) as processes:
        assert [line(process) for process in processes] == ["ready"] * count
        for process in processes:
            say(process)
        return [line(process) for process in processes]


@contextmanager
def _all(managers: Sequence[Any]) -> Iterator[list[subprocess.Popen[str]]]:
    if not managers:
        yield []
        return
    with managers[0] as first, _all(managers[1:]) as rest:
        yield [first, *rest]
