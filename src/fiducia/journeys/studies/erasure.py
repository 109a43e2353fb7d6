"""Erasure on the ledger: the patient's side asks, the custodian records that it was done.

Asking withdraws a study at once. Destroying keys and objects, and the certificate about it, are the custodian's work
outside the ledger; the ledger holds the certificate's digest.
"""

from __future__ import annotations

from fiducia.core.typed_data import Domains
from fiducia.journeys.patients.approving import Approver
from fiducia.ports import Broker, Ledger, Signer
from fiducia.records.ledger import EraseAct, Receipt, RequestErasureAct
from fiducia.records.typed import Erase
from fiducia.records.typed import RequestErasure as RequestErasureStruct


class RequestErasure:
    """Ask for a study's erasure; it is withdrawn at once.

    Example:
        ``RequestErasure(broker=broker, domains=domains).run(study_id, patient_key)``
    """

    def __init__(self, *, broker: Broker, domains: Domains) -> None:
        self._broker = broker
        self._domains = domains

    def run(self, study_id: bytes, signer: Signer) -> Receipt:
        """Sign and have it carried; again has no effect.

        Args:
            study_id: 32 bytes.
            signer: the patient's, or a representative's with GRANT.

        Raises:
            InputError: an unknown study. SignatureError: signed by somebody who may not.
            LedgerError: not done, or not final yet.
        """
        struct = RequestErasureStruct(study_id)
        return self._broker.carry(RequestErasureAct(struct, Approver(signer).approve(self._domains, struct)))


class RecordErasure:
    """Record that a withdrawn study was erased, for good.

    Example:
        ``RecordErasure(ledger=ledger, domains=domains).run(study_id, certificate_digest, registrar)``
    """

    def __init__(self, *, ledger: Ledger, domains: Domains) -> None:
        self._ledger = ledger
        self._domains = domains

    def run(self, study_id: bytes, certificate: bytes, registrar: Signer) -> Receipt:
        """Sign and carry it; the same certificate again has no effect.

        Args:
            study_id: 32 bytes.
            certificate: SHA-256 of the certificate of erasure.
            registrar: a REGISTRAR key of the custodian.

        Raises:
            InputError: the study is not withdrawn, is held, or its retention runs and the patient did not ask.
            SignatureError: not the custodian's registrar. LedgerError: not done, or not final yet.
        """
        struct = Erase(study_id, certificate)
        return self._ledger.submit(EraseAct(struct, registrar.sign(self._domains.digest(struct))))
