"""Signers: a patient's key gives way to another one, by the patient's own word."""

from __future__ import annotations

from fiducia.core import ids
from fiducia.core.typed_data import Domains
from fiducia.errors import SignatureError
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.patients.keeping import Drawn, KeptActs
from fiducia.journeys.shared.subjects import known_subject
from fiducia.ports import Broker, Mirror, Signer, Steps, Vault
from fiducia.records.ledger import Receipt, RotateAct
from fiducia.records.typed import Rotate


class RotateSigner:
    """Replace a patient's signer. What was granted goes on; the one before keeps the right to revoke.

    Example:
        ``RotateSigner(broker=broker, mirror=mirror, vault=vault, domains=domains, steps=steps).run(
        subject, new_key, patient_key)``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, vault: Vault, domains: Domains, steps: Steps) -> None:
        self._broker = broker
        self._mirror = mirror
        self._domains = domains
        self._kept = KeptActs(vault=vault, steps=steps)

    def run(self, subject: bytes, new: Signer, current: Signer) -> Receipt | None:
        """Sign with both keys and have it carried.

        Args:
            subject: 20 bytes.
            new: the signer from now on; it serves nobody else and never did.
            current: the signer until now.

        Returns:
            The receipt; None when the ledger shows the new signer already.

        Raises:
            InputError: an unknown patient, or a new signer that serves somebody. SignatureError: not the current
            signer. LedgerError: not done, or not final yet; the same call finishes it.
        """
        signer_hash = ids.signer_hash(new.address)
        order = (subject, signer_hash)
        is_current = known_subject(self._mirror.catch_up(), subject).signer_hash == signer_hash
        if is_current and not self._kept.waits("rotate", order):
            return None

        def draw_up() -> Drawn[RotateAct]:
            entry = known_subject(self._mirror.catch_up(), subject)
            if entry.signer_hash != ids.signer_hash(current.address):
                raise SignatureError("this is not the patient's present key, which alone can be replaced so")
            struct = Rotate(subject, signer_hash, entry.serial)
            approval = Approver(current).approve(self._domains, struct)
            return Drawn(RotateAct(struct, new.address, new.sign(self._domains.digest(struct)), approval))

        return self._kept.send("rotate", order, draw_up, self._broker.carry)
