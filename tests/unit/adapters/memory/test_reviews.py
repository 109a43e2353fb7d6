"""What follows an emergency: its review, and the record of a hand-over that was made while the chain stalled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.core import ids, rules
from fiducia.core.keccak import keccak256
from fiducia.errors import DeniedError
from fiducia.records import events
from fiducia.records.ledger import RecordAct
from fiducia.records.typed import Late, Review
from tests.support import whole
from tests.support import world as w
from tests.support.acts import Staff
from tests.support.whole import (
    DOCTOR_2,
    NURSE_2,
    OFFICER_1,
    OFFICER_2,
    OFFICER_3,
    TRUSTEE,
    emergency,
    emergency_request,
    refused,
)

GRANT = emergency()
REVIEW = Review(ids.grant_id(GRANT), 1, keccak256(b"a report"))
ALSO_OFFICER = DOCTOR_2.with_badge(roles=rules.mask(rules.Role.PHYSICIAN, rules.Role.OFFICER))


def opened() -> whole.Whole:
    """A world in which hospital 2 opened an emergency."""
    world, _, _ = whole.settled()
    world.do(world.grant_by(GRANT, DOCTOR_2, NURSE_2))
    return world


@pytest.mark.parametrize("by", [OFFICER_2, OFFICER_1, OFFICER_3], ids=["the requester's", "the custodian's", "another"])
def test_an_officer_files_and_each_other_institution_contests_once(by: Staff) -> None:
    world = opened()
    (filed,) = world.do(world.review(REVIEW, by)).events
    assert isinstance(filed, events.ReviewFiled)
    assert (filed.by, filed.outcome, filed.report) == (by.person, 1, REVIEW.report)
    assert world.do(world.review(replace(REVIEW, outcome=2), by)).events == ()
    assert world.state().reviews_owed(w.REQUESTER) == ()
    contrary = replace(REVIEW, outcome=2)
    for other in {OFFICER_1, OFFICER_2, OFFICER_3} - {by}:
        (contested,) = world.do(world.review(contrary, other)).events
        assert isinstance(contested, events.ReviewContested)
        assert world.do(world.review(contrary, other)).events == ()
    review = world.state().review(REVIEW.grant_id)
    assert review is not None
    assert review.filed is not None
    assert (review.filed.outcome, [each.outcome for each in review.contested]) == (1, [2, 2])


def test_who_does_not_review() -> None:
    world = opened()
    for by in (ALSO_OFFICER, NURSE_2, whole.NURSE_1, w.PATIENT, OFFICER_3.with_badge(trained_until=w.NOW)):
        refused(world, world.review(REVIEW, by), "NoStanding")
    refused(world, world.review(replace(REVIEW, outcome=0), OFFICER_2), "OutcomeUnknown", outcome=0)
    refused(world, world.review(replace(REVIEW, outcome=3), OFFICER_2), "OutcomeUnknown", outcome=3)
    refused(world, world.review(replace(REVIEW, grant_id=bytes(32)), OFFICER_2), "ReviewUnknown")
    world.give(w.default_grant())
    never = replace(REVIEW, grant_id=ids.grant_id(w.default_grant()))
    refused(world, world.review(never, OFFICER_2), "ReviewUnknown")
    world.suspend(w.BYSTANDER)
    refused(world, world.review(REVIEW, OFFICER_3), "NoStanding")


def test_a_late_record_is_told_once_and_never_open() -> None:
    world = opened()
    access = world.by_session(emergency_request(GRANT), GRANT, DOCTOR_2)
    act = world.late(access, w.NOW, TRUSTEE)
    (event,) = world.do(act).events
    assert isinstance(event, events.ReleaseRecordedLate)
    assert (event.handed_over_at, event.institution, event.badge_epoch) == (w.NOW, w.REQUESTER, 1)
    assert world.do(act).events == ()
    assert world.do(RecordAct(access)).events == ()  # recorded already, and stays late
    assert world.ledger.are_open([access.request])[1] == (False,)
    facts = world.ledger.facts(access)
    assert (facts.request_recorded_at, facts.request_lapse_at) == (event.time_at, event.time_at)
    state = world.state()
    assert state.late_release(event.request_id) == event
    assert state.late_releases(w.STUDY) == state.late_releases() == (event,)
    assert not state.late_releases(bytes(32))
    assert not state.releases()


def test_what_was_recorded_in_time_is_not_recorded_late() -> None:
    world = opened()
    access = world.by_session(emergency_request(GRANT), GRANT, DOCTOR_2)
    world.record(access)
    assert world.do(world.late(access, w.NOW, TRUSTEE)).events == ()
    assert world.ledger.are_open([access.request])[1] == (True,)


def test_a_trustee_signs_for_this_request() -> None:
    world = opened()
    access = world.by_session(emergency_request(GRANT), GRANT, DOCTOR_2)
    act = world.late(access, w.NOW, TRUSTEE)
    for late in (Late(bytes(32), w.NOW), Late(act.late.request_id, w.NOW - 1)):
        signed = replace(act, signature=world.sign(TRUSTEE, late))
        with pytest.raises(DeniedError) as denied:
            world.do(signed)
        assert denied.value.reason == "LATE_TRUSTEE"
