"""When an act counts as done: what storage must say, and which events must be found where storage cannot tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from fiducia.adapters.evm import acts
from fiducia.adapters.evm.acts import Plan
from fiducia.adapters.evm.chain import Chain
from fiducia.core import ids, rules
from fiducia.errors import EncodingError
from fiducia.records import events
from fiducia.records.ledger import Act
from tests.support import deeds
from tests.support.evm_plans import DOMAINS, MADE, MOTHER, NEW, ToldChain
from tests.support.signers import Signers, key
from tests.support.staff import OFFICER_3, OFFICER_A, OFFICER_B

NOW = 1_800_000_000
ZERO, ONE = bytes(32), bytes([1]) * 32
NEW_HASH = ids.signer_hash(NEW.address)
PLACE: dict[str, Any] = {"block_number": 5, "time_at": 1, "transaction_hash": ZERO, "log_index": 0}


def plan_of(act: Act) -> Plan:
    """Return an act's plan, made on a chain where everybody's custodian is hospital A."""
    return acts.plan_of(cast(Chain, ToldChain(subjectOf=subject())), act)


def made(name: str) -> tuple[Signers, Plan]:
    """Return everybody's keys, and the plan of an act that goes by a name."""
    c = Signers(DOMAINS, NOW)
    return c, plan_of(MADE[name](c))


def is_done(plan: Plan, **answers: Any) -> bool:
    """Tell whether an act is done on a chain whose views answer so."""
    return plan.done(cast(Chain, ToldChain(**answers)))


def subject(**changes: int) -> tuple[int, ...]:
    """Return ISubjects.Subject as it is after enrolment, but for some members."""
    names = {
        "custodian": 1,
        "epoch": 1,
        "flags": 0,
        "signer_index": 1,
        "serial": 1,
        "lifted_serial": 0,
        "recoveries": 0,
    }
    return tuple({**names, **changes}.values())


def institution(governor: bytes = bytes(20), active: bool = True, badge_epoch: int = 1) -> tuple[Any, ...]:
    """Return IMembers.Institution."""
    return governor, 1, 0b110, active, badge_epoch


@pytest.mark.parametrize(
    ("name", "answers", "done"),
    [
        ("suspend", {"round": 2, "institutionOf": institution(active=False)}, True),
        ("suspend", {"round": 2, "institutionOf": institution()}, False),
        ("suspend", {"round": 1, "institutionOf": institution(active=False)}, False),
        ("reinstate", {"round": 3, "institutionOf": institution()}, True),
        ("reinstate", {"round": 3, "institutionOf": institution(active=False)}, False),
        ("reinstate", {"round": 2, "institutionOf": institution()}, False),
        ("replace a governor", {"round": 4, "governedBy": 2}, True),
        ("replace a governor", {"round": 4, "governedBy": 0}, False),
        ("replace a governor", {"round": 3, "governedBy": 2}, False),
        ("change exports", {"round": 5, "exportsOf": 0b111}, True),
        ("change exports", {"round": 5, "exportsOf": 0b110}, False),
        ("change exports", {"round": 4, "exportsOf": 0b111}, False),
        ("narrow exports", {"exportsOf": 0b10}, True),
        ("narrow exports", {"exportsOf": 0b110}, False),
    ],
)
def test_decisions_about_members(name: str, answers: dict[str, Any], done: bool) -> None:
    assert is_done(made(name)[1], **answers) is done


@pytest.mark.parametrize(
    ("index", "serial", "done"),
    [(2, 2, True), (2, 1, False), (1, 2, False), (3, 4, False)],
    ids=["current", "serial unused", "not yet", "replaced since"],
)
def test_a_rotation_is_done_while_the_new_signer_is_the_current_one(index: int, serial: int, done: bool) -> None:
    c, plan = made("rotate")
    stored = subject(signer_index=index, serial=serial)
    assert is_done(plan, subjectOf=stored, signerOf=(c.subject, 2)) is done


def test_a_signer_that_serves_another_rotates_nobody() -> None:
    _, plan = made("rotate")
    assert not is_done(plan, subjectOf=subject(signer_index=2, serial=2), signerOf=(bytes([7]) * 20, 2))


@pytest.mark.parametrize(
    ("stored", "done"),
    [
        ((3, 1, NOW, NOW + 9, 1), True),
        ((3, 1, NOW, NOW + 9, 2), False),
        ((0, 0, 0, 0, 0), False),
    ],
    ids=["stands", "another stands", "none stands"],
)
def test_an_appointment_is_done_while_it_stands(stored: tuple[int, ...], done: bool) -> None:
    assert is_done(made("appoint")[1], representativeOf=stored) is done


@pytest.mark.parametrize(
    ("serial", "stored", "done"),
    [
        (2, (0, 0, 0, 0, 0), True),
        (3, (3, 1, NOW, NOW + 9, 2), True),
        (2, (3, 1, NOW, NOW + 9, 1), False),
        (1, (0, 0, 0, 0, 0), False),
    ],
    ids=["gone", "another stands", "stands", "never made"],
)
def test_a_veto_is_done_once_that_appointment_is_gone(serial: int, stored: tuple[int, ...], done: bool) -> None:
    plan = made("veto an appointment")[1]
    assert is_done(plan, subjectOf=subject(serial=serial), representativeOf=stored) is done


@pytest.mark.parametrize(
    ("waiting", "signer", "done"),
    [
        ((NEW_HASH, NOW, 1, 0, False), (bytes(20), 0), True),
        ((NEW_HASH, NOW, 1, 1, False), (bytes(20), 0), False),
        ((ZERO, 0, 0, 0, True), (bytes(20), 0), False),
        ((ZERO, 0, 0, 0, False), None, True),
    ],
    ids=["waits", "another waits", "vetoed", "completed"],
)
def test_a_recovery_is_begun_until_it_is_stopped(waiting: tuple[Any, ...], signer: Any, done: bool) -> None:
    c, plan = made("recover")
    stored = subject(recoveries=1, signer_index=2)
    assert is_done(plan, subjectOf=stored, recoveryOf=waiting, signerOf=signer or (c.subject, 2)) is done


@pytest.mark.parametrize(
    ("recoveries", "waiting", "signer", "done"),
    [
        (1, (ZERO, 0, 0, 0, True), (bytes(20), 0), True),
        (2, (NEW_HASH, NOW, 1, 1, True), (bytes(20), 0), True),
        (1, (NEW_HASH, NOW, 1, 0, False), (bytes(20), 0), False),
        (0, (ZERO, 0, 0, 0, False), (bytes(20), 0), False),
        (1, (ZERO, 0, 0, 0, False), None, False),
    ],
    ids=["gone", "another waits", "waits", "never begun", "completed"],
)
def test_a_veto_is_done_once_that_recovery_is_gone(
    recoveries: int, waiting: tuple[Any, ...], signer: Any, done: bool
) -> None:
    c, plan = made("veto a recovery")
    stored = subject(recoveries=recoveries)
    assert is_done(plan, subjectOf=stored, recoveryOf=waiting, signerOf=signer or (c.subject, 2)) is done


@pytest.mark.parametrize("name", ["veto an appointment", "dismiss", "veto a recovery", "review"])
def test_where_storage_cannot_tell_the_event_must_be_found(name: str) -> None:
    _, plan = made(name)
    assert plan.proved is not None
    assert not plan.proved(())
    assert plan.proved((events.LedgerEvent(**PLACE),))


def test_a_recovery_is_completed_when_that_is_the_newest_of_its_events() -> None:
    c, plan = made("complete a recovery")
    assert is_done(plan, recoveryOf=(ZERO, 0, 0, 0, False))
    assert not is_done(plan, recoveryOf=(NEW_HASH, NOW, 1, 1, False))
    recovered = events.SubjectRecovered(subject=c.subject, signer_hash=NEW_HASH, index=2, **PLACE)
    vetoed = events.RecoveryVetoed(subject=c.subject, attempt=1, contested=True, by=ZERO, **PLACE)
    assert plan.proved is not None
    assert [plan.proved(found) for found in ((recovered,), (vetoed,), ())] == [True, False, False]


@pytest.mark.parametrize(
    ("name", "changes", "done"),
    [
        ("restrict", {"flags": 1}, True),
        ("restrict", {}, False),
        ("lift", {"serial": 2, "lifted_serial": 1}, True),
        ("lift", {"serial": 2, "lifted_serial": 1, "flags": 1}, False),
        ("lift", {"flags": 0}, False),
        ("transfer", {"serial": 2, "custodian": 2}, True),
        ("transfer", {"serial": 1, "custodian": 2}, False),
        ("transfer", {"serial": 2}, False),
        ("revoke all", {"epoch": 2}, True),
        ("revoke all", {}, False),
        ("enrol without a device", {"signer_index": 0}, True),
        ("enrol without a device", {}, False),
        ("enrol without a device", {"custodian": 0, "signer_index": 0}, False),
    ],
)
def test_what_a_subject_tells(name: str, changes: dict[str, int], done: bool) -> None:
    assert is_done(made(name)[1], subjectOf=subject(**changes)) is done


def test_a_batch_of_enrolments_is_done_when_every_one_is() -> None:
    c = Signers(DOMAINS, NOW)
    act = deeds.enrol_batch(c, key("one"), None)
    served = ids.subject(1, act.enrolments[0].salt), 1
    assert is_done(plan_of(act), signerOf=served, subjectOf=subject(signer_index=0))
    assert not is_done(plan_of(act), signerOf=(bytes(20), 0), subjectOf=subject(signer_index=0))
    assert not is_done(plan_of(act), signerOf=served, subjectOf=subject(custodian=0, signer_index=0))


def test_a_batch_with_a_signature_too_few_is_none() -> None:
    act = deeds.enrol_batch(Signers(DOMAINS, NOW), key("one"), None)
    with pytest.raises(EncodingError):
        plan_of(replace(act, signatures=act.signatures[:1]))


@pytest.mark.parametrize(
    ("name", "answers", "done"),
    [
        ("withdraw a study", {"studyAt": [(bytes(20), 1, 2, 0, 0), False]}, True),
        ("withdraw a study", {"studyAt": [(bytes(20), 1, 3, 0, 0), False]}, True),
        ("withdraw a study", {"studyAt": [(bytes(20), 1, 1, 0, 0), True]}, False),
        ("withdraw a revision", {"studyAt": [(bytes(20), 1, 1, 0, 0), True]}, True),
        ("withdraw a revision", {"studyAt": [(bytes(20), 1, 2, 0, 0), False]}, False),
        ("retain", {"studyOf": (bytes(20), 1, 1, 40_000, 0)}, True),
        ("retain", {"studyOf": (bytes(20), 1, 1, 40_001, 0)}, False),
        ("hold", {"erasureOf": (0, True, False, ZERO)}, True),
        ("hold", {"erasureOf": (0, False, False, ZERO)}, False),
        ("hold", {"erasureOf": (1, True, False, ZERO)}, False),
        ("lift a hold", {"erasureOf": (1, False, False, ZERO)}, True),
        ("lift a hold", {"erasureOf": (1, True, False, ZERO)}, True),
        ("lift a hold", {"erasureOf": (0, True, False, ZERO)}, False),
        ("request erasure", {"erasureOf": (0, False, True, ZERO)}, True),
        ("request erasure", {"erasureOf": (0, False, False, ZERO)}, False),
        ("erase", {"erasureOf": (0, False, True, ONE)}, True),
        ("erase", {"erasureOf": (0, False, True, ZERO)}, False),
        ("grant many", {"grantOf": (bytes(20), 1, 1, 1, 1)}, True),
        ("grant many", {"grantOf": (bytes(20), 1, 1, 2, 1)}, False),
        ("review", {"reviewOf": (2, NOW, 2, ZERO, ZERO)}, True),
        ("review", {"reviewOf": (2, NOW, 1, ZERO, ZERO)}, False),
        ("record late", {"releaseOf": (NOW, NOW, 2, 1, True)}, True),
        ("record late", {"releaseOf": (0, 0, 0, 0, False)}, False),
    ],
)
def test_what_studies_grants_and_releases_tell(name: str, answers: dict[str, Any], done: bool) -> None:
    assert is_done(made(name)[1], **answers) is done


SERIAL_OR_ROUND = {
    "admit",
    "suspend",
    "reinstate",
    "replace a governor",
    "change exports",
    "rotate",
    "appoint",
    "appoint as staff",
    "veto an appointment",
    "dismiss",
    "dismiss as officers",
    "lift",
    "recover",
    "veto a recovery",
    "complete a recovery",
    "transfer",
    "lift a hold",
}


@pytest.mark.parametrize("name", MADE)
def test_what_uses_a_round_or_a_serial_is_taken_once(name: str) -> None:
    assert made(name)[1].repeats is (name not in SERIAL_OR_ROUND)


def test_events_tell_of_their_own_act_only() -> None:
    c = Signers(DOMAINS, NOW)
    other = rules.mask(rules.Purpose.HRESCH)
    appointment = deeds.appoint(c, MOTHER, serial=1).appoint
    told: list[tuple[str, Any, Any]] = [
        (
            "appoint",
            events.RepresentativeAppointed(appointment=appointment, from_at=1, by=ZERO, **PLACE),
            events.RepresentativeAppointed(
                appointment=replace(appointment, purposes=other), from_at=1, by=ZERO, **PLACE
            ),
        ),
        (
            "recover",
            events.RecoveryBegun(
                subject=c.subject,
                signer_hash=NEW_HASH,
                attempt=1,
                serial=0,
                ready_at=1,
                institutions=(1, 2),
                **PLACE,
            ),
            events.RecoveryBegun(
                subject=c.subject,
                signer_hash=NEW_HASH,
                attempt=1,
                serial=1,
                ready_at=1,
                institutions=(1, 2),
                **PLACE,
            ),
        ),
        (
            "change exports",
            events.ExportsChanged(institution=2, exports=0b111, round=4, **PLACE),
            events.ExportsChanged(institution=2, exports=0b111, round=0, **PLACE),
        ),
        (
            "narrow exports",
            events.ExportsChanged(institution=2, exports=0b10, round=0, **PLACE),
            events.ExportsChanged(institution=2, exports=0b10, round=4, **PLACE),
        ),
        (
            "review",
            events.ReviewFiled(grant_id=ZERO, by=OFFICER_B.person, outcome=1, report=ZERO, **PLACE),
            events.ReviewContested(grant_id=ZERO, by=OFFICER_A.person, outcome=1, report=ZERO, **PLACE),
        ),
        (
            "lift a hold",
            events.HoldLifted(study_id=ZERO, serial=0, by=OFFICER_A.person, second=OFFICER_B.person, **PLACE),
            events.HoldLifted(study_id=ZERO, serial=1, by=OFFICER_A.person, second=OFFICER_3.person, **PLACE),
        ),
    ]
    for name, own, foreign in told:
        plan = plan_of(MADE[name](Signers(DOMAINS, NOW)))
        assert (plan.tells(own), plan.tells(foreign)) == (True, False), name
