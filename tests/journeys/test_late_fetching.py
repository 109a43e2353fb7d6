"""Two persons fetch in an emergency while the chain stalls: from the last facts seen to byte-identical files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core import ids, wire
from fiducia.core.rules import REVIEW_WITHIN_S, Basis, Role
from fiducia.errors import (
    DeniedError,
    FiduciaError,
    InputError,
    LedgerStaleError,
    LedgerUnreachableError,
    SignatureError,
    StoreMissingError,
    TrusteeError,
)
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.patients.notices import HANDED_OVER_LATE
from fiducia.journeys.reading.asking import Requester
from fiducia.journeys.stalls.late_checks import NOT_STALLED, STALLED_S
from fiducia.journeys.stalls.late_fetching import FetchedInStall, FetchInStall, StallOrder
from fiducia.ports import Broker, Mirror, Piece
from fiducia.records.ledger import RevokeAct
from fiducia.records.statements import EmergencyKeys, LateEmergency, SignedLate, StalledEmergency
from fiducia.records.typed import Approval, Late, Revoke, SignedBadge
from tests.journeys.test_late import HOUR_S, resume, stall
from tests.support.colleagues import badge_of, colleague, open_emergency, team_of
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, contents
from tests.support.trustees import HOSPITAL_C, Answering, Trustees, dealt

KEPT = "kept/emergency/"
Team = tuple[Approver, Approver]


@pytest.fixture
def world() -> Trustees:
    return dealt()


@pytest.fixture
def team(world: Trustees) -> Team:
    """The chain stalls once they have badges."""
    team = team_of(world)
    stall(world)
    return team


def fetch(
    world: Trustees,
    team: Team,
    destination: MemoryDestination,
    *,
    series: int = 0,
    hours: int = 8,
    mirror: Mirror | None = None,
    clock: MemoryClock | None = None,
    broker_of: Callable[[int], Broker] | None = None,
    show: Callable[[str], None] = lambda words: None,
) -> FetchedInStall:
    journey = FetchInStall(
        broker_of=broker_of or world.broker_of,
        mirror=mirror or world.mirror,
        store=world.store,
        vault=world.gateway_vault,
        clock=clock or world.clock,
        entropy=world.entropy,
        domains=world.domains,
        steps=world.steps,
        progress=world.progress,
    )
    order = StallOrder(world.mirror.state().studies()[0].study_id, series, hours)
    requester = Requester(team[0].signer, world.gateway.seed, team[0].badge)
    return journey.run(order, team, requester, destination, show=show)


def kept(world: Trustees) -> tuple[str, ...]:
    return tuple(world.gateway_vault.names(KEPT))


def asked_for(world: Trustees) -> set[bytes]:
    """The requests for which the custodian handed over."""
    return {entry.subject_id for entry in world.journal.entries(HANDED_OVER_LATE)}


def written(destination: MemoryDestination) -> list[bytes]:
    return sorted(destination.visible.values())


# -- what is written


@pytest.mark.parametrize("unreachable", [False, True])
def test_what_is_written_is_what_was_registered(world: Trustees, team: Team, unreachable: bool) -> None:
    """The endpoint answers with its old block, or not at all."""
    view: Mirror = Away(world) if unreachable else world.mirror
    destination, shown = MemoryDestination(), list[str]()
    done = fetch(world, team, destination, mirror=view, show=shown.append)
    assert written(destination) == contents(world.files)
    assert (done.fetched.series, done.fetched.instances) == (2, 3)
    assert asked_for(world) == {done.fetched.request_id}
    assert kept(world) == ()
    (words,) = shown
    assert "emergency" in words
    assert "the patient" in words
    grant, now = done.grant, world.clock.now()
    assert (grant.basis, grant.scope) == (Basis.EMERGENCY, done.fetched.study_id)
    assert grant.not_before == now - STALLED_S
    assert grant.not_after == grant.not_before + 8 * HOUR_S


def test_the_ledger_takes_it_when_it_is_back(world: Trustees, team: Team) -> None:
    done = fetch(world, team, MemoryDestination(), hours=24)
    resume(world)
    assert world.asking.record_late.run() == 0
    assert world.mirror.catch_up().late_release(done.fetched.request_id) is not None
    assert world.mirror.state().review(ids.grant_id(done.grant)) is not None


def test_one_series_is_all_that_the_emergency_is_for(world: Trustees, team: Team) -> None:
    destination, shown = MemoryDestination(), list[str]()
    done = fetch(world, team, destination, series=2, show=shown.append)
    assert set(destination.visible) == {(2, 1)}
    assert done.grant.scope == ids.series_scope(done.fetched.study_id, 2)
    assert "series 2" in shown[0]
    resume(world)
    world.asking.record_late.run()
    assert world.mirror.catch_up().late_release(done.fetched.request_id) is not None


def test_brokers_whose_clocks_are_behind_hand_over(world: Trustees, team: Team) -> None:
    ahead = MemoryClock(world.clock.now() + STALLED_S)
    fetch(world, team, MemoryDestination(), clock=ahead)
    ahead.advance(1)
    with pytest.raises(InputError, match="window"):
        fetch(world, team, MemoryDestination(), clock=ahead)


def test_an_emergency_begins_no_earlier_than_its_badges(world: Trustees, team: Team) -> None:
    badge = badge_of(team[0]).badge
    badge = replace(badge, not_before=world.clock.now() - 5)
    fresh = SignedBadge(badge, world.issuer.sign(world.domains.digest(badge)))
    done = fetch(world, (replace(team[0], badge=fresh), team[1]), MemoryDestination())
    assert done.grant.not_before == badge.not_before


# -- sent again


@pytest.mark.parametrize("at", ["late-fetch.kept", "late-fetch.collected", "fetch.instance-staged", "fetch.verified"])
def test_an_interrupted_one_is_sent_again_as_it_was(world: Trustees, team: Team, at: str) -> None:
    destination = MemoryDestination()
    world.steps = MemorySteps(at)
    with pytest.raises(Stopped):
        fetch(world, team, destination)
    assert (destination.visible, destination.waiting) == ({}, {})
    assert len(kept(world)) == 1
    world.steps, shown = MemorySteps(), list[str]()
    world.clock.advance(HOUR_S)
    done = fetch(world, team, destination, show=shown.append)
    assert written(destination) == contents(world.files)
    assert asked_for(world) == {done.fetched.request_id}
    assert len(shown) == 1
    assert kept(world) == ()


def test_a_crash_once_it_is_shown_shows_the_same_again(world: Trustees, team: Team) -> None:
    destination = MemoryDestination()
    world.steps = MemorySteps("late-fetch.published")
    with pytest.raises(Stopped):
        fetch(world, team, destination)
    world.steps = MemorySteps()
    done = fetch(world, team, destination)
    assert written(destination) == contents(world.files)
    assert asked_for(world) == {done.fetched.request_id}
    assert kept(world) == ()


def test_what_a_crash_left_staged_counts_only_where_it_is_proved(world: Trustees, team: Team) -> None:
    destination = MemoryDestination()
    destination.waiting = {(1, 1): b"something else", (1, 2): b""}
    fetch(world, team, destination)
    assert written(destination) == contents(world.files)


def test_a_lost_answer_owes_no_second_review(world: Trustees, team: Team) -> None:
    def lost(asked: StalledEmergency) -> EmergencyKeys:
        world.honest(HOSPITAL_A).emergency(asked)
        raise LedgerUnreachableError("the broker does not answer")

    world.changed = {HOSPITAL_A: Answering(world.honest(HOSPITAL_A), emergency=lost)}
    destination = MemoryDestination()
    with pytest.raises(TrusteeError):
        fetch(world, team, destination)
    world.down()
    done = fetch(world, team, destination)
    assert written(destination) == contents(world.files)
    assert asked_for(world) == {done.fetched.request_id}


def test_too_few_trustees_are_waited_for(world: Trustees, team: Team) -> None:
    world.down(HOSPITAL_B, HOSPITAL_C)
    destination = MemoryDestination()
    with pytest.raises(TrusteeError, match=r"institution 2: .*institution 3: "):
        fetch(world, team, destination)
    world.down(HOSPITAL_B)
    fetch(world, team, destination)
    assert written(destination) == contents(world.files)
    assert len(asked_for(world)) == 1


def test_another_order_or_another_team_is_another_emergency(world: Trustees) -> None:
    team, other = team_of(world), colleague(world, HOSPITAL_B, 49, Role.NURSE)
    stall(world)
    world.down(HOSPITAL_A)
    for hours, changed in ((8, team), (8, (team[0], other)), (2, team), (2, team)):
        with pytest.raises(TrusteeError):
            fetch(world, changed, MemoryDestination(), hours=hours)
    assert len(kept(world)) == 3


def test_one_that_is_nearly_over_is_drawn_up_anew(world: Trustees, team: Team) -> None:
    world.down(HOSPITAL_A)
    with pytest.raises(TrusteeError):
        fetch(world, team, MemoryDestination(), hours=2)
    world.clock.advance(2 * HOUR_S - 2 * STALLED_S)
    world.down()
    done = fetch(world, team, MemoryDestination(), hours=2)
    assert done.grant.not_before == world.clock.now() - STALLED_S
    assert kept(world) == ()


def test_what_failed_while_writing_leaves_nothing_and_goes_on(world: Trustees, team: Team) -> None:
    class Full(MemoryDestination):
        def stage(self, series: int, instance: int, pieces: Iterable[Piece]) -> None:
            if self.waiting:
                raise InputError("the output folder cannot be written")
            super().stage(series, instance, pieces)

    full = Full()
    with pytest.raises(InputError):
        fetch(world, team, full)
    assert (full.visible, full.waiting) == ({}, {})
    done = fetch(world, team, MemoryDestination())
    assert asked_for(world) == {done.fetched.request_id}


def test_nobody_reads_with_what_is_kept_once_the_emergency_is_over(world: Trustees, team: Team) -> None:
    world.steps = MemorySteps("late-fetch.collected")
    with pytest.raises(Stopped):
        fetch(world, team, MemoryDestination(), hours=2)
    (name,) = kept(world)
    asked = wire.decode(StalledEmergency, world.gateway_vault.get(name))
    assert asked.access.request.not_after == asked.grant.grant.not_after
    world.clock.advance(2 * HOUR_S)
    for institution in (HOSPITAL_A, HOSPITAL_B):
        with pytest.raises(InputError, match="window"):
            ask(world, institution, asked)


def ask(world: Trustees, institution: int, asked: StalledEmergency) -> None:
    if institution == HOSPITAL_A:
        world.broker.emergency(asked)
    else:
        word = Late(ids.request_id(asked.access.request), world.clock.now())
        said = SignedLate(word, world.broker_sign.sign(world.domains.digest(word)))
        world.honest(institution).emergency_share(LateEmergency(asked, said))


# -- refused


def test_while_the_chain_answers_it_says_so(world: Trustees) -> None:
    team = team_of(world)
    with pytest.raises(DeniedError, match="as usual") as refused:
        fetch(world, team, MemoryDestination())
    assert (refused.value.reason, refused.value.exit_code) == (NOT_STALLED, 3)
    stall(world)
    destination = MemoryDestination()
    fetch(world, team, destination)
    assert written(destination) == contents(world.files)


def test_a_trustee_that_sees_no_stall_yet_owes_no_second_review(world: Trustees, team: Team) -> None:
    def not_yet(_: object) -> Any:
        raise DeniedError(NOT_STALLED)

    world.changed = {
        number: Answering(world.honest(number), emergency_share=not_yet) for number in (HOSPITAL_B, HOSPITAL_C)
    }
    with pytest.raises(DeniedError):
        fetch(world, team, MemoryDestination())
    world.down()
    done = fetch(world, team, MemoryDestination())
    assert asked_for(world) == {done.fetched.request_id}


def teams(world: Trustees) -> list[Team]:
    doctor, nurse = team_of(world)
    return [
        (doctor, doctor),
        (doctor, colleague(world, HOSPITAL_B, 44, Role.RESEARCHER)),
        (doctor, colleague(world, HOSPITAL_B, 45, Role.NURSE, lasts_s=STALLED_S)),
        (doctor, replace(nurse, badge=None)),
    ]


def test_without_a_team_nothing_is_sent(world: Trustees) -> None:
    made = teams(world)
    stall(world)

    def nobody(institution: int) -> Broker:
        raise AssertionError(institution)

    for team in made:
        with pytest.raises(SignatureError):
            fetch(world, team, MemoryDestination(), broker_of=nobody)
    for hours in (0, 25):
        with pytest.raises(InputError):
            fetch(world, made[0], MemoryDestination(), hours=hours, broker_of=nobody)
    assert kept(world) == ()


def test_a_series_that_is_not_there_is_asked_of_nobody(world: Trustees, team: Team) -> None:
    with pytest.raises(InputError, match="series"):
        fetch(world, team, MemoryDestination(), series=9)
    assert (asked_for(world), kept(world)) == (set(), ())


def test_an_overdue_review_comes_first(world: Trustees) -> None:
    team = team_of(world, lasts_s=6 * 24 * HOUR_S)
    open_emergency(world).run(team, subject=world.mirror.catch_up().studies()[0].subject, hours=1)
    world.clock.advance(REVIEW_WITHIN_S + 1)
    stall(world)
    with pytest.raises(DeniedError) as refused:
        fetch(world, team, MemoryDestination())
    assert refused.value.reason == "REVIEW_OVERDUE"
    assert kept(world) == ()


@pytest.mark.parametrize("ends", ["revoked", "over"])
def test_what_ends_meanwhile_is_not_shown(world: Trustees, team: Team, ends: str) -> None:
    class Ending(MemoryDestination):
        def stage(self, series: int, instance: int, pieces: Iterable[Piece]) -> None:
            super().stage(series, instance, pieces)
            if ends == "over":
                world.clock.advance(9 * HOUR_S)
            elif (series, instance) == (2, 1):
                resume(world)
                revoked(world)

    destination = Ending()
    with pytest.raises(DeniedError):
        fetch(world, team, destination)
    assert (destination.visible, destination.waiting) == ({}, {})
    assert kept(world) == ()


def revoked(world: Trustees) -> None:
    """The custodian told the ledger, and the patient revokes what they were told of."""
    world.asking.record_late.run()
    (given,) = [
        entry.grant
        for entry in world.mirror.catch_up().grants()
        if entry.grant and entry.grant.basis == Basis.EMERGENCY
    ]
    revoke = Revoke(ids.grant_id(given))
    approval = Approval(world.patient.address, world.patient.sign(world.domains.digest(revoke)))
    world.ledger.submit(RevokeAct(given, approval))


def test_a_chain_that_is_back_meanwhile_changes_nothing(world: Trustees, team: Team) -> None:
    class Back(MemoryDestination):
        def stage(self, series: int, instance: int, pieces: Iterable[Piece]) -> None:
            super().stage(series, instance, pieces)
            resume(world)
            world.asking.record_late.run()

    destination = Back()
    fetch(world, team, destination)
    assert written(destination) == contents(world.files)


def test_a_home_that_saw_nothing_says_so(world: Trustees, team: Team) -> None:
    world.ledger.faults.unreachable = True
    empty = MemoryMirror(world.ledger)
    with pytest.raises(LedgerStaleError, match="no new block") as told:
        fetch(world, team, MemoryDestination(), mirror=empty)
    assert told.value.exit_code == 4


def test_an_unusable_emergency_is_not_sent_again(world: Trustees, team: Team) -> None:
    errors: list[type[FiduciaError]] = [InputError, StoreMissingError]

    def refusing(_: object) -> Any:
        raise errors.pop(0)("no")

    world.changed = {HOSPITAL_A: Answering(world.honest(HOSPITAL_A), emergency=refusing)}
    with pytest.raises(InputError):
        fetch(world, team, MemoryDestination())
    assert kept(world) == ()
    with pytest.raises(StoreMissingError):
        fetch(world, team, MemoryDestination())
    assert len(kept(world)) == 1


class Away:
    """The view of a team whose endpoint does not answer."""

    def __init__(self, world: Trustees) -> None:
        self.state = world.mirror.state
        self.records = world.mirror.records

    def catch_up(self) -> Any:
        raise LedgerUnreachableError("the chain does not answer")
