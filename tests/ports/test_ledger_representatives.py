"""`ports.Ledger`: who may decide for a patient, and a lost signer, on the ledger in memory and on a real chain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.core import ids, rules
from fiducia.core.policy import decide, verify_access
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.ports import Signer
from fiducia.records import events
from fiducia.records.ledger import AppointAct, CompleteRecoveryAct, Receipt, RecordAct
from tests.ports.conftest import World
from tests.support import deeds
from tests.support.signers import DAY, A, Scene, key, prepare
from tests.support.staff import (
    OFFICER_3,
    OFFICER_A,
    OFFICER_B,
    REGISTRAR_A,
    THIRD,
    StaffMember,
    published_issuers,
)
from tests.support.told import replayed, taken_once, told

MOTHER, FATHER, NEW = key("mother"), key("father"), key("a new signer")
Appointed, Begun = events.RepresentativeAppointed, events.RecoveryBegun


def ready(world: World) -> Scene:
    """Three hospitals with badges, one patient, one study, one grant."""
    c, scene = world.c, prepare(world.ledger, world.c)
    world.ledger.submit(c.admit("governor 3"))
    for act in published_issuers(c, A, THIRD):
        world.ledger.submit(act)
    return scene


@pytest.fixture
def scene(world: World) -> Scene:
    """Where vetoes have days."""
    return ready(world)


@pytest.fixture
def hasty(hasty_world: World) -> Scene:
    """Where vetoes have a second."""
    return ready(hasty_world)


def appointed(world: World, act: AppointAct) -> None:
    """Appoint somebody, and wait until the appointment begins."""
    (event,) = world.ledger.submit(act).events
    assert isinstance(event, Appointed)
    world.wait_until(event.from_at)


def given(receipt: Receipt) -> events.GrantGiven:
    """Return a receipt's one event: a grant."""
    (event,) = receipt.events
    assert isinstance(event, events.GrantGiven)
    return event


# -- appointments


def test_an_appointment_waits_for_its_delay(world: World, scene: Scene) -> None:
    act = deeds.appoint(world.c, MOTHER, serial=1)
    (event,) = taken_once(world, act, Appointed)
    assert isinstance(event, Appointed)
    assert event.appointment == act.appoint
    assert event.from_at == event.time_at + 2 * DAY
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.grant_by(world.c, scene.study_id, MOTHER))
    with pytest.raises(InputError, match="already"):
        world.ledger.submit(deeds.appoint(world.c, MOTHER, serial=2))


def test_a_representative_grants_within_its_powers(hasty_world: World, hasty: Scene) -> None:
    world, c = hasty_world, hasty_world.c
    end = c.now + 2 * DAY
    appointed(world, deeds.appoint(c, MOTHER, serial=1, not_after=end))
    act = deeds.grant_by(c, hasty.study_id, MOTHER)
    assert act.grant.not_after > end
    assert given(world.ledger.submit(act)).expiry_at == end
    wider = deeds.grant_by(c, hasty.study_id, MOTHER, purposes=rules.mask(rules.Purpose.HRESCH))
    with pytest.raises(InputError):
        world.ledger.submit(wider)
    world.ledger.submit(RecordAct(c.access(hasty.study_id, act.grant)))
    replayed(world)


def test_a_representative_has_access_until_the_appointment_ends(hasty_world: World, hasty: Scene) -> None:
    world, c = hasty_world, hasty_world.c
    end = c.now + 1800
    appointed(world, deeds.appoint(c, MOTHER, serial=1, not_after=end, powers=rules.mask(rules.Power.ACCESS)))
    access = c.own_access(hasty.study_id, by=MOTHER)
    facts = world.ledger.facts(access)
    assert (facts.own_end_at, facts.own_purposes & rules.OWN_PURPOSES) == (end, rules.mask(rules.Purpose.PATRQT))
    decision = decide(access, facts, verify_access(world.domains, access))
    (event,) = world.ledger.submit(RecordAct(access)).events
    assert isinstance(event, events.ReleaseRecorded)
    assert event.lapse_at == decision.lapse_at == end
    family = c.own_access(hasty.study_id, by=MOTHER, purpose=rules.Purpose.FAMRQT)
    with pytest.raises(DeniedError, match="OWN_PURPOSE"):
        world.ledger.submit(RecordAct(family))
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.grant_by(c, hasty.study_id, MOTHER))


def test_a_representative_without_access_is_nobody_to_own_access(hasty_world: World, hasty: Scene) -> None:
    world, c = hasty_world, hasty_world.c
    appointed(world, deeds.appoint(c, MOTHER, serial=1, powers=rules.mask(rules.Power.GRANT)))
    access = c.own_access(hasty.study_id, by=MOTHER)
    facts = world.ledger.facts(access)
    assert (facts.own_end_at, facts.own_purposes) == (0, 0)
    with pytest.raises(DeniedError, match="OWN_SIGNER"):
        world.ledger.submit(RecordAct(access))


def test_a_representative_without_a_power_revokes_and_restricts(hasty_world: World, hasty: Scene) -> None:
    world, c = hasty_world, hasty_world.c
    appointed(world, deeds.appoint(c, MOTHER, serial=1, powers=0, purposes=0))
    world.ledger.submit(c.revoke(hasty.grant, by=MOTHER))
    world.ledger.submit(deeds.restrict(c, MOTHER, serial=2))
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.lift(c, MOTHER, serial=2))


def test_an_appointment_is_vetoed_once_by_the_patients_side(world: World, scene: Scene) -> None:
    c = world.c
    act = deeds.appoint(c, MOTHER, serial=1)
    world.ledger.submit(act)
    veto = deeds.veto_appointment(c, act.appoint)
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.veto_appointment(c, act.appoint, c.registrar))
    (event,) = taken_once(world, veto, events.AppointmentVetoed)
    assert isinstance(event, events.AppointmentVetoed)
    assert event.representative == ids.signer_hash(MOTHER.address)
    with pytest.raises(InputError, match="serial"):
        world.ledger.submit(act)
    with pytest.raises(InputError, match="nothing"):
        world.ledger.submit(deeds.veto_appointment(c, replace(act.appoint, serial=2)))


def test_a_begun_appointment_is_not_vetoed(hasty_world: World, hasty: Scene) -> None:
    world, c = hasty_world, hasty_world.c
    act = deeds.appoint(c, MOTHER, serial=1)
    appointed(world, act)
    with pytest.raises(InputError, match="nothing"):
        world.ledger.submit(deeds.veto_appointment(c, act.appoint))


@pytest.mark.parametrize("who", ["the patient", "the representative", "three officers"])
def test_a_dismissal_ends_the_appointment_and_every_grant(world: World, scene: Scene, who: str) -> None:
    c = world.c
    world.ledger.submit(deeds.appoint(c, MOTHER, serial=1))
    by: dict[str, tuple[Signer | StaffMember, ...]] = {
        "the patient": (c.patient,),
        "the representative": (MOTHER,),
        "three officers": (OFFICER_A, OFFICER_B, OFFICER_3),
    }
    act = deeds.dismiss(c, MOTHER, *by[who], serial=2)
    _, raised = taken_once(world, act, events.RepresentativeDismissed, events.EpochRaised)
    assert isinstance(raised, events.EpochRaised)
    assert raised.epoch == 2
    with pytest.raises(DeniedError, match="GRANT_EPOCH"):
        world.ledger.submit(RecordAct(c.access(scene.study_id, scene.grant)))


@pytest.mark.parametrize(
    ("serial", "by"),
    [(1, ()), (3, ()), (2, (FATHER,)), (2, (OFFICER_A, OFFICER_B)), (2, (OFFICER_A, OFFICER_B, OFFICER_B))],
    ids=["the appointment's serial", "a serial ahead", "a stranger", "two officers", "two institutions"],
)
def test_a_dismissal_is_refused(world: World, scene: Scene, serial: int, by: tuple[StaffMember, ...]) -> None:
    world.ledger.submit(deeds.appoint(world.c, MOTHER, serial=1))
    with pytest.raises(InputError):
        world.ledger.submit(deeds.dismiss(world.c, MOTHER, *by, serial=serial))
    assert told(world, events.RepresentativeDismissed) == 0


def test_nobody_is_dismissed_who_was_never_appointed(world: World, scene: Scene) -> None:
    with pytest.raises(InputError, match="no such representative"):
        world.ledger.submit(deeds.dismiss(world.c, FATHER, serial=1))


def test_staff_appoint_for_a_patient_without_a_device(hasty_world: World) -> None:
    world, c = hasty_world, hasty_world.c
    for act in (*c.published(), *published_issuers(c, A)):
        world.ledger.submit(act)
    world.ledger.submit(deeds.enrol_without_device(c))
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.appoint(c, MOTHER, OFFICER_A, OFFICER_B, serial=1))
    appointed(world, deeds.appoint(c, MOTHER, REGISTRAR_A, OFFICER_A, serial=1))
    anchor = c.anchor()
    world.ledger.submit(anchor)
    given(world.ledger.submit(deeds.grant_by(c, ids.study_id(A, anchor.anchors[0].salt), MOTHER)))


# -- recoveries


def test_a_recovery_waits_and_gives_another_signer(hasty_world: World, hasty: Scene) -> None:
    world, c, old = hasty_world, hasty_world.c, hasty_world.c.patient
    act = deeds.recover(c, NEW, serial=0)
    (begun,) = taken_once(world, act, Begun)
    assert isinstance(begun, Begun)
    assert (begun.attempt, begun.serial, begun.institutions) == (1, 0, (1, 2))
    assert begun.ready_at == begun.time_at + 1
    world.wait_until(begun.ready_at)
    complete = CompleteRecoveryAct(c.subject)
    done, _ = taken_once(world, complete, events.SubjectRecovered, events.EpochRaised)
    assert isinstance(done, events.SubjectRecovered)
    assert (done.signer_hash, done.index) == (ids.signer_hash(NEW.address), 2)
    with pytest.raises(SignatureError):
        world.ledger.submit(c.grant(hasty.study_id, epoch=2))
    fresh = deeds.grant_by(c, hasty.study_id, NEW, epoch=2).grant
    world.ledger.submit(deeds.grant_by(c, hasty.study_id, NEW, epoch=2))
    world.ledger.submit(c.revoke(fresh, by=old))
    world.ledger.submit(act)  # the same command after a crash: it has taken effect
    assert told(world, Begun) == 1


def test_a_recovery_is_not_completed_before_its_time(world: World, scene: Scene) -> None:
    complete = CompleteRecoveryAct(world.c.subject)
    with pytest.raises(InputError, match="nothing"):
        world.ledger.submit(complete)
    world.ledger.submit(deeds.recover(world.c, NEW, serial=0))
    with pytest.raises(InputError, match="waits until"):
        world.ledger.submit(complete)


def test_a_vetoed_recovery_can_be_tried_again_with_a_third_member(world: World, scene: Scene) -> None:
    c = world.c
    first = deeds.recover(c, NEW, serial=0)
    world.ledger.submit(first)
    (vetoed,) = taken_once(world, deeds.veto_recovery(c, first.recover), events.RecoveryVetoed)
    assert isinstance(vetoed, events.RecoveryVetoed)
    assert (vetoed.attempt, vetoed.contested, vetoed.by) == (1, True, ids.signer_hash(c.patient.address))
    with pytest.raises(InputError, match="serial"):
        world.ledger.submit(first)
    officers = (OFFICER_A, OFFICER_B, OFFICER_3)
    second = deeds.recover(c, NEW, *officers, attempt=2, serial=1)
    (begun,) = taken_once(world, second, Begun)
    assert isinstance(begun, Begun)
    assert begun.institutions == (1, 2, 3)
    with pytest.raises(SignatureError):
        world.ledger.submit(deeds.veto_recovery(c, second.recover))


def test_a_first_attempt_may_be_made_again_after_a_veto(world: World, scene: Scene) -> None:
    first = deeds.recover(world.c, NEW, serial=0)
    world.ledger.submit(first)
    world.ledger.submit(deeds.veto_recovery(world.c, first.recover))
    again = deeds.recover(world.c, NEW, serial=1)
    world.ledger.submit(again)
    taken_once(world, deeds.veto_recovery(world.c, again.recover), events.RecoveryVetoed)


def test_a_vetoed_recovery_is_not_taken_for_a_completed_one(hasty_world: World, hasty: Scene) -> None:
    world, c = hasty_world, hasty_world.c
    complete = CompleteRecoveryAct(c.subject)
    (begun,) = world.ledger.submit(deeds.recover(c, NEW, serial=0)).events
    assert isinstance(begun, Begun)
    world.wait_until(begun.ready_at)
    world.ledger.submit(complete)
    other = deeds.recover(c, key("another new signer"), serial=1)
    world.ledger.submit(other)
    world.ledger.submit(deeds.veto_recovery(c, other.recover, by=NEW))
    with pytest.raises(InputError, match="nothing"):
        world.ledger.submit(complete)


@pytest.mark.parametrize(
    ("by", "attempt"),
    [
        ((OFFICER_A,), 1),
        ((OFFICER_B, OFFICER_A), 1),
        ((OFFICER_A, REGISTRAR_A), 1),
        ((OFFICER_A, OFFICER_B, OFFICER_3), 2),
    ],
    ids=["one officer", "another hospital first", "one hospital", "a second attempt at first"],
)
def test_a_recovery_is_refused(world: World, scene: Scene, by: tuple[StaffMember, ...], attempt: int) -> None:
    with pytest.raises(InputError):
        world.ledger.submit(deeds.recover(world.c, NEW, *by, attempt=attempt, serial=0))
    assert told(world, Begun) == 0


def test_one_officer_recovers_for_a_patient_without_a_device(hasty_world: World) -> None:
    world, c = hasty_world, hasty_world.c
    for act in (*c.published(), *published_issuers(c, A)):
        world.ledger.submit(act)
    world.ledger.submit(deeds.enrol_without_device(c))
    (begun,) = taken_once(world, deeds.recover(c, NEW, OFFICER_A, serial=0), Begun)
    assert isinstance(begun, Begun)
    world.wait_until(begun.ready_at)
    world.ledger.submit(CompleteRecoveryAct(c.subject))
    entry = replayed(world).subject(c.subject)
    assert entry is not None
    assert entry.signer_hash == ids.signer_hash(NEW.address)
