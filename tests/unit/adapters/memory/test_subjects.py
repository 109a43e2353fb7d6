"""Patients: with and without a device, their signers, restriction and its lifting, another custodian."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.core import ids
from fiducia.core.keccak import keccak256
from fiducia.errors import InputError
from fiducia.ports import Signer
from fiducia.records import events
from fiducia.records.ledger import EnrolAct
from fiducia.records.typed import Enrol, Lift, Restrict, Rotate, Transfer
from tests.support import whole
from tests.support import world as w
from tests.support.acts import Staff
from tests.support.whole import NEW_SIGNER, REPRESENTATIVE, hash_of, refused

NEXT = whole.NEXT_SIGNER

SALT = keccak256(b"a salt")
NO_DEVICE = Enrol(w.CUSTODIAN, SALT, bytes(32))
WITHOUT = ids.subject(w.CUSTODIAN, SALT)


def without_device(world: whole.Whole) -> None:
    """Enrol a patient who has no device."""
    world.do(EnrolAct(NO_DEVICE, world.sign(w.REGISTRAR, NO_DEVICE), b"", b""))


def test_a_patient_without_a_device() -> None:
    world, _, _ = whole.settled()
    without_device(world)
    entry = world.state().subject(WITHOUT)
    assert entry is not None
    assert (entry.signer_hash, entry.signer_index, entry.serial) == (bytes(32), 0, 1)
    without_device(world)  # the same again has no effect
    assert len(world.state().subjects()) == 2
    named = EnrolAct(NO_DEVICE, world.sign(w.REGISTRAR, NO_DEVICE), w.PATIENT.address, b"")
    with_device = Enrol(w.CUSTODIAN, SALT, hash_of(w.OTHER_PATIENT))
    other = EnrolAct(
        with_device,
        world.sign(w.REGISTRAR, with_device),
        w.OTHER_PATIENT.address,
        world.sign(w.OTHER_PATIENT, with_device),
    )
    refused(world, other, "SubjectExists")
    refused(world, replace(named, enrol=replace(NO_DEVICE, salt=bytes(32))), "SignerMismatch")
    by_stranger = replace(NO_DEVICE, salt=bytes(32))
    refused(world, EnrolAct(by_stranger, world.sign(w.STRANGER, by_stranger), b"", b""), "KeyNotLive", institution=1)


def enrolments(*patients: Signer | None) -> list[Enrol]:
    return [
        Enrol(w.CUSTODIAN, keccak256(b"%d" % place), hash_of(each) if each else bytes(32))
        for place, each in enumerate(patients)
    ]


def test_several_are_enrolled_under_one_signature() -> None:
    world, _, _ = whole.settled()
    patients = (w.OTHER_PATIENT, None, w.key(140), None)
    act = world.enrol_batch(enrolments(*patients), w.REGISTRAR, patients)
    found = world.do(act).events
    assert [type(event) for event in found] == [events.SubjectEnrolled] * 4
    assert world.do(act).events == ()
    twice = enrolments(*patients)[:1] * 2 + enrolments(None, None, None, None, w.key(141))[-1:]
    again = world.enrol_batch(twice, w.REGISTRAR, (w.OTHER_PATIENT, w.OTHER_PATIENT, w.key(141)))
    assert len(world.do(again).events) == 1


def test_one_bad_enrolment_refuses_all() -> None:
    world, _, _ = whole.settled()
    good = enrolments(w.OTHER_PATIENT, w.key(140))
    patients = (w.OTHER_PATIENT, w.key(140))
    act = world.enrol_batch(good, w.REGISTRAR, patients)
    refused(world, replace(act, signers=act.signers[:1]), "ApprovalsRefused", given=2)
    taken = world.enrol_batch(enrolments(w.OTHER_PATIENT, w.PATIENT), w.REGISTRAR, (w.OTHER_PATIENT, w.PATIENT))
    refused(world, taken, "SignerTaken")
    same = world.enrol_batch(enrolments(w.OTHER_PATIENT, w.OTHER_PATIENT), w.REGISTRAR, (w.OTHER_PATIENT,) * 2)
    refused(world, same, "SignerTaken")
    contradictory = [good[0], replace(good[1], salt=good[0].salt)]
    refused(world, world.enrol_batch(contradictory, w.REGISTRAR, patients), "SubjectExists")
    refused(world, world.enrol_batch(good, w.STRANGER, patients), "KeyNotLive", institution=1)
    swapped = replace(act, signatures=act.signatures[::-1])
    with pytest.raises(InputError, match="somebody else"):
        world.do(swapped)


def test_a_signer_gives_way_and_keeps_revoking() -> None:
    world, _, _ = whole.settled()
    world.give(w.default_grant())
    act = world.rotate(Rotate(w.SUBJECT, hash_of(NEW_SIGNER), 1), NEW_SIGNER, w.PATIENT)
    (event,) = world.do(act).events
    assert isinstance(event, events.SignerRotated)
    assert event.index == 2
    assert world.do(act).events == ()
    state = world.state()
    assert [signer.index for signer in state.signers(w.SUBJECT)] == [1, 2]
    assert state.signer_serves(hash_of(w.PATIENT)) == w.SUBJECT
    refused(world, world.grant_by(w.default_grant(salt=bytes(32)), w.PATIENT), "NoStanding")
    world.give(w.default_grant(salt=bytes(32)), NEW_SIGNER)
    world.revoke(w.default_grant())  # by the former one
    world.revoke_all(1)


def test_who_may_not_rotate_and_to_whom() -> None:
    world, _, _ = whole.settled()
    world.enrol(w.OTHER_PATIENT, SALT)
    struct = Rotate(w.SUBJECT, hash_of(NEW_SIGNER), 1)
    for by in (w.STRANGER, w.REGISTRAR, w.OTHER_PATIENT, whole.OFFICER_1):
        refused(world, world.rotate(struct, NEW_SIGNER, by), "NoStanding")
    refused(world, world.rotate(struct, REPRESENTATIVE, w.PATIENT), "SignerMismatch")
    for taken in (w.OTHER_PATIENT, w.PATIENT):
        refused(world, world.rotate(Rotate(w.SUBJECT, hash_of(taken), 1), taken, w.PATIENT), "SignerTaken")
    for serial in (0, 2):
        late = world.rotate(replace(struct, serial=serial), NEW_SIGNER, w.PATIENT)
        refused(world, late, "SerialMismatch", current=1, given=serial)
    unknown = world.rotate(replace(struct, subject=bytes(20)), NEW_SIGNER, w.PATIENT)
    refused(world, unknown, "SubjectUnknown")
    forged = replace(world.rotate(struct, NEW_SIGNER, w.PATIENT), signature=world.sign(w.STRANGER, struct))
    with pytest.raises(InputError, match="somebody else"):
        world.do(forged)


WHO_RESTRICTS: list[tuple[str, Signer | Staff]] = [
    ("the signer", NEW_SIGNER),
    ("a former signer", w.PATIENT),
    ("a representative", REPRESENTATIVE),
    ("a registrar", w.REGISTRAR),
    ("an officer", whole.OFFICER_1),
    ("an untrained officer", whole.OFFICER_1.with_badge(trained_until=0)),
]


def represented() -> tuple[whole.Whole, int]:
    """A patient with a new signer and a live representative; and the subject's serial."""
    world, _, clock = whole.settled()
    world.do(world.appoint(whole.appointment(), w.PATIENT))
    world.do(world.rotate(Rotate(w.SUBJECT, hash_of(NEW_SIGNER), 2), NEW_SIGNER, w.PATIENT))
    clock.advance(whole.DELAY_S)
    return world, 3


@pytest.mark.parametrize("by", [by for _, by in WHO_RESTRICTS], ids=[name for name, _ in WHO_RESTRICTS])
def test_anyone_with_standing_restricts_at_once(by: Signer | Staff) -> None:
    world, serial = represented()
    world.suspend(w.CUSTODIAN)  # also while the custodian is suspended
    act = world.restrict(Restrict(w.SUBJECT, 1), by)  # what was signed earlier is never late
    (event,) = world.do(act).events
    assert isinstance(event, events.SubjectRestricted)
    assert event.by == (by.person if isinstance(by, Staff) else hash_of(by))
    assert world.do(act).events == ()
    assert world.serial() == serial


def test_who_does_not_restrict() -> None:
    world, serial = represented()
    struct = Restrict(w.SUBJECT, serial)
    for by in (w.STRANGER, whole.OTHER_REPRESENTATIVE, whole.NURSE_1, whole.OFFICER_2, w.OTHER_REGISTRAR):
        refused(world, world.restrict(struct, by), "NoStanding")
    for given in (0, serial + 1):
        act = world.restrict(Restrict(w.SUBJECT, given), NEW_SIGNER)
        refused(world, act, "SerialMismatch", current=serial, given=given)


def test_a_lifted_restriction_does_not_come_back() -> None:
    world, serial = represented()
    old = world.restrict(Restrict(w.SUBJECT, serial), w.REGISTRAR)
    world.do(old)
    lift = world.lift(Lift(w.SUBJECT, serial), REPRESENTATIVE)
    (event,) = world.do(lift).events
    assert isinstance(event, events.RestrictionLifted)
    assert world.do(lift).events == ()
    refused(world, old, "SerialMismatch", current=serial + 1, given=serial)
    world.do(world.restrict(Restrict(w.SUBJECT, serial + 1), w.REGISTRAR))
    for by in (w.REGISTRAR, w.PATIENT, whole.OFFICER_1, whole.OTHER_REPRESENTATIVE):
        refused(world, world.lift(Lift(w.SUBJECT, serial + 1), by), "NoStanding")
    both = world.lift(Lift(w.SUBJECT, serial + 1), whole.OFFICER_1, whole.NURSE_1)
    refused(world, both, "ApprovalsRefused", given=2)  # there is a signer


def test_without_a_signer_two_staff_lift() -> None:
    world, _, _ = whole.settled()
    without_device(world)
    world.do(world.restrict(Restrict(WITHOUT, 1), w.REGISTRAR))
    struct = Lift(WITHOUT, 1)
    untrained = whole.NURSE_1.with_badge(trained_until=0)
    for by, name, numbers in (
        ((whole.OFFICER_1,), "NoStanding", {}),
        ((whole.OFFICER_1, whole.OFFICER_2), "NoStanding", {}),
        ((whole.NURSE_1, whole.NURSE_1.with_badge(person=w.PERSON)), "NoStanding", {}),
        ((whole.OFFICER_1, untrained), "NoStanding", {}),
        ((whole.OFFICER_1, whole.OFFICER_1), "NoStanding", {}),
        ((whole.OFFICER_1, whole.NURSE_1, whole.OFFICER_2), "ApprovalsRefused", {"given": 3}),
        ((), "ApprovalsRefused", {"given": 0}),
    ):
        refused(world, world.lift(struct, *by), name, **numbers)
    (event,) = world.do(world.lift(struct, whole.NURSE_1, whole.OFFICER_1)).events
    assert isinstance(event, events.RestrictionLifted)
    assert event.by == whole.NURSE_1.person


def test_custody_goes_to_another_hospital_with_the_studies() -> None:
    world, _, _ = whole.settled()
    world.give(w.default_grant())
    act = world.transfer(Transfer(w.SUBJECT, w.BYSTANDER, 1), whole.REGISTRAR_3, w.PATIENT)
    world.do(act)
    assert world.do(act).events == ()
    state = world.state()
    study = state.study(w.STUDY)
    assert study is not None
    assert (study.custodian, study.revisions[0].custodian) == (w.BYSTANDER, w.CUSTODIAN)
    assert state.is_live(state.grants_of_subject(w.SUBJECT)[0])
    with pytest.raises(InputError, match="institution 3"):
        world.revise(2)  # by the former custodian's registrar
    refused(world, world.restrict(Restrict(w.SUBJECT, 2), w.REGISTRAR), "NoStanding")
    world.do(world.restrict(Restrict(w.SUBJECT, 2), whole.REGISTRAR_3))


def test_who_may_not_transfer() -> None:
    world, serial = represented()
    struct = Transfer(w.SUBJECT, w.BYSTANDER, serial)
    world.do(world.appoint(whole.appointment(representative=hash_of(NEXT), powers=2, serial=serial), NEW_SIGNER))
    struct = replace(struct, serial=serial + 1)
    for by in (w.PATIENT, w.REGISTRAR, whole.OFFICER_1, NEXT):
        refused(world, world.transfer(struct, whole.REGISTRAR_3, by), "NoStanding")
    refused(world, world.transfer(struct, w.REGISTRAR, NEW_SIGNER), "KeyNotLive", institution=3)
    same = world.transfer(replace(struct, custodian=w.CUSTODIAN), w.REGISTRAR, NEW_SIGNER)
    refused(world, replace(same, transfer=replace(same.transfer, serial=serial + 1)), "CustodianUnchanged", custodian=1)
    old = world.transfer(replace(struct, serial=1), whole.REGISTRAR_3, NEW_SIGNER)
    refused(world, old, "SerialMismatch", current=serial + 1, given=1)
    world.do(world.transfer(struct, whole.REGISTRAR_3, REPRESENTATIVE))


@pytest.mark.parametrize("by", [w.PATIENT, REPRESENTATIVE, w.REGISTRAR, NEW_SIGNER], ids=repr)
def test_everything_is_revoked_by_the_patients_side_or_a_registrar(by: Signer) -> None:
    world, _ = represented()
    (event,) = world.revoke_all(1, by).events
    assert isinstance(event, events.EpochRaised)
    assert (event.epoch, event.by) == (2, hash_of(by))


def test_an_epoch_that_has_not_begun_is_not_revoked() -> None:
    world, _ = represented()
    with pytest.raises(InputError, match="not yet 2"):
        world.revoke_all(2, NEW_SIGNER)
