"""Several processes on one database, and processes that are killed: nothing half there, nothing acknowledged lost."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from fiducia.adapters.sql import Place, PostgresPlace, SqlJournal, SqlPatients, SqlStudies, SqlVault
from fiducia.errors import LimitError
from fiducia.records.images import StudyState
from tests.support.custody import KEK, act, custody_place, digest, line, patient, say, study, together, worker
from tests.support.custody_worker import note_place, place_in


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory whose database several processes share; `place_in` says where it is."""
    note_place(tmp_path, custody_place(request, tmp_path))
    return tmp_path


def test_a_study_claimed_by_another_process_is_held_until_it_lets_go(shared: Path) -> None:
    with (
        SqlStudies(place_in(shared), KEK, claim_timeout_s=0.01) as studies,
        worker("hold", shared, "1.2.3") as process,
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
    assert not (shared / "locks").exists() or list((shared / "locks").iterdir()) == []


def test_a_killed_holder_lets_go(shared: Path) -> None:
    with (
        SqlStudies(place_in(shared), KEK, claim_timeout_s=0.01) as studies,
        worker("hold", shared, "1.2.3") as process,
    ):
        assert line(process) == "held"
        process.send_signal(signal.SIGKILL)
        process.wait()
        with studies.claim("1.2.3"):
            pass


def test_who_waits_for_a_claim_gets_it(shared: Path) -> None:
    with worker("hold", shared, "1.2.3") as first:
        assert line(first) == "held"
        with worker("hold", shared, "1.2.3") as second:
            say(first)
            assert line(first) == "released"
            assert line(second) == "held"
            say(second)
            assert line(second) == "released"


def test_processes_take_turns(shared: Path) -> None:
    assert sorted(together(4, "count-claimed", shared)) == ["0", "1", "2", "3"]
    assert (shared / "tally").read_text() == "80"


def test_processes_that_add_one_identity_get_one_entry(shared: Path) -> None:
    salts = together(4, "add", shared)
    with SqlPatients(place_in(shared), KEK) as patients:
        (entry,) = patients.all()
    assert set(salts) == {entry.salt.hex()}


@pytest.mark.parametrize("acknowledgements", [1, 7, 40])
def test_a_kill_loses_no_acknowledged_secret_and_leaves_none_alone(shared: Path, acknowledgements: int) -> None:
    with worker("put-forever", shared) as process:
        last = max(int(line(process)) for _ in range(acknowledgements))
        process.kill()
        process.wait()
    with SqlVault(place_in(shared), KEK) as vault:
        kept = [int(name[2:]) for name in vault.names("a/")]
        assert sorted(kept) == list(range(len(kept)))
        assert len(kept) > last
        for number in kept:
            assert vault.get(f"a/{number}") == vault.get(f"b/{number}") == digest(number)
        assert len(vault.names("")) == 2 * len(kept)


@pytest.mark.parametrize("acknowledgements", [1, 7, 40])
def test_a_kill_loses_no_acknowledged_entry_and_leaves_none_alone(shared: Path, acknowledgements: int) -> None:
    with worker("append-forever", shared) as process:
        last = max(int(line(process)) for _ in range(acknowledgements))
        process.kill()
        process.wait()
    with SqlJournal(place_in(shared), KEK) as journal:
        found = list(journal.entries())
        assert found == [act(number) for number in range(len(found))]
        assert len(found) % 2 == 0
        assert len(found) >= last + 2
        journal.health()


def _vault(place: Place) -> object:
    with SqlVault(place, KEK) as vault:
        return {name: vault.get(name) for name in vault.names("")}


def _patients(place: Place) -> object:
    with SqlPatients(place, KEK) as patients:
        return patients.all()


def _studies(place: Place) -> object:
    with SqlStudies(place, KEK) as studies:
        return studies.find("1.2.3")


def _journal(place: Place) -> object:
    with SqlJournal(place, KEK) as journal:
        return list(journal.entries())


OLD = {"old/1": digest("old"), "old/2": digest("old")}
CASES: dict[str, tuple[Callable[[Place], object], object, object]] = {
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


def _start(place: Place) -> None:
    with SqlVault(place, KEK) as vault:
        vault.put(OLD)
    with SqlPatients(place, KEK) as patients:
        patients.add(patient("P-1"))
    with SqlStudies(place, KEK) as studies:
        studies.confirm(study("1.2.3"))
        studies.propose(study("1.2.3", 2, instances=9))
    with SqlJournal(place, KEK) as journal:
        journal.append([act(0)])


def _crashed(home: Path, operation: str, stride: int = 1) -> Iterator[Place]:
    """Run the operation killed at each step in turn; yield each copy of the database, the last one finished."""
    with worker("crash", home, operation, stride) as process:
        for step in count(1, stride):
            end = line(process)
            assert end in ("killed", "ended 0")
            yield place_in(home / operation / str(step))
            say(process)
            if end != "killed":
                return


@pytest.mark.parametrize("operation", CASES)
def test_killed_between_any_two_steps_all_of_it_happened_or_nothing(shared: Path, operation: str) -> None:
    read, before, after = CASES[operation]
    start = _beginning(shared)
    _start(start)
    stride = 3 if isinstance(start, PostgresPlace) else 1  # opening takes many steps there, and writes nothing
    found = [read(place) for place in _crashed(shared, operation, stride)]
    happened = [state == after for state in found]
    assert [state for state in found if state not in (before, after)] == []
    assert happened == sorted(happened), "once it happened, later steps do not undo it"
    assert not happened[0]
    assert happened[-1]
    assert sum(not each for each in happened) >= 5, "killed before the commit, at several steps"


def test_a_database_killed_while_it_was_made_is_made_by_the_next(shared: Path) -> None:
    start = _beginning(shared, owner="new")
    stride = 13 if isinstance(start, PostgresPlace) else 5  # many steps, of few transactions
    places = 0
    for place in _crashed(shared, "add", stride):
        places += stride
        with SqlVault(place, KEK) as vault:
            vault.put({"a": b"1"})
            assert vault.get("a") == b"1"
        with SqlJournal(place, KEK) as journal:
            journal.append([act(9)])
            assert list(journal.entries())[-1] == act(9)
    assert places > 20


def _beginning(shared: Path, owner: str = "") -> Place:
    """Return where the database is that copies are made of."""
    (shared / "start").mkdir()
    place = place_in(shared)
    if isinstance(place, PostgresPlace):
        note_place(shared / "start", replace(place, owner=owner))
    return place_in(shared / "start")
