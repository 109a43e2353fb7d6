"""A study's life after its anchor: withdrawn, kept for longer, held, erased."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.core import ids
from fiducia.core.entries import Study
from fiducia.core.keccak import keccak256
from fiducia.errors import InputError, SignatureError
from fiducia.records import events
from fiducia.records.ledger import AnchorAct, KeyKind, StudyStatus
from fiducia.records.typed import Anchor, Erase, Hold, LiftHold, RequestErasure, Retain, Withdraw
from tests.support import whole
from tests.support import world as w
from tests.support.whole import CERTIFICATE, OFFICER_1, OFFICER_2, OFFICER_3, REPRESENTATIVE, appointment, refused

TERMS = keccak256(b"a court's order")
HOLD = Hold(w.STUDY, 0, TERMS)
ERASE = Erase(w.STUDY, CERTIFICATE)
UNKNOWN = bytes(32)


def study_of(world: w.World) -> Study:
    study = world.state().study(w.STUDY)
    assert study is not None
    return study


def test_a_registrar_withdraws_also_of_a_suspended_member() -> None:
    world, _, _ = whole.settled()
    world.revise(2)
    world.suspend(w.CUSTODIAN)
    for revision in (1, 0):
        act = world.withdraw(Withdraw(w.STUDY, revision), w.REGISTRAR)
        assert len(world.do(act).events) == 1
        assert world.do(act).events == ()
    assert study_of(world).status == StudyStatus.WITHDRAWN
    assert [revision.withdrawn for revision in study_of(world).revisions] == [True, False]
    refused(world, world.withdraw(Withdraw(w.STUDY, 3), w.REGISTRAR), "RevisionMismatch", current=2, given=3)
    for by in (w.PATIENT, w.OTHER_REGISTRAR):
        refused(world, world.withdraw(Withdraw(w.STUDY, 2), by), "NoStanding")
    refused(world, world.withdraw(Withdraw(UNKNOWN, 0), w.REGISTRAR), "StudyUnknown")
    world.publish(w.CUSTODIAN, KeyKind.REGISTRAR, w.REGISTRAR.address, w.NOW)
    refused(world, world.withdraw(Withdraw(w.STUDY, 2), w.REGISTRAR), "NoStanding")


def test_retention_only_grows() -> None:
    world, _, _ = whole.settled()
    act = world.retain(Retain(w.STUDY, 30_001), w.REGISTRAR)
    (event,) = world.do(act).events
    assert isinstance(event, events.StudyRetained)
    assert world.do(act).events == ()
    refused(world, world.retain(Retain(w.STUDY, 30_000), w.REGISTRAR), "RetentionShortened", current=30_001)
    refused(world, world.retain(Retain(w.STUDY, 30_002), w.STRANGER), "KeyNotLive", institution=1)
    world.suspend(w.CUSTODIAN)
    refused(world, world.retain(Retain(w.STUDY, 30_002), w.REGISTRAR), "KeyNotLive", institution=1)


def test_a_hold_stands_until_two_institutions_lift_it() -> None:
    world, _, _ = whole.settled()
    act = world.hold(HOLD, OFFICER_1)
    (event,) = world.do(act).events
    assert isinstance(event, events.StudyHeld)
    assert event.by == OFFICER_1.person
    assert world.do(act).events == ()
    lift = LiftHold(w.STUDY, 0)
    refused(world, world.lift_hold(lift, OFFICER_1), "HoldApprovalsRefused")
    for by in ((OFFICER_2, OFFICER_1), (OFFICER_1, OFFICER_1)):
        refused(world, world.lift_hold(lift, *by), "HoldApprovalsRefused")
    for by in ((OFFICER_1, whole.DOCTOR_2), (whole.NURSE_1, OFFICER_2)):
        refused(world, world.lift_hold(lift, *by), "NoStanding")
    both = world.lift_hold(lift, OFFICER_1, OFFICER_3)
    (lifted,) = world.do(both).events
    assert isinstance(lifted, events.HoldLifted)
    assert (lifted.by, lifted.second) == (OFFICER_1.person, OFFICER_3.person)
    assert world.do(both).events == ()
    assert (study_of(world).held, study_of(world).hold_serial) == (False, 1)
    refused(world, act, "HoldMismatch", current=1, given=0)  # what was lifted does not come back
    refused(world, world.lift_hold(LiftHold(w.STUDY, 1), OFFICER_1, OFFICER_3), "HoldMismatch", current=1, given=1)
    world.do(world.hold(replace(HOLD, serial=1), OFFICER_1))


def test_who_does_not_hold() -> None:
    world, _, _ = whole.settled()
    for by in (whole.NURSE_1, OFFICER_2, OFFICER_1.with_badge(trained_until=w.NOW), w.REGISTRAR):
        refused(world, world.hold(HOLD, by), "NoStanding")
    refused(world, world.hold(replace(HOLD, serial=1), OFFICER_1), "HoldMismatch", current=0, given=1)
    refused(world, world.hold(replace(HOLD, study_id=UNKNOWN), OFFICER_1), "StudyUnknown")


def test_the_patients_side_asks_and_the_registrar_erases() -> None:
    world, _, _ = whole.settled()
    refused(world, world.erase(ERASE, w.REGISTRAR), "StudyNotWithdrawn")
    act = world.request_erasure(RequestErasure(w.STUDY), w.PATIENT)
    asked, withdrawn = world.do(act).events
    assert isinstance(asked, events.ErasureRequested)
    assert isinstance(withdrawn, events.StudyWithdrawn)
    assert world.do(act).events == ()
    world.do(world.hold(HOLD, OFFICER_1))
    refused(world, world.erase(ERASE, w.REGISTRAR), "StudyHeld")
    world.do(world.lift_hold(LiftHold(w.STUDY, 0), OFFICER_1, OFFICER_2))
    refused(world, world.erase(replace(ERASE, certificate=bytes(32)), w.REGISTRAR), "CertificateZero")
    erase = world.erase(ERASE, w.REGISTRAR)
    world.do(erase)
    assert world.do(erase).events == ()
    assert (study_of(world).status, study_of(world).certificate) == (StudyStatus.ERASED, CERTIFICATE)
    refused(world, world.erase(replace(ERASE, certificate=TERMS), w.REGISTRAR), "StudyNotWithdrawn")
    assert world.do(act).events == ()
    with pytest.raises(InputError, match="no further revision"):
        world.revise(2)


def test_what_was_withdrawn_before_is_only_asked_about() -> None:
    world, _, _ = whole.settled()
    world.withdraw_study()
    (asked,) = world.do(world.request_erasure(RequestErasure(w.STUDY), w.PATIENT)).events
    assert isinstance(asked, events.ErasureRequested)


def test_a_representative_with_grant_asks_and_nobody_else() -> None:
    world, _, clock = whole.settled()
    world.do(world.appoint(appointment(powers=2), w.PATIENT))
    world.do(world.appoint(appointment(representative=whole.hash_of(whole.NEXT_SIGNER), serial=2), w.PATIENT))
    clock.advance(whole.DELAY_S)
    struct = RequestErasure(w.STUDY)
    for by in (REPRESENTATIVE, w.REGISTRAR, OFFICER_1, w.STRANGER):
        refused(world, world.request_erasure(struct, by), "NoStanding")
    act = world.request_erasure(struct, whole.NEXT_SIGNER)
    forged = replace(act.approval, signature=world.sign(w.STRANGER, struct))
    with pytest.raises(SignatureError, match="somebody else"):
        world.do(replace(act, approval=forged))
    world.do(act)


def test_without_a_wish_the_retention_day_must_have_come() -> None:
    world, _, clock = whole.settled()
    soon = ids.day_of(w.NOW) + 10
    struct = Anchor(w.SUBJECT, TERMS, w.MANIFEST, soon)
    world.do(AnchorAct((struct,), world.sign(w.REGISTRAR, struct)))
    study_id = ids.study_id(w.CUSTODIAN, TERMS)
    world.do(world.withdraw(Withdraw(study_id, 0), w.REGISTRAR))
    act = world.erase(Erase(study_id, CERTIFICATE), w.REGISTRAR)
    clock.set(soon * w.DAY_S - 1)
    refused(world, act, "RetentionRuns", retainUntilDay=soon)
    clock.advance(1)
    world.do(act)
