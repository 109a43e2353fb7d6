"""Recovery: officers of several hospitals, a delay, vetoes, a second attempt, and what it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.core.keccak import keccak256
from fiducia.errors import InputError
from fiducia.ports import Signer
from fiducia.records import events
from fiducia.records.ledger import CompleteRecoveryAct, EnrolAct
from fiducia.records.typed import Enrol, Recover, Rotate, Transfer
from tests.support import whole
from tests.support import world as w
from tests.support.acts import Staff
from tests.support.whole import (
    NEW_SIGNER,
    NEXT_SIGNER,
    OFFICER_1,
    OFFICER_2,
    OFFICER_3,
    REPRESENTATIVE,
    appointment,
    hash_of,
    refused,
)

FIRST = Recover(w.SUBJECT, hash_of(NEW_SIGNER), 1, 0)
DONE = CompleteRecoveryAct(w.SUBJECT)


def begun(**changes: Any) -> tuple[whole.Whole, MemoryClock]:
    """A world in which a first attempt waits."""
    world, _, clock = whole.settled()
    world.do(world.recover(replace(FIRST, **changes), NEW_SIGNER, OFFICER_1, OFFICER_2))
    return world, clock


def test_a_recovery_waits_and_ends_everything() -> None:
    world, clock = begun()
    act = world.recover(FIRST, NEW_SIGNER, OFFICER_1, OFFICER_2)
    assert world.do(act).events == ()
    world.give(w.default_grant())  # the patient decides until then
    clock.advance(whole.DELAY_S - 1)
    refused(world, DONE, "RecoveryWaits", readyAt=w.NOW + whole.DELAY_S)
    clock.advance(1)
    recovered, ended = world.do(DONE).events
    assert isinstance(recovered, events.SubjectRecovered)
    assert isinstance(ended, events.EpochRaised)
    assert (recovered.signer_hash, recovered.index, ended.epoch) == (hash_of(NEW_SIGNER), 2, 2)
    assert world.do(DONE).events == ()
    state = world.state()
    assert state.authority(w.SUBJECT, hash_of(w.PATIENT)).former
    assert state.authority(w.SUBJECT, hash_of(NEW_SIGNER)).current
    assert not state.is_live(state.grants_of_subject(w.SUBJECT)[0])
    world.revoke_all(2)  # the former signer keeps revoking
    refused(world, world.grant_by(w.default_grant(epoch=3), w.PATIENT), "NoStanding")


def test_what_a_recovery_takes() -> None:
    world, _, _ = whole.settled()
    world.enrol(w.OTHER_PATIENT, whole.OTHER_SALT)
    for by in ((OFFICER_2, OFFICER_1), (OFFICER_1, OFFICER_1), (OFFICER_1, whole.DOCTOR_2), (w.REGISTRAR, OFFICER_2)):
        refused(world, world.recover(FIRST, NEW_SIGNER, *by), "NoStanding")
    for given in (0, 1, 3):
        officers = (OFFICER_1, OFFICER_2, OFFICER_3)[:given]
        refused(world, world.recover(FIRST, NEW_SIGNER, *officers), "ApprovalsRefused", given=given)
    for attempt in (0, 2, 3):
        act = world.recover(replace(FIRST, attempt=attempt), NEW_SIGNER, OFFICER_1, OFFICER_2, OFFICER_3)
        refused(world, act, "RecoveryRefused", attempt=attempt)
    late = world.recover(replace(FIRST, serial=1), NEW_SIGNER, OFFICER_1, OFFICER_2)
    refused(world, late, "SerialMismatch", current=0, given=1)
    refused(world, world.recover(FIRST, NEXT_SIGNER, OFFICER_1, OFFICER_2), "SignerMismatch")
    for taken in (w.PATIENT, w.OTHER_PATIENT):
        act = world.recover(replace(FIRST, signer_hash=hash_of(taken)), taken, OFFICER_1, OFFICER_2)
        refused(world, act, "SignerTaken")
    forged = replace(world.recover(FIRST, NEW_SIGNER, OFFICER_1, OFFICER_2), signature=world.sign(w.STRANGER, FIRST))
    with pytest.raises(InputError, match="somebody else"):
        world.do(forged)
    world.suspend(w.REQUESTER)
    refused(world, world.recover(FIRST, NEW_SIGNER, OFFICER_1, OFFICER_2), "NoStanding")


def test_what_the_signer_decides_meanwhile_does_not_outdate_it() -> None:
    """Else whoever stole the signer would keep the officers from ever being in time."""
    world, _, _ = whole.settled()
    act = world.recover(FIRST, NEW_SIGNER, OFFICER_1, OFFICER_2)
    world.do(world.rotate(Rotate(w.SUBJECT, hash_of(NEXT_SIGNER), 1), NEXT_SIGNER, w.PATIENT))
    (event,) = world.do(act).events
    assert isinstance(event, events.RecoveryBegun)


def test_one_recovery_waits_at_a_time() -> None:
    world, _ = begun()
    other = Recover(w.SUBJECT, hash_of(NEXT_SIGNER), 1, 1)
    refused(world, world.recover(other, NEXT_SIGNER, OFFICER_1, OFFICER_2), "RecoveryRefused", attempt=1)


VETOES: list[tuple[str, Signer, bool, bool]] = [
    ("the signer", NEXT_SIGNER, True, False),
    ("a former signer", w.PATIENT, True, False),
    ("a representative", REPRESENTATIVE, True, True),
    ("the one it is for", NEW_SIGNER, False, False),
    ("a registrar", w.REGISTRAR, False, False),
    ("a stranger", w.STRANGER, False, False),
]


def with_everybody() -> tuple[whole.Whole, MemoryClock]:
    """A patient with a former signer, a signer, and a live representative without a power."""
    world, _, clock = whole.settled()
    world.do(world.appoint(appointment(powers=0), w.PATIENT))
    world.do(world.rotate(Rotate(w.SUBJECT, hash_of(NEXT_SIGNER), 2), NEXT_SIGNER, w.PATIENT))
    clock.advance(whole.DELAY_S)
    return world, clock


@pytest.mark.parametrize(("name", "by", "first", "second"), VETOES, ids=[name for name, *_ in VETOES])
def test_who_vetoes_which_attempt(name: str, by: Signer, first: bool, second: bool) -> None:
    world, _ = with_everybody()
    struct = FIRST
    world.do(world.recover(struct, NEW_SIGNER, OFFICER_1, OFFICER_2))
    if first:
        (event,) = world.do(world.veto_recovery(struct, by)).events
        assert isinstance(event, events.RecoveryVetoed)
        assert event.contested is not (by is REPRESENTATIVE)
        assert world.state().subject(w.SUBJECT) is not None
        assert world.do(world.veto_recovery(struct, by)).events == ()
    else:
        refused(world, world.veto_recovery(struct, by), "NoStanding")
        world.do(world.veto_recovery(struct, NEXT_SIGNER))
    if by is REPRESENTATIVE:  # it does not contest: another first attempt may be made, no second
        again = replace(FIRST, serial=1)
        world.do(world.recover(again, NEW_SIGNER, OFFICER_1, OFFICER_2))
        world.do(world.veto_recovery(again, NEXT_SIGNER))
    attempt = replace(FIRST, attempt=2, serial=1 + (by is REPRESENTATIVE))
    refused(world, world.recover(attempt, NEW_SIGNER, OFFICER_1, OFFICER_2), "ApprovalsRefused", given=2)
    world.do(world.recover(attempt, NEW_SIGNER, OFFICER_1, OFFICER_2, OFFICER_3))
    if not second:
        refused(world, world.veto_recovery(attempt, by), "NoStanding")
        return
    (event,) = world.do(world.veto_recovery(attempt, by)).events
    assert isinstance(event, events.RecoveryVetoed)
    assert event.contested  # and stays so
    third = replace(attempt, attempt=3, serial=attempt.serial + 1)
    refused(world, world.recover(third, NEW_SIGNER, OFFICER_1, OFFICER_2, OFFICER_3), "RecoveryRefused", attempt=3)
    world.do(world.recover(replace(third, attempt=1), NEW_SIGNER, OFFICER_1, OFFICER_2))


def test_a_recovery_that_can_never_be_completed_holds_no_other_up() -> None:
    world, clock = begun()
    other = whole.REPRESENTATIVE
    refused(world, world.recover(replace(FIRST, serial=1), other, OFFICER_1, OFFICER_2), "RecoveryRefused", attempt=1)
    world.enrol(NEW_SIGNER, whole.OTHER_SALT)  # the new signer serves somebody else now
    struct = Recover(w.SUBJECT, hash_of(other), 1, 1)
    world.do(world.recover(struct, other, OFFICER_1, OFFICER_2))
    clock.advance(whole.DELAY_S)
    recovered, _ = world.do(DONE).events
    assert isinstance(recovered, events.SubjectRecovered)
    assert recovered.signer_hash == hash_of(other)


def test_a_second_attempt_completes_and_what_was_contested_is_settled() -> None:
    world, clock = begun()
    world.do(world.veto_recovery(FIRST, w.PATIENT))
    world.do(world.recover(replace(FIRST, attempt=2, serial=1), NEW_SIGNER, OFFICER_1, OFFICER_2, OFFICER_3))
    clock.advance(whole.DELAY_S)
    world.do(DONE)
    entry = world.state().subject(w.SUBJECT)
    assert entry is not None
    assert (entry.contested, entry.recovery, entry.signer_hash) == (False, None, hash_of(NEW_SIGNER))


def test_another_custodian_ends_a_recovery_that_waited() -> None:
    world, clock = begun()
    world.do(world.transfer(Transfer(w.SUBJECT, w.BYSTANDER, 1), whole.REGISTRAR_3, w.PATIENT))
    clock.advance(whole.DELAY_S)
    refused(world, DONE, "NothingWaits")


def test_a_signer_that_was_given_away_meanwhile_is_not_recovered_to() -> None:
    world, clock = begun()
    world.enrol(NEW_SIGNER, whole.OTHER_SALT)
    clock.advance(whole.DELAY_S)
    refused(world, DONE, "SignerTaken")


@pytest.mark.parametrize("by", [(OFFICER_1,), (OFFICER_1, OFFICER_2)], ids=len)
def test_a_patient_without_a_device_gets_one_from_the_custodian(by: tuple[Staff, ...]) -> None:
    world, _, clock = whole.settled()
    salt = keccak256(b"no device")
    enrol = Enrol(w.CUSTODIAN, salt, bytes(32))
    (event,) = world.do(EnrolAct(enrol, world.sign(w.REGISTRAR, enrol), b"", b"")).events
    assert isinstance(event, events.SubjectEnrolled)
    act = world.recover(replace(FIRST, subject=event.subject), NEW_SIGNER, *by)
    if len(by) != 1:
        refused(world, act, "ApprovalsRefused", given=2)
        return
    world.do(act)
    clock.advance(whole.DELAY_S)
    recovered, _ = world.do(CompleteRecoveryAct(event.subject)).events
    assert isinstance(recovered, events.SubjectRecovered)
    assert recovered.index == 1
