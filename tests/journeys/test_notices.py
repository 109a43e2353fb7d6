"""Notices: owed for whatever the patient did not give, derived from the ledger, settled in the journal."""

from __future__ import annotations

import pytest

from fiducia.core.rules import Basis, Purpose, Role, mask
from fiducia.errors import InputError, JournalError
from fiducia.journeys.grants.grant import GrantOrder
from fiducia.journeys.patients.notices import Notices, Standing
from tests.support.colleagues import colleague, give_by_staff, open_emergency, staffed, team_of
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, Consortium


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.run_register()
    return staffed(world)


def notices(world: Consortium, custodian: int = HOSPITAL_A) -> Notices:
    return Notices(mirror=world.mirror, journal=world.journal, clock=world.clock, custodian=custodian)


def given(world: Consortium, basis: Basis) -> bytes:
    """A grant on a basis, by whom it asks."""
    study = world.mirror.catch_up().studies()[0]
    if basis is Basis.CONSENT:
        return world.run_grant(study.study_id).grant_id
    if basis is Basis.EMERGENCY:
        return open_emergency(world).run(team_of(world), subject=study.subject).given.grant_id
    purpose = Purpose.HLEGAL if basis is Basis.LAW else Purpose.TREAT
    end = world.clock.now() + DAY_S
    order = GrantOrder(study.study_id, 0, world.badge.badge.person, mask(purpose), 1, end)
    officers = [colleague(world, HOSPITAL_A, number, Role.OFFICER) for number in (51, 52)]
    if basis is Basis.PAPER:
        return give_by_staff(world).run(order, basis, officers, document=b"scan").grant_id
    return give_by_staff(world).run(order, basis, officers[:1]).grant_id


def standings(world: Consortium) -> dict[bytes, Standing]:
    return {each.notice.grant_id: each.standing for each in notices(world).run()}


def test_every_basis_but_consent_owes_one(world: Consortium) -> None:
    grants = {basis: given(world, basis) for basis in Basis}
    assert standings(world) == {grants[basis]: Standing.OWED for basis in Basis if basis is not Basis.CONSENT}
    assert notices(world, HOSPITAL_B).run() == ()


def test_a_revoked_grants_notice_is_still_owed(world: Consortium) -> None:
    grant = given(world, Basis.CARE)
    world.revoke.run(grant, world.patient)
    assert standings(world) == {grant: Standing.OWED}


def test_a_delivered_one_is_delivered_once_and_after_a_restart(world: Consortium) -> None:
    grant = given(world, Basis.EMERGENCY)
    first = notices(world).deliver(grant)
    world.clock.advance(5)
    assert notices(world).deliver(grant) == first
    world.restart()
    assert standings(world) == {grant: Standing.DELIVERED}
    assert len(list(world.journal.entries("notice_delivered"))) == 1


def test_only_the_law_defers_and_not_for_ever(world: Consortium) -> None:
    law, care = given(world, Basis.LAW), given(world, Basis.CARE)
    until = world.clock.now() + DAY_S
    with pytest.raises(InputError, match="CARE is not deferred"):
        notices(world).defer(care, until)
    for wrong in (world.clock.now(), world.clock.now() + 366 * DAY_S):
        with pytest.raises(InputError, match="a year ahead"):
            notices(world).defer(law, wrong)
    assert notices(world).defer(law, until).standing is Standing.DEFERRED
    assert standings(world)[law] is Standing.DEFERRED
    world.clock.advance(DAY_S)
    assert standings(world)[law] is Standing.OWED
    notices(world).deliver(law)
    with pytest.raises(InputError, match="delivered already"):
        notices(world).defer(law, world.clock.now() + DAY_S)


def test_a_patient_sees_what_is_delivered_and_what_may_not_be_deferred(world: Consortium) -> None:
    law, emergency = given(world, Basis.LAW), given(world, Basis.EMERGENCY)
    subject = world.mirror.catch_up().subjects()[0].subject
    assert [each.notice.grant_id for each in notices(world).for_patient(subject)] == [emergency]
    assert notices(world).for_patient(bytes(20)) == ()
    notices(world).deliver(law)
    assert {each.notice.grant_id for each in notices(world).for_patient(subject)} == {law, emergency}


def test_what_is_not_owed_is_not_delivered_and_without_a_journal_nothing_is(world: Consortium) -> None:
    consent, care = given(world, Basis.CONSENT), given(world, Basis.CARE)
    for unknown in (consent, bytes(32)):
        with pytest.raises(InputError, match="no notice"):
            notices(world).deliver(unknown)
    world.journal.working = False
    with pytest.raises(JournalError):
        notices(world).deliver(care)


def test_the_list_stands_while_the_chain_is_away(world: Consortium) -> None:
    grant = given(world, Basis.CARE)
    world.mirror.catch_up()
    world.ledger.faults.unreachable = True
    assert standings(world) == {grant: Standing.OWED}
