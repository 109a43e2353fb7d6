"""Who may end a grant when the patient's signer is a passkey, decided from the last facts seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MEMORY_DOMAINS, MemoryLedger
from fiducia.core import ids
from fiducia.core.standing import check_revoke, check_revoke_all
from fiducia.errors import SignatureError
from fiducia.ports import Signer
from fiducia.records.ledger import RevokeAct, RevokeAllAct
from fiducia.records.typed import Approval, Revoke, RevokeAll
from tests.support import world as w
from tests.support.passkeys import PRESENT, SoftPasskey

PASSKEY, OTHER = (SoftPasskey(number, MEMORY_DOMAINS) for number in (151, 152))


def settled() -> w.World:
    """A world whose patient has a passkey."""
    world = w.World(MemoryLedger(w.FOUNDERS, clock=MemoryClock(w.NOW)))
    world.settle(patient=PASSKEY)
    return world


def revoke_by(world: w.World, signer: Signer) -> RevokeAct:
    grant = w.default_grant()
    return RevokeAct(grant, Approval(signer.address, world.sign(signer, Revoke(ids.grant_id(grant)))))


def test_the_patients_passkey_ends_one_and_all() -> None:
    world = settled()
    check_revoke(world.domains, world.state(), revoke_by(world, PASSKEY), w.NOW)
    everything = RevokeAll(w.SUBJECT, 1)
    approval = Approval(PASSKEY.address, world.sign(PASSKEY, everything))
    check_revoke_all(world.domains, world.state(), RevokeAllAct(everything, approval), w.NOW)


def test_the_custodians_registrar_still_does() -> None:
    world = settled()
    check_revoke(world.domains, world.state(), revoke_by(world, w.REGISTRAR), w.NOW)


@pytest.mark.parametrize("signer", [OTHER, w.PATIENT, w.OTHER_REGISTRAR, w.SESSION], ids=lambda each: repr(each)[:12])
def test_nobody_else(signer: Signer) -> None:
    world = settled()
    with pytest.raises(SignatureError, match="standing"):
        check_revoke(world.domains, world.state(), revoke_by(world, signer), w.NOW)


def test_not_unverified_nor_in_anothers_name_nor_for_something_else() -> None:
    world = settled()
    act = revoke_by(world, PASSKEY)
    digest = world.domains.digest(Revoke(ids.grant_id(act.grant)))
    for approval in (
        replace(act.approval, signature=PASSKEY.make(digest, flags=PRESENT)),
        replace(act.approval, signature=OTHER.sign(digest)),
        replace(act.approval, signature=PASSKEY.sign(bytes(32))),
        replace(act.approval, signer=bytes(20) + PASSKEY.key),
        replace(act.approval, credential=world.signed(w.default_badge())),
    ):
        with pytest.raises(SignatureError):
            check_revoke(world.domains, world.state(), replace(act, approval=approval), w.NOW)
