"""Audits of who acted: what nobody could have signed, what does not follow, what is left out of a transaction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.core import ids
from fiducia.core.audit import audit
from fiducia.core.keccak import keccak256
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import CompleteRecoveryAct, KeyKind
from fiducia.records.typed import Dismiss, Recover, RequestErasure, Rotate
from tests.support import whole
from tests.support import world as w
from tests.support.whole import DOCTOR_2, NURSE_2, OFFICER_1, OFFICER_2, OFFICER_3, appointment, emergency, hash_of

GRANT = emergency()
PATIENT, FORMER, REPRESENTATIVE, STRANGER = map(
    hash_of, (whole.NEW_SIGNER, w.PATIENT, whole.REPRESENTATIVE, w.STRANGER)
)
REGISTRAR, OTHER_REGISTRAR = hash_of(w.REGISTRAR), hash_of(w.OTHER_REGISTRAR)
PERSON_1, PERSON_2, PERSON_3 = OFFICER_1.person, OFFICER_2.person, OFFICER_3.person
WITHOUT = ids.subject(w.CUSTODIAN, bytes(32))


def codes(ledger: MemoryLedger) -> list[str]:
    return [finding.code for finding in audit(w.events_of(ledger))]


def forged(kind: type[LedgerEvent], /, **fields: Any) -> Callable[..., LedgerEvent]:
    return partial(kind, **fields)


def populated() -> tuple[whole.Whole, MemoryLedger]:
    """A patient with a former signer, a signer and a live representative with both powers; and one without a device."""
    world, ledger, clock = whole.settled()
    world.do(world.appoint(appointment(), w.PATIENT))
    world.do(world.rotate(Rotate(w.SUBJECT, PATIENT, 2), whole.NEW_SIGNER, w.PATIENT))
    ledger.forge(forged(events.SubjectEnrolled, subject=WITHOUT, custodian=1, signer_hash=bytes(32)))
    clock.advance(whole.DELAY_S)
    return world, ledger


SUBJECT = {"subject": w.SUBJECT}
MINE = {"study_id": w.STUDY}
APPOINT = {"from_at": w.NOW + 100}
GRANTED = w.default_grant(grantee=ids.institution_grantee(w.REQUESTER))
REVOKE = {"grant_id": ids.grant_id(GRANTED), "subject": w.SUBJECT}
BEGIN = {"subject": w.SUBJECT, "signer_hash": bytes(32), "attempt": 1, "serial": 0, "ready_at": w.NOW + 100}
MOVE = {"subject": w.SUBJECT, "from_custodian": 1, "custodian": 3}

# Each act: the code, the event, its fields but `by`, who may, and who may not.
ACTS: list[tuple[str, type[LedgerEvent], dict[str, Any], tuple[bytes, ...], tuple[bytes, ...]]] = [
    (
        "REVOKE_ALL",
        events.EpochRaised,
        SUBJECT | {"epoch": 2},
        (PATIENT, FORMER, REPRESENTATIVE, REGISTRAR),
        (STRANGER, OTHER_REGISTRAR, PERSON_1),
    ),
    (
        "RESTRICTION",
        events.SubjectRestricted,
        SUBJECT,
        (PATIENT, FORMER, REPRESENTATIVE, REGISTRAR, PERSON_1),
        (STRANGER, OTHER_REGISTRAR, PERSON_2),
    ),
    (
        "LIFTING",
        events.RestrictionLifted,
        SUBJECT | {"serial": 3},
        (PATIENT, REPRESENTATIVE),
        (FORMER, STRANGER, REGISTRAR, PERSON_1),
    ),
    (
        "LIFTING",
        events.RestrictionLifted,
        {"subject": WITHOUT, "serial": 1},
        (PERSON_1,),
        (PERSON_2, PATIENT, REGISTRAR),
    ),
    (
        "APPOINTMENT",
        events.RepresentativeAppointed,
        APPOINT | {"appointment": appointment(representative=STRANGER, serial=3)},
        (PATIENT,),
        (FORMER, REPRESENTATIVE, REGISTRAR, PERSON_1),
    ),
    (
        "APPOINTMENT",
        events.RepresentativeAppointed,
        APPOINT | {"appointment": appointment(subject=WITHOUT)},
        (PERSON_1,),
        (PERSON_2, PATIENT, REGISTRAR),
    ),
    (
        "DISMISSAL",
        events.RepresentativeDismissed,
        SUBJECT | {"representative": REPRESENTATIVE},
        (PATIENT, REPRESENTATIVE, PERSON_1),
        (FORMER, STRANGER, REGISTRAR, PERSON_2),
    ),
    ("TRANSFER", events.CustodyTransferred, MOVE, (PATIENT, REPRESENTATIVE), (FORMER, STRANGER, REGISTRAR, PERSON_1)),
    ("HOLD", events.StudyHeld, MINE | {"serial": 0, "terms": bytes(32)}, (PERSON_1,), (PERSON_2, PATIENT, REGISTRAR)),
    (
        "ERASURE",
        events.ErasureRequested,
        MINE | SUBJECT,
        (PATIENT, REPRESENTATIVE),
        (FORMER, STRANGER, REGISTRAR, PERSON_1),
    ),
    (
        "REVOKE",
        events.GrantRevoked,
        REVOKE,
        (PATIENT, FORMER, REPRESENTATIVE, REGISTRAR, PERSON_1, PERSON_2),
        (STRANGER, OTHER_REGISTRAR, PERSON_3),
    ),
]
# What follows some of them in the same transaction.
FOLLOWS: dict[type[LedgerEvent], Callable[..., LedgerEvent]] = {
    events.RepresentativeDismissed: forged(events.EpochRaised, subject=w.SUBJECT, epoch=2, by=bytes(32)),
    events.ErasureRequested: forged(events.StudyWithdrawn, study_id=w.STUDY, revision=0),
}
CASES = [
    (code, kind, fields | {"by": by}, may)
    for code, kind, fields, able, unable in ACTS
    for may, names in ((True, able), (False, unable))
    for by in names
]


@pytest.mark.parametrize(
    ("code", "kind", "fields", "may"), CASES, ids=[f"{i} {case[0]} {case[3]}" for i, case in enumerate(CASES)]
)
def test_who_could_have_signed(code: str, kind: type[LedgerEvent], fields: dict[str, Any], may: bool) -> None:
    world, ledger = populated()
    world.give(GRANTED, whole.NEW_SIGNER)
    follows = [FOLLOWS[kind]] if kind in FOLLOWS else []
    ledger.forge(forged(kind, **fields), *follows)
    assert codes(ledger) == ([] if may else [f"UNAUTHORISED_{code}"])


@pytest.mark.parametrize(
    ("institutions", "may"),
    [((1, 2), True), ((2, 1), False), ((1, 1), False), ((1,), False), ((1, 2, 3), False), ((1, 9), False)],
)
def test_which_institutions_recover(institutions: tuple[int, ...], may: bool) -> None:
    _, ledger = populated()
    ledger.forge(forged(events.RecoveryBegun, **BEGIN, institutions=institutions))
    assert codes(ledger) == ([] if may else ["UNAUTHORISED_RECOVERY"])


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize("by", [PATIENT, FORMER, REPRESENTATIVE, STRANGER, REGISTRAR], ids=bytes.hex)
def test_who_vetoes(attempt: int, by: bytes) -> None:
    world, ledger = populated()
    serial = 0
    if attempt == 2:
        first = Recover(w.SUBJECT, hash_of(whole.NEXT_SIGNER), 1, serial)
        world.do(world.recover(first, whole.NEXT_SIGNER, OFFICER_1, OFFICER_2))
        world.do(world.veto_recovery(first, whole.NEW_SIGNER))
        serial = 1
    begun = BEGIN | {"attempt": attempt, "serial": serial, "institutions": (1, 2, 3)[: attempt + 1]}
    ledger.forge(forged(events.RecoveryBegun, **begun))
    ledger.forge(forged(events.RecoveryVetoed, subject=w.SUBJECT, attempt=attempt, contested=True, by=by))
    may = by == REPRESENTATIVE or (attempt == 1 and by in (PATIENT, FORMER))
    assert codes(ledger) == ([] if may else ["UNAUTHORISED_VETO"])


@pytest.mark.parametrize(("by", "may"), [(PATIENT, True), (FORMER, True), (STRANGER, False), (REGISTRAR, False)])
def test_who_vetoes_an_appointment(by: bytes, may: bool) -> None:
    world, ledger = populated()
    world.do(world.appoint(appointment(representative=STRANGER, serial=3), whole.NEW_SIGNER))
    ledger.forge(forged(events.AppointmentVetoed, subject=w.SUBJECT, representative=STRANGER, by=by))
    assert codes(ledger) == ([] if may else ["UNAUTHORISED_VETO"])


@pytest.mark.parametrize(
    ("second", "found"), [(PERSON_2, []), (PERSON_1, ["UNAUTHORISED_HOLD"]), (PATIENT, ["UNAUTHORISED_HOLD"])]
)
def test_who_lifts_a_hold(second: bytes, found: list[str]) -> None:
    _, ledger = populated()
    ledger.forge(forged(events.StudyHeld, study_id=w.STUDY, serial=0, terms=bytes(32), by=PERSON_1))
    ledger.forge(forged(events.HoldLifted, study_id=w.STUDY, serial=0, by=PERSON_1, second=second))
    assert codes(ledger) == found


def test_an_appointment_that_nobody_can_give() -> None:
    _, ledger = populated()
    terms = appointment(representative=STRANGER, serial=3, powers=4)
    ledger.forge(forged(events.RepresentativeAppointed, appointment=terms, from_at=w.NOW + 100, by=PATIENT))
    assert codes(ledger) == ["APPOINTMENT_TERMS"]


def test_acts_of_a_suspended_member() -> None:
    world, ledger = populated()
    world.suspend(w.CUSTODIAN)
    key = b"a new key"
    published = {"institution": 1, "kind": 3, "key_hash": ids.key_hash(KeyKind.GATEWAY, key), "key": key}
    ledger.forge(forged(events.KeyPublished, **published, not_after=w.NOW + 1000, endpoint=""))
    ledger.forge(forged(events.StudyRetained, study_id=w.STUDY, retain_until_day=40_000))
    ledger.forge(forged(events.StudyHeld, study_id=w.STUDY, serial=0, terms=bytes(32), by=PERSON_1))
    ledger.forge(forged(events.StudyWithdrawn, study_id=w.STUDY, revision=1))  # its registrar still may
    assert codes(ledger) == ["UNAUTHORISED_KEY", "UNAUTHORISED_RETENTION", "UNAUTHORISED_HOLD"]


def test_acts_without_a_key() -> None:
    world, ledger = populated()
    world.publish(w.CUSTODIAN, KeyKind.REGISTRAR, w.REGISTRAR.address, w.NOW)
    world.publish(w.CUSTODIAN, KeyKind.ISSUER, w.OTHER_ISSUER.address, w.NOW)
    ledger.forge(forged(events.StudyWithdrawn, study_id=w.STUDY, revision=1))
    ledger.forge(forged(events.PersonWithdrawn, institution=1, person=PERSON_1))
    ledger.forge(forged(events.EpochRaised, subject=w.SUBJECT, epoch=2, by=REGISTRAR))
    assert codes(ledger) == ["UNAUTHORISED_WITHDRAWAL", "UNAUTHORISED_WITHDRAWAL", "UNAUTHORISED_REVOKE_ALL"]


def test_an_erasure_before_its_time() -> None:
    world, ledger = populated()
    world.withdraw_study()
    erased = {"study_id": w.STUDY, "subject": w.SUBJECT, "certificate": keccak256(b"a certificate")}
    ledger.forge(forged(events.StudyErased, **erased))
    assert codes(ledger) == ["ERASURE_EARLY"]


# -- what does not follow


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (
            lambda world: world.dismiss(Dismiss(w.SUBJECT, hash_of(whole.REPRESENTATIVE), 2), w.PATIENT),
            events.EpochRaised,
        ),
        (lambda world: world.request_erasure(RequestErasure(w.STUDY), w.PATIENT), events.StudyWithdrawn),
        (lambda world: world.grant_by(GRANT, DOCTOR_2, NURSE_2), events.ReviewOwed),
    ],
    ids=["dismissal", "erasure", "emergency"],
)
@pytest.mark.parametrize("last", [True, False])
def test_what_belongs_to_a_transaction_and_is_left_out(
    make: Callable[[whole.Whole], Any], kind: type[LedgerEvent], last: bool
) -> None:
    world, ledger, _ = whole.settled()
    world.do(world.appoint(appointment(), w.PATIENT))
    world.do(make(world))
    if not last:
        world.enrol(w.OTHER_PATIENT, bytes(32))
    history = w.events_of(ledger)
    assert [finding.code for finding in audit(history)] == []
    without = [event for event in history if not isinstance(event, kind)]
    assert [finding.code for finding in audit(without)] == ["CONSEQUENCE_MISSING"]


def test_a_representative_may_dismiss_itself() -> None:
    world, ledger, _ = whole.settled()
    world.do(world.appoint(appointment(), w.PATIENT))
    world.do(world.dismiss(Dismiss(w.SUBJECT, hash_of(whole.REPRESENTATIVE), 2), whole.REPRESENTATIVE))
    assert codes(ledger) == []


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (events.EpochRaised, {"subject": w.SUBJECT, "epoch": 3, "by": bytes(32)}),
        (events.StudyRevised, {"study_id": w.STUDY, "revision": 3, "manifest": bytes(32)}),
        (events.BadgeEpochRaised, {"institution": 1, "epoch": 3}),
        (events.RestrictionLifted, {"subject": w.SUBJECT, "serial": 2, "by": bytes(32)}),
        (events.SignerRotated, {"subject": w.SUBJECT, "signer_hash": bytes(31) + b"\1", "index": 3}),
        (events.StudyHeld, {"study_id": w.STUDY, "serial": 1, "terms": bytes(32), "by": bytes(32)}),
        (events.ExportsChanged, {"institution": 1, "exports": 7, "round": 2}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_gap_in_a_sequence_is_called_so(kind: type[LedgerEvent], fields: dict[str, Any]) -> None:
    _, ledger, _ = whole.settled()
    last = w.events_of(ledger)[-1]
    event = kind(
        block_number=last.block_number + 1, time_at=last.time_at, transaction_hash=bytes(32), log_index=0, **fields
    )
    (finding,) = audit([*w.events_of(ledger), event])
    assert finding.code == "SEQUENCE_GAP"
    assert "is next" in finding.detail


def test_a_recovery_in_order_is_found_honest_and_a_second_attempt_is_not() -> None:
    world, ledger, clock = whole.settled()
    world.do(world.rotate(Rotate(w.SUBJECT, hash_of(whole.NEW_SIGNER), 1), whole.NEW_SIGNER, w.PATIENT))
    struct = Recover(w.SUBJECT, hash_of(whole.NEXT_SIGNER), 1, 0)
    world.do(world.recover(struct, whole.NEXT_SIGNER, OFFICER_1, OFFICER_2))
    clock.advance(whole.DELAY_S)
    world.do(CompleteRecoveryAct(w.SUBJECT))
    assert codes(ledger) == []
    begun = {"subject": w.SUBJECT, "signer_hash": bytes(32), "attempt": 2, "serial": 1, "ready_at": 1}
    ledger.forge(forged(events.RecoveryBegun, **begun, institutions=(1, 2, 3)))
    assert codes(ledger) == ["RECOVERY_ATTEMPT"]
