"""What a refused request tells to whom, and that what is refused harms nobody else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.core import ids
from fiducia.core.rules import Action, Purpose, Role, mask
from fiducia.errors import DeniedError, VerificationError
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.journeys.shared.objects import put_document
from fiducia.journeys.sign_in.badges import IssueBadge
from fiducia.records.ledger import ReviseAct, RevokeAct
from fiducia.records.typed import Approval, Revise, Revoke, StaffAccess
from tests.support.consortium import HOSPITAL_B, Consortium, key


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(2)
    world.run_register()
    return world


def study_of(world: Consortium) -> bytes:
    return world.mirror.catch_up().studies()[0].study_id


def access_of(world: Consortium) -> StaffAccess:
    draw_up = DrawUpRequest(mirror=world.mirror, clock=world.clock, entropy=world.entropy, domains=world.domains)
    access = draw_up.run(study_of(world), 0, Purpose.TREAT, Action.RETAIN, world.clinician)
    assert isinstance(access, StaffAccess)
    return access


def self_made(world: Consortium, access: StaffAccess) -> StaffAccess:
    """The same request under a badge that its holder signed."""
    stranger = key(99)
    badge = replace(access.badge.badge, session=stranger.address)
    signed = replace(access.badge, badge=badge, signature=stranger.sign(world.domains.digest(badge)))
    return replace(access, badge=signed, signature=stranger.sign(world.domains.digest(access.request)))


@pytest.mark.parametrize("revoked", [False, True])
def test_a_stranger_learns_no_reason_at_either_door(world: Consortium, revoked: bool) -> None:
    given = world.run_grant(study_of(world))
    forged = self_made(world, access_of(world))
    if revoked:
        world.revoke.run(given.grant_id, world.patient)
    for door in (world.record_release, world.hand_over):
        with pytest.raises(DeniedError) as refused:
            door.run(forged)
        assert refused.value.reason == "UNVERIFIED"


def test_a_member_learns_of_a_revoke_at_the_hand_over_also_while_the_chain_is_down(world: Consortium) -> None:
    given = world.run_grant(study_of(world))
    access = access_of(world)
    world.record_release.run(access)
    world.mirror.catch_up()
    world.ledger.faults.unreachable = True
    assert world.revoke.run(given.grant_id, world.patient) is False
    with pytest.raises(DeniedError) as refused:
        world.hand_over.run(access)
    assert refused.value.reason == "GRANT_REVOKED"


def officer_revoke(world: Consortium, grant_id: bytes) -> RevokeAct:
    """A revoke by the grantee's own staff, whose badge ends soon."""
    session = key(50)
    badge = IssueBadge(mirror=world.mirror, clock=world.clock, entropy=world.entropy, domains=world.domains).run(
        institution=HOSPITAL_B,
        roles=mask(Role.PHYSICIAN),
        session=session.address,
        issuer=world.issuer,
        not_after=world.clock.now() + 60,
        trained_until=world.clock.now() + 86_400,
        person=world.badge.badge.person,
    )
    entry = world.mirror.catch_up().grant(grant_id)
    assert entry is not None
    assert entry.grant is not None
    signature = session.sign(world.domains.digest(Revoke(ids.grant_id(entry.grant))))
    return RevokeAct(entry.grant, Approval(session.address, signature, badge))


def test_a_taken_revoke_that_the_chain_refuses_keeps_no_other_waiting(world: Consortium) -> None:
    first, second = world.run_grant(study_of(world)), world.run_grant(study_of(world), actions=mask(Action.RETAIN))
    act = officer_revoke(world, first.grant_id)
    world.ledger.faults.unreachable = True
    assert world.take_revoke.run(act) is False
    assert world.revoke.run(second.grant_id, world.patient) is False
    world.ledger.faults.unreachable = False
    world.clock.advance(3600)  # the badge ended: the contract will not take the first any more
    assert world.relay_taken.run() == 0
    revoked = {entry.grant_id for entry in world.mirror.catch_up().grants_of_study(study_of(world)) if entry.revoked_at}
    assert revoked == {second.grant_id}
    # Taken is denied, whatever the chain says; and a restart does not try in vain again.
    world.restart()
    assert list(world.taken.waiting()) == []
    assert world.taken.denial(
        replace(access_of(world), request=replace(access_of(world).request, grant_id=first.grant_id))
    )


def test_a_malformed_object_that_the_custodian_anchored_is_a_failed_verification(world: Consortium) -> None:
    study_id, garbage = study_of(world), b"no manifest"
    world.run_grant(study_id)
    revise = Revise(study_id, 2, hashlib.sha256(garbage).digest())
    world.ledger.submit(ReviseAct(revise, world.registrar.sign(world.domains.digest(revise))))
    put_document(world.store, garbage)
    destination = MemoryDestination()
    with pytest.raises(VerificationError, match="malformed"):
        world.run_fetch(study_id, destination)
    assert world.gateway_vault.names("") == ()
