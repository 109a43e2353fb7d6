"""Gas of every act of the main job, from the receipts of a real chain; EOA signers throughout.

Every study of a batch belongs to a subject of its own and every release to a study and a grant of its own:
the dearest case, where nothing that one item touches was touched by another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fiducia.adapters.evm import abi, acts
from fiducia.adapters.evm.lane import Outgoing, account_of
from fiducia.app.profiles import KeyName
from fiducia.app.provision import CLINICIAN, FOUNDER
from fiducia.core import ids
from fiducia.core.keys.sealing import key_hash
from fiducia.core.rules import Action, Basis, Purpose, mask
from fiducia.core.signatures import EoaKey
from fiducia.core.typed_data import Struct
from fiducia.records.ledger import Act, AnchorAct, EnrolAct, GrantAct, RecordAct, ReviseAct, RevokeAct, RevokeAllAct
from fiducia.records.typed import (
    Anchor,
    AnchorBatch,
    Approval,
    Enrol,
    Grant,
    KeyRequest,
    Revise,
    Revoke,
    RevokeAll,
    StaffAccess,
)
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Gate, Row
from scripts.benches.transactions import Sender
from scripts.benches.world import GRANT_S, World, say

STUDIES_BATCH, RELEASES_BATCH = 100, 50
_BATCH_GAS = 25_000_000


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Carry each act once to the chain and read its receipt."""
    say("gas of each act")
    calibration.sample()
    job = _Job(world)
    patients = [_Patient(world.house.entropy.token(32), world.house.entropy.token(32)) for _ in range(STUDIES_BATCH)]
    enrolments = [job.enrol(patient) for patient in patients]
    batch, gas_of_batch = job.anchor(patients)
    (single,), gas_of_anchor = job.anchor(patients[:1])
    grants = [job.grant(patient, study) for patient, study in zip(patients, batch[:RELEASES_BATCH], strict=False)]
    first, direct, by_id = (job.grant(patients[0], single)[0] for _ in range(3))
    requests = [job.access(study, grant) for study, (grant, _) in zip(batch[:RELEASES_BATCH], grants, strict=True)]
    return [
        _row("enrol", enrolments[0], 95_000),
        _row("anchor a study", gas_of_anchor, 95_000),
        _row(f"anchor in a batch of {STUDIES_BATCH}, each", gas_of_batch / STUDIES_BATCH, 60_000),
        _row("revise a study", job.revise(single)),
        _row("grant", grants[0][1], 85_000),
        _row("release, recorded alone", job.record(job.access(single, first)), 130_000),
        _row(f"release in a batch of {RELEASES_BATCH}, each", job.record_batch(requests) / RELEASES_BATCH, 85_000),
        _row("revoke, relayed", job.revoke(patients[0], first), 50_000),
        _row("revoke, the patient's own transaction", job.revoke_own(patients[0], by_id), 38_000),
        _row("revoke, the same with all terms", job.revoke_own_terms(patients[0], direct)),
        _row("revoke all, relayed", job.revoke_all(patients[0]), 45_000),
    ]


def _row(name: str, gas: float, gate: float | None = None) -> Row:
    return Row(f"gas: {name}", "gas", round(gas), Gate("<=", gate) if gate else None)


@dataclass(frozen=True, slots=True)
class _Patient:
    """A patient's key and the salt of their pseudonym."""

    secret: bytes
    salt: bytes

    @property
    def key(self) -> EoaKey:
        """The patient's signer."""
        return EoaKey(self.secret)


class _Job:
    """The acts, signed by whom they must be signed, carried by the custodian's relayer or their own signer."""

    def __init__(self, world: World) -> None:
        house = world.house
        self._ledger = house.ledger(FOUNDER)
        self._digest = house.domains.digest
        self._token = house.entropy.token
        self._now = house.clock.now()
        self._sender = Sender(world.chain_url, house.consortium.network.chain_id)
        self._addresses = dict(house.consortium.network.contracts)
        founder, clinician = world.profile(FOUNDER), world.profile(CLINICIAN)
        assert clinician.badge is not None
        self._custodian, self._registrar = founder.institution, founder.signer(KeyName.REGISTRAR)
        self._badge, self._session = clinician.badge, clinician.signer(KeyName.SESSION)
        self._recipient = key_hash(clinician.gateway().public)

    def enrol(self, patient: _Patient) -> int:
        enrol = Enrol(self._custodian, patient.salt, ids.signer_hash(patient.key.address))
        digest = self._digest(enrol)
        act = EnrolAct(enrol, self._registrar.sign(digest), patient.key.address, patient.key.sign(digest))
        return self._carry(act)

    def anchor(self, patients: Sequence[_Patient]) -> tuple[list[bytes], int]:
        anchors = tuple(Anchor(self._subject(each), self._token(32), self._token(32), 30_000) for each in patients)
        signed: Struct = anchors[0] if len(anchors) == 1 else AnchorBatch(anchors)
        gas = self._carry(AnchorAct(anchors, self._registrar.sign(self._digest(signed))))
        return [ids.study_id(self._custodian, each.salt) for each in anchors], gas

    def revise(self, study_id: bytes) -> int:
        revise = Revise(study_id, 2, self._token(32))
        return self._carry(ReviseAct(revise, self._registrar.sign(self._digest(revise))))

    def grant(self, patient: _Patient, study_id: bytes) -> tuple[Grant, int]:
        grant = Grant(
            basis=Basis.CONSENT,
            subject=self._subject(patient),
            scope=study_id,
            anchored_by=0,
            grantee=self._badge.badge.person,
            purposes=mask(Purpose.TREAT),
            actions=mask(Action.VIEW, Action.RETAIN),
            not_before=self._now - 60,
            not_after=self._now + GRANT_S,
            epoch=1,
            relay_by=self._now + GRANT_S,
            terms=self._token(32),
            salt=self._token(32),
        )
        return grant, self._carry(GrantAct(grant, (self._approval(patient, grant),)))

    def access(self, study_id: bytes, grant: Grant) -> StaffAccess:
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
            salt=self._token(32),
        )
        return StaffAccess(request, grant, self._badge, self._session.sign(self._digest(request)))

    def record(self, access: StaffAccess) -> int:
        return self._carry(RecordAct(access))

    def record_batch(self, accesses: Sequence[StaffAccess]) -> int:
        outgoing = Outgoing(self._addresses["Releases"], acts.batch_data(accesses), _BATCH_GAS)
        return self._sender.send(account_of(self._token(32)), outgoing)

    def revoke(self, patient: _Patient, grant: Grant) -> int:
        return self._carry(RevokeAct(grant, self._approval(patient, Revoke(ids.grant_id(grant)))))

    def revoke_own(self, patient: _Patient, grant: Grant) -> int:
        return self._own(patient, abi.call_data("Grants", "revokeOwnById", ids.grant_id(grant)))

    def revoke_own_terms(self, patient: _Patient, grant: Grant) -> int:
        return self._own(patient, abi.call_data("Grants", "revokeOwn", abi.values_of(grant)))

    def revoke_all(self, patient: _Patient) -> int:
        revoke_all = RevokeAll(self._subject(patient), 1)
        return self._carry(RevokeAllAct(revoke_all, self._approval(patient, revoke_all)))

    def _own(self, patient: _Patient, call: bytes) -> int:
        return self._sender.send(account_of(patient.secret), Outgoing(self._addresses["Grants"], call, 200_000))

    def _carry(self, act: Act) -> int:
        return self._ledger.submit(act).gas_used

    def _approval(self, patient: _Patient, struct: Struct) -> Approval:
        return Approval(patient.key.address, patient.key.sign(self._digest(struct)))

    def _subject(self, patient: _Patient) -> bytes:
        return ids.subject(self._custodian, patient.salt)
