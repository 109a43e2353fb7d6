"""Who acts in a world, and on what: drawn from what the chain has, as people know of each other by other ways."""

from __future__ import annotations

from fiducia.core import ids
from fiducia.core.entries import Study
from fiducia.core.replay import State
from tests.simulation.world import MEMBERS, Clinician, Patient, World


class Cast:
    """Draws people and studies."""

    def __init__(self, world: World) -> None:
        self._world, self._random = world, world.random

    @property
    def _state(self) -> State:
        return self._world.chain.ledger.mirrored()

    def _patient(self) -> Patient:
        return self._random.choice(self._world.patients)

    def _house(self) -> int:
        return self._random.choice(MEMBERS)

    def _clinician(self) -> Clinician:
        return self._random.choice(self._world.clinicians)

    def _study(self, patient: Patient | None = None) -> Study | None:
        found = sorted(self._state.studies(patient.subject if patient else None), key=lambda study: study.study_id)
        return self._random.choice(found) if found else None

    def _whose_study(self) -> tuple[Patient, bytes] | None:
        found = self._study()
        if found is None:
            return None
        (patient,) = [each for each in self._world.patients if each.subject == found.subject]
        return patient, found.study_id

    def _asked_for(self) -> tuple[Clinician, bytes, int] | None:
        """Whom somebody asks for, and what: mostly what they were granted some time, else anything."""
        offers = [
            (who, study.study_id)
            for entry in self._state.grants()
            if entry.grant is not None
            for who in self._world.clinicians
            if entry.grant.grantee in (who.person, ids.institution_grantee(who.institution))
            for study in self._state.studies(entry.subject)
            if entry.grant.scope in (ids.ALL_SCOPE, study.study_id)
        ]
        if offers and self._random.random() < 0.8:
            who, study_id = self._random.choice(sorted(offers, key=lambda offer: (offer[0].person, offer[1])))
            return who, study_id, self._random.choice((0, 0, 0, 1))
        found = self._study()
        return (self._clinician(), found.study_id, self._random.choice((0, 1, 2))) if found else None
