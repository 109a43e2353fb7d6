"""What trustees handed over while the chain stalled comes to the ledger, by whoever tells it; crashes on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core import ids
from fiducia.core.rules import REVIEW_WITHIN_S
from fiducia.journeys.patients.notices import HANDED_OVER_LATE, Notices, Standing
from fiducia.journeys.stalls.late_records import SHARE_HANDED_OVER_LATE, TRUSTEE_WAITS_S
from fiducia.records.statements import StalledEmergency
from tests.journeys.test_late import HOUR_S, emergency, recorded, resume, signed, stall
from tests.journeys.test_late_trustees import kinds, opened, shown, stolen
from tests.support.colleagues import team_of
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B
from tests.support.trustees import HOSPITAL_C, Down, Trustees, dealt


@pytest.fixture
def world() -> Trustees:
    return dealt()


@pytest.fixture
def asked(world: Trustees) -> StalledEmergency:
    """What a team signed; the chain stalls."""
    team = team_of(world)
    stall(world)
    return emergency(world, team)


def test_the_notice_is_owed_once_and_by_the_custodian(world: Trustees, asked: StalledEmergency) -> None:
    opened(world, asked)
    for institution, journal in ((HOSPITAL_A, world.journal), (HOSPITAL_B, world.others[HOSPITAL_B].journal)):
        notices = Notices(mirror=world.mirror, journal=journal, clock=world.clock, custodian=institution)
        assert [each.standing for each in notices.run()] == ([Standing.OWED] if institution == HOSPITAL_A else [])


def test_the_custodian_tells_the_ledger_and_trustees_are_content(world: Trustees, asked: StalledEmergency) -> None:
    given = shown(world, asked)
    trustee = world.others[HOSPITAL_B]
    trustee.emergency_share(given)
    resume(world)
    assert trustee.record_late.run() == 1  # it leaves that to the custodian at first
    assert not recorded(world, asked)
    assert world.asking.record_late.run() == 0
    assert trustee.record_late.run() == 0
    assert kinds(trustee) == [SHARE_HANDED_OVER_LATE, "late_recorded"]
    assert len(world.mirror.catch_up().late_releases()) == 1
    codes = [finding.code for finding in world.audit.run().findings]
    assert codes == ["EMERGENCY_LATE"]


def test_a_trustee_tells_the_ledger_when_the_custodian_never_comes_back(
    world: Trustees, asked: StalledEmergency
) -> None:
    given = shown(world, asked)
    trustee = world.others[HOSPITAL_C]
    trustee.emergency_share(given)
    world.clock.advance(HOUR_S)
    assert trustee.record_late.run() == 1  # it still stalls: that time does not count
    resume(world)
    assert trustee.record_late.run() == 1
    world.clock.advance(TRUSTEE_WAITS_S - 1)
    assert trustee.record_late.run() == 1
    world.clock.advance(1)
    assert trustee.record_late.run() == 0
    late = world.mirror.catch_up().late_release(ids.request_id(asked.access.request))
    assert late is not None
    assert late.handed_over_at == given.late.late.handed_over_at
    review = world.mirror.state().review(ids.grant_id(asked.grant.grant))
    assert review is not None
    assert world.asking.record_late.run() == 0  # and should it come back, it is done
    assert kinds(world) == [HANDED_OVER_LATE, "late_recorded"]
    notices = Notices(mirror=world.mirror, journal=world.journal, clock=world.clock, custodian=HOSPITAL_A)
    assert [each.standing for each in notices.run()] == [Standing.OWED]


def test_what_a_thief_of_the_custodians_key_had_handed_over_comes_to_the_ledger(
    world: Trustees, asked: StalledEmergency
) -> None:
    for number in (HOSPITAL_B, HOSPITAL_C):
        world.honest(number).emergency_share(stolen(world, asked))
    assert kinds(world) == []  # the custodian's own broker never heard of it
    resume(world)
    for trustee in world.others.values():
        assert trustee.record_late.run() == 1
    world.clock.advance(TRUSTEE_WAITS_S)
    assert [trustee.record_late.run() for trustee in world.others.values()] == [0, 0]
    assert recorded(world, asked)
    assert len(world.mirror.catch_up().late_releases()) == 1
    notices = Notices(mirror=world.mirror, journal=world.journal, clock=world.clock, custodian=HOSPITAL_A)
    assert [each.standing for each in notices.run()] == [Standing.OWED]


def test_a_trustee_does_not_wait_until_it_is_too_late(world: Trustees, asked: StalledEmergency) -> None:
    trustee = world.others[HOSPITAL_B]
    trustee.emergency_share(shown(world, asked))
    world.clock.advance(REVIEW_WITHIN_S - TRUSTEE_WAITS_S + 1)
    resume(world)
    assert trustee.record_late.run() == 0
    assert recorded(world, asked)


def test_past_the_review_it_is_noted_and_reported(world: Trustees, asked: StalledEmergency) -> None:
    trustee = world.others[HOSPITAL_B]
    trustee.emergency_share(shown(world, asked))
    world.clock.advance(REVIEW_WITHIN_S)
    resume(world)
    assert trustee.record_late.run() == 0
    assert kinds(trustee) == [SHARE_HANDED_OVER_LATE, "late_refused"]
    trustee.restart()
    assert trustee.late.waiting() == ()


def test_two_requests_under_one_emergency_are_both_told(world: Trustees) -> None:
    team = team_of(world)
    stall(world)
    first = emergency(world, team)
    trustee = world.others[HOSPITAL_B]
    trustee.emergency_share(shown(world, first))
    world.clock.advance(HOUR_S)
    second = signed(world, first.grant.grant, team)
    trustee.emergency_share(shown(world, second))
    resume(world)
    trustee.record_late.run()
    world.clock.advance(TRUSTEE_WAITS_S)
    assert trustee.record_late.run() == 0
    assert recorded(world, first)
    assert recorded(world, second)


# -- crashes


@pytest.mark.parametrize("at", ["late.share-sealed", "late.share-journalled"])
def test_a_trustee_that_crashes_is_asked_again(world: Trustees, asked: StalledEmergency, at: str) -> None:
    trustee = world.others[HOSPITAL_B]
    world.changed = {HOSPITAL_C: Down()}
    trustee._steps = MemorySteps(at)
    with pytest.raises(Stopped):
        opened(world, asked)
    trustee._steps = MemorySteps()
    trustee.restart()
    waits = [SHARE_HANDED_OVER_LATE] if at == "late.share-journalled" else []
    assert kinds(trustee) == waits  # what may have left is in the journal
    assert opened(world, asked) == [2, 1]
    resume(world)
    trustee.record_late.run()
    world.clock.advance(TRUSTEE_WAITS_S)
    assert trustee.record_late.run() == 0
    assert recorded(world, asked)


@pytest.mark.parametrize("at", ["late.granted", "late.recorded", "late.noted"])
def test_a_trustee_that_crashes_while_it_tells_goes_on(world: Trustees, asked: StalledEmergency, at: str) -> None:
    trustee = world.others[HOSPITAL_B]
    trustee.emergency_share(shown(world, asked))
    resume(world)
    trustee.record_late.run()
    world.clock.advance(TRUSTEE_WAITS_S)
    trustee._steps = MemorySteps(at)
    with pytest.raises(Stopped):
        trustee.record_late.run()
    trustee._steps = MemorySteps()
    trustee.restart()
    trustee.record_late.run()
    world.clock.advance(TRUSTEE_WAITS_S)
    assert trustee.record_late.run() == 0
    trustee.restart()
    assert trustee.record_late.run() == 0
    assert recorded(world, asked)
    assert kinds(trustee).count("late_recorded") == 1


@pytest.mark.parametrize("at", ["late.sealed", "late.journalled"])
def test_a_custodian_that_crashes_gives_its_word_when_it_is_asked_again(
    world: Trustees, asked: StalledEmergency, at: str
) -> None:
    world.steps = MemorySteps(at)
    with pytest.raises(Stopped):
        opened(world, asked)
    assert [kinds(broker) for broker in world.others.values()] == [[], []]
    world.restart_keeping_mirror()
    world.clock.advance(1)
    assert opened(world, asked) == [2, 1]
    resume(world)
    assert world.asking.record_late.run() == 0
    for trustee in world.others.values():
        trustee.record_late.run()
    assert [trustee.late.waiting() for trustee in world.others.values()] == [(), ()]
    assert len(world.mirror.catch_up().late_releases()) == 1


def test_grant_and_record_that_another_sent_in_between_are_no_trouble(
    world: Trustees, asked: StalledEmergency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The custodian and a trustee tell at once: whichever comes second finds it done."""
    trustee = world.others[HOSPITAL_B]
    trustee.emergency_share(shown(world, asked))
    resume(world)
    trustee.record_late.run()
    world.clock.advance(TRUSTEE_WAITS_S)
    submit: Callable[..., Any] = world.ledger.submit
    inside: list[bool] = []

    def racing(act: Any) -> Any:
        if not inside:
            inside.append(True)
            world.asking.record_late.run()
        return submit(act)

    monkeypatch.setattr(world.ledger, "submit", racing)
    assert trustee.record_late.run() == 0
    assert len(world.mirror.catch_up().late_releases()) == 1
    assert (kinds(world)[-1], kinds(trustee)[-1]) == ("late_recorded", "late_recorded")
