"""Replaying events: what the state answers, and what it refuses to have happened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiducia.core import ids, rules
from fiducia.core.entries import FOREVER, Authority
from fiducia.core.keccak import keccak256
from fiducia.core.policy import verify_access
from fiducia.core.replay import State
from fiducia.errors import LedgerInconsistencyError
from fiducia.records import events
from fiducia.records.ledger import GrantState, Head, KeyKind, StudyStatus
from fiducia.records.typed import KeyRequest, Rotate
from tests.support import whole
from tests.support import world as w
from tests.support.snapshots import snapshot

OTHER_SALT = keccak256(b"another salt")


def test_every_kind_of_event_is_replayed() -> None:
    _, ledger = whole.eventful()
    assert {type(event) for event in w.events_of(ledger)} == set(events.EVENTS)


def test_a_replay_is_the_ledgers_own_state() -> None:
    world, ledger = whole.eventful()
    state = world.state()
    grant = w.default_grant()
    for access in (world.staff(w.default_request(grant), grant), world.own()):
        assert state.facts(access, verify_access(world.domains, access)) == ledger.facts(access)
        assert ledger.are_open([access.request])[1] == (state.is_open(access.request),)


def test_members_and_keys() -> None:
    world, _ = whole.eventful()
    state = world.state()
    assert [member.institution for member in state.members()] == [1, 2, 3]
    requester = state.member(w.REQUESTER)
    assert requester is not None
    assert (requester.governor, requester.region, requester.badge_epoch) == (w.GOVERNORS[2].address, 1, 2)
    assert state.governed_by(whole.NEW_GOVERNOR.address) == 3
    assert state.governed_by(w.GOVERNORS[3].address) == state.governed_by(bytes(20)) == 0
    assert state.member(4) is None
    # Suspended, reinstated, another governor, other exports; founders enter without a vote, and narrowing takes none.
    assert state.round == 5
    bystander = state.member(w.BYSTANDER)
    assert bystander is not None
    assert (bystander.exports, bystander.exports_round, bystander.active) == (3, 4, True)
    assert state.person_withdrawn(w.PERSON)
    key = state.key(w.REQUESTER, KeyKind.GATEWAY, w.NOW + 49)
    assert key is not None
    assert (key.key, key.key_hash, key.endpoint) == (w.GATEWAY_KEY, w.GATEWAY, "https://broker.example")
    assert state.key(w.REQUESTER, KeyKind.GATEWAY, w.NOW + 50) is None
    assert state.key(w.BYSTANDER, KeyKind.GATEWAY) is None
    assert len(state.keys(w.CUSTODIAN)) == 3
    assert {key.institution for key in state.keys(kind=KeyKind.ISSUER)} == {1, 2, 3}


def test_the_newest_live_key_is_used() -> None:
    world, _, _ = w.settled()
    newer = b"a newer gateway key"
    world.publish(w.REQUESTER, KeyKind.GATEWAY, newer, w.NOW + 100)
    state = world.state()
    at_hand = state.key(w.REQUESTER, KeyKind.GATEWAY)
    later = state.key(w.REQUESTER, KeyKind.GATEWAY, w.NOW + 100)
    assert at_hand is not None
    assert later is not None
    assert (at_hand.key, later.key) == (newer, w.GATEWAY_KEY)


def test_studies_and_subjects() -> None:
    world, _ = whole.eventful()
    state = world.state()
    study = state.study(w.STUDY)
    assert study is not None
    assert (study.subject, study.custodian, study.status) == (w.SUBJECT, 1, StudyStatus.ANCHORED)
    assert (study.revision, study.anchored_at, study.manifest) == (2, w.NOW, keccak256(b"2"))
    assert [revision.withdrawn for revision in study.revisions] == [True, False]
    assert study.at(0) is study.at(3) is None
    assert state.studies(w.SUBJECT) == (study,)
    assert [each.study_id for each in state.studies()] == [w.STUDY, whole.OTHER_STUDY]
    assert state.studies(bytes(20)) == ()
    subject = state.subject(w.SUBJECT)
    assert subject is not None
    assert (subject.epoch, subject.signer_hash) == (2, ids.signer_hash(w.PATIENT.address))
    assert state.subjects(custodian=2) == ()
    assert state.signer_serves(subject.signer_hash) == w.SUBJECT


def test_grants_of_a_subject() -> None:
    world, _ = whole.eventful()
    given, tombstone, live, *_ = world.state().grants_of_subject(w.SUBJECT)
    assert (given.state, given.revoked_at) == (GrantState.REVOKED, w.NOW + 5)
    assert given.revoked_by == ids.signer_hash(w.PATIENT.address)
    assert (tombstone.state, tombstone.grant) == (GrantState.REVOKED, None)
    assert live.state == GrantState.LIVE


@pytest.mark.parametrize(
    ("changes", "at", "series", "found"),
    [
        ({}, w.NOW, 0, True),
        ({}, w.NOW, 3, True),
        ({}, w.NOW - 1, 0, False),
        ({}, w.NOW + 30 * w.DAY_S - 1, 0, True),
        ({}, w.NOW + 30 * w.DAY_S, 0, False),
        ({"scope": ids.series_scope(w.STUDY, 3)}, w.NOW, 3, True),
        ({"scope": ids.series_scope(w.STUDY, 3)}, w.NOW, 0, False),
        ({"scope": ids.series_scope(w.STUDY, 3)}, w.NOW, 4, False),
        ({"scope": ids.ALL_SCOPE, "anchored_by": w.NOW}, w.NOW, 0, True),
        ({"scope": ids.ALL_SCOPE, "anchored_by": w.NOW - 1}, w.NOW, 0, False),
    ],
)
def test_grants_of_a_study_are_live_in_their_window(changes: dict[str, Any], at: int, series: int, found: bool) -> None:
    world, _, _ = w.settled()
    grant = w.default_grant(**changes)
    world.give(grant)
    state = world.state()
    live = [entry.grant for entry in state.grants_of_study(w.STUDY, (series,)) if state.is_live(entry, at)]
    assert live == ([grant] if found else [])


@pytest.mark.parametrize("end", ["revoke", "revoke_all"])
def test_ended_grants_are_not_live(end: str) -> None:
    world, _, _ = w.settled()
    grant = w.default_grant()
    world.give(grant)
    world.revoke(grant) if end == "revoke" else world.revoke_all()
    (entry,) = world.state().grants_of_study(w.STUDY)
    assert not world.state().is_live(entry)
    assert world.state().grants_of_study(bytes(32)) == ()


def test_releases_and_denials() -> None:
    world, _ = whole.eventful()
    state = world.state()
    staff, own, _ = state.releases(w.STUDY)
    assert (staff.institution, own.institution) == (2, 0)
    assert state.release(staff.request_id) == staff
    assert state.release(bytes(32)) is None
    assert state.releases(bytes(32)) == ()
    assert [denial.reason for denial in state.denials()] == [22]


def test_is_open_follows_the_events() -> None:
    world, ledger, clock = w.settled()
    grant = w.default_grant()
    world.give(grant)
    request = w.default_request(grant)
    assert not world.state().is_open(request)
    world.record(world.staff(request, grant))
    assert world.state().is_open(request)
    assert not world.state().is_open(replace(request, salt=bytes(32)))
    assert not world.state().is_open(request, at=w.NOW + w.HOUR_S)
    world.revoke(grant)
    assert not world.state().is_open(request)
    clock.advance(1)
    assert ledger.are_open([request])[1] == (False,)


def test_nothing_is_known_before_events() -> None:
    state = State()
    request = KeyRequest(bytes(32), 1, 0, bytes(32), 0, 0, bytes(32), bytes(32), 1, bytes(32))
    facts = state.facts_about(request, 0, bytes(32))
    assert facts.study_status == StudyStatus.UNKNOWN
    assert not state.is_open(request)
    assert (state.members(), state.studies(), state.round) == ((), (), 1)


def test_heads_only_move_on() -> None:
    state = State()
    state.reach(Head(5, b"\1" * 32, 100))
    assert state.head == Head(5, b"\1" * 32, 100)
    for head in (Head(4, bytes(32), 100), Head(6, bytes(32), 99)):
        with pytest.raises(LedgerInconsistencyError):
            state.reach(head)
    assert state.head == Head(5, b"\1" * 32, 100)


def test_who_decides_is_told_in_full() -> None:
    world, _ = whole.eventful()
    state = world.state()
    entry = state.subject(whole.OTHER_SUBJECT)
    assert entry is not None
    assert (entry.custodian, entry.signer_index, entry.serial, entry.epoch) == (w.BYSTANDER, 3, 7, 3)
    assert (entry.restricted, entry.lifted_serial, entry.recovery, entry.contested) == (False, 3, None, False)
    assert [signer.signer_hash for signer in state.signers(whole.OTHER_SUBJECT)] == [
        whole.hash_of(each) for each in (w.OTHER_PATIENT, whole.NEW_SIGNER, whole.NEXT_SIGNER)
    ]
    (waiting,) = state.appointments(whole.OTHER_SUBJECT)
    begins = waiting.from_at
    representative = whole.hash_of(whole.REPRESENTATIVE)
    assert state.representatives(whole.OTHER_SUBJECT, begins - 1) == ()
    assert state.representatives(whole.OTHER_SUBJECT, begins) == (waiting,)
    assert state.represented(representative, begins) == (waiting,)
    for signer, at, expected in (
        (whole.NEXT_SIGNER, begins, (True, False, 3, rules.ALL_PURPOSES, FOREVER)),
        (whole.NEW_SIGNER, begins, (False, True, 0, 0, 0)),
        (whole.REPRESENTATIVE, begins, (False, False, 3, waiting.purposes, waiting.not_after)),
        (whole.REPRESENTATIVE, begins - 1, (False, False, 0, 0, 0)),
        (w.PATIENT, begins, (False, False, 0, 0, 0)),
    ):
        assert state.authority(whole.OTHER_SUBJECT, whole.hash_of(signer), at) == Authority(*expected)


def test_a_former_signer_may_be_a_representative_too() -> None:
    world, _, clock = whole.settled()
    patient = whole.hash_of(w.PATIENT)
    world.do(world.appoint(whole.appointment(representative=patient), w.PATIENT))
    clock.advance(whole.DELAY_S)
    assert world.state().authority(w.SUBJECT, patient).current  # the signer is the signer
    world.do(world.rotate(Rotate(w.SUBJECT, whole.hash_of(whole.NEW_SIGNER), 2), whole.NEW_SIGNER, w.PATIENT))
    terms = whole.appointment()
    authority = world.state().authority(w.SUBJECT, patient)
    assert authority == Authority(False, True, terms.powers, terms.purposes, terms.not_after)


def test_the_end_of_a_study_is_told_in_full() -> None:
    world, _ = whole.eventful()
    study = world.state().study(whole.OTHER_STUDY)
    assert study is not None
    assert (study.status, study.certificate) == (StudyStatus.ERASED, whole.CERTIFICATE)
    assert (study.custodian, study.retain_until_day, study.erasure_requested) == (w.BYSTANDER, 40_000, True)
    assert (study.held, study.hold_serial) == (False, 1)
    assert [revision.custodian for revision in study.revisions] == [w.CUSTODIAN]


def test_reviews_and_late_releases_are_told() -> None:
    world, _ = whole.eventful()
    state = world.state()
    filed, waiting = state.reviews()
    assert filed.filed is not None
    assert (filed.filed.by, filed.filed.outcome) == (whole.OFFICER_2.person, 1)
    assert [(each.by, each.outcome) for each in filed.contested] == [(whole.OFFICER_3.person, 2)]
    assert state.reviews_owed(w.REQUESTER) == (waiting,)
    assert state.reviews_owed(w.BYSTANDER) == ()
    assert state.overdue_review(w.REQUESTER, waiting.due_at - 1) is None
    assert state.overdue_review(w.REQUESTER, waiting.due_at) == waiting
    (late,) = state.late_releases()
    assert state.recorded(late.request_id) == (late.time_at, late.time_at)
    assert state.recorded(bytes(32)) == (0, 0)


def test_a_copy_goes_its_own_way() -> None:
    world, ledger = whole.eventful()
    history = w.events_of(ledger)
    half = State(history[: len(history) // 2])
    before, twin = snapshot(half), half.copy()
    for event in history[len(history) // 2 :]:
        twin.apply(event)
    assert snapshot(half) == before
    assert snapshot(twin) | {"head": None} == snapshot(world.state()) | {"head": None}
