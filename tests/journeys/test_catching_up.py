"""A restored member: nothing leaves before it has caught up; erased stays erased, revoked stays revoked."""

from __future__ import annotations

import pytest

from fiducia.adapters.held_back import HeldLedger, HeldStudies, HeldVault
from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.memory.patients import MemoryPatients
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.adapters.memory.studies import MemoryStudies
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.core.copies.changes import KEY_MATERIAL
from fiducia.core.keys.custody import Custody, SeriesCustody
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.replay import State
from fiducia.errors import DeniedError, FiduciaError, LedgerStaleError, LedgerUnreachableError, NotCaughtUpError
from fiducia.journeys.backup.catching_up import CAUGHT_UP, CatchUp, Standing
from fiducia.journeys.studies.erasure import RecordErasure, RequestErasure
from fiducia.journeys.trustees.dealing import WAITING
from fiducia.journeys.trustees.shares import named_shares
from fiducia.records.copies import CaughtUp
from tests.support.consortium import Consortium


class Restored(Consortium):
    """A consortium whose hospital A can lose its custody, and gets it back as it once was."""

    def lose_and_restore(self) -> None:
        """Go back to the custody of `keep`, held back as wiring does it."""
        vault, patients, studies, journal = MemoryVault(), MemoryPatients(), MemoryStudies(), MemoryJournal()
        vault.put(self.kept_secrets)
        for patient in self.kept_patients:
            patients.add(patient)
        for state in self.kept_states:
            assert state.anchored is not None
            studies.confirm(state.anchored)
        journal.append(self.kept_entries)
        self.plain_vault, self.plain_studies, self.patients, self.journal = vault, studies, patients, journal
        self.standing = Standing(vault)
        self.standing.fall_behind()
        self.vault = HeldVault(vault, self.standing.require)  # type: ignore[assignment]
        self.studies = HeldStudies(studies, self.standing.require)  # type: ignore[assignment]
        self.true_ledger = self.ledger
        self.ledger = HeldLedger(self.ledger, self.standing.require)  # type: ignore[assignment]
        self.restart()

    def keep(self) -> None:
        """Remember custody as it is now, as a copy would."""
        self.kept_secrets = {name: self.vault.get(name) for name in self.vault.names("")}
        self.kept_patients, self.kept_states = self.patients.all(), tuple(self.studies.states())
        self.kept_entries = tuple(self.journal.entries())

    @property
    def catching_up(self) -> CatchUp:
        return CatchUp(
            ledger=self.true_ledger,
            mirror=self.mirror,
            vault=self.plain_vault,
            studies=self.plain_studies,
            patients=self.patients,
            journal=self.journal,
            clock=self.clock,
            steps=self.steps,
        )

    @property
    def study_id(self) -> bytes:
        return self.mirror.catch_up().studies()[0].study_id


class Frozen:
    """A `Mirror` that stays where it is."""

    def __init__(self, state: State) -> None:
        self._state = state

    def catch_up(self) -> State:
        return self._state

    def state(self) -> State:
        return self._state


@pytest.fixture
def world() -> Restored:
    world = Restored()
    world.add_series(2)
    world.run_register()
    world.keep()
    return world


def erase(world: Restored, study_id: bytes) -> None:
    """Have a study erased on the ledger, at the patient's wish."""
    RequestErasure(broker=world.broker, domains=world.domains).run(study_id, world.patient)
    RecordErasure(ledger=world.ledger, domains=world.domains).run(study_id, b"c" * 32, world.registrar)


def test_nothing_leaves_and_nothing_is_made_before(world: Restored) -> None:
    world.run_grant(world.study_id)
    world.lose_and_restore()
    with pytest.raises(NotCaughtUpError):
        world.run_fetch(world.study_id, MemoryDestination())
    with pytest.raises(NotCaughtUpError):
        world.vault.get(world.vault.names("share/")[0])
    world.add_series(3)
    with pytest.raises(NotCaughtUpError):
        world.run_register()


def test_afterwards_what_was_granted_opens(world: Restored) -> None:
    world.run_grant(world.study_id)
    world.lose_and_restore()
    done = world.catching_up.run()
    assert done == CaughtUp(world.true_ledger.head().number, 0, 0, 0)
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination)
    assert destination.visible
    assert world.catching_up.run() is None


def test_a_revoke_since_the_copy_still_holds(world: Restored) -> None:
    given = world.run_grant(world.study_id)
    world.keep()
    world.revoke.run(given.grant_id, world.patient)
    world.lose_and_restore()
    done = world.catching_up.run()
    assert done is not None
    assert done.revoked_grants == 1
    with pytest.raises(FiduciaError) as refused:
        world.run_fetch(world.study_id, MemoryDestination())
    assert isinstance(refused.value, DeniedError)


def test_a_revoke_is_taken_at_once_also_before(world: Restored) -> None:
    given = world.run_grant(world.study_id)
    world.lose_and_restore()
    assert world.revoke.run(given.grant_id, world.patient)
    assert world.standing.behind()


def test_what_was_erased_since_the_copy_is_destroyed_again(world: Restored) -> None:
    study_id = world.study_id
    erase(world, study_id)
    world.lose_and_restore()
    assert world.plain_vault.names("share/")
    world.plain_vault.put({f"deal/{study_id.hex()}/{bytes(32).hex()}/2": b"sealed to another trustee"})
    with pytest.raises(NotCaughtUpError):
        world.vault.get(world.vault.names("deal/")[0])
    done = world.catching_up.run()
    assert done is not None
    assert (done.erased_studies, done.destroyed) == (1, 2)
    assert world.plain_vault.names("share/") + world.plain_vault.names("deal/") == ()
    assert (world.studies.all(), world.patients.all()) == ((), ()), "the directory knows neither study nor patient"
    (noted,) = world.journal.entries(CAUGHT_UP)
    assert noted.subject_id == world.mirror.state().head.hash


def test_every_name_that_shares_lie_under_is_held_back() -> None:
    """A new place for shares in a vault is named in `KEY_MATERIAL`."""
    custody = Custody(b"s" * 32, 1, (1,), (SeriesCustody(1, 1, (bytes(32),), (bytes(32),)),))
    (share,) = named_shares(custody, [SeriesShare(1, 1, 1, bytes(32), bytes(32))])
    assert share.startswith(KEY_MATERIAL)
    assert WAITING in KEY_MATERIAL


def test_a_chain_that_is_away_or_stale_keeps_it_held_back(world: Restored) -> None:
    world.lose_and_restore()
    world.true_ledger.faults.unreachable = True
    with pytest.raises(LedgerUnreachableError):
        world.catching_up.run()
    world.true_ledger.faults.unreachable = False
    world.true_ledger.faults.stalled = True
    world.clock.advance(3_600)
    with pytest.raises(LedgerStaleError):
        world.catching_up.run()
    with pytest.raises(NotCaughtUpError):
        world.standing.require()


def test_a_mirror_that_lags_keeps_it_held_back(world: Restored) -> None:
    world.lose_and_restore()

    old = world.mirror.catch_up().copy()
    world.clock.advance(1)
    assert world.true_ledger.head().number > old.head.number
    world.mirror = Frozen(old)  # type: ignore[assignment]
    with pytest.raises(NotCaughtUpError):
        world.catching_up.run()
    assert world.standing.behind()


@pytest.mark.parametrize(
    "point",
    ["restored.seen", "restored.destroyed", "directory.study-forgotten", "restored.forgotten", "restored.noted"],
)
def test_a_crash_on_the_way_is_made_good_by_the_next_run(world: Restored, point: str) -> None:
    erase(world, world.study_id)
    world.lose_and_restore()
    world.steps = MemorySteps(point)
    with pytest.raises(Stopped):
        world.catching_up.run()
    with pytest.raises(NotCaughtUpError):
        world.standing.require()
    world.steps = MemorySteps()
    assert world.catching_up.run() is not None
    assert world.plain_vault.names("share/") == ()
    assert (world.plain_studies.all(), world.patients.all()) == ((), ())
    world.standing.require()


def test_a_restore_that_was_cut_off_never_catches_up(world: Restored) -> None:
    world.lose_and_restore()
    world.standing.begin()
    assert world.catching_up.run() is None
    with pytest.raises(NotCaughtUpError, match="restore"):
        world.standing.require()
