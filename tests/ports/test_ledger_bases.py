"""`ports.Ledger`: grants on every basis, in batches, reviews, late records; in memory and on a real chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fiducia.core import ids, rules
from fiducia.core.policy import verify_access
from fiducia.core.signatures import EoaKey
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.records import events
from fiducia.records.ledger import Act, GrantAct, GrantBatchAct, KeyKind, RecordAct
from fiducia.records.typed import Grant, StaffAccess
from tests.ports.conftest import World
from tests.support import deeds
from tests.support.signers import DAY, A, Scene, key, prepare
from tests.support.staff import NURSE_B, OFFICER_A, OFFICER_B, PHYSICIAN_B, published_issuers
from tests.support.told import replayed, taken_once, told

HOUR = 3600
LATE_AT = -45 * 60
"""When keys were handed over during a stall, before now."""


@pytest.fixture
def scene(world: World) -> Scene:
    """Ready for releases, with badges of both hospitals, and hospital A's trustee."""
    made = prepare(world.ledger, world.c)
    trustee = world.c.publish(A, KeyKind.BROKER_SIGN, deeds.TRUSTEE.address)
    for act in (*published_issuers(world.c, A), trustee):
        world.ledger.submit(act)
    return made


# -- what the custodian may give

BY_STAFF: dict[str, Callable[[Scene], GrantAct]] = {
    "paper": lambda s: deeds.on_paper(s.c, s.study_id),
    "care": lambda s: deeds.for_care(s.c, s.study_id),
    "law": lambda s: deeds.by_law(s.c, s.study_id),
}


@pytest.mark.parametrize("basis", BY_STAFF)
def test_staff_of_the_custodian_give_on_other_bases(world: World, scene: Scene, basis: str) -> None:
    act = BY_STAFF[basis](scene)
    (event,) = taken_once(world, act, events.GrantGiven)
    assert isinstance(event, events.GrantGiven)
    assert (event.grant, event.expiry_at) == (act.grant, act.grant.not_after)


def test_restriction_blocks_care_and_not_the_law(world: World, scene: Scene) -> None:
    c = world.c
    care = deeds.for_care(c, scene.study_id)
    world.ledger.submit(care)
    world.ledger.submit(deeds.restrict(c))
    with pytest.raises(DeniedError, match="RESTRICTED"):
        world.ledger.submit(RecordAct(c.access(scene.study_id, care.grant)))
    emergency = deeds.in_emergency(c, scene.study_id)
    world.ledger.submit(emergency)
    world.ledger.submit(RecordAct(deeds.emergency_access(c, scene.study_id, emergency.grant)))


REFUSED: dict[str, tuple[Callable[[Scene], Act], type[Exception]]] = {
    "paper without a document": (lambda s: deeds.on_paper(s.c, s.study_id, terms=bytes(32)), InputError),
    "paper by one": (
        lambda s: deeds.grant_by(s.c, s.study_id, OFFICER_A, basis=rules.Basis.PAPER),
        InputError,
    ),
    "paper by one twice": (
        lambda s: deeds.grant_by(s.c, s.study_id, OFFICER_A, OFFICER_A, basis=rules.Basis.PAPER),
        InputError,
    ),
    "care by another hospital": (
        lambda s: deeds.grant_by(s.c, s.study_id, OFFICER_B, basis=rules.Basis.CARE),
        SignatureError,
    ),
    "care for too long": (lambda s: deeds.for_care(s.c, s.study_id, not_after=s.c.now + 31 * DAY), InputError),
    "law for treatment": (lambda s: deeds.by_law(s.c, s.study_id, purposes=1), InputError),
    "an emergency by officers": (
        lambda s: deeds.in_emergency(s.c, s.study_id, OFFICER_B, NURSE_B),
        SignatureError,
    ),
    "an emergency by one": (
        lambda s: deeds.in_emergency(s.c, s.study_id, PHYSICIAN_B, PHYSICIAN_B),
        InputError,
    ),
    "an emergency of later": (
        lambda s: deeds.in_emergency(s.c, s.study_id, not_before=s.c.now + 600, not_after=s.c.now + 1200),
        InputError,
    ),
    "an unknown basis": (lambda s: deeds.grant_by(s.c, s.study_id, OFFICER_A, basis=6), InputError),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_grant_on_another_basis_is_refused(world: World, scene: Scene, case: str) -> None:
    make, error = REFUSED[case]
    with pytest.raises(error) as caught:
        world.ledger.submit(make(scene))
    assert type(caught.value) is error
    assert told(world, events.GrantGiven) == 1


WITHOUT_A_BADGE: dict[str, Callable[[Scene], Act]] = {
    "paper": lambda s: deeds.grant_by(s.c, s.study_id, s.c.patient, s.c.patient, basis=rules.Basis.PAPER),
    "care": lambda s: deeds.grant_by(s.c, s.study_id, s.c.patient, basis=rules.Basis.CARE),
    "an emergency": lambda s: deeds.grant_by(
        s.c, s.study_id, s.c.patient, s.c.patient, basis=rules.Basis.EMERGENCY, purposes=2, not_after=s.c.now + HOUR
    ),
    "a review": lambda s: deeds.review(s.c, opened(s), s.c.patient),
    "a hold": lambda s: deeds.hold(s.c, s.study_id, s.c.patient),
    "a recovery": lambda s: deeds.recover(s.c, key("a new signer"), s.c.patient, s.c.patient, serial=0),
}


def opened(scene: Scene) -> Grant:
    """Open a study in an emergency."""
    act = deeds.in_emergency(scene.c, scene.study_id)
    scene.ledger.submit(act)
    return act.grant


@pytest.mark.parametrize("case", WITHOUT_A_BADGE)
def test_what_is_the_staffs_takes_a_badge(world: World, scene: Scene, case: str) -> None:
    act = WITHOUT_A_BADGE[case](scene)
    with pytest.raises(SignatureError):
        world.ledger.submit(act)


# -- emergencies


def test_an_emergency_opens_at_once_and_owes_a_review(world: World, scene: Scene) -> None:
    c = world.c
    act = deeds.in_emergency(c, scene.study_id)
    _, owed = taken_once(world, act, events.GrantGiven, events.ReviewOwed)
    assert isinstance(owed, events.ReviewOwed)
    assert (owed.institution, owed.first, owed.second) == (2, PHYSICIAN_B.person, NURSE_B.person)
    assert owed.due_at == owed.time_at + rules.REVIEW_WITHIN_S
    access = deeds.emergency_access(c, scene.study_id, act.grant)
    world.ledger.submit(RecordAct(access))
    assert world.ledger.are_open([access.request])[1] == (True,)


def test_the_requester_does_not_end_an_emergency_before_it_was_carried(world: World, scene: Scene) -> None:
    act = deeds.in_emergency(world.c, scene.study_id, grantee=world.c.person)
    hiding = world.c.revoke_as_grantee(act.grant)
    with pytest.raises(SignatureError):
        world.ledger.submit(hiding)
    world.ledger.submit(act)
    (event,) = world.ledger.submit(hiding).events
    assert isinstance(event, events.GrantRevoked)


def test_a_review_is_filed_once_and_contested_once(world: World, scene: Scene) -> None:
    c, act = world.c, deeds.in_emergency(world.c, scene.study_id)
    world.ledger.submit(act)
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.review(c, act.grant, PHYSICIAN_B))
    filing = deeds.review(c, act.grant)
    (filed,) = taken_once(world, filing, events.ReviewFiled)
    assert isinstance(filed, events.ReviewFiled)
    assert (filed.by, filed.outcome, filed.report) == (OFFICER_B.person, 1, filing.review.report)
    (contested,) = taken_once(world, deeds.review(c, act.grant, OFFICER_A, outcome=2), events.ReviewContested)
    assert isinstance(contested, events.ReviewContested)
    assert (contested.by, contested.outcome) == (OFFICER_A.person, 2)
    assert world.ledger.submit(filing).events in ((filed,), ())
    assert told(world, events.ReviewFiled) == 1


def test_no_review_without_an_emergency(world: World, scene: Scene) -> None:
    with pytest.raises(InputError, match="ever owed"):
        world.ledger.submit(deeds.review(world.c, scene.grant))
    act = deeds.in_emergency(world.c, scene.study_id)
    world.ledger.submit(act)
    with pytest.raises(InputError, match="not 3"):
        world.ledger.submit(deeds.review(world.c, act.grant, outcome=3))


# -- late records


def stalled(scene: Scene) -> tuple[GrantAct, StaffAccess]:
    """An emergency whose window is over, and what was asked for in it."""
    c = scene.c
    grant = deeds.in_emergency(c, scene.study_id, not_before=c.now - HOUR, not_after=c.now - HOUR // 2)
    return grant, deeds.emergency_access(c, scene.study_id, grant.grant)


def test_a_hand_over_during_a_stall_is_recorded_and_opens_nothing(world: World, scene: Scene) -> None:
    c, (grant, access) = world.c, stalled(scene)
    taken_once(world, grant, events.GrantGiven, events.ReviewOwed)
    act = deeds.record_late(c, access, c.now + LATE_AT)
    (event,) = taken_once(world, act, events.ReleaseRecordedLate)
    assert isinstance(event, events.ReleaseRecordedLate)
    assert (event.request_id, event.handed_over_at) == (ids.request_id(access.request), c.now + LATE_AT)
    assert world.ledger.are_open([access.request])[1] == (False,)
    facts = world.ledger.facts(access)
    assert facts.request_recorded_at == facts.request_lapse_at == event.time_at
    world.ledger.submit(RecordAct(access))
    assert told(world, events.ReleaseRecorded) == 0
    told_facts = replayed(world).facts(access, verify_access(world.domains, access))
    assert replace(told_facts, head=facts.head) == facts


@pytest.mark.parametrize(
    ("after_s", "by", "reason"),
    [
        (LATE_AT, key("somebody"), "LATE_TRUSTEE"),
        (-10, deeds.TRUSTEE, "GRANT_EXPIRED"),
        (-2 * HOUR, deeds.TRUSTEE, "BADGE_WINDOW"),
    ],
)
def test_a_late_record_is_refused(world: World, scene: Scene, after_s: int, by: EoaKey, reason: str) -> None:
    c, (grant, access) = world.c, stalled(scene)
    world.ledger.submit(grant)
    with pytest.raises(DeniedError) as caught:
        world.ledger.submit(deeds.record_late(c, access, c.now + after_s, by))
    assert caught.value.reason == reason


def test_only_an_emergency_is_recorded_late(world: World, scene: Scene) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    with pytest.raises(DeniedError, match="LATE_BASIS"):
        world.ledger.submit(deeds.record_late(scene.c, access, scene.c.now))


# -- batches


def test_a_batch_gives_what_it_can_and_skips_the_rest(world: World, scene: Scene) -> None:
    c = world.c
    good = [c.grant(scene.study_id), deeds.for_care(c, scene.study_id), deeds.in_emergency(c, scene.study_id)]
    revoked = c.grant(scene.study_id)
    world.ledger.submit(c.revoke(revoked.grant))
    forged = replace(c.grant(scene.study_id), approvals=good[0].approvals)
    act = GrantBatchAct((good[0], revoked, good[1], forged, good[2]))
    receipt = world.ledger.submit(act)
    given = [event.grant_id for event in receipt.events if isinstance(event, events.GrantGiven)]
    assert given == [ids.grant_id(each.grant) for each in good]
    world.ledger.submit(act)
    assert told(world, events.GrantGiven) == 4
    state = replayed(world)
    assert all(state.grant(grant_id) is not None for grant_id in given)
