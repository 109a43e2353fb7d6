"""Crashes between any two steps: each journey is stopped at every point it passes, then run again.

The points are not listed here: a first, undisturbed run finds them, and every one of them is then hit.
tests/e2e/test_kill.py does the same to real processes with SIGKILL.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core.formats.opener import SeriesOpener
from fiducia.errors import DeniedError, LedgerError, LedgerNotFinalError
from fiducia.journeys.reading.asking import ASK_FOR_S
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.trustees.shares import share_of
from tests.support.consortium import HOSPITAL_A, IDENTITY, Consortium, contents


class StopAt(MemorySteps):
    """Stops at the nth point that is reached."""

    def __init__(self, position: int) -> None:
        super().__init__()
        self._position = position

    def reached(self, point: str) -> None:
        self.points.append(point)
        if len(self.points) == self._position:
            raise Stopped(point)


def crashed_everywhere(
    prepare: Callable[[], Consortium], act: Callable[[Consortium], object], check: Callable[[Consortium, str], None]
) -> list[str]:
    """Run `act` once to count its points, then once per point with a crash there; returns the points hit."""
    world = prepare()
    world.steps = MemorySteps()
    act(world)
    expected = list(world.steps.points)
    hit = []
    for position in range(1, len(expected) + 1):
        world = prepare()
        world.steps = StopAt(position)
        with pytest.raises(Stopped):
            act(world)
        hit.append(world.steps.points[-1])
        world.restart()
        check(world, hit[-1])
    assert hit == expected
    return hit


def two_series() -> Consortium:
    world = Consortium()
    world.add_series(2)
    world.add_series(1, series_number=2)
    return world


def granted() -> Consortium:
    world = two_series()
    world.run_grant(world.run_register().studies[0].study_id)
    return world


def only_study(world: Consortium) -> bytes:
    (study,) = world.mirror.catch_up().studies()
    return study.study_id


def assert_whole(world: Consortium) -> None:
    """Every anchored study has its images and the keys that open them."""
    for study in world.mirror.catch_up().studies():
        manifest = read_manifest(world.store, study.manifest)
        custody = read_custody(world.store, manifest)
        for line in manifest.series:
            keys = custody.combine([share_of(world.vault, custody, 1, line.number, line.sealed_in)])
            opener = SeriesOpener(manifest.place(line), line, keys, world.store.read)
            for entry in opener.entries:
                for _ in opener.instance(entry.number):
                    pass


def test_registration_leaves_no_anchored_study_without_images_and_keys() -> None:
    def check(world: Consortium, point: str) -> None:
        assert_whole(world)
        (study,) = world.run_register().studies
        assert (study.revision, study.instances) == (1, 3), point
        assert len(world.mirror.catch_up().studies()) == 1, point
        assert_whole(world)
        assert world.audit.run().findings == ()

    hit = crashed_everywhere(two_series, Consortium.run_register, check)
    assert len(set(hit)) >= 7


def test_a_revision_that_crashes_is_finished_by_the_same_command() -> None:
    def grown() -> Consortium:
        world = two_series()
        world.run_register()
        world.add_series(4)
        return world

    def check(world: Consortium, point: str) -> None:
        assert_whole(world)
        (study,) = world.run_register().studies
        assert (study.revision, study.instances) == (2, 5), point
        assert_whole(world)

    crashed_everywhere(grown, Consortium.run_register, check)


def test_enrolment_that_crashes_is_completed_not_doubled() -> None:
    def act(world: Consortium) -> object:
        return world.enrol.run(IDENTITY, custodian=HOSPITAL_A, registrar=world.registrar, patient=world.patient)

    def check(world: Consortium, point: str) -> None:
        act(world)
        (entry,) = world.patients.all()
        assert [subject.subject for subject in world.mirror.catch_up().subjects()] == [entry.subject], point

    crashed_everywhere(lambda: Consortium(enrolled=False), act, check)


def test_no_key_leaves_without_a_final_record_and_a_fetch_goes_on() -> None:
    def act(world: Consortium) -> MemoryDestination:
        destination = MemoryDestination()
        world.destination = destination
        world.run_fetch(only_study(world), destination)
        return destination

    def check(world: Consortium, point: str) -> None:
        recorded = {release.request_id for release in world.mirror.catch_up().releases()}
        handed_over = {entry.subject_id for entry in world.journal.entries("handed_over")}
        assert handed_over <= recorded, point
        destination = world.destination
        if point != "fetch.published":
            assert destination.visible == {}, point
        world.run_fetch(only_study(world), destination)
        assert sorted(destination.visible.values()) == contents(world.files), point
        # The same request went on: nothing was recorded twice.
        assert len(world.mirror.catch_up().releases()) == 1, point
        assert world.gateway_vault.names("") == (), point

    hit = crashed_everywhere(granted, act, check)
    assert {"release.recorded", "release.handed-over", "fetch.keys-kept", "fetch.published"} <= set(hit)


def test_no_acknowledged_revoke_is_forgotten() -> None:
    def act(world: Consortium) -> bool:
        (grant,) = world.mirror.catch_up().grants_of_study(only_study(world))
        return world.revoke.run(grant.grant_id, world.patient)

    def check(world: Consortium, point: str) -> None:
        world.relay_taken.run()
        act(world)
        (grant,) = world.mirror.catch_up().grants_of_study(only_study(world))
        assert grant.revoked_at, point
        with pytest.raises(DeniedError):
            world.run_fetch(only_study(world), MemoryDestination())
        assert list(world.taken.waiting()) == []

    crashed_everywhere(granted, act, check)


@pytest.mark.parametrize("point", ["revoke.journalled", "revoke.denied"])
def test_a_revoke_whose_broker_died_after_journalling_is_relayed_by_the_next(point: str) -> None:
    world = granted()
    (grant,) = world.mirror.catch_up().grants_of_study(only_study(world))
    world.steps = MemorySteps(stop_at=point)
    with pytest.raises(Stopped):
        world.revoke.run(grant.grant_id, world.patient)
    world.restart()
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(only_study(world), MemoryDestination())
    assert refused.value.reason == "GRANT_REVOKED"
    assert world.relay_taken.run() == 0
    (grant,) = world.mirror.catch_up().grants_of_study(only_study(world))
    assert grant.revoked_at


def test_a_revoke_is_taken_while_the_chain_is_down_and_relayed_when_it_is_back() -> None:
    world = granted()
    (grant,) = world.mirror.catch_up().grants_of_study(only_study(world))
    world.ledger.faults.unreachable = True
    assert world.revoke.run(grant.grant_id, world.patient) is False
    world.restart_keeping_mirror()
    assert world.relay_taken.run() == 1
    world.ledger.faults.unreachable = False
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(only_study(world), MemoryDestination())
    assert refused.value.reason == "GRANT_REVOKED"
    assert world.relay_taken.run() == 0


def test_a_paused_fetch_is_refused_after_the_revoke_and_its_kept_keys_are_gone() -> None:
    world = granted()
    destination = MemoryDestination()
    world.steps = MemorySteps(stop_at="fetch.instance-staged")
    with pytest.raises(Stopped):
        world.run_fetch(only_study(world), destination)
    assert destination.waiting
    assert world.gateway_vault.names("kept/fetch/")
    world.restart()
    (grant,) = world.mirror.catch_up().grants_of_study(only_study(world))
    world.revoke.run(grant.grant_id, world.patient)
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(only_study(world), destination)
    assert refused.value.reason == "GRANT_REVOKED"
    assert (destination.visible, destination.waiting) == ({}, {})
    assert world.gateway_vault.names("") == ()


def test_a_paused_fetch_goes_on_under_what_was_granted_since() -> None:
    world = granted()
    destination = MemoryDestination()
    world.steps = MemorySteps(stop_at="fetch.instance-staged")
    with pytest.raises(Stopped):
        world.run_fetch(only_study(world), destination)
    world.restart()
    (grant,) = world.mirror.catch_up().grants_of_study(only_study(world))
    world.revoke.run(grant.grant_id, world.patient)
    world.run_grant(only_study(world), not_after=world.clock.now() + 3600)
    world.run_fetch(only_study(world), destination)
    assert sorted(destination.visible.values()) == contents(world.files)
    assert world.gateway_vault.names("") == ()


def test_a_paused_fetch_of_a_study_that_grew_since_brings_all_of_it() -> None:
    world = granted()
    destination = MemoryDestination()
    world.steps = MemorySteps(stop_at="fetch.instance-staged")
    with pytest.raises(Stopped):
        world.run_fetch(only_study(world), destination)
    world.restart()
    world.add_series(1, series_number=3)
    world.run_register()
    assert world.run_fetch(only_study(world), destination).revision == 2
    assert sorted(destination.visible.values()) == contents(world.files)


def test_what_was_asked_for_before_it_was_granted_is_asked_for_again() -> None:
    world = two_series()
    study_id = world.run_register().studies[0].study_id
    world.steps = MemorySteps(stop_at="fetch.asked")
    with pytest.raises(Stopped):
        world.run_fetch(study_id, MemoryDestination())
    world.restart()
    world.run_grant(study_id)
    destination = MemoryDestination()
    world.run_fetch(study_id, destination)
    assert sorted(destination.visible.values()) == contents(world.files)


def test_keys_of_a_request_that_lapsed_are_not_taken_for_those_of_the_next_one() -> None:
    world = granted()
    destination = MemoryDestination()
    world.steps = MemorySteps(stop_at="fetch.keys-kept")
    with pytest.raises(Stopped):
        world.run_fetch(only_study(world), destination)
    world.restart()
    world.clock.advance(ASK_FOR_S)
    world.steps = MemorySteps(stop_at="fetch.asked")
    with pytest.raises(Stopped):
        world.run_fetch(only_study(world), destination)
    world.restart()
    assert not [name for name in world.gateway_vault.names("kept/fetch/") if name.endswith("/keys")]
    world.run_fetch(only_study(world), destination)
    assert sorted(destination.visible.values()) == contents(world.files)


@pytest.mark.parametrize("fault", ["lose", "delay"])
def test_what_was_sent_but_never_final_is_finished_by_the_same_command(fault: str) -> None:
    world = two_series()

    def disturbed(act: Callable[[], object]) -> None:
        setattr(world.ledger.faults, fault, 1)
        with pytest.raises(LedgerNotFinalError):
            act()
        world.clock.advance(1)
        world.restart()
        act()

    disturbed(world.run_register)
    assert len(world.mirror.catch_up().studies()) == 1
    study_id = only_study(world)
    until = world.clock.now() + 86_400
    disturbed(lambda: world.run_grant(study_id, not_after=until))
    assert len(world.mirror.catch_up().grants_of_study(study_id)) == 1
    destination = MemoryDestination()
    disturbed(lambda: world.run_fetch(study_id, destination))
    assert sorted(destination.visible.values()) == contents(world.files)
    assert len(world.mirror.catch_up().releases()) == 1


def test_a_silent_or_stale_chain_releases_nothing() -> None:
    for fault in ("unreachable", "stalled"):
        world = granted()
        study_id = only_study(world)
        setattr(world.ledger.faults, fault, True)
        world.clock.advance(60)
        with pytest.raises(LedgerError):
            world.run_fetch(study_id, MemoryDestination())
        assert list(world.journal.entries("handed_over")) == []
