"""`ports.Ledger` with a patient whose signer is a passkey: the same suite for memory and a real chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fiducia.core import ids
from fiducia.core.policy import decide, verify_access
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.ports import Signer
from fiducia.records import events
from fiducia.records.ledger import GrantAct, RecordAct, RevokeAct
from fiducia.records.typed import Approval, Revoke
from tests.ports.conftest import World
from tests.support.passkeys import PRESENT, SoftPasskey, with_high_s
from tests.support.signers import Scene, prepare


@pytest.fixture
def scene(world: World) -> Scene:
    """Keys published, a patient enrolled with a passkey, a study anchored, a grant given by the passkey."""
    passkey: Signer = SoftPasskey(4711, world.domains)
    world.c.patient = passkey
    return prepare(world.ledger, world.c)


def other_passkey(world: World) -> SoftPasskey:
    return SoftPasskey(4712, world.domains)


def test_a_grant_that_a_passkey_gave_releases_until_the_passkey_revokes(world: World, scene: Scene) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    world.ledger.submit(RecordAct(access))
    assert world.ledger.are_open([access.request])[1] == (True,)
    (event,) = world.ledger.submit(scene.c.revoke(scene.grant)).events
    assert isinstance(event, events.GrantRevoked)
    assert event.by == ids.signer_hash(scene.c.patient.address)
    assert world.ledger.are_open([access.request])[1] == (False,)
    with pytest.raises(InputError, match="revoked"):
        world.ledger.submit(replace_approval(scene, world, scene.c.patient.sign))


def replace_approval(scene: Scene, world: World, sign: Callable[[bytes], bytes]) -> GrantAct:
    """The scene's grant, signed in some way."""
    signature = sign(world.domains.digest(scene.grant))
    return GrantAct(scene.grant, (Approval(scene.c.patient.address, signature),))


def test_a_passkey_revokes_all_and_the_same_again_is_success(world: World, scene: Scene) -> None:
    (event,) = world.ledger.submit(scene.c.revoke_all()).events
    assert isinstance(event, events.EpochRaised)
    assert event.epoch == 2
    world.ledger.submit(scene.c.revoke_all())
    with pytest.raises(InputError, match="epoch"):
        world.ledger.submit(scene.c.grant(scene.study_id))


def test_a_passkeys_own_access(world: World, scene: Scene) -> None:
    access = scene.c.own_access(scene.study_id)
    assert decide(access, world.ledger.facts(access), verify_access(world.domains, access)).allowed
    world.ledger.submit(RecordAct(access))
    assert world.ledger.are_open([access.request])[1] == (True,)


BAD: dict[str, Callable[[SoftPasskey, SoftPasskey, bytes], bytes]] = {
    "high s": lambda own, other, digest: with_high_s(own.sign(digest)),
    "wrong relying party": lambda own, other, digest: own.make(digest, rp_id="example.org"),
    "no user verification": lambda own, other, digest: own.make(digest, flags=PRESENT),
    "a registration": lambda own, other, digest: own.make(digest, kind="webauthn.create"),
    "another passkey": lambda own, other, digest: other.sign(digest),
    "something else": lambda own, other, digest: own.sign(bytes(32)),
    "a byte more": lambda own, other, digest: own.sign(digest) + b"\0",
    "a byte less": lambda own, other, digest: own.sign(digest)[:-1],
    "an account's form": lambda own, other, digest: bytes(65),
}


@pytest.mark.parametrize("how", BAD)
def test_a_bad_assertion_is_refused_everywhere(world: World, scene: Scene, how: str) -> None:
    own, other = SoftPasskey(4711, world.domains), other_passkey(world)
    grant = scene.c.grant(scene.study_id).grant
    signer = own.address
    with pytest.raises(SignatureError):
        signature = BAD[how](own, other, world.domains.digest(grant))
        world.ledger.submit(GrantAct(grant, (Approval(signer, signature),)))
    with pytest.raises(SignatureError):
        signature = BAD[how](own, other, world.domains.digest(Revoke(ids.grant_id(scene.grant))))
        world.ledger.submit(RevokeAct(scene.grant, Approval(signer, signature)))
    access = scene.c.own_access(scene.study_id)
    signature = BAD[how](own, other, world.domains.digest(access.request))
    access = replace(access, approval=Approval(signer, signature))
    with pytest.raises(DeniedError) as caught:
        world.ledger.submit(RecordAct(access))
    assert caught.value.reason == "REQUEST_SIGNATURE"
    assert (
        decide(access, world.ledger.facts(access), verify_access(world.domains, access)).denial == caught.value.reason
    )
    assert world.ledger.are_open([access.request])[1] == (False,)


def test_another_passkey_has_no_standing(world: World, scene: Scene) -> None:
    other = other_passkey(world)
    with pytest.raises(SignatureError):
        world.ledger.submit(scene.c.revoke(scene.grant, by=other))
    access = scene.c.own_access(scene.study_id, by=other)
    with pytest.raises(DeniedError) as caught:
        world.ledger.submit(RecordAct(access))
    assert caught.value.reason == "OWN_SIGNER"


def test_a_replay_for_another_grant_is_refused(world: World, scene: Scene) -> None:
    given = scene.c.grant(scene.study_id)
    world.ledger.submit(given)
    wider = replace(given.grant, purposes=given.grant.purposes | 2)
    with pytest.raises(SignatureError):
        world.ledger.submit(GrantAct(wider, given.approvals))


def test_a_passkey_of_another_verifier_is_never_enrolled(world: World, scene: Scene) -> None:
    elsewhere = SoftPasskey(99, replace(world.domains, verifier=world.domains.grants))
    fresh = replace(world.c, seed="elsewhere")
    fresh.patient = elsewhere
    with pytest.raises(SignatureError):
        world.ledger.submit(fresh.enrol())
