"""Crash safety with real processes: SIGKILL between every two steps of register, release, hand-over, revoke and fetch.

A process is killed at a named fault point (`fiducia.adapters.faults`); that it died by SIGKILL proves that it got
there. Then it is started again as an operator or a person would, and nothing may be half-true:

    no anchored study without images and keys · no key handed over without a final record
    no acknowledged revoke forgotten · nothing acknowledged lost · the same command completes the job, once
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fiducia.records.events import GrantRevoked, StudyRevised, SubjectEnrolled
from fiducia.records.ledger import GrantState
from tests.support.images import small_series, small_study
from tests.support.stack import Development, fetch_words, running_stack
from tests.support.truths import (
    assert_once,
    assert_recorded,
    assert_same_files,
    assert_whole,
    events_of,
    state_of,
)

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src"

REGISTER = (
    "register.claimed",
    "register.series-sealed:1",
    "register.series-sealed:2",
    "register.keys-deposited",
    "register.manifest-stored",
    "register.proposed",
    "register.anchored",
    "register.confirmed",
)
REVISE = (
    "register.series-sealed",
    "register.keys-deposited",
    "register.manifest-stored",
    "register.proposed",
    "register.anchored",
)
DECIDED = {"act.kept", "act.carried"}
"""Of whatever a patient's side decides: tests/e2e/test_cli_deciding.py kills a rotation at each."""
STALLED = {
    "late.sealed",
    "late.journalled",
    "late.share-sealed",
    "late.share-journalled",
    "late.granted",
    "late.recorded",
    "late.noted",
}
"""Reached only while the chain stalls or when it is back: tests/journeys/test_late.py and test_late_told.py stop at
each of them."""
DEALT = {"register.shares-acknowledged", "deal.noted", "deposit.kept", "deposit.journalled"}
"""Where keys are dealt to several: tests/journeys/test_trustees.py stops at each of them."""
MOVED = {
    "custody.announced",
    "custody.proposed",
    "custody.anchored",
    "custody.collected",
    "custody.dealt",
    "custody.moved",
    "custody.attested",
    "collect.journalled",
    "destroy.forgotten",
    "destroy.journalled",
}
"""Where keys move to other trustees: tests/journeys/test_moving_custody.py stops at each of them."""
OTHERS = {
    "backup.": "tests/journeys/test_copying.py",
    "directory.": "tests/journeys/test_erasing.py",
    "destroy.shares-forgotten": "tests/journeys/test_erasing.py",
    "erase.": "tests/journeys/test_erasing.py",
    "late-fetch.": "tests/journeys/test_late_fetching.py",
    "log.": "tests/journeys/test_logs.py",
    "rekey.": "tests/journeys/test_rekeying.py",
    "restore.": "tests/journeys/test_copying.py",
    "restored.": "tests/journeys/test_catching_up.py",
    "rotate-kek.": "tests/unit/app/test_key_rotation.py",
    "rotate-key.": "tests/journeys/test_rotating.py",
    "witness.": "tests/journeys/test_logs.py",
}
"""Points of journeys that other tests stop at each step of, by how they begin: which tests."""
RECEIVED = {"receive.taken", "receive.kept"}
"""Of a hospital's doors: tests/e2e/test_stow.py kills them at each."""
SETTLE = "register.settled"  # reached only by the run that finishes what a killed one had proposed
ENROL = ("enrol.kept", "enrol.enrolled")
RELEASE = ("release.asked", "release.recorded", "release.sealed", "release.handed-over")
REVOKE = ("revoke.journalled", "revoke.denied", "revoke.relayed", "revoke.noted")
FETCH = (
    "fetch.asked",
    "fetch.released",
    "fetch.keys-kept",
    "fetch.instance-staged",  # each run stages one more
    "fetch.instance-staged",
    "fetch.instance-staged",
    "fetch.verified",
    "fetch.published",
)


class Kills:
    """A stack, what it acknowledged so far, and the points at which something of it was killed."""

    def __init__(self, development: Development) -> None:
        self.development = development
        self.hit: set[str] = set()
        self.opened: set[bytes] = set()
        self.studies: dict[str, int] = {}
        self.revoked: set[str] = set()

    def kill(self, point: str, *words: str) -> None:
        """Kill a command at a point."""
        self.development.killed(point, *words)
        self._note(point)

    def kill_broker(self, point: str, *words: str) -> None:
        """Kill hospital-a's broker at a point, by a command that asks it for something; the command exits 4."""
        broker = self.development.broker(FIDUCIA_STOP_AT=point)
        process = psutil.Process(broker.pid)
        self.development.fiducia(*words, expect=4)
        assert process.wait(timeout=30) == -signal.SIGKILL, point
        self._note(point)

    def _note(self, point: str) -> None:
        self.hit.add(point.partition(":")[0])
        self.check()

    def check(self) -> None:
        """What must be true right after a crash, before anything was mended, and ever after.

        Images that were opened already are opened once more in the end.
        """
        with self.development.house() as house:
            self.opened |= assert_whole(house, self.opened)
            assert_recorded(house)
            state = state_of(house)
            for study_id, revision in self.studies.items():
                study = state.study(bytes.fromhex(study_id[2:]))
                assert study is not None
                assert study.revision >= revision
            for grant_id in self.revoked:
                grant = state.grant(bytes.fromhex(grant_id[2:]))
                assert grant is not None
                assert grant.state is GrantState.REVOKED

    def register(self, folder: Path, *options: str) -> str:
        """Register one study, which is acknowledged by this; returns its study_id."""
        (study,) = self.development.register(folder, options=options)["studies"]
        self.studies[study["study_id"]] = study["revision"]
        self.check()
        return str(study["study_id"])


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kills]:
    """One stack for all kills: what an earlier test was acknowledged must outlive the later ones."""
    with running_stack(tmp_path_factory.mktemp("kill")) as development:
        yield Kills(development)


@pytest.fixture(scope="module")
def granted(kills: Kills) -> tuple[str, list[Path]]:
    """A registered study of three instances that the clinician may open."""
    folder = kills.development.root / "granted"
    files = small_study(folder, "granted")
    study_id = kills.register(folder)
    kills.development.grant(study_id)
    return study_id, files


def registered_once(kills: Kills, study_id: str, revision: int, instances: int) -> None:
    """The study stands at that revision, whole, anchored once for each, and the audit finds nothing."""
    (listed,) = [row for row in kills.development.fiducia("study", "list").said if row["study_id"] == study_id]
    assert (listed["revision"], listed["instances"]) == (revision, instances)
    with kills.development.house() as house:
        assert_once(house)
        events = [each for each in events_of(house) if isinstance(each, StudyRevised)]
        assert len([each for each in events if f"0x{each.study_id.hex()}" == study_id]) == revision - 1
        assert list(house.studies("hospital-a").all())


@pytest.mark.parametrize("point", REGISTER)
def test_a_registration_that_is_killed_is_completed_by_the_same_command(
    kills: Kills, tmp_path: Path, point: str
) -> None:
    small_study(tmp_path, f"killed at {point}")
    kills.kill(point, "study", "register", str(tmp_path))
    study_id = kills.register(tmp_path)
    registered_once(kills, study_id, 1, 3)


@pytest.mark.parametrize("point", REVISE)
def test_a_revision_that_is_killed_is_completed_by_the_same_command(kills: Kills, tmp_path: Path, point: str) -> None:
    name = f"revision killed at {point}"
    small_study(tmp_path, name)
    study_id = kills.register(tmp_path)
    small_series(tmp_path, name, slices=4)
    kills.kill(point, "study", "register", str(tmp_path))
    assert kills.register(tmp_path) == study_id
    registered_once(kills, study_id, 2, 5)


def test_finishing_a_killed_registration_may_be_killed_too(kills: Kills, tmp_path: Path) -> None:
    small_study(tmp_path, "killed twice")
    kills.kill("register.proposed", "study", "register", str(tmp_path))
    kills.kill(SETTLE, "study", "register", str(tmp_path))
    study_id = kills.register(tmp_path)
    registered_once(kills, study_id, 1, 3)


@pytest.mark.parametrize("point", ENROL)
def test_an_enrolment_that_is_killed_is_completed_not_doubled(kills: Kills, tmp_path: Path, point: str) -> None:
    development = kills.development
    before = development.fiducia("patient", "list").said
    small_study(tmp_path, f"enrolled, {point}", patient=f"NEW-{point}")
    kills.kill(point, "study", "register", str(tmp_path), "--enrol-new")
    study_id = kills.register(tmp_path, "--enrol-new")
    (patient,) = [row for row in development.fiducia("patient", "list").said if row not in before]
    # The profile that the killed run made is the patient's, and it can decide.
    development.grant(study_id, profile=patient["patient_profile"])
    with development.house() as house:
        enrolled = [event.subject for event in events_of(house) if isinstance(event, SubjectEnrolled)]
    assert len(enrolled) == len(set(enrolled)) == len(before) + 1


def test_a_release_whose_broker_is_killed_at_every_step_hands_over_what_was_recorded_once(
    kills: Kills, tmp_path: Path, granted: tuple[str, list[Path]]
) -> None:
    """One request goes through all kills, and the ledger knows it once."""
    study_id, files = granted
    out = tmp_path / "images"
    before = releases_of(kills, study_id)
    for point in RELEASE:
        kills.kill_broker(point, *fetch_words(study_id, out))
        assert not out.exists()
    kills.development.up()
    kills.development.fetch(study_id, out)
    kills.check()
    assert_same_files(out, files)
    assert releases_of(kills, study_id) == before + 1


@pytest.mark.parametrize("point", REVOKE)
def test_a_revoke_whose_broker_is_killed_is_not_forgotten(
    kills: Kills, tmp_path: Path, granted: tuple[str, list[Path]], point: str
) -> None:
    """Journalled is as good as acknowledged: the next broker relays it without being asked again."""
    development = kills.development
    small_series(tmp_path, f"revoked, {point}")
    study_id = kills.register(tmp_path)
    grant_id = development.grant(study_id)
    kills.kill_broker(point, "grant", "revoke", grant_id, "--as", "patient")
    development.broker()
    wait_until_revoked(kills, grant_id)
    again = development.fiducia("grant", "revoke", grant_id, "--as", "patient")
    assert (again["revoked"], again["on_chain"]) == (True, True)
    kills.revoked.add(grant_id)
    refused = development.fetch(study_id, tmp_path / "images", expect=3)
    assert refused["reason"] == "GRANT_REVOKED"
    with development.house() as house:
        ends = [event for event in events_of(house) if isinstance(event, GrantRevoked)]
        assert len([event for event in ends if f"0x{event.grant_id.hex()}" == grant_id]) == 1
    kills.check()


def test_a_fetch_that_is_killed_at_every_step_goes_on_with_the_request_that_it_made(
    kills: Kills, tmp_path: Path, granted: tuple[str, list[Path]]
) -> None:
    """The keys lie sealed meanwhile, nothing is visible before all of it is proved, and no trace stays in the end."""
    study_id, files = granted
    out = tmp_path / "images"
    before = releases_of(kills, study_id)
    for point in FETCH:
        kills.kill(point, *fetch_words(study_id, out))
        assert out.exists() == (point == "fetch.published")
        with kills.development.house() as house:
            assert house.vault("clinician").names("kept/fetch/")
    kills.development.fetch(study_id, out)
    assert_same_files(out, files)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
    assert releases_of(kills, study_id) == before + 1
    with kills.development.house() as house:
        assert house.vault("clinician").names("kept/") == ()
    kills.check()


def test_a_revoke_that_was_acknowledged_while_the_chain_stood_still_outlives_its_broker(
    kills: Kills, tmp_path: Path
) -> None:
    development = kills.development
    small_series(tmp_path, "revoked while the chain stood still")
    study_id = kills.register(tmp_path)
    grant_id = development.grant(study_id)
    broker = development.broker(FIDUCIA_FINALITY_S="1")
    with development.mining_stopped():
        taken = development.fiducia("grant", "revoke", grant_id, "--as", "patient")
        assert (taken["revoked"], taken["on_chain"]) == (True, False)
        psutil.Process(broker.pid).kill()
        broker = development.broker(FIDUCIA_FINALITY_S="1")
        # Refused, or the chain has been silent for too long by now: either way no key.
        development.fetch(study_id, tmp_path / "images", expect=(3, 4))
    wait_until_revoked(kills, grant_id)
    kills.revoked.add(grant_id)
    development.broker()
    assert development.fetch(study_id, tmp_path / "images", expect=3)["reason"] == "GRANT_REVOKED"
    kills.check()


def test_every_fault_point_of_the_source_was_hit(kills: Kills, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs last: a new point in the source that nothing here is killed at fails this."""
    kills.opened.clear()
    kills.check()
    found: set[str] = set()
    for path in SOURCES.rglob("*.py"):
        calls = re.findall(r"\.reached\((.*)", path.read_text())
        named = re.findall(r'\.reached\("([a-z.-]+)"\)', path.read_text())
        assert len(calls) == len(named), f"{path.name}: a fault point is not a plain name"
        found |= set(named)
    assert len(found) > 20
    assert all((ROOT / test).is_file() for test in OTHERS.values())
    assert all(any(point.startswith(each) for point in found) for each in OTHERS)
    others = {point for point in found if point.startswith(tuple(OTHERS))}
    elsewhere = STALLED | DECIDED | RECEIVED | DEALT | MOVED | others
    assert found >= elsewhere
    assert kills.hit == found - elsewhere
    with capsys.disabled():
        print(f"\nkilled by SIGKILL at each of {len(kills.hit)} fault points: {', '.join(sorted(kills.hit))}")


def releases_of(kills: Kills, study_id: str) -> int:
    """Return how many releases of a study the chain knows."""
    with kills.development.house() as house:
        return len(state_of(house).releases(bytes.fromhex(study_id[2:])))


def wait_until_revoked(kills: Kills, grant_id: str) -> None:
    """Wait until the chain shows the end of a grant."""
    deadline = time.monotonic() + 30
    while True:
        with kills.development.house() as house:
            grant = state_of(house).grant(bytes.fromhex(grant_id[2:]))
        if grant is not None and grant.state is GrantState.REVOKED:
            return
        assert time.monotonic() < deadline, "the revoke was forgotten"
        time.sleep(0.1)
