"""Acts as they are measured: signed by whom they must be signed, on data of their own; nobody carries them here.

Every study belongs to a subject of its own and every release to a study and a grant of its own: the dearest
case, where nothing that one item touches was touched by another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fiducia.app.profiles import KeyName
from fiducia.app.provision import CLINICIAN, FOUNDER
from fiducia.core import ids
from fiducia.core.keys.sealing import key_hash
from fiducia.core.rules import Action, Basis, Purpose, mask
from fiducia.core.signatures import EoaKey
from fiducia.core.typed_data import Struct
from fiducia.ports import Signer
from fiducia.records.ledger import AnchorAct, EnrolAct, EnrolBatchAct, GrantAct, ReviseAct, RevokeAct, RevokeAllAct
from fiducia.records.typed import (
    Anchor,
    AnchorBatch,
    Approval,
    Enrol,
    EnrolBatch,
    Grant,
    KeyRequest,
    Revise,
    Revoke,
    RevokeAll,
    StaffAccess,
)
from scripts.benches.world import GRANT_S, World


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient's signer, the salt of their pseudonym, and an EOA's secret (for transactions of their own)."""

    key: Signer
    salt: bytes
    secret: bytes = b""


class Signed:
    """Makes and signs acts of one consortium."""

    def __init__(self, world: World) -> None:
        house = world.house
        self._digest = house.domains.digest
        self.token = house.entropy.token
        self._now = house.clock.now()
        founder, clinician = world.profile(FOUNDER), world.profile(CLINICIAN)
        assert clinician.badge is not None
        self._custodian, self._registrar = founder.institution, founder.signer(KeyName.REGISTRAR)
        self._badge, self._session = clinician.badge, clinician.signer(KeyName.SESSION)
        self._recipient = key_hash(clinician.gateway().public)

    def patient(self, key: Signer | None = None) -> Patient:
        """Return a patient who is not enrolled yet; with an EOA of their own where no key is given."""
        secret = self.token(32)
        return Patient(key, self.token(32)) if key else Patient(EoaKey(secret), self.token(32), secret)

    def subject(self, patient: Patient) -> bytes:
        """Return a patient's pseudonym."""
        return ids.subject(self._custodian, patient.salt)

    def enrol(self, patient: Patient) -> EnrolAct:
        """Return an enrolment."""
        enrol = self._enrol(patient)
        digest = self._digest(enrol)
        return EnrolAct(enrol, self._registrar.sign(digest), patient.key.address, patient.key.sign(digest))

    def enrol_batch(self, patients: Sequence[Patient]) -> EnrolBatchAct:
        """Return enrolments under one registrar's signature."""
        enrolments = tuple(map(self._enrol, patients))
        return EnrolBatchAct(
            enrolments,
            self._registrar.sign(self._digest(EnrolBatch(enrolments))),
            tuple(patient.key.address for patient in patients),
            tuple(patient.key.sign(self._digest(enrol)) for patient, enrol in zip(patients, enrolments, strict=True)),
        )

    def anchor(self, patients: Sequence[Patient]) -> tuple[list[bytes], AnchorAct]:
        """Return study ids and the act that anchors one study of each patient."""
        anchors = tuple(Anchor(self.subject(each), self.token(32), self.token(32), 30_000) for each in patients)
        signed: Struct = anchors[0] if len(anchors) == 1 else AnchorBatch(anchors)
        act = AnchorAct(anchors, self._registrar.sign(self._digest(signed)))
        return [ids.study_id(self._custodian, each.salt) for each in anchors], act

    def revise(self, study_id: bytes) -> ReviseAct:
        """Return a second revision."""
        revise = Revise(study_id, 2, self.token(32))
        return ReviseAct(revise, self._registrar.sign(self._digest(revise)))

    def grant(self, patient: Patient, study_id: bytes) -> GrantAct:
        """Return a patient's grant of a study to the clinician."""
        grant = Grant(
            basis=Basis.CONSENT,
            subject=self.subject(patient),
            scope=study_id,
            anchored_by=0,
            grantee=self._badge.badge.person,
            purposes=mask(Purpose.TREAT),
            actions=mask(Action.VIEW, Action.RETAIN),
            not_before=self._now - 60,
            not_after=self._now + GRANT_S,
            epoch=1,
            relay_by=self._now + GRANT_S,
            terms=self.token(32),
            salt=self.token(32),
        )
        return GrantAct(grant, (self._approval(patient, grant),))

    def access(self, study_id: bytes, grant: Grant) -> StaffAccess:
        """Return the clinician's request under a grant."""
        request = KeyRequest(
            study_id=study_id,
            revision=1,
            series=0,
            grant_id=ids.grant_id(grant),
            purpose=Purpose.TREAT,
            action=Action.VIEW,
            person=self._badge.badge.person,
            recipient=self._recipient,
            not_after=self._now + 3600,
            salt=self.token(32),
        )
        return StaffAccess(request, grant, self._badge, self._session.sign(self._digest(request)))

    def revoke(self, patient: Patient, grant: Grant) -> RevokeAct:
        """Return a patient's revoke."""
        return RevokeAct(grant, self._approval(patient, Revoke(ids.grant_id(grant))))

    def revoke_all(self, patient: Patient) -> RevokeAllAct:
        """Return a patient's revoke of everything."""
        revoke_all = RevokeAll(self.subject(patient), 1)
        return RevokeAllAct(revoke_all, self._approval(patient, revoke_all))

    def _enrol(self, patient: Patient) -> Enrol:
        return Enrol(self._custodian, patient.salt, ids.signer_hash(patient.key.address))

    def _approval(self, patient: Patient, struct: Struct) -> Approval:
        return Approval(patient.key.address, patient.key.sign(self._digest(struct)))
