"""The default world with everybody in it: officers and staff of three hospitals, representatives, a trustee.

`Whole` is `World` with their keys published and short delays; `eventful` is a history with every kind of event.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.core import ids, rules
from fiducia.core.keccak import keccak256
from fiducia.core.refusals import refusal
from fiducia.ports import Signer
from fiducia.records.events import ReleaseDenied
from fiducia.records.ledger import Act, CompleteRecoveryAct, KeyKind
from fiducia.records.typed import (
    Appoint,
    ChangeExports,
    Dismiss,
    Erase,
    Grant,
    Hold,
    KeyRequest,
    Lift,
    LiftHold,
    NarrowExports,
    Recover,
    ReplaceGovernor,
    RequestErasure,
    Restrict,
    Retain,
    Review,
    Rotate,
    StaffAccess,
    Transfer,
)
from tests.support import world as w
from tests.support.acts import Staff, staff

DELAY_S = 5
"""Both delays of a whole world."""

NEW_GOVERNOR = w.key(104)
ISSUER_3, REGISTRAR_3 = w.key(123), w.key(113)
TRUSTEE = w.key(171)
REPRESENTATIVE, OTHER_REPRESENTATIVE = w.key(133), w.key(134)
NEW_SIGNER, NEXT_SIGNER = w.key(135), w.key(136)

OFFICER_1 = staff(1, 161, "OFFICER", w.key(161), w.OTHER_ISSUER, w.NOW)
NURSE_1 = staff(1, 162, "NURSE", w.key(162), w.OTHER_ISSUER, w.NOW)
OFFICER_2 = staff(2, 163, "OFFICER", w.key(163), w.ISSUER, w.NOW)
DOCTOR_2 = staff(2, 164, "PHYSICIAN", w.key(164), w.ISSUER, w.NOW)
NURSE_2 = staff(2, 165, "NURSE", w.key(165), w.ISSUER, w.NOW)
OFFICER_3 = staff(3, 166, "OFFICER", w.key(166), ISSUER_3, w.NOW)

OTHER_SALT = keccak256(b"another subject's salt")
OTHER_SUBJECT = ids.subject(w.CUSTODIAN, OTHER_SALT)
OTHER_STUDY_SALT = keccak256(b"another study's salt")
OTHER_STUDY = ids.study_id(w.CUSTODIAN, OTHER_STUDY_SALT)
CERTIFICATE = keccak256(b"a certificate")
ETREAT = rules.mask(rules.Purpose.ETREAT)
OWN = rules.OWN_PURPOSES


def hash_of(signer: Signer) -> bytes:
    """What the chain keeps of a signer."""
    return ids.signer_hash(signer.address)


class Whole(w.World):
    """The default world with every institution's keys published."""

    def settle(self, anchored: bytes = w.MANIFEST, patient: Signer = w.PATIENT) -> None:
        super().settle(anchored, patient)
        self.publish(w.BYSTANDER, KeyKind.ISSUER, ISSUER_3.address)
        self.publish(w.BYSTANDER, KeyKind.REGISTRAR, REGISTRAR_3.address)
        self.publish(w.CUSTODIAN, KeyKind.BROKER_SIGN, TRUSTEE.address)

    def serial(self, subject: bytes = w.SUBJECT) -> int:
        """The serial that the next act must name."""
        entry = self.state().subject(subject)
        assert entry is not None
        return entry.serial

    def by_session(self, request: KeyRequest, grant: Grant, who: Staff) -> StaffAccess:
        """Somebody's request for keys."""
        credential = self.approval(who, grant).credential
        assert credential is not None
        return StaffAccess(request, grant, credential, self.sign(who.session, request))


def settled(*, patient: Signer = w.PATIENT, delay_s: int = DELAY_S) -> tuple[Whole, MemoryLedger, MemoryClock]:
    """A settled whole world on a ledger in memory, at NOW."""
    clock = MemoryClock(w.NOW)
    ledger = MemoryLedger(w.FOUNDERS, clock=clock, appointment_delay_s=delay_s, recovery_delay_s=delay_s)
    world = Whole(ledger)
    world.settle(patient=patient)
    return world, ledger, clock


def appointment(**changes: Any) -> Appoint:
    """REPRESENTATIVE of the default subject, with both powers, for treatment and own access, for a year."""
    fields: dict[str, Any] = {
        "subject": w.SUBJECT,
        "representative": hash_of(REPRESENTATIVE),
        "powers": rules.ALL_POWERS,
        "purposes": rules.mask(rules.Purpose.TREAT) | OWN,
        "not_after": w.NOW + 365 * w.DAY_S,
        "serial": 1,
        "terms": keccak256(b"what it rests on"),
    }
    return Appoint(**(fields | changes))


def emergency(**changes: Any) -> Grant:
    """An emergency of hospital 2: the default subject's study, ETREAT, VIEW, for an hour."""
    fields: dict[str, Any] = {
        "basis": rules.Basis.EMERGENCY,
        "grantee": ids.institution_grantee(w.REQUESTER),
        "purposes": ETREAT,
        "not_after": w.NOW + w.HOUR_S,
    }
    return w.default_grant(**(fields | changes))


def emergency_request(grant: Grant, who: Staff = DOCTOR_2, **changes: Any) -> KeyRequest:
    """A request under an emergency by somebody of hospital 2."""
    return w.default_request(grant, **({"purpose": int(rules.Purpose.ETREAT), "person": who.person} | changes))


def over(now: int, salt: bytes = b"\5" * 32) -> tuple[Grant, tuple[Staff, Staff]]:
    """An emergency whose window is over at `now`, and the two who opened it, with badges of that time."""
    grant = emergency(not_before=now - 1000, not_after=now - 10, relay_by=now + w.HOUR_S, salt=salt)
    return grant, (DOCTOR_2.with_badge(not_before=now - 2000), NURSE_2.with_badge(not_before=now - 2000))


def eventful() -> tuple[Whole, MemoryLedger]:
    """A world in which every kind of event has happened, in 40 seconds; the default subject has the plain ones."""
    world, ledger, clock = settled()
    grant = w.default_grant()
    world.give(grant)
    world.record(world.staff(w.default_request(grant), grant))
    world.record(world.own())
    clock.advance(5)
    world.revise(2, keccak256(b"2"))
    world.withdraw_study(1)
    world.revoke(grant)
    world.revoke(w.default_grant(salt=bytes(32)))  # never carried
    world.revoke_all()
    world.give(w.default_grant(epoch=2))
    world.enrol(w.OTHER_PATIENT, OTHER_SALT)
    world.anchor(OTHER_SUBJECT, OTHER_STUDY_SALT, w.MANIFEST)
    _who_decides(world, clock)
    _emergencies(world, clock)
    _study_life(world)
    world.withdraw_person()
    world.raise_badge_epoch()
    _votes(world)
    ledger.forge(partial(ReleaseDenied, request_id=bytes(32), reason=22, study_id=w.STUDY))
    world.publish(w.REQUESTER, KeyKind.GATEWAY, w.GATEWAY_KEY, w.NOW + 50)
    return world, ledger


def _who_decides(world: Whole, clock: MemoryClock) -> None:
    """The other patient's signers and representatives."""
    patient, subject = w.OTHER_PATIENT, OTHER_SUBJECT
    waiting = appointment(subject=subject)
    world.do(world.appoint(waiting, patient))
    world.do(world.veto_appointment(waiting, patient))
    world.do(world.appoint(appointment(subject=subject, serial=2), patient))
    clock.advance(DELAY_S)
    world.do(world.restrict(Restrict(subject, 3), REPRESENTATIVE))
    world.do(world.lift(Lift(subject, 3), REPRESENTATIVE))
    world.do(world.dismiss(Dismiss(subject, hash_of(REPRESENTATIVE), 4), patient))
    world.do(world.rotate(Rotate(subject, hash_of(NEW_SIGNER), 4), NEW_SIGNER, patient))
    first = Recover(subject, hash_of(NEXT_SIGNER), 1, 0)
    world.do(world.recover(first, NEXT_SIGNER, OFFICER_1, OFFICER_2))
    world.do(world.veto_recovery(first, patient))
    second = Recover(subject, hash_of(NEXT_SIGNER), 2, 1)
    world.do(world.recover(second, NEXT_SIGNER, OFFICER_1, OFFICER_2, OFFICER_3))
    clock.advance(DELAY_S)
    world.do(CompleteRecoveryAct(subject))
    world.do(world.appoint(appointment(subject=subject, serial=5), NEXT_SIGNER))
    world.do(world.transfer(Transfer(subject, w.BYSTANDER, 6), REGISTRAR_3, NEXT_SIGNER))


def _emergencies(world: Whole, clock: MemoryClock) -> None:
    """One opened in time and used, one told of afterwards; both reviewed."""
    grant = emergency(epoch=2)
    world.do(world.grant_by(grant, DOCTOR_2, NURSE_2))
    world.record(world.by_session(emergency_request(grant, revision=2), grant, DOCTOR_2))
    world.do(world.review(Review(ids.grant_id(grant), 1, keccak256(b"a report")), OFFICER_2))
    world.do(world.review(Review(ids.grant_id(grant), 2, keccak256(b"another")), OFFICER_3))
    late, (doctor, nurse) = over(clock.now())
    late = replace(late, epoch=2)
    world.do(world.grant_by(late, doctor, nurse))
    request = emergency_request(late, revision=2)
    world.do(world.late(world.by_session(request, late, doctor), clock.now() - 100, TRUSTEE))


def _study_life(world: Whole) -> None:
    """The other patient's study is kept, held, asked away and erased, at its new custodian."""
    world.do(world.retain(Retain(OTHER_STUDY, 40_000), REGISTRAR_3))
    world.do(world.hold(Hold(OTHER_STUDY, 0, keccak256(b"a court's order")), OFFICER_3))
    world.do(world.request_erasure(RequestErasure(OTHER_STUDY), NEXT_SIGNER))
    world.do(world.lift_hold(LiftHold(OTHER_STUDY, 0), OFFICER_3, OFFICER_1))
    world.do(world.erase(Erase(OTHER_STUDY, CERTIFICATE), REGISTRAR_3))


def _votes(world: Whole) -> None:
    """Every vote there is but an admission, and a governor's own narrowing."""
    world.suspend(w.BYSTANDER)
    world.reinstate(w.BYSTANDER)
    others = {number: w.GOVERNORS[number] for number in (w.CUSTODIAN, w.REQUESTER)}
    world.do(world.vote(ReplaceGovernor(w.BYSTANDER, NEW_GOVERNOR.address, 3), others))
    world.do(world.vote(ChangeExports(w.BYSTANDER, 7, 4), others))
    world.do(world.narrow_exports(NarrowExports(w.BYSTANDER, 3, 5), NEW_GOVERNOR))


def refused(world: w.World, act: Act, name: str, **numbers: int) -> None:
    """Assert that the ledger refuses an act with the sentence of that custom error, and announces nothing."""
    expected, before = refusal(name, **numbers), len(list(world.ledger.events(0, world.ledger.head().number)))
    with pytest.raises(type(expected)) as caught:
        world.do(act)
    assert str(caught.value) == str(expected)
    assert len(list(world.ledger.events(0, world.ledger.head().number))) == before
