"""10,000 actions at random: what a replay rebuilds from events is what the acts mean, and audits find nothing."""

from __future__ import annotations

import pytest

from fiducia.core import ids, wire
from fiducia.core.audit import audit
from fiducia.core.entries import Study, Subject
from fiducia.core.policy import verify_access
from fiducia.core.replay import State
from fiducia.records.ledger import GrantState
from tests.support import world as w
from tests.support.histories import Given, Institution, Kept, Patient
from tests.support.snapshots import snapshot
from tests.support.whole_histories import WholeHistory

HISTORIES, ACTIONS = 8, 1_250
EXPECTED_FINDINGS = {"EMERGENCY_LATE", "EMERGENCY_UNRECORDED", "REVIEW_OVERDUE"}


@pytest.fixture(scope="module", params=range(HISTORIES))
def history(request: pytest.FixtureRequest) -> WholeHistory:
    made = WholeHistory(request.param)
    for _ in range(ACTIONS):
        made.step()
    return made


@pytest.fixture(scope="module")
def state(history: WholeHistory) -> State:
    """What the events tell, each of them once around the wire."""
    head = history.ledger.head()
    told = State(wire.decode_event(wire.encode(event)) for event in history.ledger.events(0, head.number))
    told.reach(head)
    return told


def test_a_replay_is_the_contracts_own_state(history: WholeHistory, state: State) -> None:
    assert snapshot(state) == snapshot(history.ledger.mirrored())
    assert snapshot(state.copy()) == snapshot(state)


def test_every_kind_of_act_was_taken_and_refused(history: WholeHistory) -> None:
    assert len(history.taken) >= 25, history.taken
    assert sum(history.taken.values()) > ACTIONS // 3


def test_members_are_what_the_votes_made_them(history: WholeHistory, state: State) -> None:
    assert state.round == history.round
    told = {
        member.institution: (member.governor, member.exports, member.exports_round, member.active, member.badge_epoch)
        for member in state.members()
    }

    def entered(each: Institution) -> tuple[object, ...]:
        return each.governor.address, each.exports, each.exports_round, each.active, each.badge_epoch

    assert told == {number: entered(each) for number, each in history.members.items()}


def test_patients_are_who_the_acts_made_them(history: WholeHistory, state: State) -> None:
    for patient in history.patients:
        entry = state.subject(patient.subject)
        assert entry is not None
        _same_patient(patient, entry)
        assert [signer.signer_hash for signer in state.signers(patient.subject)] == [
            ids.signer_hash(signer.address) for signer in patient.signers
        ]
        assert {(each.representative, each.serial, each.from_at) for each in state.appointments(patient.subject)} == {
            (struct.representative, struct.serial, from_at) for struct, from_at in patient.representatives.values()
        }
        for who, (struct, from_at) in patient.representatives.items():
            authority = state.authority(patient.subject, ids.signer_hash(who.address))
            live = from_at <= state.head.time_at < struct.not_after
            expected = (struct.powers, struct.purposes, struct.not_after) if live else (0, 0, 0)
            assert (authority.powers, authority.purposes, authority.end_at) == expected


def _same_patient(patient: Patient, entry: Subject) -> None:
    assert (entry.custodian, entry.epoch, entry.serial) == (patient.custodian, patient.epoch, patient.serial)
    assert (entry.restricted, entry.lifted_serial) == (patient.restricted, patient.lifted)
    assert (entry.contested, entry.signer_index) == (patient.contested, len(patient.signers))
    waiting = patient.recovery and (patient.recovery[0].serial, patient.recovery[2])
    assert (entry.recovery and (entry.recovery.serial, entry.recovery.ready_at)) == waiting


def test_studies_are_what_was_done_to_them(history: WholeHistory, state: State) -> None:
    assert len(state.studies()) == len(history.studies)
    for kept in history.studies:
        study = state.study(kept.study_id)
        assert study is not None
        _same_study(kept, study)


def _same_study(kept: Kept, study: Study) -> None:
    assert (study.subject, study.custodian) == (kept.owner.subject, kept.owner.custodian)
    assert (study.revision, study.status, study.retain_until_day) == (kept.revision, kept.status, kept.retain)
    assert (study.held, study.hold_serial, study.erasure_requested) == (kept.held, kept.holds, kept.asked)
    assert {each.revision for each in study.revisions if each.withdrawn} == kept.withdrawn


def test_grants_and_reviews_are_what_was_given_and_said(history: WholeHistory, state: State) -> None:
    assert len(state.grants()) == len(history.grants)
    for given in history.grants:
        entry = state.grant(ids.grant_id(given.terms))
        assert entry is not None
        expected = GrantState.REVOKED if given.revoked else GrantState.LIVE
        assert (entry.state, entry.expiry_at, entry.subject) == (expected, given.expiry, given.owner.subject)
        _same_review(given, state)
    for number in history.members:
        due = [review.due_at for review in state.reviews_owed(number)]
        assert due == sorted(due)


def _same_review(given: Given, state: State) -> None:
    review = state.review(ids.grant_id(given.terms))
    assert (review is not None) is bool(given.openers)
    if review is None:
        return
    said = [each for each in (review.filed, *review.contested) if each is not None]
    assert [ids.institution_of(each.by) for each in said] == given.said
    assert (review in state.reviews_owed(review.institution)) is not bool(given.said)


def test_facts_and_openness_are_the_ledgers(history: WholeHistory, state: State) -> None:
    asked = history.requests[-100:]
    assert history.ledger.are_open(asked)[1] == tuple(state.is_open(request) for request in asked)
    for given in history.grants[-30:]:
        access = history._access(given)
        facts = history.ledger.facts(access)
        assert facts == state.facts(access, verify_access(history.domains, access))


def test_an_honest_history_is_found_honest(history: WholeHistory) -> None:
    found = audit(w.events_of(history.ledger))
    assert {finding.code for finding in found} <= EXPECTED_FINDINGS, [
        (finding.code, finding.detail) for finding in found if finding.code not in EXPECTED_FINDINGS
    ]
