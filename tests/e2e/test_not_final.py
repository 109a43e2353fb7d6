"""A transaction sent and never final: exit 4, and the same command finishes it later, nothing recorded twice.

Anvil takes transactions and mines none while `mining_stopped` lasts; commands wait two seconds instead of thirty.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fiducia.records.events import GrantGiven, StudyAnchored, SubjectEnrolled
from tests.support.images import small_series, small_study
from tests.support.stack import Development, ended, fetch_words, grant_words, running_stack
from tests.support.truths import (
    assert_once,
    assert_recorded,
    assert_same_files,
    assert_whole,
    events_of,
    state_of,
)

PATIENT_S = {"FIDUCIA_FINALITY_S": "2"}


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    with running_stack(tmp_path_factory.mktemp("not-final")) as running:
        running.broker(**PATIENT_S)
        yield running


@pytest.fixture(autouse=True)
def _impatient(development: Development, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands in this process wait two seconds, too; whatever happened, the home is sound afterwards."""
    for name, value in PATIENT_S.items():
        monkeypatch.setenv(name, value)
    yield
    with development.house() as house:
        assert_whole(house)
        assert_recorded(house)
        assert_once(house)


def waiting(development: Development) -> int:
    """How many calls of contracts wait for a block. A broker's checkpoint is none, and comes in its own time."""
    queued = development.rpc("txpool_content")["pending"].values()
    return sum(each.get("to") is not None for account in queued for each in account.values())


def not_final(development: Development, *words: str) -> None:
    """Run a command whose transaction is taken and not mined: exit 4, and the message says what to do."""
    with development.mining_stopped():
        ran = development.fiducia(*words, expect=4)
        assert waiting(development) == 1
    assert ran["type"] == "urn:fiducia:problem:ledger-not-final"
    assert "the same command finishes it later" in ran["detail"]


@contextmanager
def adding(development: Development, kind: type, count: int) -> Iterator[None]:
    """The ledger tells of so many more things of a kind after the block."""

    def told() -> int:
        with development.house() as house:
            return sum(isinstance(event, kind) for event in events_of(house))

    before = told()
    yield
    assert told() == before + count


def test_a_registration(development: Development, tmp_path: Path) -> None:
    small_study(tmp_path, "not final")
    with adding(development, StudyAnchored, 1):
        not_final(development, "study", "register", str(tmp_path))
        (study,) = development.register(tmp_path)["studies"]
        assert (study["revision"], study["instances"]) == (1, 3)
        (again,) = development.register(tmp_path)["studies"]
        assert (again["study_id"], again["unchanged"]) == (study["study_id"], True)


def test_a_revision(development: Development, tmp_path: Path) -> None:
    small_study(tmp_path, "revised")
    (study,) = development.register(tmp_path)["studies"]
    small_series(tmp_path, "revised", slices=3)
    not_final(development, "study", "register", str(tmp_path))
    (revised,) = development.register(tmp_path)["studies"]
    assert (revised["study_id"], revised["revision"]) == (study["study_id"], 2)


def test_an_enrolment(development: Development, tmp_path: Path) -> None:
    small_series(tmp_path, "of somebody new", patient="NEW-NOT-FINAL")
    with adding(development, SubjectEnrolled, 1), adding(development, StudyAnchored, 1):
        not_final(development, "study", "register", str(tmp_path), "--enrol-new")
        (study,) = development.register(tmp_path, options=["--enrol-new"])["studies"]
    development.grant(study["study_id"], profile=study["patient_profile"])


def test_a_grant(development: Development, tmp_path: Path) -> None:
    small_series(tmp_path, "granted")
    (study,) = development.register(tmp_path)["studies"]
    with adding(development, GrantGiven, 1):
        not_final(development, *grant_words(study["study_id"]))
        grant_id = development.grant(study["study_id"])
    shown = development.fiducia("grant", "list", "--as", "patient").said
    assert [row["state"] for row in shown if row["grant_id"] == grant_id] == ["live"]


def test_a_release(development: Development, tmp_path: Path) -> None:
    files = small_study(tmp_path / "given", "released")
    (study,) = development.register(tmp_path / "given")["studies"]
    development.grant(study["study_id"])
    out = tmp_path / "out"
    not_final(development, *fetch_words(study["study_id"], out))
    assert not out.exists()
    development.fetch(study["study_id"], out)
    assert_same_files(out, files)
    with development.house() as house:
        assert len(state_of(house).releases(bytes.fromhex(study["study_id"][2:]))) == 1
        assert house.vault("clinician").names("kept/") == ()


def test_a_registration_that_is_killed_while_it_waits_for_the_chain(development: Development, tmp_path: Path) -> None:
    """The moment that no fault point names: sent, and nobody is there any more who knows."""
    small_study(tmp_path, "killed while waiting")
    with adding(development, StudyAnchored, 1):
        with development.mining_stopped():
            running = development.begin("study", "register", str(tmp_path))
            deadline = time.monotonic() + 60
            while waiting(development) == 0:
                assert time.monotonic() < deadline, "nothing was sent"
                time.sleep(0.02)
            running.kill()
            ended(running, expect=-9)
        (study,) = development.register(tmp_path)["studies"]
    assert study["revision"] == 1


def test_a_registration_whose_transaction_the_chain_lost(development: Development, tmp_path: Path) -> None:
    """Accepted is not included: a node may forget what it took."""
    small_study(tmp_path, "lost")
    with adding(development, StudyAnchored, 1):
        with development.mining_stopped():
            development.fiducia("study", "register", str(tmp_path), expect=4)
            development.rpc("anvil_dropAllTransactions")
        (study,) = development.register(tmp_path)["studies"]
    assert study["revision"] == 1
