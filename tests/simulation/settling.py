"""The end of a world: nothing goes wrong any more, everybody finishes what they began, and promises are called in."""

from __future__ import annotations

from fiducia.records.ledger import StudyStatus
from tests.simulation import clinicians, deeds
from tests.simulation.history import Acknowledged, Audited, Demanded, HandedOver, Logged, Settled
from tests.simulation.world import MEMBERS, World

PATIENCE_S = 60
ENDED_AT_MOST = 3


def settle(world: World) -> None:
    """Mend everything, let some blocks pass, and demand."""
    world.chance.calm = True
    for institution in MEMBERS:
        world.mend(institution)
        world.houses[institution].begin_broker()
    world.note(Settled)
    for house in world.houses.values():
        world.clock.advance(PATIENCE_S)
        world.at_gateway(house, "follow", house.follow)
        world.at_broker(house, "background", house.background)
    for who in world.clinicians:
        clinicians.look_again(world, who)
    _erased(world)
    _registered(world)
    _ended(world)
    _granted(world)
    for house in world.houses.values():
        leaves = tuple(house.journal.leaves(0, house.journal.size()))
        world.note(Logged, institution=house.institution, leaves=leaves)
    world.note(Audited, findings=tuple(finding.code for finding in world.houses[3].audit.run().findings))


def _registered(world: World) -> None:
    """What a hospital was told to register is registered by the same call."""
    gone = {study.study_id for study in world.chain.ledger.mirrored().studies() if study.status != StudyStatus.ANCHORED}
    for patient in world.patients:
        for folder in patient.folders.values():
            known = world.houses[patient.custodian].studies.find(folder.uid)
            if patient.identity not in {entry.identity for entry in world.houses[patient.custodian].patients.all()}:
                continue  # nothing is left of a patient whose last study was erased
            if any(entry is not None and entry.study_id in gone for entry in (known.anchored, known.pending)):
                continue
            outcome = deeds.register(world, patient, folder)
            world.note(Demanded, what="again", outcome=outcome)


def _erased(world: World) -> None:
    """What a patient wished erased is erased, everywhere."""
    for patient in world.patients:
        for study_id in sorted(patient.ending):
            outcome = deeds.erase(world, patient, study_id)
            world.note(Demanded, what="erased", outcome=outcome, about=study_id)


def _ended(world: World) -> None:
    """Nobody hands over under a grant whose end was acknowledged."""
    ended = [each for each in world.history if isinstance(each, Acknowledged)]
    handed = {each.request_id: each.access for each in world.history if isinstance(each, HandedOver)}
    grants = {each.act.grant for each in ended if hasattr(each.act, "grant")}
    asked = [access for access in handed.values() if access.grant in grants][:ENDED_AT_MOST]
    for access in asked:
        for house in world.houses.values():
            outcome = clinicians.ask_again(world, access, house.institution)
            world.note(Demanded, what="ended", outcome=outcome, about=access.request.grant_id)


def _granted(world: World) -> None:
    """Whoever is granted a study opens all of it; whoever is not is told why."""
    state = world.chain.ledger.mirrored()
    trusted = [who for who in world.clinicians if who.trusted and not who.withdrawn]
    stranger = world.clinicians[-1]
    for patient in world.patients:
        deeds.lift(world, patient)
        for study in state.studies(patient.subject):
            if study.status != StudyStatus.ANCHORED:
                continue
            outcome, _ = clinicians.fetch(world, stranger, study.study_id)
            world.note(Demanded, what="stranger", outcome=outcome, about=study.study_id)
            if not trusted:
                continue
            who = trusted[0]
            who.badge = None
            deeds.give(world, patient, study.study_id, who.person)
            outcome, place = clinicians.fetch(world, who, study.study_id)
            world.note(
                Demanded, what="granted", outcome=outcome, about=study.study_id, files=world.seen(study.study_id, place)
            )
