"""Keys rotate on a running stack while a reader fetches and another views: no read fails, nobody is started again."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fiducia.adapters.system import SilentProgress
from fiducia.app.signers import requester_of
from fiducia.app.wiring import House
from fiducia.core.rules import Action, Purpose
from fiducia.journeys.reading.fetch import FetchOrder
from tests.e2e.test_gateway import AS_STORED, Gateway, opened, uid_of
from tests.support.cli import Cli, files_of
from tests.support.images import small_study
from tests.support.stack import Development, running_stack
from tests.unit.app.test_processes import wait_for

KEYS = (
    ("BROKER_KEM", "hospital-b", ("--kem", "MLKEM1024_P384")),
    ("BROKER_SIGN", "hospital-a", ()),
    ("LOG", "hospital-a", ()),
    ("GATEWAY", "hospital-b", ("--kem", "MLKEM1024_P384")),
    ("ISSUER", "hospital-b", ()),
)
POLICY = {"FIDUCIA_REKEY_PURPOSES": "TREAT"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    root = tmp_path_factory.mktemp("rotation")
    with running_stack(root, "embedded", "--trustees", "2of3", environment=POLICY) as development:
        yield development


class Reader:
    """Reads again and again beside everything; every read gives the same files, or is kept as a failure."""

    def __init__(self, read: Callable[[], list[bytes]], expected: list[bytes]) -> None:
        self.reads = 0
        self.failures: list[str] = []
        self._read, self._expected = read, expected
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self._read() != self._expected:
                    self.failures.append("other files")
            except Exception as error:
                self.failures.append(repr(error))
            self.reads += 1
            time.sleep(0.05)

    def once_more(self) -> None:
        """Wait until a read that began after now is over."""
        after = self.reads + 2
        wait_for(lambda: self.reads >= after)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def fetching(stack: Development, study_id: str, out: Path, expected: list[bytes]) -> Iterator[Reader]:
    """The clinician fetches the study, each time anew."""
    with stack.house() as house:
        yield from _within(Reader(lambda: _fetched(house, study_id, out), expected))


@contextmanager
def viewing(gateway: Gateway, uid: str, expected: list[bytes]) -> Iterator[Reader]:
    """A viewer reads the study's instances."""
    yield from _within(Reader(lambda: gateway.files(uid), expected))


def _within(reader: Reader) -> Iterator[Reader]:
    with reader:
        yield reader


def _fetched(house: House, study_id: str, out: Path) -> list[bytes]:
    clinician = house.profiles().load("clinician")
    order = FetchOrder(bytes.fromhex(study_id[2:]), 0, Purpose.TREAT, Action.RETAIN)
    house.fetch_study(clinician, SilentProgress()).run(order, requester_of(clinician), house.folder(out, "out"))
    files = sorted(files_of(out))
    shutil.rmtree(out)
    return files


def objects(stack: Development) -> dict[str, float]:
    """Every object of the store, with when it was written."""
    root = stack.home.embedded_store
    return {str(path): path.stat().st_mtime for path in root.rglob("*") if path.is_file()}


def test_all_keys_rotate_and_no_read_fails(
    stack: Development, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = small_study(tmp_path / "study", "rotation")
    study = str(stack.register(*files)["studies"][0]["study_id"])
    stack.grant(study, "--action", "RETAIN", "--action", "METADATA", "--action", "VIEW")
    expected = sorted(path.read_bytes() for path in files)
    said: dict[str, Any] = {}
    with (
        opened(Cli(stack.home.root)) as gateway,
        fetching(stack, study, tmp_path / "out", expected) as fetches,
        viewing(gateway, uid_of(tmp_path / "study"), expected) as views,
    ):
        assert gateway.get(f"/studies/{uid_of(tmp_path / 'study')}", AS_STORED)[0] == 200
        before = objects(stack)
        stack.killed("rotate-key.published", "key", "rotate", "BROKER_SIGN", "--as", "hospital-a")
        for kind, member, more in KEYS:
            begun = stack.fiducia("key", "rotate", kind, "--as", member, *more)
            assert begun["former"] not in (None, begun["present"])
        stack.fiducia("badge", "issue", "clinician", "--role", "PHYSICIAN", "--as", "hospital-b")  # by the new issuer
        fetches.once_more()
        views.once_more()
        waits = stack.fiducia("key", "rotate", "GATEWAY", "--finish", "--as", "hospital-b", expect=4)
        assert waits["open_until"], "releases to the key of before are open"
        for kind, member, _ in KEYS:
            now = ("--now",) if kind == "GATEWAY" else ()
            done = said[kind] = stack.fiducia("key", "rotate", kind, "--finish", "--as", member, *now)
            assert done["finished"] is True
        fetches.once_more()
        views.once_more()
        assert objects(stack) == before, "no object of the store was written"
        after = [stack.fiducia("key", "list", "--kind", kind).said for kind, *_ in KEYS]
    assert (fetches.failures, views.failures) == ([], [])
    for keys, (_, member, _) in zip(after, KEYS, strict=True):
        assert sum(key["institution"] == (1 if member == "hospital-a" else 2) for key in keys) == 1
    assert (said["BROKER_KEM"]["kem"], said["GATEWAY"]["kem"]) == ("MLKEM1024_P384",) * 2
    with capsys.disabled():
        took = ", ".join(f"{kind} {done['took_s']} s" for kind, done in said.items())
        print(f"\n{fetches.reads} fetches and {views.reads} views while five keys rotated, none failed: {took}")


def test_an_archive_is_dealt_anew_under_another_kem(
    stack: Development, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = stack.fiducia("study", "refresh", "--all", expect=(0, 4))
    assert (done["studies"], done["shares"], done["objects_changed"]) == (1, 6, 0)
    assert stack.fiducia("study", "refresh", "--all")["studies"] == 0
    files = small_study(tmp_path / "study", "rotation")
    study = str(stack.fiducia("study", "list").said[0]["study_id"])
    stack.end_broker("hospital-c")
    assert _fetched_with(stack, study, tmp_path) == sorted(path.read_bytes() for path in files)
    stack.broker("hospital-c")
    assert stack.fiducia("audit", "verify")["verified"] is True
    assert stack.fiducia("audit", "log", "hospital-a")["verified"] is True
    with capsys.disabled():
        print(f"\n{done['shares']} shares dealt anew in {done['took_s']} s")


def test_what_was_kept_is_re_keyed_after_a_revoke(stack: Development, capsys: pytest.CaptureFixture[str]) -> None:
    study = str(stack.fiducia("study", "list").said[0]["study_id"])
    stack.fiducia("grant", "revoke", "--all", "--as", "patient")

    def rekeyed() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = stack.fiducia("study", "rekeyings").said
        return [row for row in rows if not row["waiting"]]

    wait_for(rekeyed)
    (row,) = rekeyed()
    assert (row["study_id"], row["series"]) == (study, 2)
    shown = stack.fiducia("study", "custody", study)
    assert (shown["threshold"], shown["moves_to"]) == (2, None), "others gave their shares, and hold new ones"
    assert 0 <= row["revoked_to_denied_s"] <= row["revoked_to_rekeyed_s"]
    with capsys.disabled():
        print(f"\nrevoked to denied {row['revoked_to_denied_s']} s, to re-keyed {row['revoked_to_rekeyed_s']} s")


def _fetched_with(stack: Development, study: str, tmp_path: Path) -> list[bytes]:
    with stack.house() as house:
        return _fetched(house, study, tmp_path / "again")
