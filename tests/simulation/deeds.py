"""What people and processes of a simulated world do. Each deed may fail anywhere; the history says what came of it."""

from __future__ import annotations

from functools import partial

from fiducia.core.rules import Action, Purpose, mask
from fiducia.journeys.grants.drafting import Every, GrantOrder
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.patients.restriction import LiftRestriction, RestrictProcessing
from fiducia.journeys.sign_in.badges import EndBadges, WithdrawStaff
from fiducia.journeys.studies.erasure import RequestErasure
from fiducia.journeys.studies.withdrawal import WithdrawStudy
from fiducia.records.images import StudyState
from tests.simulation.history import Erased, Given, Numbered, Registered
from tests.simulation.house import House
from tests.simulation.material import Folder, member_keys
from tests.simulation.world import DAY_S, Clinician, Patient, World

# -- hospitals


def register(world: World, patient: Patient, folder: Folder) -> str:
    """Have a hospital register a study as it is now: new, grown, or the same again."""
    house = world.houses[patient.custodian]
    patient.folders[folder.study] = folder
    world.note(Given, custodian=patient.custodian, uid=folder.uid, files=folder.files())

    def act() -> None:
        house.files = dict(folder.contents())
        result = house.run_register()
        for problem in result.problems:
            raise problem.error
        for done in result.studies:
            _numbered(world, house, folder.uid)
            world.note(
                Registered,
                custodian=patient.custodian,
                uid=folder.uid,
                study_id=done.study_id,
                revision=done.revision,
                files=folder.files(),
            )

    outcome = world.at_desk(patient.custodian, "register", act)
    _numbered(world, house, folder.uid)
    return outcome


def _numbered(world: World, house: House, uid: str) -> None:
    state: StudyState = house.studies.find(uid)
    for entry in (state.anchored, state.pending):
        if entry is not None:
            series = tuple((each.number, each.series_instance_uid) for each in entry.series)
            threshold = house.rule.threshold if house.rule else 1
            world.note(Numbered, uid=uid, study_id=entry.study_id, series=series, threshold=threshold)


def withdraw_study(world: World, patient: Patient, study_id: bytes) -> str:
    """Have a hospital withdraw a study for good."""
    house = world.houses[patient.custodian]
    journey = WithdrawStudy(ledger=house.ledger, domains=house.domains)
    return world.at_desk(patient.custodian, "withdraw study", partial(journey.run, study_id, 0, house.registrar))


def rekey(world: World, patient: Patient, study_id: bytes) -> str:
    """Have a hospital seal a study anew under fresh keys."""
    house = world.houses[patient.custodian]
    outcome = world.at_desk(
        patient.custodian,
        "rekey",
        lambda: house.rekey_study.run(study_id, (), custodian=patient.custodian, registrar=house.registrar),
    )
    for folder in patient.folders.values():
        _numbered(world, house, folder.uid)
    return outcome


def erase(world: World, patient: Patient, study_id: bytes) -> str:
    """Have a patient ask for the end of a study, and its hospital erase it; goes on with what was begun."""
    house = world.houses[patient.custodian]
    if study_id not in patient.ending:
        journey = RequestErasure(broker=house.broker, domains=house.domains)
        outcome = world.at_desk(patient.custodian, "ask for erasure", partial(journey.run, study_id, patient.signer))
        if outcome != "done":
            return outcome
        patient.ending.add(study_id)
    for name, folder in tuple(patient.folders.items()):
        known: StudyState = house.studies.find(folder.uid)
        if any(entry is not None and entry.study_id == study_id for entry in (known.anchored, known.pending)):
            del patient.folders[name]  # nobody gives it again
    outcome = world.at_desk(patient.custodian, "erase", lambda: house.erase.run(study_id, house.registrar))
    if outcome == "done":
        holders = sum(bool(each.vault.names(f"share/{study_id.hex()}/")) for each in world.houses.values())
        world.note(Erased, custodian=patient.custodian, study_id=study_id, holders=holders)
    return outcome


def withdraw_person(world: World, who: Clinician) -> str:
    """Have an institution withdraw one of its staff for good."""
    house = world.houses[who.institution]
    journey = WithdrawStaff(ledger=house.ledger, domains=house.domains)
    who.withdrawn = True  # whether it came through or not: nothing is expected of them any more
    return world.at_desk(who.institution, "withdraw person", partial(journey.run, who.person, house.issuer))


def end_badges(world: World, institution: int) -> str:
    """Have a governor end all badges of an institution; its people get new ones."""
    house = world.houses[institution]
    journey = EndBadges(ledger=house.ledger, mirror=house.mirror, domains=house.domains)
    governor = member_keys(institution).governor
    outcome = world.at_desk(institution, "end badges", partial(journey.run, institution, governor))
    for who in world.clinicians:
        if who.institution == institution:
            who.badge = None
    return outcome


# -- patients


def give(
    world: World,
    patient: Patient,
    study_id: bytes,
    grantee: bytes,
    *,
    series: int = 0,
    actions: int = mask(Action.METADATA, Action.VIEW, Action.RETAIN),
    lasts_s: int = 10 * DAY_S,
    every: Every | None = None,
) -> str:
    """Have a patient grant a study, a series, or (with `every`) all of their studies, for treatment."""
    house = world.houses[patient.custodian]
    order = GrantOrder(
        study_id=b"" if every else study_id,
        series=series,
        grantee=grantee,
        purposes=mask(Purpose.TREAT),
        actions=actions,
        not_after=house.clock.now() + lasts_s,
        every=every,
        subject=patient.subject,
    )
    return world.at_desk(patient.custodian, "grant", lambda: house.give.run(order, patient.signer))


def revoke(world: World, patient: Patient, grant_id: bytes, at: int) -> str:
    """Have a patient revoke one grant at an institution's broker."""
    house = world.houses[at]
    return world.at_desk(at, "revoke", lambda: house.revoke.run(grant_id, patient.signer))


def revoke_all(world: World, patient: Patient, at: int) -> str:
    """Have a patient revoke everything at an institution's broker."""
    house = world.houses[at]
    return world.at_desk(at, "revoke all", lambda: house.revoke_all.run(patient.subject, patient.signer))


def restrict(world: World, patient: Patient, at: int) -> str:
    """Have a patient restrict the processing of their studies at an institution's broker."""
    house = world.houses[at]
    journey = RestrictProcessing(broker=house.broker, mirror=house.mirror, domains=house.domains)
    return world.at_desk(at, "restrict", partial(journey.run, patient.subject, Approver(patient.signer)))


def lift(world: World, patient: Patient) -> str:
    """Have a patient lift it."""
    house = world.houses[patient.custodian]
    journey = LiftRestriction(
        broker=house.broker, mirror=house.mirror, vault=house.patient_vault, domains=house.domains, steps=house.steps
    )
    return world.at_desk(patient.custodian, "lift", partial(journey.run, patient.subject, [Approver(patient.signer)]))
