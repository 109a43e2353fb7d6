"""Recovery: institutions give a patient another signer, after a delay in which the patient's side can say no.

A first attempt takes officers of the custodian and of another institution, and anybody of the patient's side stops
it. When the patient's signer or a former one did, a second one takes a third institution, and only representatives
stop it. A patient without a device is given the first signer by the custodian alone. Source: design section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fiducia.core import ids
from fiducia.core.entries import Recovery, Subject
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError
from fiducia.journeys.patients.approving import Approver, approvals_of
from fiducia.journeys.patients.keeping import Drawn, KeptActs
from fiducia.journeys.shared.subjects import known_subject
from fiducia.ports import Broker, Mirror, Signer, Steps, Vault
from fiducia.records.ledger import CompleteRecoveryAct, Receipt, RecoverAct
from fiducia.records.typed import Recover


@dataclass(frozen=True, slots=True)
class RecoveryBegun:
    """A recovery that waits, and what it cost."""

    recovery: Recovery
    receipt: Receipt


class RecoverSubject:
    """Begin a recovery.

    Example:
        ``RecoverSubject(broker=broker, mirror=mirror, vault=vault, domains=domains, steps=steps).run(
        subject, new_key, [Approver(session_a, badge_a), Approver(session_b, badge_b)])``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, vault: Vault, domains: Domains, steps: Steps) -> None:
        self._broker = broker
        self._mirror = mirror
        self._domains = domains
        self._kept = KeptActs(vault=vault, steps=steps)

    def run(self, subject: bytes, new: Signer, officers: Sequence[Approver]) -> RecoveryBegun:
        """Sign with the new key and every officer's badge, and have it carried.

        Args:
            subject: the patient (20 bytes).
            new: the signer to be; it serves nobody else and never did.
            officers: of different institutions, one of them the custodian.

        Raises:
            InputError: an unknown patient, not as many officers as it takes, or a recovery that waits already.
            SignatureError: a badge that does not stand, or is no officer's. LedgerError: not done, or not final yet;
            the same call finishes it.
        """
        signer_hash = ids.signer_hash(new.address)

        def draw_up() -> Drawn[RecoverAct]:
            entry = known_subject(self._mirror.catch_up(), subject)
            _require_institutions(entry, officers)
            struct = Recover(subject, signer_hash, _attempt(entry), entry.recoveries)
            approvals = approvals_of(officers, self._domains, struct, first=entry.custodian)
            return Drawn(RecoverAct(struct, new.address, new.sign(self._domains.digest(struct)), approvals))

        receipt = self._kept.send("recover", (subject, signer_hash), draw_up, self._broker.carry)
        waiting = known_subject(self._mirror.catch_up(), subject).recovery
        if waiting is None or waiting.signer_hash != signer_hash:
            raise InputError("the recovery was carried and waits no longer: it was vetoed or completed since")
        return RecoveryBegun(waiting, receipt)


class CompleteRecovery:
    """Complete a recovery whose delay is over; anyone may, nothing is signed.

    Example:
        ``CompleteRecovery(broker=broker).run(subject)``
    """

    def __init__(self, *, broker: Broker) -> None:
        self._broker = broker

    def run(self, subject: bytes) -> Receipt:
        """Have it carried. From then on the new signer decides, and everything that was granted has ended.

        Raises:
            InputError: nothing waits, or the delay is not over. LedgerError: not done, or not final yet.
        """
        return self._broker.carry(CompleteRecoveryAct(subject))


def institutions_needed(entry: Subject) -> int:
    """Return of how many institutions officers must approve the next recovery of a patient."""
    if not entry.signer_index:
        return 1
    return 2 if _attempt(entry) == 1 else 3


def _attempt(entry: Subject) -> int:
    return 2 if entry.contested else 1


def _require_institutions(entry: Subject, officers: Sequence[Approver]) -> None:
    needed, given = institutions_needed(entry), {officer.institution for officer in officers}
    if len(officers) != needed or len(given) != needed or entry.custodian not in given:
        raise InputError(
            f"this recovery takes officers of {needed} different institution(s), one of them institution"
            f" {entry.custodian}, the custodian"
        )
