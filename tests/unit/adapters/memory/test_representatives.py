"""Who decides beside a patient: appointed with a delay, vetoed while it waits, dismissed with every grant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.core import ids, rules
from fiducia.core.entries import FOREVER, Authority
from fiducia.core.rules import Power
from fiducia.errors import InputError
from fiducia.ports import Signer
from fiducia.records import events
from fiducia.records.ledger import EnrolAct
from fiducia.records.typed import Dismiss, Enrol, Rotate
from tests.support import whole
from tests.support import world as w
from tests.support.acts import Staff
from tests.support.whole import NEW_SIGNER, OTHER_REPRESENTATIVE, REPRESENTATIVE, appointment, hash_of, refused

WHO = hash_of(REPRESENTATIVE)
BOTH = rules.ALL_POWERS


def appointed(**changes: Any) -> tuple[whole.Whole, MemoryClock]:
    """A world in which the patient appointed the representative just now."""
    world, _, clock = whole.settled()
    world.do(world.appoint(appointment(**changes), w.PATIENT))
    return world, clock


def test_an_appointment_begins_after_its_delay_and_ends() -> None:
    world, clock = appointed(not_after=w.NOW + 100)
    state = world.state()
    (entry,) = state.appointments(w.SUBJECT)
    assert (entry.from_at, entry.not_after, entry.serial) == (w.NOW + whole.DELAY_S, w.NOW + 100, 1)
    assert state.representatives(w.SUBJECT) == ()
    for at, live in ((w.NOW + 4, False), (w.NOW + 5, True), (w.NOW + 99, True), (w.NOW + 100, False)):
        assert (state.representatives(w.SUBJECT, at) == (entry,)) is live
        assert (state.represented(WHO, at) == (entry,)) is live
        expected = Authority(False, False, BOTH, entry.purposes, w.NOW + 100) if live else Authority()
        assert state.authority(w.SUBJECT, WHO, at) == expected
    assert state.authority(w.SUBJECT, hash_of(w.PATIENT)) == Authority(True, False, BOTH, rules.ALL_PURPOSES, FOREVER)
    assert state.authority(whole.OTHER_SUBJECT, WHO, w.NOW + 50) == Authority()
    clock.advance(100)
    # An appointment that ended gives way to another of the same person.
    again = appointment(serial=2, not_after=w.NOW + 1000)
    world.do(world.appoint(again, w.PATIENT))
    assert world.serial() == 3


def test_the_same_appointment_again_is_done_and_another_is_refused() -> None:
    world, clock = appointed()
    act = world.appoint(appointment(), w.PATIENT)
    assert world.do(act).events == ()
    refused(world, world.appoint(appointment(powers=1), w.PATIENT), "SerialMismatch", current=2, given=1)
    for at in (0, whole.DELAY_S):
        clock.set(w.NOW + at)
        refused(world, world.appoint(appointment(serial=2), w.PATIENT), "RepresentativeExists")
    other = appointment(serial=2, representative=hash_of(OTHER_REPRESENTATIVE))
    world.do(world.appoint(other, w.PATIENT))


@pytest.mark.parametrize(
    "changes",
    [
        {"powers": 4},
        {"purposes": rules.mask(rules.Purpose.PUBHLTH)},
        {"purposes": 1 << 10},
        {"not_after": w.NOW + whole.DELAY_S},
        {"not_after": 2**40},
    ],
    ids=str,
)
def test_what_no_appointment_may_say(changes: dict[str, Any]) -> None:
    world, _, _ = whole.settled()
    refused(world, world.appoint(appointment(**changes), w.PATIENT), "AppointmentRefused")


def test_only_the_patient_appoints() -> None:
    world, clock = appointed()
    clock.advance(whole.DELAY_S)
    struct = appointment(serial=2, representative=hash_of(OTHER_REPRESENTATIVE))
    for by in (REPRESENTATIVE, w.REGISTRAR, whole.OFFICER_1, w.STRANGER):
        refused(world, world.appoint(struct, by), "NoStanding")
    refused(world, world.appoint(struct, whole.OFFICER_1, whole.NURSE_1), "ApprovalsRefused", given=2)
    refused(world, world.appoint(struct), "ApprovalsRefused", given=0)


def test_without_a_signer_the_custodians_staff_appoint() -> None:
    world, _, _ = whole.settled()
    enrol = Enrol(w.CUSTODIAN, whole.OTHER_SALT, bytes(32))
    world.do(EnrolAct(enrol, world.sign(w.REGISTRAR, enrol), b"", b""))
    struct = appointment(subject=whole.OTHER_SUBJECT)
    refused(world, world.appoint(struct, whole.OFFICER_1), "NoStanding")
    refused(world, world.appoint(struct, whole.OFFICER_1, whole.OFFICER_1), "NoStanding")
    refused(world, world.appoint(struct, whole.OFFICER_2, whole.DOCTOR_2), "NoStanding")
    (event,) = world.do(world.appoint(struct, whole.OFFICER_1, whole.NURSE_1)).events
    assert isinstance(event, events.RepresentativeAppointed)
    assert (event.by, event.from_at) == (whole.OFFICER_1.person, w.NOW + whole.DELAY_S)


def vetoers() -> list[tuple[str, Signer, bool]]:
    return [
        ("the signer", NEW_SIGNER, True),
        ("a former signer", w.PATIENT, True),
        ("a live representative", OTHER_REPRESENTATIVE, True),
        ("the one appointed", REPRESENTATIVE, False),
        ("a registrar", w.REGISTRAR, False),
        ("a stranger", w.STRANGER, False),
    ]


@pytest.mark.parametrize(("name", "by", "may"), vetoers(), ids=[name for name, *_ in vetoers()])
def test_who_vetoes_an_appointment(name: str, by: Signer, may: bool) -> None:
    world, _, clock = whole.settled()
    world.do(world.appoint(appointment(representative=hash_of(OTHER_REPRESENTATIVE), powers=0), w.PATIENT))
    clock.advance(whole.DELAY_S)
    world.do(world.rotate(Rotate(w.SUBJECT, hash_of(NEW_SIGNER), 2), NEW_SIGNER, w.PATIENT))
    struct = appointment(serial=3)
    world.do(world.appoint(struct, NEW_SIGNER))
    act = world.veto_appointment(struct, by)
    if not may:
        refused(world, act, "NoStanding")
        return
    (event,) = world.do(act).events
    assert isinstance(event, events.AppointmentVetoed)
    assert event.by == hash_of(by)
    assert world.state().representative(w.SUBJECT, WHO) is None
    assert world.do(act).events == ()
    refused(world, world.appoint(struct, NEW_SIGNER), "SerialMismatch", current=4, given=3)


def test_a_veto_comes_too_late_and_is_for_one_matter() -> None:
    world, clock = appointed()
    refused(world, world.veto_appointment(appointment(powers=1), w.PATIENT), "NothingWaits")
    clock.advance(whole.DELAY_S)
    refused(world, world.veto_appointment(appointment(), w.PATIENT), "NothingWaits")


def test_a_veto_is_not_of_another_matter() -> None:
    world, _ = appointed()
    act = world.veto_appointment(appointment(), w.PATIENT)
    other = world.veto_appointment(appointment(powers=1), w.PATIENT)
    with pytest.raises(InputError, match="somebody else"):
        world.do(replace(act, approval=other.approval))


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize(
    "by",
    [(w.PATIENT,), (REPRESENTATIVE,), (whole.OFFICER_1, whole.OFFICER_2, whole.OFFICER_3)],
    ids=["the signer", "itself", "three officers"],
)
def test_a_dismissal_ends_the_appointment_and_every_grant(by: tuple[Signer | Staff, ...], waits: bool) -> None:
    world, clock = appointed()
    world.give(w.default_grant())
    if not waits:
        clock.advance(whole.DELAY_S)
    act = world.dismiss(Dismiss(w.SUBJECT, WHO, 2), *by)
    dismissed, ended = world.do(act).events
    assert isinstance(dismissed, events.RepresentativeDismissed)
    assert isinstance(ended, events.EpochRaised)
    assert dismissed.by == (by[0].person if isinstance(by[0], Staff) else hash_of(by[0]))
    assert ended.epoch == 2
    state = world.state()
    assert state.appointments(w.SUBJECT) == ()
    assert not state.is_live(state.grants_of_subject(w.SUBJECT)[0])
    assert world.do(act).events == ()
    assert world.serial() == 2  # taking away uses no serial up


def test_who_does_not_dismiss() -> None:
    world, clock = appointed()
    clock.advance(whole.DELAY_S)
    struct = Dismiss(w.SUBJECT, WHO, 2)
    o1, o2, o3 = whole.OFFICER_1, whole.OFFICER_2, whole.OFFICER_3
    for by in ((w.STRANGER,), (w.REGISTRAR,), (o1,), (o2, o1, o3), (o1, o2, o2), (o1, o2, whole.NURSE_1)):
        refused(world, world.dismiss(struct, *by), "NoStanding")
    refused(world, world.dismiss(struct, o1, o2), "ApprovalsRefused", given=2)
    for serial in (1, 3):
        late = world.dismiss(replace(struct, serial=serial), w.PATIENT)
        refused(world, late, "SerialMismatch", current=2, given=serial)
    unknown = replace(struct, representative=hash_of(OTHER_REPRESENTATIVE))
    refused(world, world.dismiss(unknown, w.PATIENT), "RepresentativeUnknown")
    world.suspend(w.BYSTANDER)
    refused(world, world.dismiss(struct, o1, o2, o3), "NoStanding")


def test_a_dismissal_that_was_signed_before_a_new_appointment_is_void() -> None:
    world, _ = appointed()
    old = world.dismiss(Dismiss(w.SUBJECT, WHO, 2), w.PATIENT)
    world.do(old)
    world.do(world.appoint(appointment(serial=2), w.PATIENT))
    refused(world, old, "SerialMismatch", current=3, given=2)


def test_a_representative_revokes_whatever_its_powers() -> None:
    world, clock = appointed(powers=0, purposes=0)
    grant = w.default_grant()
    world.give(grant)
    refused(world, world.grant_by(w.default_grant(salt=bytes(32)), REPRESENTATIVE), "NoStanding")
    with pytest.raises(InputError, match="no standing"):
        world.revoke(grant, REPRESENTATIVE)  # it has not begun
    clock.advance(whole.DELAY_S)
    world.revoke(grant, REPRESENTATIVE)
    assert world.revoke_all(1, REPRESENTATIVE).events
    clock.set(w.NOW + 365 * w.DAY_S)
    with pytest.raises(InputError, match="no standing"):
        world.revoke_all(2, REPRESENTATIVE)  # it has ended


def test_a_grant_never_outlives_the_power_behind_it() -> None:
    world, clock = appointed(not_after=w.NOW + 100)
    clock.advance(whole.DELAY_S)
    (event,) = world.give(w.default_grant(), REPRESENTATIVE).events
    assert isinstance(event, events.GrantGiven)
    assert (event.expiry_at, event.grant.not_after) == (w.NOW + 100, w.NOW + 30 * w.DAY_S)
    short = w.default_grant(not_after=w.NOW + 50, salt=bytes(32))
    (event,) = world.give(short, REPRESENTATIVE).events
    assert isinstance(event, events.GrantGiven)
    assert event.expiry_at == w.NOW + 50
    beyond = w.default_grant(purposes=rules.mask(rules.Purpose.HRESCH), salt=b"\1" * 32)
    refused(world, world.grant_by(beyond, REPRESENTATIVE), "PurposesRefused")
    refused(world, world.grant_by(beyond, OTHER_REPRESENTATIVE), "NoStanding")


def test_powers_are_read_from_a_mask() -> None:
    world, _ = appointed(powers=1 << Power.ACCESS)
    (entry,) = world.state().appointments(w.SUBJECT)
    assert (entry.may(Power.GRANT), entry.may(Power.ACCESS)) == (False, True)
    assert entry.terms == appointment().terms
    assert ids.signer_hash(REPRESENTATIVE.address) == entry.representative
