"""Gas of every act of the main job, from the receipts of a real chain; EOA signers, and patients' passkeys."""

from __future__ import annotations

from collections.abc import Sequence

from fiducia.adapters.evm import abi, acts
from fiducia.adapters.evm.lane import Outgoing, account_of
from fiducia.app.provision import FOUNDER
from fiducia.core import ids
from fiducia.records.ledger import Act, GrantAct, RecordAct
from fiducia.records.typed import Grant, StaffAccess
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Gate, Row
from scripts.benches.signed import Patient, Signed
from scripts.benches.transactions import Sender
from scripts.benches.world import World, say
from tests.support.passkeys import SoftPasskey

STUDIES_BATCH, RELEASES_BATCH = 100, 50
_BATCH_GAS = 25_000_000


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Carry each act once to the chain and read its receipt."""
    say("gas of each act")
    calibration.sample()
    return [*_by_accounts(_Job(world)), *_by_passkey(_Job(world))]


def _by_accounts(job: _Job) -> list[Row]:
    signed = job.signed
    patients = [signed.patient() for _ in range(STUDIES_BATCH)]
    enrolled = job.carry(signed.enrol(patients[0]))
    batch_enrolled = job.carry(signed.enrol_batch(patients[1:])) / (STUDIES_BATCH - 1)
    batch, anchors = signed.anchor(patients)
    anchored_batch = job.carry(anchors)
    (single,), anchor = signed.anchor(patients[:1])
    anchored = job.carry(anchor)
    grants = [signed.grant(patient, study) for patient, study in zip(patients, batch[:RELEASES_BATCH], strict=False)]
    given = [job.carry(each) for each in grants]
    first, direct, by_id = (job.given(signed.grant(patients[0], single)) for _ in range(3))
    requests = [signed.access(study, each.grant) for study, each in zip(batch, grants, strict=False)]
    return [
        _row("enrol", enrolled, 95_000),
        _row(f"enrol in a batch of {STUDIES_BATCH - 1}, each", batch_enrolled),
        _row("anchor a study", anchored, 95_000),
        _row(f"anchor in a batch of {STUDIES_BATCH}, each", anchored_batch / STUDIES_BATCH, 60_000),
        _row("revise a study", job.carry(signed.revise(single))),
        _row("grant", given[0], 85_000),
        _row("release, recorded alone", job.carry(RecordAct(signed.access(single, first))), 130_000),
        _row(f"release in a batch of {RELEASES_BATCH}, each", job.record_batch(requests) / RELEASES_BATCH, 85_000),
        _row("revoke, relayed", job.carry(signed.revoke(patients[0], first)), 50_000),
        _row("revoke, the patient's own transaction", job.revoke_own(patients[0], by_id), 38_000),
        _row("revoke, the same with all terms", job.revoke_own_terms(patients[0], direct)),
        _row("revoke all, relayed", job.carry(signed.revoke_all(patients[0])), 45_000),
    ]


def _by_passkey(job: _Job) -> list[Row]:
    signed = job.signed
    patient = signed.patient(SoftPasskey(int.from_bytes(signed.token(31)) + 1, job.domains))
    enrolled = job.carry(signed.enrol(patient))
    (study,), anchor = signed.anchor([patient])
    job.carry(anchor)
    grant = signed.grant(patient, study)
    return [
        _row("enrol, a passkey", enrolled, 115_000),
        _row("grant, a passkey", job.carry(grant), 105_000),
        _row("revoke, relayed, a passkey", job.carry(signed.revoke(patient, grant.grant)), 70_000),
        _row("revoke all, relayed, a passkey", job.carry(signed.revoke_all(patient)), 65_000),
    ]


def _row(name: str, gas: float, gate: float | None = None) -> Row:
    return Row(f"gas: {name}", "gas", round(gas), Gate("<=", gate) if gate else None)


class _Job:
    """Carries signed acts by the custodian's relayer, or by their own signer."""

    def __init__(self, world: World) -> None:
        house = world.house
        self.signed = Signed(world)
        self.domains = house.domains
        self._ledger = house.ledger(FOUNDER)
        self._sender = Sender(world.chain_url, house.consortium.network.chain_id)
        self._addresses = dict(house.consortium.network.contracts)

    def carry(self, act: Act) -> int:
        return self._ledger.submit(act).gas_used

    def given(self, act: GrantAct) -> Grant:
        self.carry(act)
        return act.grant

    def record_batch(self, accesses: Sequence[StaffAccess]) -> int:
        outgoing = Outgoing(self._addresses["Releases"], acts.batch_data(accesses), _BATCH_GAS)
        return self._sender.send(account_of(self.signed.token(32)), outgoing)

    def revoke_own(self, patient: Patient, grant: Grant) -> int:
        return self._own(patient, abi.call_data("Grants", "revokeOwnById", ids.grant_id(grant)))

    def revoke_own_terms(self, patient: Patient, grant: Grant) -> int:
        return self._own(patient, abi.call_data("Grants", "revokeOwn", abi.values_of(grant)))

    def _own(self, patient: Patient, call: bytes) -> int:
        return self._sender.send(account_of(patient.secret), Outgoing(self._addresses["Grants"], call, 200_000))
