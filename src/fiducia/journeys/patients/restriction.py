"""Restriction of processing: anyone with standing restricts at once, only the patient's side lifts.

While it stands, nothing opens that rests on the patient's or the hospital's word; what the law or an emergency opens,
and the patient's own access, go on. Source: design section 5.
"""

from __future__ import annotations

from collections.abc import Sequence

from fiducia.core.typed_data import Domains
from fiducia.journeys.patients.approving import Approver, approvals_of
from fiducia.journeys.patients.keeping import Drawn, KeptActs
from fiducia.journeys.shared.subjects import freshest, known_subject
from fiducia.ports import Broker, Mirror, Steps, Vault
from fiducia.records.ledger import LiftAct, Receipt, RestrictAct
from fiducia.records.typed import Lift, Restrict


class RestrictProcessing:
    """Restrict the processing of a patient's studies; taken by any broker, also while the chain is down.

    Example:
        ``RestrictProcessing(broker=broker, mirror=mirror, domains=domains).run(subject, Approver(patient_key))``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, domains: Domains) -> None:
        self._broker = broker
        self._mirror = mirror
        self._domains = domains

    def run(self, subject: bytes, approver: Approver) -> bool:
        """Sign and hand it to a broker.

        Args:
            subject: the patient (20 bytes).
            approver: the patient's signer, a former one, a representative, a registrar of the custodian, or an
                officer of it with a badge.

        Returns:
            True when the chain shows it, False when the broker took it and will relay it.

        Raises:
            InputError: an unknown patient. SignatureError: no standing. LedgerError: no broker answers.
        """
        struct = Restrict(subject, known_subject(freshest(self._mirror), subject).serial)
        return self._broker.revoke(RestrictAct(struct, approver.approve(self._domains, struct)))


class LiftRestriction:
    """Lift the restriction.

    Example:
        ``LiftRestriction(broker=broker, mirror=mirror, vault=vault, domains=domains, steps=steps).run(
        subject, [Approver(patient_key)])``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, vault: Vault, domains: Domains, steps: Steps) -> None:
        self._broker = broker
        self._mirror = mirror
        self._domains = domains
        self._kept = KeptActs(vault=vault, steps=steps)

    def run(self, subject: bytes, approvers: Sequence[Approver]) -> Receipt:
        """Sign and have it carried.

        Args:
            subject: the patient (20 bytes).
            approvers: the patient or a representative with GRANT; for a patient without a device, two staff of the
                custodian, one of them an officer.

        Raises:
            InputError: an unknown patient. SignatureError: approved by somebody who may not.
            LedgerError: not done, or not final yet; the same call finishes it.
        """

        def draw_up() -> Drawn[LiftAct]:
            entry = known_subject(self._mirror.catch_up(), subject)
            struct = Lift(subject, entry.serial)
            return Drawn(LiftAct(struct, approvals_of(approvers, self._domains, struct, first=entry.custodian)))

        def is_lifted() -> bool:
            return not known_subject(self._mirror.catch_up(), subject).restricted

        return self._kept.send("lift", (subject,), draw_up, self._broker.carry, is_lifted)
