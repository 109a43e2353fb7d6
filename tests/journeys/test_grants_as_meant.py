"""Grants as people mean them: all studies of now or the future, windows, renewal, signed now and carried later."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.core import ids, wire
from fiducia.core.rules import DAY_S, Action, Basis, Purpose, Role, mask
from fiducia.core.wording import terms_digest
from fiducia.errors import DeniedError, InputError, LedgerNotFinalError
from fiducia.journeys.grants.drafting import KEEP_WITHIN_S, Every, GrantOrder
from tests.support.colleagues import colleague, give_by_staff, staffed
from tests.support.consortium import HOSPITAL_A, Consortium


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.run_register()
    return world


def order_of(world: Consortium, **changes: Any) -> GrantOrder:
    fields: dict[str, Any] = {
        "study_id": b"",
        "series": 0,
        "grantee": world.badge.badge.person,
        "purposes": mask(Purpose.TREAT),
        "actions": mask(Action.VIEW, Action.RETAIN),
        "not_after": world.clock.now() + 10 * DAY_S,
        "every": Every.UNTIL_NOW,
        "subject": world.mirror.catch_up().subjects()[0].subject,
    }
    return GrantOrder(**(fields | changes))


def later_study(world: Consortium) -> bytes:
    """Another study, registered later."""
    world.clock.advance(60)
    world.add_series(1, study="later")
    world.run_register()
    return world.mirror.catch_up().studies()[-1].study_id


@pytest.mark.parametrize("every", list(Every))
def test_all_studies_of_now_are_not_those_of_the_future(world: Consortium, every: Every) -> None:
    shown: list[str] = []
    world.give.run(order_of(world, every=every), world.patient, show=shown.append)
    assert ("future ones too" in shown[0]) is (every is Every.FUTURE_TOO)
    assert ("registered until" in shown[0]) is (every is Every.UNTIL_NOW)
    first = world.mirror.catch_up().studies()[0].study_id
    world.run_fetch(first, MemoryDestination())
    later = later_study(world)
    if every is Every.FUTURE_TOO:
        world.run_fetch(later, MemoryDestination())
        return
    with pytest.raises(DeniedError):
        world.run_fetch(later, MemoryDestination())


def test_a_study_that_is_not_the_named_patients_is_refused(world: Consortium) -> None:
    study = world.mirror.catch_up().studies()[0].study_id
    with pytest.raises(InputError, match="this patient's"):
        world.give.run(order_of(world, study_id=study, subject=b"x" * 20), world.patient)
    with pytest.raises(InputError, match="no such patient"):
        world.give.run(order_of(world, subject=b"x" * 20), world.patient)


def test_a_window_begins_when_it_says(world: Consortium) -> None:
    world.give.run(order_of(world, not_before=world.clock.now() + DAY_S), world.patient)
    study = world.mirror.catch_up().studies()[0].study_id
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(study, MemoryDestination())
    assert refused.value.reason == "GRANT_NOT_YET"


def test_the_same_order_after_a_crash_is_the_same_grant_whatever_time_it_is(world: Consortium) -> None:
    order = order_of(world)
    world.ledger.faults.lose = 1
    with pytest.raises(LedgerNotFinalError):
        world.give.run(order, world.patient)
    later_study(world)
    given = world.give.run(order, world.patient)
    assert given.grant.anchored_by < world.mirror.catch_up().studies()[-1].anchored_at


# -- renewing


def test_a_renewed_grant_has_the_same_terms_and_another_window(world: Consortium) -> None:
    study = world.mirror.catch_up().studies()[0].study_id
    first = world.run_grant(study, purposes=mask(Purpose.TREAT, Purpose.HRESCH)).grant
    world.clock.advance(5 * DAY_S)
    until = world.clock.now() + 20 * DAY_S
    shown: list[str] = []
    renewed = world.give.renew(first, until, world.patient, study_id=study, show=shown.append).grant
    names = [field.name for field in dataclasses.fields(first)]
    anew = {"not_before", "not_after", "relay_by", "terms", "salt"}
    assert {name for name in names if getattr(first, name) != getattr(renewed, name)} == anew
    assert renewed.not_after == until
    assert renewed.terms == terms_digest(renewed, shown[0])
    world.clock.advance(10 * DAY_S)  # the first one ended
    world.ledger.head()
    state = world.mirror.catch_up()
    assert [entry.grant for entry in state.grants_of_study(study) if state.is_live(entry)] == [renewed]


def test_a_revoked_grant_is_not_renewed(world: Consortium) -> None:
    study = world.mirror.catch_up().studies()[0].study_id
    one, two = world.run_grant(study), world.run_grant(study, actions=mask(Action.VIEW))
    world.revoke.run(one.grant_id, world.patient)
    until = world.clock.now() + 20 * DAY_S
    with pytest.raises(InputError, match="revoked"):
        world.give.renew(one.grant, until, world.patient)
    world.revoke_all.run(one.grant.subject, world.patient)
    with pytest.raises(InputError, match="revoked"):
        world.give.renew(two.grant, until, world.patient)
    with pytest.raises(InputError, match="no such grant"):
        world.give.renew(replace(one.grant, salt=bytes(32)), until, world.patient)


def test_what_staff_gave_is_not_the_patients_to_renew(world: Consortium) -> None:
    staffed(world)
    officer = colleague(world, HOSPITAL_A, 51, Role.OFFICER)
    given = give_by_staff(world).run(order_of(world), Basis.CARE, [officer])
    with pytest.raises(InputError, match="signed anew"):
        world.give.renew(given.grant, world.clock.now() + DAY_S, world.patient)


# -- signed now, carried later or never


def test_a_signed_grant_opens_nothing_until_somebody_carries_it(world: Consortium) -> None:
    study = world.mirror.catch_up().studies()[0].study_id
    act = world.give.sign(order_of(world, study_id=study), world.patient)
    assert wire.decode_act(wire.encode(act)) == act
    assert world.mirror.catch_up().grants_of_subject(act.grant.subject) == ()
    world.clock.advance(KEEP_WITHIN_S - DAY_S)
    world.broker.relay(act)
    assert world.mirror.catch_up().grant(ids.grant_id(act.grant)) is not None


def test_a_signed_grant_can_be_revoked_before_it_comes_and_never_lives_then(world: Consortium) -> None:
    act = world.give.sign(order_of(world), world.patient)
    assert world.revoke.run_for(act.grant, world.patient) is True
    with pytest.raises(InputError, match="revoked"):
        world.broker.relay(act)


def test_a_signed_grant_waits_a_week_at_most(world: Consortium) -> None:
    act = world.give.sign(order_of(world), world.patient)
    world.clock.advance(KEEP_WITHIN_S)
    with pytest.raises(InputError, match="sign it anew"):
        world.broker.relay(act)
