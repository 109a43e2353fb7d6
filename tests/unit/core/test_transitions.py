"""What cannot have happened: every event that the replayed storage must refuse, leaving it as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiducia.core import ids
from fiducia.core.replay import State
from fiducia.errors import LedgerInconsistencyError, SequenceGapError
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import KeyKind, StudyStatus
from tests.support import whole
from tests.support import world as w
from tests.support.snapshots import snapshot


def _place(number: int = 1000, index: int = 0, at: int = w.NOW + 1000) -> dict[str, Any]:
    return {"block_number": number, "time_at": at, "transaction_hash": bytes(32), "log_index": index}


GRANT = w.default_grant(epoch=2, salt=b"\7" * 32)
GATEWAY = {"institution": 2, "kind": 3, "key_hash": w.GATEWAY, "key": w.GATEWAY_KEY, "endpoint": ""}
STUDY = {"study_id": w.STUDY, "manifest": bytes(32)}

OLD = w.default_grant(salt=b"\7" * 32)
REVOKED = w.default_grant()

IMPOSSIBLE: list[tuple[str, type[LedgerEvent], dict[str, Any]]] = [
    (
        "a gap in institutions",
        events.MemberAdmitted,
        {
            "institution": 5,
            "governor": b"\1" * 20,
            "region": 0,
            "exports": 0,
        },
    ),
    (
        "a number twice",
        events.MemberAdmitted,
        {
            "institution": 3,
            "governor": b"\1" * 20,
            "region": 0,
            "exports": 0,
        },
    ),
    (
        "a governor twice",
        events.MemberAdmitted,
        {
            "institution": 4,
            "governor": w.GOVERNORS[1].address,
            "region": 0,
            "exports": 0,
        },
    ),
    (
        "nobody suspended",
        events.MemberSuspended,
        {
            "institution": 9,
        },
    ),
    (
        "reinstated while active",
        events.MemberReinstated,
        {
            "institution": 1,
        },
    ),
    (
        "key of nobody",
        events.KeyPublished,
        GATEWAY
        | {
            "institution": 9,
            "not_after": 5,
        },
    ),
    (
        "key of no kind",
        events.KeyPublished,
        GATEWAY
        | {
            "kind": 7,
            "not_after": 5,
        },
    ),
    (
        "key with another hash",
        events.KeyPublished,
        GATEWAY
        | {
            "key": b"other",
            "not_after": 5,
        },
    ),
    (
        "key of no form",
        events.KeyPublished,
        GATEWAY
        | {
            "kind": 1,
            "key": b"short",
            "not_after": 5,
        },
    ),
    (
        "key that never lived",
        events.KeyPublished,
        GATEWAY
        | {
            "key": b"new",
            "key_hash": ids.key_hash(KeyKind.GATEWAY, b"new"),
            "not_after": 0,
        },
    ),
    (
        "key end moved later",
        events.KeyPublished,
        GATEWAY
        | {
            "not_after": w.NOW + 51,
        },
    ),
    (
        "key end moved nowhere",
        events.KeyPublished,
        GATEWAY
        | {
            "not_after": w.NOW + 50,
        },
    ),
    (
        "gap in badge epochs",
        events.BadgeEpochRaised,
        {
            "institution": 2,
            "epoch": 4,
        },
    ),
    (
        "badge epoch again",
        events.BadgeEpochRaised,
        {
            "institution": 2,
            "epoch": 2,
        },
    ),
    (
        "badge epoch of nobody",
        events.BadgeEpochRaised,
        {
            "institution": 9,
            "epoch": 2,
        },
    ),
    (
        "person twice",
        events.PersonWithdrawn,
        {
            "institution": 2,
            "person": w.PERSON,
        },
    ),
    (
        "person of another",
        events.PersonWithdrawn,
        {
            "institution": 1,
            "person": ids.person(2, bytes(28)),
        },
    ),
    (
        "subject twice",
        events.SubjectEnrolled,
        {
            "subject": w.SUBJECT,
            "custodian": 1,
            "signer_hash": bytes(32),
        },
    ),
    (
        "signer twice",
        events.SubjectEnrolled,
        {
            "subject": bytes(20),
            "custodian": 1,
            "signer_hash": ids.signer_hash(w.PATIENT.address),
        },
    ),
    (
        "subject of nobody",
        events.SubjectEnrolled,
        {
            "subject": bytes(20),
            "custodian": 9,
            "signer_hash": bytes(32),
        },
    ),
    (
        "gap in epochs",
        events.EpochRaised,
        {
            "subject": w.SUBJECT,
            "epoch": 4,
        },
    ),
    (
        "epoch again",
        events.EpochRaised,
        {
            "subject": w.SUBJECT,
            "epoch": 2,
        },
    ),
    (
        "epoch of nobody",
        events.EpochRaised,
        {
            "subject": bytes(20),
            "epoch": 2,
        },
    ),
    (
        "study twice",
        events.StudyAnchored,
        STUDY
        | {
            "subject": w.SUBJECT,
            "retain_until_day": 0,
        },
    ),
    (
        "study of nobody",
        events.StudyAnchored,
        STUDY
        | {
            "study_id": bytes(32),
            "subject": bytes(20),
            "retain_until_day": 0,
        },
    ),
    (
        "gap in revisions",
        events.StudyRevised,
        STUDY
        | {
            "revision": 4,
        },
    ),
    (
        "revision again",
        events.StudyRevised,
        STUDY
        | {
            "revision": 2,
        },
    ),
    (
        "revision of nothing",
        events.StudyRevised,
        STUDY
        | {
            "study_id": bytes(32),
            "revision": 2,
        },
    ),
    (
        "withdrawal of nothing",
        events.StudyWithdrawn,
        {
            "study_id": bytes(32),
            "revision": 0,
        },
    ),
    (
        "withdrawal of no revision",
        events.StudyWithdrawn,
        {
            "study_id": w.STUDY,
            "revision": 3,
        },
    ),
    (
        "revision withdrawn twice",
        events.StudyWithdrawn,
        {
            "study_id": w.STUDY,
            "revision": 1,
        },
    ),
    (
        "grant with another id",
        events.GrantGiven,
        {
            "grant_id": bytes(32),
            "grant": GRANT,
            "expiry_at": GRANT.not_after,
        },
    ),
    (
        "grant of another epoch",
        events.GrantGiven,
        {
            "grant_id": ids.grant_id(OLD),
            "grant": OLD,
            "expiry_at": 1,
        },
    ),
    (
        "grant that outlives its terms",
        events.GrantGiven,
        {
            "grant_id": ids.grant_id(GRANT),
            "grant": GRANT,
            "expiry_at": GRANT.not_after + 1,
        },
    ),
    (
        "revoked grant lives again",
        events.GrantGiven,
        {
            "grant_id": ids.grant_id(REVOKED),
            "grant": REVOKED,
            "expiry_at": 1,
        },
    ),
    (
        "grant revoked twice",
        events.GrantRevoked,
        {
            "grant_id": ids.grant_id(w.default_grant()),
            "subject": w.SUBJECT,
        },
    ),
    (
        "grant of another subject",
        events.GrantRevoked,
        {
            "grant_id": ids.grant_id(w.default_grant(epoch=2)),
            "subject": bytes(20),
        },
    ),
]


GAPS = {
    "a gap in institutions",
    "a number twice",
    "gap in badge epochs",
    "badge epoch again",
    "gap in epochs",
    "epoch again",
    "gap in revisions",
    "revision again",
}


@pytest.mark.parametrize(("name", "kind", "fields"), IMPOSSIBLE, ids=[name for name, *_ in IMPOSSIBLE])
def test_what_cannot_follow_is_refused_and_changes_nothing(
    name: str, kind: type[LedgerEvent], fields: dict[str, Any]
) -> None:
    _, ledger = whole.eventful()
    state = State(w.events_of(ledger))
    before = snapshot(state)
    with pytest.raises(LedgerInconsistencyError) as refused:
        state.apply(kind(**_place(), **fields))
    assert isinstance(refused.value, SequenceGapError) is (name in GAPS)
    assert snapshot(state) == before


def test_a_request_is_recorded_once_in_time_or_late() -> None:
    _, ledger = whole.eventful()
    state = State(w.events_of(ledger))
    (first, *_), (late,) = state.releases(), state.late_releases()
    for again in (
        replace(first, **_place()),
        replace(late, **_place()),
        replace(late, **_place(), request_id=first.request_id),
        replace(first, **_place(), request_id=late.request_id),
    ):
        with pytest.raises(LedgerInconsistencyError, match="already"):
            state.apply(again)


def test_a_study_is_withdrawn_once_and_revised_no_more() -> None:
    world, ledger = whole.eventful()
    world.withdraw_study()
    state = State(w.events_of(ledger))
    study = state.study(w.STUDY)
    assert study is not None
    assert study.status == StudyStatus.WITHDRAWN
    for event in (
        events.StudyWithdrawn(**_place(), study_id=w.STUDY, revision=0),
        events.StudyRevised(**_place(), study_id=w.STUDY, revision=3, manifest=bytes(32)),
    ):
        with pytest.raises(LedgerInconsistencyError):
            state.apply(event)


def test_events_come_in_order() -> None:
    state = State()
    state.apply(events.ReleaseDenied(**_place(5, 3, 100), request_id=bytes(32), reason=1))
    for place in (_place(5, 3, 100), _place(5, 2, 100), _place(4, 9, 100), _place(6, 0, 99)):
        with pytest.raises(LedgerInconsistencyError, match="before"):
            state.apply(events.ReleaseDenied(**place, request_id=bytes(32), reason=1))
    state.apply(events.ReleaseDenied(**_place(5, 4, 100), request_id=bytes(32), reason=1))
    assert len(list(state.denials())) == 2


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(LedgerInconsistencyError, match="unknown"):
        State().apply(LedgerEvent(**_place()))
