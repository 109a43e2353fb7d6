"""Who may take access away, decided from the last facts seen: passkeys, representatives, former signers, staff."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MEMORY_DOMAINS, MemoryLedger
from fiducia.core import ids
from fiducia.core.standing import check_restrict, check_revoke, check_revoke_all
from fiducia.errors import InputError, SignatureError
from fiducia.ports import Signer
from fiducia.records.ledger import RevokeAct, RevokeAllAct
from fiducia.records.typed import Approval, Lift, Restrict, Revoke, RevokeAll, Rotate
from tests.support import whole
from tests.support import world as w
from tests.support.acts import Staff
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


def represented() -> tuple[whole.Whole, MemoryClock]:
    """A patient with a former signer, a new one, and a live representative without a power; serial 3."""
    world, _, clock = whole.settled()
    world.do(world.appoint(whole.appointment(powers=0), w.PATIENT))
    world.do(world.rotate(Rotate(w.SUBJECT, whole.hash_of(whole.NEW_SIGNER), 2), whole.NEW_SIGNER, w.PATIENT))
    clock.advance(whole.DELAY_S)
    return world, clock


WHO: list[tuple[str, Signer | Staff, bool, bool, bool]] = [
    ("the signer", whole.NEW_SIGNER, True, True, True),
    ("a former signer", w.PATIENT, True, True, True),
    ("a representative", whole.REPRESENTATIVE, True, True, True),
    ("another representative", whole.OTHER_REPRESENTATIVE, False, False, False),
    ("a registrar", w.REGISTRAR, True, True, True),
    ("an officer of the custodian", whole.OFFICER_1, True, False, True),
    ("an untrained officer", whole.OFFICER_1.with_badge(trained_until=0), True, False, True),
    ("an officer of the grantee", whole.OFFICER_2, True, False, False),
    ("a nurse of the custodian", whole.NURSE_1, False, False, False),
    ("an officer with a badge that ended", whole.OFFICER_1.with_badge(not_after=w.NOW), False, False, False),
    ("an officer with another's session", whole.OFFICER_1.with_badge(session=w.SESSION.address), False, False, False),
    ("a stranger", w.STRANGER, False, False, False),
]


@pytest.mark.parametrize("suspended", [False, True], ids=["", "suspended"])
@pytest.mark.parametrize(("name", "by", "one", "everything", "restricts"), WHO, ids=[name for name, *_ in WHO])
def test_who_takes_away(
    name: str, by: Signer | Staff, one: bool, everything: bool, restricts: bool, suspended: bool
) -> None:
    world, clock = represented()
    if suspended:  # whatever members do, whoever has standing takes away
        world.suspend(w.CUSTODIAN)
    grant = w.default_grant(grantee=ids.institution_grantee(w.REQUESTER))
    revoke_all, restrict = RevokeAll(w.SUBJECT, 1), Restrict(w.SUBJECT, 1)
    checks: list[tuple[bool, Callable[[], None]]] = [
        (one, lambda: check_revoke(world.domains, state, world.revoke_by(grant, by), clock.now())),
        (
            everything,
            lambda: check_revoke_all(
                world.domains, state, RevokeAllAct(revoke_all, world.approval(by, revoke_all)), clock.now()
            ),
        ),
        (restricts, lambda: check_restrict(world.domains, state, world.restrict(restrict, by), clock.now())),
    ]
    state = world.state()
    for may, check in checks:
        if may:
            check()
        else:
            with pytest.raises(SignatureError, match="standing"):
                check()


def test_a_representative_takes_away_while_it_is_live() -> None:
    world, clock = represented()
    state, act = world.state(), world.restrict(Restrict(w.SUBJECT, 1), whole.REPRESENTATIVE)
    for at in (clock.now() - 1, w.NOW + 365 * w.DAY_S):
        with pytest.raises(SignatureError):
            check_restrict(world.domains, state, act, at)


def test_a_restriction_is_of_this_time() -> None:
    world, clock = represented()
    for serial in (0, 4):
        act = world.restrict(Restrict(w.SUBJECT, serial), w.REGISTRAR)
        with pytest.raises(InputError, match="sign the"):
            check_restrict(world.domains, world.state(), act, clock.now())
    world.do(world.restrict(Restrict(w.SUBJECT, 3), w.REGISTRAR))
    world.do(world.lift(Lift(w.SUBJECT, 3), whole.NEW_SIGNER))
    for serial, fits in ((3, False), (4, True)):
        act = world.restrict(Restrict(w.SUBJECT, serial), w.REGISTRAR)
        if fits:
            check_restrict(world.domains, world.state(), act, clock.now())
        else:
            with pytest.raises(InputError, match="lifted since"):
                check_restrict(world.domains, world.state(), act, clock.now())


def test_of_an_unknown_subject_nothing_is_taken() -> None:
    world, clock = represented()
    state, other = world.state(), whole.OTHER_SUBJECT
    grant, everything = w.default_grant(subject=other), RevokeAll(other, 1)
    with pytest.raises(InputError, match="another member"):
        check_revoke(world.domains, state, world.revoke_by(grant, w.REGISTRAR), clock.now())
    with pytest.raises(InputError, match="another member"):
        act = RevokeAllAct(everything, world.approval(w.REGISTRAR, everything))
        check_revoke_all(world.domains, state, act, clock.now())
    with pytest.raises(InputError, match="another member"):
        check_restrict(world.domains, state, world.restrict(Restrict(other, 1), w.REGISTRAR), clock.now())


def test_the_ledger_takes_what_a_broker_takes() -> None:
    """One decision in two places: whom the check lets through, the contracts let through."""
    for _, by, one, everything, restricts in WHO:
        world, _ = represented()
        grant = w.default_grant(grantee=ids.institution_grantee(w.REQUESTER))
        revoke_all = RevokeAll(w.SUBJECT, 1)
        for may, act in (
            (one, world.revoke_by(grant, by)),
            (restricts, world.restrict(Restrict(w.SUBJECT, 1), by)),
            (everything, RevokeAllAct(revoke_all, world.approval(by, revoke_all))),
        ):
            if may:
                assert world.do(act).events
            else:
                with pytest.raises(SignatureError):
                    world.do(act)
