"""Audits: an honest history has no findings, every broken rule has one, and reports cannot be edited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.core import ids
from fiducia.core.audit import audit, replay
from fiducia.core.keccak import keccak256
from fiducia.records import events
from fiducia.records.events import GrantGiven, LedgerEvent, ReleaseRecorded
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Grant
from tests.support import whole
from tests.support import world as w


def _codes(ledger: MemoryLedger) -> list[str]:
    return [finding.code for finding in audit(w.events_of(ledger))]


def test_an_honest_history_has_no_findings() -> None:
    _, ledger = whole.eventful()
    # What was handed over while the chain stalled is told of, right as it was.
    assert _codes(ledger) == ["EMERGENCY_LATE"]


def _recorded(**changes: Any) -> Callable[..., LedgerEvent]:
    """A release of the default grant, as the contract would have recorded it."""
    fields: dict[str, Any] = {
        "request_id": keccak256(b"a forged request"),
        "study_id": w.STUDY,
        "revision": 1,
        "series": 0,
        "grant_id": ids.grant_id(w.default_grant()),
        "purpose": 0,
        "action": 1,
        "person": w.PERSON,
        "recipient": w.GATEWAY,
        "institution": 2,
        "badge_epoch": 1,
        "lapse_at": w.NOW + w.HOUR_S,
    }
    return partial(ReleaseRecorded, **(fields | changes))


OWN = {
    "grant_id": ids.NO_GRANT,
    "person": ids.NO_PERSON,
    "recipient": w.OWN_RECIPIENT,
    "institution": 0,
    "purpose": 7,
    "action": 2,
}
OTHER = ids.person(w.REQUESTER, bytes(28))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"study_id": bytes(32)}, "RELEASE_STUDY_UNKNOWN"),
        ({"revision": 0}, "RELEASE_REVISION_UNKNOWN"),
        ({"revision": 2}, "RELEASE_REVISION_UNKNOWN"),
        ({"grant_id": bytes(32)}, "RELEASE_GRANT_UNKNOWN"),
        ({"purpose": 1}, "RELEASE_PURPOSE_NOT_GRANTED"),
        ({"action": 0}, "RELEASE_ACTION_NOT_GRANTED"),
        ({"person": OTHER}, "RELEASE_GRANTEE"),
        ({"person": bytes(32)}, "RELEASE_PERSON_PREFIX"),
        ({"badge_epoch": 2}, "RELEASE_BADGE_EPOCH"),
        ({"recipient": bytes(32)}, "RELEASE_RECIPIENT_UNPUBLISHED"),
        ({"lapse_at": w.NOW}, "RELEASE_LAPSE"),
        ({"lapse_at": w.NOW + 8 * w.HOUR_S}, None),
        ({"lapse_at": w.NOW + 8 * w.HOUR_S + 1}, "RELEASE_LAPSE"),
        (OWN, None),
        (OWN | {"purpose": 0}, "RELEASE_OWN_PURPOSE"),
        (OWN | {"action": 5}, "RELEASE_ACTION_NOT_GRANTED"),
        (OWN | {"person": w.PERSON}, "RELEASE_PERSON_MISMATCH"),
        (OWN | {"grant_id": ids.grant_id(w.default_grant())}, "RELEASE_GRANT_MISMATCH"),
        (OWN | {"badge_epoch": 2}, "RELEASE_GRANT_EPOCH"),
    ],
    ids=str,
)
def test_releases_are_judged_again(changes: dict[str, Any], code: str | None) -> None:
    world, ledger, _ = w.settled()
    world.give(w.default_grant())
    ledger.forge(_recorded(**changes))
    assert _codes(ledger) == ([code] if code else [])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda world, ledger: world.revoke(w.default_grant()), "RELEASE_GRANT_REVOKED"),
        (lambda world, ledger: world.revoke_all(), "RELEASE_GRANT_EPOCH"),
        (lambda world, ledger: world.withdraw_study(), "RELEASE_STUDY_WITHDRAWN"),
        (lambda world, ledger: world.withdraw_study(1), "RELEASE_REVISION_WITHDRAWN"),
        (lambda world, ledger: world.withdraw_person(), "RELEASE_PERSON_WITHDRAWN"),
        (lambda world, ledger: world.raise_badge_epoch(), "RELEASE_BADGE_EPOCH"),
        (lambda world, ledger: world.publish(2, KeyKind.GATEWAY, w.GATEWAY_KEY, 1), "RELEASE_RECIPIENT_UNPUBLISHED"),
        (lambda world, ledger: world.publish(2, KeyKind.ISSUER, w.ISSUER.address, 1), "UNAUTHORISED_RELEASE"),
    ],
    ids=["revoked", "all revoked", "study", "revision", "person", "badges", "gateway", "issuer"],
)
def test_a_release_after_its_ground_fell_away(change: Callable[[w.World, MemoryLedger], object], code: str) -> None:
    world, ledger, _ = w.settled()
    world.give(w.default_grant())
    change(world, ledger)
    ledger.forge(_recorded())
    (finding,) = audit(w.events_of(ledger))
    assert finding.code == code
    assert (finding.about, finding.study_id, finding.subject) == (keccak256(b"a forged request"), w.STUDY, w.SUBJECT)


def test_a_release_before_its_end_stays_right() -> None:
    world, ledger, _ = w.settled()
    grant = w.default_grant()
    world.give(grant)
    world.record(world.staff(w.default_request(grant), grant))
    world.revoke(grant)
    world.withdraw_study()
    assert _codes(ledger) == []


def test_a_release_by_a_suspended_member() -> None:
    world, ledger, _ = w.settled()
    world.give(w.default_grant())
    world.suspend(w.REQUESTER)
    ledger.forge(_recorded())
    assert _codes(ledger) == ["RELEASE_INSTITUTION_INACTIVE", "UNAUTHORISED_RELEASE"]


def test_a_release_out_of_region() -> None:
    founders = (replace(w.FOUNDERS[0], exports=1), *w.FOUNDERS[1:])
    world, ledger, _ = w.settled(founders)
    world.give(w.default_grant())
    ledger.forge(_recorded())
    assert _codes(ledger) == ["RELEASE_REGION"]


def test_a_release_after_the_grants_end() -> None:
    world, ledger, clock = w.settled()
    world.give(w.default_grant(not_after=w.NOW + 100))
    clock.advance(100)
    grant_id = ids.grant_id(w.default_grant(not_after=w.NOW + 100))
    ledger.forge(_recorded(grant_id=grant_id, lapse_at=w.NOW + 200))
    assert _codes(ledger) == ["RELEASE_GRANT_EXPIRED", "RELEASE_LAPSE"]


def _given(grant: Grant) -> Callable[..., LedgerEvent]:
    return partial(GrantGiven, grant_id=ids.grant_id(grant), grant=grant, expiry_at=grant.not_after)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"basis": 0}, ["GRANT_BASIS"]),
        ({"basis": 6}, ["GRANT_BASIS"]),
        ({"purposes": 0}, ["GRANT_PURPOSES"]),
        ({"purposes": 1 << 6}, ["GRANT_PURPOSES"]),
        ({"purposes": 1 << 10}, ["GRANT_PURPOSES"]),
        ({"basis": 3, "purposes": 2}, ["GRANT_PURPOSES"]),
        ({"basis": 4, "purposes": 1 << 6}, []),
        ({"basis": 5, "purposes": 2}, ["GRANT_WINDOW", "CONSEQUENCE_MISSING"]),
        ({"basis": 5, "purposes": 2, "not_after": w.NOW + w.DAY_S}, ["CONSEQUENCE_MISSING"]),
        (
            {"basis": 5, "purposes": 2, "not_before": w.NOW + 61, "not_after": w.NOW + w.DAY_S},
            ["GRANT_WINDOW", "CONSEQUENCE_MISSING"],
        ),
        ({"actions": 0}, ["GRANT_ACTIONS"]),
        ({"actions": 32}, ["GRANT_ACTIONS"]),
        ({"grantee": bytes(32)}, ["GRANT_GRANTEE"]),
        ({"not_after": w.NOW}, ["GRANT_WINDOW"]),
        ({"not_before": w.NOW + 30 * w.DAY_S}, ["GRANT_WINDOW"]),
        ({"not_after": w.NOW + 3650 * w.DAY_S}, []),
        ({"not_after": w.NOW + 3650 * w.DAY_S + 1}, ["GRANT_WINDOW"]),
        ({"relay_by": w.NOW}, ["GRANT_LATE"]),
        ({"relay_by": w.NOW + 1}, []),
    ],
    ids=str,
)
def test_grants_are_judged_by_their_basis(changes: dict[str, Any], codes: list[str]) -> None:
    _, ledger, _ = w.settled()
    ledger.forge(_given(w.default_grant(**changes)))
    assert _codes(ledger) == codes


def test_acts_without_a_registrar() -> None:
    world, ledger, clock = w.settled()
    world.publish(w.CUSTODIAN, KeyKind.REGISTRAR, w.REGISTRAR.address, w.NOW + 10)
    place: dict[str, Any] = {"subject": bytes(19) + b"\1", "custodian": 1, "signer_hash": bytes(32)}
    clock.advance(9)
    ledger.forge(partial(events.StudyRevised, study_id=w.STUDY, revision=2, manifest=bytes(32)))
    clock.advance(1)
    ledger.forge(partial(events.SubjectEnrolled, **place))
    ledger.forge(partial(events.StudyRevised, study_id=w.STUDY, revision=3, manifest=bytes(32)))
    study: dict[str, Any] = {"study_id": bytes(32), "subject": w.SUBJECT, "manifest": bytes(32), "retain_until_day": 0}
    ledger.forge(partial(events.StudyAnchored, **study))
    assert _codes(ledger) == ["UNAUTHORISED_ENROLMENT", "UNAUTHORISED_ANCHOR", "UNAUTHORISED_ANCHOR"]


def test_what_cannot_follow_is_found_and_left_out() -> None:
    _, ledger, _ = w.settled()
    history = w.events_of(ledger)
    place: dict[str, Any] = {"block_number": 900, "time_at": w.NOW + 9, "transaction_hash": bytes(32)}
    gap = events.StudyRevised(**place, log_index=0, study_id=w.STUDY, revision=3, manifest=bytes(32))
    right = events.StudyRevised(**place, log_index=1, study_id=w.STUDY, revision=2, manifest=b"\1" * 32)
    audited = replay([*history, gap, right, history[-1]])
    assert [finding.code for finding in audited.findings] == ["SEQUENCE_GAP", "CONTRADICTION"]
    study = audited.state.study(w.STUDY)
    assert study is not None
    assert study.manifest == b"\1" * 32


def test_a_study_filter_keeps_what_concerns_the_study() -> None:
    world, ledger, _ = w.settled()
    world.give(w.default_grant())
    world.enrol(w.OTHER_PATIENT, bytes(32))
    stranger = ids.subject(w.CUSTODIAN, bytes(32))
    ledger.forge(_given(w.default_grant(purposes=0, subject=stranger)))
    ledger.forge(_given(w.default_grant(actions=0)))
    ledger.forge(_recorded(revision=9))
    ledger.forge(_recorded(study_id=bytes(31) + b"\1", request_id=bytes(32)))
    history = w.events_of(ledger)
    everything = [finding.code for finding in audit(history)]
    assert everything == ["GRANT_PURPOSES", "GRANT_ACTIONS", "RELEASE_REVISION_UNKNOWN", "RELEASE_STUDY_UNKNOWN"]
    kept = [finding.code for finding in audit(history, study_id=w.STUDY)]
    assert kept == ["GRANT_ACTIONS", "RELEASE_REVISION_UNKNOWN"]
