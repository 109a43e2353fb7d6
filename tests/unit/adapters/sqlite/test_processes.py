"""Several processes on one file, and processes that are killed: nothing half there, nothing acknowledged lost."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from fiducia.adapters.sqlite import SqliteJournal, SqlitePatients, SqliteStudies, SqliteVault
from fiducia.errors import LimitError
from fiducia.records.images import StudyState
from tests.support.custody import KEK, act, digest, line, patient, say, study, together, worker

DATABASE = "custody.db"


def test_a_study_claimed_by_another_process_is_held_until_it_lets_go(tmp_path: Path) -> None:
    with (
        SqliteStudies(tmp_path / DATABASE, KEK, claim_timeout_s=0.01) as studies,
        worker("hold", tmp_path, "1.2.3") as process,
    ):
        assert line(process) == "held"
        with pytest.raises(LimitError), studies.claim("1.2.3"):
            pytest.fail("held twice")
        with studies.claim("1.2.4"):
            pass
        say(process)
        assert line(process) == "released"
        with studies.claim("1.2.3"):
            pass
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    with (
        SqliteStudies(tmp_path / DATABASE, KEK, claim_timeout_s=0.01) as studies,
        worker("hold", tmp_path, "1.2.3") as process,
    ):
        assert line(process) == "held"
        process.send_signal(signal.SIGKILL)
        process.wait()
        with studies.claim("1.2.3"):
            pass


def test_who_waits_for_a_claim_gets_it(tmp_path: Path) -> None:
    with worker("hold", tmp_path, "1.2.3") as first:
        assert line(first) == "held"
        with worker("hold", tmp_path, "1.2.3") as second:
            say(first)
            assert line(first) == "released"
            assert line(second) == "held"
            say(second)
            assert line(second) == "released"


def test_processes_take_turns(tmp_path: Path) -> None:
    assert sorted(together(4, "count-claimed", tmp_path)) == ["0", "1", "2", "3"]
    assert (tmp_path / "tally").read_text() == "80"


def test_processes_that_add_one_identity_get_one_entry(tmp_path: Path) -> None:
    salts = together(4, "add", tmp_path)
    with SqlitePatients(tmp_path / DATABASE, KEK) as patients:
        (entry,) = patients.all()
    assert set(salts) == {entry.salt.hex()}


@pytest.mark.parametrize("acknowledgements", [1, 7, 40])
def test_a_kill_loses_no_acknowledged_secret_and_leaves_none_alone(tmp_path: Path, acknowledgements: int) -> None:
    with worker("put-forever", tmp_path) as process:
        last = max(int(line(process)) for _ in range(acknowledgements))
        process.kill()
        process.wait()
    with SqliteVault(tmp_path / DATABASE, KEK) as vault:
        kept = [int(name[2:]) for name in vault.names("a/")]
        assert sorted(kept) == list(range(len(kept)))
        assert len(kept) > last
        for number in kept:
            assert vault.get(f"a/{number}") == vault.get(f"b/{number}") == digest(number)
        assert len(vault.names("")) == 2 * len(kept)


@pytest.mark.parametrize("acknowledgements", [1, 7, 40])
def test_a_kill_loses_no_acknowledged_entry_and_leaves_none_alone(tmp_path: Path, acknowledgements: int) -> None:
    with worker("append-forever", tmp_path) as process:
        last = max(int(line(process)) for _ in range(acknowledgements))
        process.kill()
        process.wait()
    with SqliteJournal(tmp_path / DATABASE, KEK) as journal:
        found = list(journal.entries())
        assert found == [act(number) for number in range(len(found))]
        assert len(found) % 2 == 0
        assert len(found) >= last + 2
        journal.health()


def _vault(path: Path) -> object:
    with SqliteVault(path, KEK) as vault:
        return {name: vault.get(name) for name in vault.names("")}


def _patients(path: Path) -> object:
    with SqlitePatients(path, KEK) as patients:
        return patients.all()


def _studies(path: Path) -> object:
    with SqliteStudies(path, KEK) as studies:
        return studies.find("1.2.3")


def _journal(path: Path) -> object:
    with SqliteJournal(path, KEK) as journal:
        return list(journal.entries())


OLD = {"old/1": digest("old"), "old/2": digest("old")}
CASES: dict[str, tuple[Callable[[Path], object], object, object]] = {
    "put": (_vault, OLD, OLD | {"new/1": digest(1), "old/1": digest(2), "new/2": digest(3)}),
    "remove": (_vault, OLD, {}),
    "add": (_patients, (patient("P-1"),), (patient("P-1"), patient("P-2"))),
    "propose": (
        _studies,
        StudyState(study("1.2.3"), study("1.2.3", 2, instances=9)),
        StudyState(study("1.2.3"), study("1.2.3", 2)),
    ),
    "confirm": (
        _studies,
        StudyState(study("1.2.3"), study("1.2.3", 2, instances=9)),
        StudyState(study("1.2.3", 2)),
    ),
    "append": (_journal, [act(0)], [act(0), act(1), act(2), act(3)]),
}


def _start(path: Path) -> None:
    with SqliteVault(path, KEK) as vault:
        vault.put(OLD)
    with SqlitePatients(path, KEK) as patients:
        patients.add(patient("P-1"))
    with SqliteStudies(path, KEK) as studies:
        studies.confirm(study("1.2.3"))
        studies.propose(study("1.2.3", 2, instances=9))
    with SqliteJournal(path, KEK) as journal:
        journal.append([act(0)])


def _crashed(home: Path, operation: str) -> list[Path]:
    """Run the operation killed at each step in turn; return each copy of the database, the last one finished."""
    with worker("crash", home, operation) as process:
        assert process.stdout is not None
        ends = [end.strip() for end in process.stdout]
    assert ends[-1] == "ended 0"
    assert set(ends[:-1]) == {"killed"}
    return [home / operation / str(step) / DATABASE for step in range(1, len(ends) + 1)]


@pytest.mark.parametrize("operation", CASES)
def test_killed_between_any_two_steps_all_of_it_happened_or_nothing(tmp_path: Path, operation: str) -> None:
    read, before, after = CASES[operation]
    _start(tmp_path / "start" / DATABASE)
    found = [read(path) for path in _crashed(tmp_path, operation)]
    happened = [state == after for state in found]
    assert [state for state in found if state not in (before, after)] == []
    assert happened == sorted(happened), "once it happened, later steps do not undo it"
    assert not happened[0]
    assert happened[-1]
    assert sum(not each for each in happened) >= 5, "killed before the commit, at several steps"


def test_a_database_killed_while_it_was_made_is_made_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "start").mkdir()
    paths = _crashed(tmp_path, "add")
    assert len(paths) > 20
    for path in paths:
        with SqliteVault(path, KEK) as vault:
            vault.put({"a": b"1"})
            assert vault.get("a") == b"1"
        with SqliteJournal(path, KEK) as journal:
            journal.append([act(9)])
            assert list(journal.entries())[-1] == act(9)
