"""Votes on members, exports narrowed by one's own governor, badges ended: what each does, and who must sign."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.core.entries import Member
from fiducia.core.rules import Role
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.journeys.members.members import NarrowRegions, VoteOnMember
from fiducia.journeys.sign_in.badges import EndBadges, WithdrawStaff
from fiducia.records.typed import ChangeExports, NarrowExports, Reinstate, ReplaceGovernor, Suspend
from tests.support.colleagues import GOVERNOR_C, HOSPITAL_C, colleague, staffed
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, Consortium, key


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.run_register()
    world.run_grant(world.mirror.catch_up().studies()[0].study_id)
    return staffed(world)


def vote(world: Consortium) -> VoteOnMember:
    return VoteOnMember(ledger=world.ledger, domains=world.domains)


def member(world: Consortium, institution: int = HOSPITAL_B) -> Member:
    found = world.mirror.catch_up().member(institution)
    assert found is not None
    return found


def round_of(world: Consortium) -> int:
    return world.mirror.catch_up().round


def fetch(world: Consortium) -> None:
    world.run_fetch(world.mirror.catch_up().studies()[0].study_id, MemoryDestination())


def test_a_suspended_institution_gets_nothing_until_it_is_reinstated(world: Consortium) -> None:
    others = {HOSPITAL_A: world.governor_a, HOSPITAL_C: GOVERNOR_C}
    vote(world).run(Suspend(HOSPITAL_B, round_of(world)), others)
    with pytest.raises(DeniedError) as refused:
        fetch(world)
    assert refused.value.reason == "INSTITUTION_INACTIVE"
    vote(world).run(Reinstate(HOSPITAL_B, round_of(world)), others)
    fetch(world)


def test_a_replaced_governor_has_no_say(world: Consortium) -> None:
    fresh = key(90)
    others = {HOSPITAL_A: world.governor_a, HOSPITAL_C: GOVERNOR_C}
    vote(world).run(ReplaceGovernor(HOSPITAL_B, fresh.address, round_of(world)), others)
    assert member(world).governor == fresh.address
    end = EndBadges(ledger=world.ledger, mirror=world.mirror, domains=world.domains)
    with pytest.raises(SignatureError):
        end.run(HOSPITAL_B, world.governor_b)
    assert end.run(HOSPITAL_B, fresh)[0] == 2


def test_too_few_votes_and_an_old_round_are_refused(world: Consortium) -> None:
    with pytest.raises(InputError, match="more than half"):
        vote(world).run(Suspend(HOSPITAL_B, round_of(world)), {HOSPITAL_A: world.governor_a})
    with pytest.raises(InputError, match="round"):
        vote(world).run(Suspend(HOSPITAL_B, round_of(world) - 1), {1: world.governor_a, 3: GOVERNOR_C})


def test_exports_widen_by_vote_and_narrow_by_ones_own_governor(world: Consortium) -> None:
    everybody = {HOSPITAL_A: world.governor_a, HOSPITAL_B: world.governor_b, HOSPITAL_C: GOVERNOR_C}
    vote(world).run(ChangeExports(HOSPITAL_A, 0b1111, round_of(world)), everybody)
    assert member(world, HOSPITAL_A).exports == 0b1111
    narrow = NarrowRegions(ledger=world.ledger, domains=world.domains)
    narrow.run(NarrowExports(HOSPITAL_A, 0b1, round_of(world)), world.governor_a)
    assert member(world, HOSPITAL_A).exports == 0b1
    with pytest.raises(DeniedError) as refused:
        fetch(world)
    assert refused.value.reason == "REGION"
    with pytest.raises(InputError, match="takes a vote"):
        narrow.run(NarrowExports(HOSPITAL_A, 0b11, round_of(world)), world.governor_a)
    with pytest.raises(SignatureError):
        narrow.run(NarrowExports(HOSPITAL_A, 0, round_of(world)), world.governor_b)


def test_a_withdrawn_person_gets_nothing_again(world: Consortium) -> None:
    withdraw = WithdrawStaff(ledger=world.ledger, domains=world.domains)
    person = world.badge.badge.person
    with pytest.raises(SignatureError):
        withdraw.run(person, key(99))
    for _ in range(2):
        withdraw.run(person, world.issuer)
    with pytest.raises(DeniedError) as refused:
        fetch(world)
    assert refused.value.reason == "PERSON_WITHDRAWN"


def test_all_badges_end_at_once_and_new_ones_count(world: Consortium) -> None:
    end = EndBadges(ledger=world.ledger, mirror=world.mirror, domains=world.domains)
    assert end.run(HOSPITAL_B, world.governor_b)[0] == 2
    with pytest.raises(DeniedError) as refused:
        fetch(world)
    assert refused.value.reason == "BADGE_EPOCH"
    again = colleague(world, HOSPITAL_B, 6, Role.PHYSICIAN, person=world.badge.badge.person)
    study = world.mirror.catch_up().studies()[0].study_id
    world.run_fetch(study, MemoryDestination(), requester=replace(world.clinician, badge=again.badge))
    with pytest.raises(InputError, match="not a member"):
        end.run(9, world.governor_b)
