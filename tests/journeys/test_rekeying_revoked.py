"""Revokes that a policy names are followed by fresh keys, by themselves; what nobody kept is left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core.rules import Action, Basis, Purpose, mask
from fiducia.journeys.custody.rekeying_revoked import AGAIN_S, RekeyNote, RekeyPolicy, RekeyRevoked, rekeyings
from fiducia.journeys.reading.fetch import FetchOrder
from tests.journeys.test_crashes import two_series
from tests.journeys.test_rekeying import live, manifest, study_id
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, Consortium, contents
from tests.support.trustees import HOSPITAL_C, Trustees, dealt

EVERY = RekeyPolicy(mask(*Purpose), frozenset(Basis))


def policed(world: Consortium, policy: RekeyPolicy = EVERY, custodian: int = HOSPITAL_A) -> RekeyRevoked:
    return RekeyRevoked(
        policy=policy,
        rekey=world.rekey_study,
        mirror=world.mirror,
        store=world.store,
        studies=world.studies,
        journal=world.journal,
        clock=world.clock,
        custodian=custodian,
        registrar=world.registrar,
    )


def released(action: Action = Action.RETAIN, series: int = 0) -> Consortium:
    """Somebody has fetched a study of two series, or one of them."""
    world = two_series()
    world.run_register()
    world.run_grant(study_id(world))
    if action == Action.RETAIN:
        world.run_fetch(study_id(world), MemoryDestination(), series)
    else:
        order = FetchOrder(study_id(world), series, Purpose.TREAT, action)
        world.fetch.run(order, world.clinician, MemoryDestination())
    return world


def revoked(world: Consortium) -> bytes:
    (grant,) = world.mirror.catch_up().grants()
    world.clock.advance(10)
    world.revoke.run(grant.grant_id, world.patient)
    return grant.grant_id


def notes(world: Consortium) -> list[RekeyNote]:
    return [note for _, note in rekeyings(world.journal)]


def fetched(world: Consortium) -> list[bytes]:
    world.run_grant(study_id(world))
    destination = MemoryDestination()
    world.run_fetch(study_id(world), destination)
    return sorted(destination.visible.values())


def test_what_was_kept_under_a_revoked_grant_gets_fresh_keys_once() -> None:
    world = released()
    journey = policed(world)
    assert (journey.run(), journey.due(), live(world)) == (0, (), [1]), "nothing is revoked"
    grant_id, at = revoked(world), world.clock.now()
    world.clock.advance(3)
    assert [due.series for due in journey.due()] == [(1, 2)]
    assert journey.run() == 0
    assert live(world) == [2]
    assert notes(world) == [RekeyNote(grant_id, 2, 2, at, at, at + 3)]
    assert (journey.run(), policed(world).run(), journey.due(), len(notes(world))) == (0, 0, (), 1)
    assert fetched(world) == contents(world.files)


def test_only_the_series_that_was_released_is_re_keyed() -> None:
    world = released(series=2)
    revoked(world)
    policed(world).run()
    old, new = manifest(world, 1), manifest(world, 2)
    assert new.line(1) == old.line(1)
    assert new.line(2).pack_cid != old.line(2).pack_cid


def test_all_grants_of_a_patient_revoked_at_once_count() -> None:
    world = released()
    world.clock.advance(5)
    world.revoke_all.run(world.mirror.catch_up().studies()[0].subject, world.patient)
    at = world.clock.now()
    world.clock.advance(2)
    policed(world).run()
    assert [(note.revoked_at, note.denied_at, note.rekeyed_at) for note in notes(world)] == [(at, at, at + 2)]


@pytest.mark.parametrize(
    "policy",
    [
        RekeyPolicy(mask(Purpose.HRESCH, Purpose.CLINTRCH), frozenset(Basis)),
        RekeyPolicy(mask(*Purpose), frozenset({Basis.LAW})),
    ],
    ids=["another purpose", "another basis"],
)
def test_a_policy_that_names_another_purpose_or_basis_does_nothing(policy: RekeyPolicy) -> None:
    world = released()
    revoked(world)
    assert (policed(world, policy).run(), live(world), notes(world)) == (0, [1], [])


def test_what_was_looked_at_alone_or_never_released_is_left() -> None:
    seen = released(Action.VIEW)
    revoked(seen)
    policed(seen).run()
    never = two_series()
    never.run_register()
    never.run_grant(study_id(never))
    revoked(never)
    policed(never).run()
    assert (live(seen), live(never)) == ([1], [1])


def test_another_hospitals_patients_and_what_was_re_keyed_by_hand_are_left() -> None:
    world = released()
    revoked(world)
    assert policed(world, custodian=HOSPITAL_B).due() == ()
    by_hand = policed(world)._rekey
    by_hand.run(study_id(world), (), custodian=HOSPITAL_A, registrar=world.registrar)
    journey = policed(world)
    assert (journey.run(), journey.run(), live(world), notes(world)) == (0, 0, [2], [])


def released_by_several() -> Trustees:
    world = dealt(2, 3)
    world.run_fetch(world.study_id, MemoryDestination())
    return world


def test_what_several_trustees_open_is_re_keyed_or_told_as_waiting_and_tried_again_later() -> None:
    world = released_by_several()
    grant_id, at = revoked(world), world.clock.now()
    world.down(HOSPITAL_B, HOSPITAL_C)
    journey = policed(world)
    assert (journey.run(), journey.run()) == (1, 1)
    assert (len(journey.due()), notes(world)) == (1, [])
    world.clock.advance(AGAIN_S)
    assert journey.run() == 1
    world.down()
    assert journey.run() == 1, "it is left alone for a while"
    world.clock.advance(AGAIN_S)
    assert journey.run() == 0
    assert notes(world) == [RekeyNote(grant_id, 3, 2, at, at, at + 2 * AGAIN_S)]
    assert (journey.run(), journey.due(), live(world)) == (0, (), [3])
    assert fetched(world) == contents(world.files)


@pytest.mark.parametrize(
    ("released", "revision"), [(released, 2), (released_by_several, 3)], ids=["the custodian alone", "two of three"]
)
def test_killed_at_any_step_the_next_round_completes_it(released: Callable[[], Consortium], revision: int) -> None:
    whole = released()
    revoked(whole)
    whole.steps = MemorySteps()
    policed(whole).run()
    points = list(whole.steps.points)
    assert {"rekey.proposed", "rekey.anchored", "rekey.withdrawn", "rekey.confirmed"} <= set(points)
    for point in dict.fromkeys(points):
        world = released()
        revoked(world)
        world.steps = MemorySteps(point)
        with pytest.raises(Stopped):
            policed(world).run()
        world.restart()
        assert policed(world).run() == 0, point
        assert live(world) == [revision], point
        assert policed(world).due() == (), point
        assert len(notes(world)) == (0 if point == "rekey.confirmed" else 1), point
        (entry,) = world.studies.all()
        assert world.studies.find(entry.study_instance_uid).pending is None, point
        assert fetched(world) == contents(world.files), point
