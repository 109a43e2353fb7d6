"""Revokes that are repeated, forged or made up: what was taken is never dropped, and strangers leave no trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.core import ids
from fiducia.core.rules import Role, mask
from fiducia.errors import FiduciaError, InputError, SignatureError
from fiducia.journeys.sign_in.badges import IssueBadge
from fiducia.records.ledger import RevokeAct, RevokeAllAct
from fiducia.records.typed import Approval, Grant, Revoke, RevokeAll
from tests.support.consortium import HOSPITAL_B, Consortium, key


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.run_register()
    return world


def granted(world: Consortium) -> Grant:
    return world.run_grant(world.mirror.catch_up().studies()[0].study_id).grant


def forged(world: Consortium, grant: Grant) -> RevokeAct:
    stranger = key(99)
    return RevokeAct(
        grant, Approval(stranger.address, stranger.sign(world.domains.digest(Revoke(ids.grant_id(grant)))))
    )


def by_patient(world: Consortium, grant: Grant) -> RevokeAct:
    signature = world.patient.sign(world.domains.digest(Revoke(ids.grant_id(grant))))
    return RevokeAct(grant, Approval(world.patient.address, signature))


def all_by(world: Consortium, signer: int | None, subject: bytes, epoch: int) -> RevokeAllAct:
    who = key(signer) if signer else world.patient
    struct = RevokeAll(subject, epoch)
    return RevokeAllAct(struct, Approval(who.address, who.sign(world.domains.digest(struct))))


def acts(world: Consortium) -> list[str]:
    return [entry.kind for entry in world.journal.entries() if entry.kind.startswith("revoke_")]


def is_revoked(world: Consortium, grant: Grant) -> bool:
    entry = world.mirror.catch_up().grant(ids.grant_id(grant))
    return entry is not None and bool(entry.revoked_at)


def test_a_forged_one_does_not_drop_a_taken_one_that_waits_for_the_chain(world: Consortium) -> None:
    grant = granted(world)
    world.ledger.faults.unreachable = True
    assert world.take_revoke.run(by_patient(world, grant)) is False
    world.ledger.faults.unreachable = False
    with pytest.raises(SignatureError):
        world.take_revoke.run(forged(world, grant))
    assert len(world.taken.waiting()) == 1
    assert world.relay_taken.run() == 0
    assert is_revoked(world, grant)


def test_repeating_a_revoke_that_the_chain_shows_leaves_no_trace(world: Consortium) -> None:
    grant = granted(world)
    assert world.take_revoke.run(by_patient(world, grant)) is True
    for _ in range(3):
        assert world.take_revoke.run(by_patient(world, grant)) is True
        with pytest.raises(SignatureError):
            world.take_revoke.run(forged(world, grant))
    world.restart()
    assert world.take_revoke.run(by_patient(world, grant)) is True
    assert acts(world) == ["revoke_taken", "revoke_relayed"]


def test_strangers_leave_no_trace(world: Consortium) -> None:
    grant = granted(world)
    with pytest.raises(SignatureError):
        world.take_revoke.run(forged(world, grant))
    for epoch in (0, 1, 2, 2**32 - 1):
        with pytest.raises(InputError):
            world.take_revoke.run(all_by(world, 99, grant.subject, epoch))
        with pytest.raises(InputError):
            world.take_revoke.run(all_by(world, 99, bytes(20), epoch))
    assert acts(world) == []


@pytest.mark.parametrize("epoch", [0, 2, 2**32 - 1])
def test_an_epoch_that_has_not_come_ends_nothing(world: Consortium, epoch: int) -> None:
    grant = granted(world)
    assert grant.epoch == 1
    with pytest.raises(InputError, match="epoch"):
        world.take_revoke.run(all_by(world, None, grant.subject, epoch))
    assert acts(world) == []
    assert not is_revoked(world, grant)


def test_everything_is_revoked_once_also_when_it_is_said_again(world: Consortium) -> None:
    grant = granted(world)
    act = all_by(world, None, grant.subject, 1)
    assert world.take_revoke.run(act) is True
    assert world.take_revoke.run(act) is True
    subject = world.mirror.catch_up().subject(grant.subject)
    assert subject is not None
    assert subject.epoch == 2
    assert acts(world) == ["revoke_taken", "revoke_relayed"]


def staff_revoke(world: Consortium, grant: Grant) -> RevokeAct:
    """By the grantee, under a badge that ends in a minute."""
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
    signature = session.sign(world.domains.digest(Revoke(ids.grant_id(grant))))
    return RevokeAct(grant, Approval(session.address, signature, badge))


def test_what_the_chain_refused_from_one_is_taken_and_kept_from_another(world: Consortium) -> None:
    """The grantee's badge ended before the chain came back; the patient's own revoke must not be lost by that."""
    grant = granted(world)
    act = staff_revoke(world, grant)
    world.ledger.faults.unreachable = True
    assert world.take_revoke.run(act) is False
    world.ledger.faults.unreachable = False
    world.clock.advance(3600)
    assert world.relay_taken.run() == 0
    assert not is_revoked(world, grant)
    world.ledger.faults.unreachable = True
    assert world.take_revoke.run(by_patient(world, grant)) is False
    world.restart_keeping_mirror()
    world.ledger.faults.unreachable = False
    assert world.relay_taken.run() == 0
    assert is_revoked(world, grant)
    assert acts(world) == ["revoke_taken", "revoke_refused", "revoke_taken", "revoke_relayed"]


def test_a_second_one_with_standing_goes_through_while_the_first_waits_in_vain(world: Consortium) -> None:
    grant = granted(world)
    act = staff_revoke(world, grant)
    world.ledger.faults.unreachable = True
    assert world.take_revoke.run(act) is False
    world.ledger.faults.unreachable = False
    world.clock.advance(3600)
    assert world.take_revoke.run(by_patient(world, grant)) is True
    assert is_revoked(world, grant)
    assert world.taken.waiting() == ()


def test_a_signature_in_another_form_is_refused_also_for_what_was_taken(world: Consortium) -> None:
    grant = granted(world)
    right = by_patient(world, grant)
    assert world.take_revoke.run(right) is True
    for signature in (b"", right.approval.signature[:-1], right.approval.signature[:-1] + b"\x00"):
        with pytest.raises(FiduciaError):
            world.take_revoke.run(replace(right, approval=replace(right.approval, signature=signature)))
