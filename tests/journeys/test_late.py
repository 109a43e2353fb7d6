"""The chain stalls in an emergency: keys leave after two badges and the journal, and the ledger is told afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core import ids
from fiducia.core.entries import GivenGrant
from fiducia.core.rules import REVIEW_WITHIN_S, Action, Basis, Purpose, Role, mask
from fiducia.errors import DeniedError, InputError, JournalError, SignatureError
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.patients.notices import HANDED_OVER_LATE, Notices, Standing
from fiducia.journeys.stalls.late_checks import STALLED_S
from fiducia.records.ledger import GrantAct, GrantState, KeyKind, RevokeAct
from fiducia.records.statements import StalledEmergency
from fiducia.records.typed import Approval, Grant, KeyRequest, Revoke, StaffAccess
from tests.support.colleagues import badge_of, colleague, staffed, team_of
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, Consortium, key

HOUR_S = 3600


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.run_register()
    return staffed(world)


def stall(world: Consortium) -> None:
    """The chain gives no more blocks, and time goes on."""
    world.mirror.catch_up()
    world.ledger.faults.stalled = True
    world.clock.advance(STALLED_S)


def resume(world: Consortium) -> None:
    world.ledger.faults.stalled = False


def emergency(world: Consortium, team: tuple[Approver, Approver], **changes: Any) -> StalledEmergency:
    """What a team sends by hand, since no chain can be asked."""
    state, now = world.mirror.state(), world.clock.now()
    study = state.studies()[0]
    fields: dict[str, Any] = {
        "basis": Basis.EMERGENCY,
        "subject": study.subject,
        "scope": study.study_id,
        "anchored_by": 0,
        "grantee": ids.institution_grantee(HOSPITAL_B),
        "purposes": mask(Purpose.ETREAT),
        "actions": mask(Action.VIEW, Action.RETAIN),
        "not_before": now,
        "not_after": now + 8 * HOUR_S,
        "epoch": 1,
        "relay_by": now + REVIEW_WITHIN_S,
        "terms": b"t" * 32,
        "salt": world.entropy.token(32),
    }
    grant = Grant(**(fields | changes))
    return signed(world, grant, team)


def signed(world: Consortium, grant: Grant, team: tuple[Approver, Approver]) -> StalledEmergency:
    asking = team[0]
    request = KeyRequest(
        study_id=world.mirror.state().studies()[0].study_id,
        revision=1,
        series=0,
        grant_id=ids.grant_id(grant),
        purpose=Purpose.ETREAT,
        action=Action.RETAIN,
        person=asking.person,
        recipient=world.mirror.state().keys(HOSPITAL_B, KeyKind.GATEWAY)[-1].key_hash,
        not_after=world.clock.now() + HOUR_S,
        salt=world.entropy.token(32),
    )
    access = StaffAccess(request, grant, badge_of(asking), asking.signer.sign(world.domains.digest(request)))
    return StalledEmergency(GrantAct(grant, tuple(each.approve(world.domains, grant) for each in team)), access)


def grant_of(world: Consortium, asked: StalledEmergency) -> GivenGrant | None:
    return world.mirror.catch_up().grant(ids.grant_id(asked.grant.grant))


def recorded(world: Consortium, asked: StalledEmergency) -> bool:
    return world.mirror.catch_up().late_release(ids.request_id(asked.access.request)) is not None


def journalled(world: Consortium) -> list[str]:
    return [entry.kind for entry in world.journal.entries() if entry.kind.startswith("late_")]


def test_keys_leave_while_the_chain_stalls_and_it_is_told_when_it_is_back(world: Consortium) -> None:
    team = team_of(world)
    stall(world)
    asked = emergency(world, team)
    keys = world.asking.hand_over.run(asked)
    hand_over = keys.hand_over
    assert hand_over is not None
    assert hand_over.request_id == ids.request_id(asked.access.request)
    assert hand_over.sealed
    assert world.asking.record_late.run() == 1
    resume(world)
    assert world.asking.record_late.run() == 0
    late = world.mirror.catch_up().late_release(hand_over.request_id)
    assert late is not None
    assert late.handed_over_at == asked.grant.grant.not_before
    assert not world.ledger.are_open([asked.access.request])[1][0]
    review = world.mirror.state().review(ids.grant_id(asked.grant.grant))
    assert review is not None
    assert journalled(world) == [HANDED_OVER_LATE, "late_recorded"]
    assert world.asking.record_late.run() == 0


def test_the_notice_is_owed_before_the_chain_knows_of_it(world: Consortium) -> None:
    team = team_of(world)
    stall(world)
    asked = emergency(world, team)
    world.asking.hand_over.run(asked)
    notices = Notices(mirror=world.mirror, journal=world.journal, clock=world.clock, custodian=HOSPITAL_A)
    for _ in range(2):
        (listed,) = notices.run()
        assert (listed.notice.grant_id, listed.standing) == (ids.grant_id(asked.grant.grant), Standing.OWED)
        resume(world)
        world.asking.record_late.run()


def test_while_the_chain_answers_nothing_is_handed_over_so(world: Consortium) -> None:
    team = team_of(world)
    with pytest.raises(DeniedError) as refused:
        world.asking.hand_over.run(emergency(world, team))
    assert refused.value.reason == "NOT_STALLED"
    world.ledger.faults.stalled = True
    world.clock.advance(STALLED_S - 1)
    with pytest.raises(DeniedError):
        world.asking.hand_over.run(emergency(world, team))
    assert journalled(world) == []


def test_without_a_journal_no_key_leaves(world: Consortium) -> None:
    team = team_of(world)
    stall(world)
    world.journal.working = False
    with pytest.raises(JournalError):
        world.asking.hand_over.run(emergency(world, team))
    world.journal.working = True
    assert world.late.waiting() == ()


def test_the_grant_is_taken_once_its_window_is_over_when_the_badges_ended_in_it(world: Consortium) -> None:
    """In the window the ledger judges the badges of today; afterwards those of when the emergency began."""
    team = team_of(world, lasts_s=HOUR_S)
    stall(world)
    asked = emergency(world, team)
    world.asking.hand_over.run(asked)
    world.clock.advance(2 * HOUR_S)
    resume(world)
    assert world.asking.record_late.run() == 1
    assert grant_of(world, asked) is None
    world.clock.advance(7 * HOUR_S)
    assert world.asking.record_late.run() == 0
    assert recorded(world, asked)


def test_too_late_is_noted_and_not_tried_for_ever(world: Consortium) -> None:
    team = team_of(world)
    stall(world)
    asked = emergency(world, team)
    world.asking.hand_over.run(asked)
    world.clock.advance(REVIEW_WITHIN_S)
    resume(world)
    assert world.asking.record_late.run() == 0
    assert not recorded(world, asked)
    assert journalled(world) == [HANDED_OVER_LATE, "late_refused"]
    world.restart()
    assert world.late.waiting() == ()


def test_one_that_the_chain_refuses_keeps_no_other_waiting(world: Consortium) -> None:
    team = team_of(world)
    stall(world)
    first, second = emergency(world, team), emergency(world, team)
    for asked in (first, second):
        world.asking.hand_over.run(asked)
    revoke = Revoke(ids.grant_id(first.grant.grant))
    approval = Approval(world.patient.address, world.patient.sign(world.domains.digest(revoke)))
    resume(world)
    world.ledger.submit(RevokeAct(first.grant.grant, approval))  # before it was carried: the ledger never knows it
    assert world.asking.record_late.run() == 0
    assert not recorded(world, first)
    assert recorded(world, second)


def test_a_revoke_that_was_taken_holds_while_the_chain_stalls(world: Consortium) -> None:
    team = team_of(world)
    stall(world)
    asked = emergency(world, team)
    revoke = Revoke(ids.grant_id(asked.grant.grant))
    approval = Approval(world.patient.address, world.patient.sign(world.domains.digest(revoke)))
    world.take_revoke.take(RevokeAct(asked.grant.grant, approval))
    with pytest.raises(DeniedError) as refused:
        world.asking.hand_over.run(asked)
    assert refused.value.reason == "GRANT_REVOKED"


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": Basis.CONSENT},
        {"purposes": mask(Purpose.TREAT)},
        {"actions": 0},
        {"actions": 1 << 9},
        {"epoch": 2},
        {"not_after": 2**39},
        {"relay_by": 0},
        {"grantee": ids.institution_grantee(HOSPITAL_A)},
    ],
)
def test_terms_that_the_ledger_would_not_take_afterwards_open_nothing(
    world: Consortium, changes: dict[str, Any]
) -> None:
    team = team_of(world)
    stall(world)
    with pytest.raises(InputError):
        world.asking.hand_over.run(emergency(world, team, **changes))
    assert journalled(world) == []


def teams(world: Consortium) -> Iterator[tuple[Approver, Approver]]:
    doctor, nurse = team_of(world)
    yield doctor, colleague(world, HOSPITAL_B, 43, Role.PHYSICIAN, person=doctor.person)
    yield doctor, colleague(world, HOSPITAL_B, 44, Role.RESEARCHER)
    yield replace(doctor, signer=key(99)), nurse
    yield doctor, colleague(world, HOSPITAL_B, 45, Role.NURSE, lasts_s=STALLED_S)


def test_only_a_team_gets_keys(world: Consortium) -> None:
    made = list(teams(world))
    stall(world)
    for team in made:
        with pytest.raises(SignatureError):
            world.asking.hand_over.run(emergency(world, team))
    assert journalled(world) == []


def test_a_request_is_judged_like_any_other(world: Consortium) -> None:
    team = team_of(world)
    stall(world)
    asked = emergency(world, team)
    for changed, reason in (
        ({"purpose": Purpose.TREAT}, "PURPOSE_NOT_GRANTED"),
        ({"recipient": bytes(32)}, "RECIPIENT_UNPUBLISHED"),
        ({"not_after": 0}, "REQUEST_WINDOW"),
        ({"action": Action.DERIVE}, "ACTION_NOT_GRANTED"),
    ):
        request = replace(asked.access.request, **changed)
        signature = team[0].signer.sign(world.domains.digest(request))
        access = replace(asked.access, request=request, signature=signature)
        with pytest.raises(DeniedError) as refused:
            world.asking.hand_over.run(replace(asked, access=access))
        assert refused.value.reason == reason
        noted = list(world.journal.entries("late_denied"))[-1]
        assert (noted.subject_id, noted.body) == (ids.request_id(request), reason)
    other = emergency(world, team)
    with pytest.raises(InputError, match="another grant"):
        world.asking.hand_over.run(replace(asked, access=other.access))


@pytest.mark.parametrize("at", ["late.journalled", "late.granted", "late.recorded", "late.noted"])
def test_a_crash_anywhere_is_mended_by_the_next_run(world: Consortium, at: str) -> None:
    team = team_of(world)
    stall(world)
    asked = emergency(world, team)
    world.steps = MemorySteps(at)
    with pytest.raises(Stopped):
        world.asking.hand_over.run(asked)
        resume(world)
        world.asking.record_late.run()
    resume(world)
    world.restart()
    assert world.asking.record_late.run() == 0
    world.restart()
    assert world.asking.record_late.run() == 0
    assert recorded(world, asked)
    entry = grant_of(world, asked)
    assert entry is not None
    assert entry.state is GrantState.LIVE
    assert journalled(world).count("late_recorded") == 1


def test_a_crash_before_the_journal_hands_nothing_over(world: Consortium) -> None:
    team = team_of(world)
    stall(world)
    asked = emergency(world, team)
    world.steps = MemorySteps("late.sealed")
    with pytest.raises(Stopped):
        world.asking.hand_over.run(asked)
    resume(world)
    world.restart()
    assert world.asking.record_late.run() == 0
    assert journalled(world) == []
    assert not recorded(world, asked)


def test_two_requests_under_one_emergency_are_both_told(world: Consortium) -> None:
    team = team_of(world)
    stall(world)
    first = emergency(world, team)
    world.asking.hand_over.run(first)
    world.clock.advance(DAY_S // 100)
    second = signed(world, first.grant.grant, team)
    world.asking.hand_over.run(second)
    resume(world)
    assert world.asking.record_late.run() == 0
    assert recorded(world, first)
    assert recorded(world, second)
