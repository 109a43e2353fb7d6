"""Custody: another institution becomes a patient's custodian, by the patient's word and its own.

The subject keeps its pseudonym, its grants and its studies. What was sealed before stays with the trustees whom each
study's custody document names; releases are recorded by the new custodian's broker. Source: design section 5.
"""

from __future__ import annotations

from fiducia.core.typed_data import Domains
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.patients.keeping import Drawn, KeptActs
from fiducia.journeys.shared.subjects import known_subject
from fiducia.ports import Broker, Mirror, Signer, Steps, Vault
from fiducia.records.ledger import Receipt, TransferAct
from fiducia.records.typed import Transfer


class TransferCustody:
    """Give a patient another custodian.

    Example:
        ``TransferCustody(broker=broker_b, mirror=mirror, vault=vault, domains=domains, steps=steps).run(
        subject, 2, registrar_b, patient_key)``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, vault: Vault, domains: Domains, steps: Steps) -> None:
        self._broker = broker
        self._mirror = mirror
        self._domains = domains
        self._kept = KeptActs(vault=vault, steps=steps)

    def run(self, subject: bytes, custodian: int, registrar: Signer, signer: Signer) -> Receipt | None:
        """Sign for both sides and have it carried, by the old or the new custodian's broker.

        Args:
            subject: the patient (20 bytes).
            custodian: the institution from now on.
            registrar: a REGISTRAR key that it published.
            signer: the patient's, or a representative's with GRANT.

        Returns:
            The receipt; None when that institution is the custodian already.

        Raises:
            InputError: an unknown patient or institution. SignatureError: signed by somebody who may not.
            LedgerError: not done, or not final yet; the same call finishes it.
        """
        order = (subject, custodian.to_bytes(4, "big"))
        is_custodian = known_subject(self._mirror.catch_up(), subject).custodian == custodian
        if is_custodian and not self._kept.waits("transfer", order):
            return None

        def draw_up() -> Drawn[TransferAct]:
            struct = Transfer(subject, custodian, known_subject(self._mirror.catch_up(), subject).serial)
            signature = registrar.sign(self._domains.digest(struct))
            return Drawn(TransferAct(struct, signature, Approver(signer).approve(self._domains, struct)))

        return self._kept.send("transfer", order, draw_up, self._broker.carry)
