"""The decision: every row of the shared table, and what a table cannot say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from fiducia.core.policy import Decision, Reason, decide, is_open, verify_access
from fiducia.errors import DeniedError
from fiducia.records.events import ReleaseRecorded, ReleaseRecordedLate
from fiducia.records.ledger import Facts, GrantState, Head, StudyStatus
from fiducia.records.typed import Access
from tests.support import world as w
from tests.support.decisions import Case, TableRow, table
from tests.vectors import generate_decisions

ROWS = table()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_table(row: TableRow) -> None:
    case = Case(row)
    decision = case.decide()
    assert decision.reason == row.reason
    assert decision.reason.name == row.reason_name
    assert decision.lapse_at == (w.NOW + row.lapse if row.reason == 0 else 0)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_ledger_in_memory_decides_as_the_table(row: TableRow) -> None:
    case = Case(row)
    if row.reason:
        with pytest.raises(DeniedError) as denied:
            case.world.do(case.act)
        assert denied.value.reason == row.reason_name
        assert case.ledger.are_open([case.access.request])[1] == (False,)
        return
    (event,) = case.world.do(case.act).events
    # What is recorded late was never open: it lapses as it is recorded.
    lapse_at = event.lapse_at if isinstance(event, ReleaseRecorded) else event.time_at
    assert lapse_at == w.NOW + row.lapse
    assert isinstance(event, ReleaseRecordedLate) is (case.late is not None)
    assert case.ledger.are_open([case.access.request])[1] == (case.late is None,)


def test_the_file_is_what_its_generator_writes() -> None:
    assert generate_decisions.FILE.read_bytes() == generate_decisions.table()


def test_every_reason_has_a_row() -> None:
    assert {row.reason for row in ROWS} == set(map(int, Reason))


def test_names_are_unique() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


NOTHING = Facts(
    head=Head(1, bytes(32), w.NOW),
    institution_active=False,
    institution_region=0,
    issuer_end_at=0,
    badge_epoch=0,
    person_withdrawn=False,
    study_status=StudyStatus.UNKNOWN,
    study_subject=bytes(20),
    study_revision=0,
    study_anchored_at=0,
    revision_withdrawn=False,
    grant_state=GrantState.UNKNOWN,
    grant_epoch=0,
    grant_expiry_at=0,
    subject_epoch=0,
    subject_restricted=False,
    own_purposes=0,
    own_end_at=0,
    custodian=0,
    custodian_exports=0,
    recipient_end_at=0,
    request_recorded_at=0,
    request_lapse_at=0,
)


def _good() -> tuple[w.World, Access, Facts]:
    world, ledger, _ = w.settled()
    grant = w.default_grant()
    world.give(grant)
    access = world.staff(w.default_request(grant), grant)
    return world, access, ledger.facts(access)


def test_unset_facts_refuse() -> None:
    world, access, _ = _good()
    assert decide(access, NOTHING, verify_access(world.domains, access)).reason is Reason.ISSUER_UNPUBLISHED
    own = world.own()
    assert decide(own, NOTHING, verify_access(world.domains, own)).reason is Reason.STUDY_UNKNOWN


# The smallest value that each fact must have: below it, or at its unset value, nothing is allowed.
_NEEDED = (
    "institution_active",
    "issuer_end_at",
    "badge_epoch",
    "study_status",
    "study_subject",
    "study_revision",
    "grant_state",
    "grant_epoch",
    "grant_expiry_at",
    "subject_epoch",
    "custodian_exports",
    "recipient_end_at",
)


@pytest.mark.parametrize("fact", _NEEDED)
def test_each_fact_alone_refuses_when_unset(fact: str) -> None:
    world, access, facts = _good()
    verified = verify_access(world.domains, access)
    assert decide(access, facts, verified).allowed
    unset = replace(facts, **{fact: getattr(NOTHING, fact)})
    assert not decide(access, unset, verified).allowed


def test_time_is_the_later_of_block_and_clock() -> None:
    world, access, facts = _good()
    verified = verify_access(world.domains, access)
    assert decide(access, facts, verified, at=w.NOW + w.HOUR_S - 1).allowed
    assert decide(access, facts, verified, at=w.NOW + w.HOUR_S).reason is Reason.REQUEST_WINDOW
    assert decide(access, facts, verified, at=0).lapse_at == w.NOW + w.HOUR_S


@dataclass
class _Local:
    reason: str

    def refusal(self, access: Access, facts: Facts) -> str:
        return self.reason


def test_local_rules_only_refuse() -> None:
    world, access, facts = _good()
    verified = verify_access(world.domains, access)
    refused = decide(access, facts, verified, local_rules=(_Local(""), _Local("NIGHT_SHIFT"), _Local("LATER")))
    assert (refused.allowed, refused.denial) == (False, "NIGHT_SHIFT")
    with pytest.raises(DeniedError) as denied:
        refused.require()
    assert denied.value.reason == "NIGHT_SHIFT"
    assert decide(access, facts, verified, local_rules=(_Local(""),)).require() == w.NOW + w.HOUR_S
    # What the ledger refuses stays refused, for the ledger's reason.
    late = decide(access, facts, verified, local_rules=(_Local("NIGHT_SHIFT"),), at=w.NOW + w.HOUR_S)
    assert late.denial == "REQUEST_WINDOW"


def test_a_decision_is_not_an_error_until_it_is_required() -> None:
    with pytest.raises(DeniedError, match="refused: SCOPE"):
        Decision(Reason.SCOPE).require()


def test_is_open_needs_a_record() -> None:
    _, access, facts = _good()
    recorded = replace(facts, request_recorded_at=w.NOW, request_lapse_at=w.NOW + 10)
    assert is_open(access.request, recorded, recorded_epoch=1, basis=1)
    assert not is_open(access.request, facts, recorded_epoch=1, basis=1)
    assert not is_open(access.request, recorded, recorded_epoch=1, basis=1, at=w.NOW + 10)
    assert not is_open(access.request, recorded, recorded_epoch=2, basis=1)


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("institution_active", False),
        ("person_withdrawn", True),
        ("study_status", StudyStatus.WITHDRAWN),
        ("study_status", StudyStatus.ERASED),
        ("revision_withdrawn", True),
        ("grant_state", GrantState.REVOKED),
        ("grant_state", GrantState.UNKNOWN),
        ("subject_epoch", 2),
        ("subject_restricted", True),
        ("recipient_end_at", w.NOW),
    ],
)
def test_is_open_asks_what_may_have_changed(fact: str, value: Any) -> None:
    _, access, facts = _good()
    recorded = replace(facts, request_recorded_at=w.NOW, request_lapse_at=w.NOW + 10)
    assert not is_open(access.request, replace(recorded, **{fact: value}), recorded_epoch=1, basis=1)


@pytest.mark.parametrize(("basis", "open_"), [(1, False), (2, False), (3, False), (4, True), (5, True), (0, False)])
def test_a_restriction_blocks_by_basis(basis: int, open_: bool) -> None:
    _, access, facts = _good()
    recorded = replace(facts, request_recorded_at=w.NOW, request_lapse_at=w.NOW + 10, subject_restricted=True)
    assert is_open(access.request, recorded, recorded_epoch=1, basis=basis) is open_


def test_own_access_stays_open_through_restriction_and_withdrawal() -> None:
    world, ledger, _ = w.settled()
    own = world.own()
    facts = replace(ledger.facts(own), request_recorded_at=w.NOW, request_lapse_at=w.NOW + 10)
    for stands in (
        facts,
        replace(facts, subject_restricted=True),
        replace(facts, study_status=StudyStatus.WITHDRAWN),
    ):
        assert is_open(own.request, stands, recorded_epoch=1, basis=0)
    for gone in (replace(facts, subject_epoch=2), replace(facts, study_status=StudyStatus.ERASED)):
        assert not is_open(own.request, gone, recorded_epoch=1, basis=0)
