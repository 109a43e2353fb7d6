"""Vetoes: the patient's side stops what others began, while it waits."""

from __future__ import annotations

from fiducia.core.replay import State
from fiducia.core.typed_data import Domains, hash_struct
from fiducia.errors import InputError
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.patients.keeping import Drawn, KeptActs
from fiducia.journeys.shared.subjects import known_subject
from fiducia.ports import Broker, Mirror, Signer, Steps, Vault
from fiducia.records.ledger import Receipt, VetoAppointmentAct, VetoRecoveryAct
from fiducia.records.typed import Appoint, Approval, Recover, Veto


class VetoMatter:
    """Stop the recovery, or an appointment, that waits.

    Example:
        ``VetoMatter(broker=broker, mirror=mirror, vault=vault, domains=domains, steps=steps).run(
        subject, patient_key)``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, vault: Vault, domains: Domains, steps: Steps) -> None:
        self._broker = broker
        self._mirror = mirror
        self._domains = domains
        self._kept = KeptActs(vault=vault, steps=steps)

    def run(self, subject: bytes, signer: Signer, *, representative: bytes | None = None) -> Receipt:
        """Sign and have it carried; any member's broker takes it.

        Args:
            subject: the patient (20 bytes).
            signer: the patient's signer, a former one, or a representative. A second attempt at a recovery is
                stopped by representatives alone.
            representative: keccak256 of the signer bytes of the one whose appointment is meant; None: the recovery.

        Raises:
            InputError: nothing of the kind waits. SignatureError: the signer may not stop it.
            LedgerError: not done, or not final yet; the same call finishes it.
        """

        def draw_up() -> Drawn[VetoAppointmentAct | VetoRecoveryAct]:
            state = self._mirror.catch_up()
            if representative is None:
                recovery = _recovery(state, subject)
                return Drawn(VetoRecoveryAct(recovery, self._approve(subject, recovery, signer)))
            appointment = _appointment(state, subject, representative)
            return Drawn(VetoAppointmentAct(appointment, self._approve(subject, appointment, signer)))

        order = (subject, representative or b"", signer.address)
        return self._kept.send("veto", order, draw_up, self._broker.carry)

    def _approve(self, subject: bytes, matter: Appoint | Recover, signer: Signer) -> Approval:
        return Approver(signer).approve(self._domains, Veto(subject, hash_struct(matter)))


def _recovery(state: State, subject: bytes) -> Recover:
    """The recovery that waits, as it was signed."""
    waiting = known_subject(state, subject).recovery
    if waiting is None:
        raise InputError("no recovery of this patient waits: it was vetoed or completed, or it never began")
    return Recover(subject, waiting.signer_hash, waiting.attempt, waiting.serial)


def _appointment(state: State, subject: bytes, representative: bytes) -> Appoint:
    """An appointment, as it was signed; whether it still waits is the ledger's to say."""
    known = state.representative(subject, representative)
    if known is None:
        raise InputError("no such appointment waits: it was vetoed or dismissed, or it was never made")
    return Appoint(subject, representative, known.powers, known.purposes, known.not_after, known.serial, known.terms)
