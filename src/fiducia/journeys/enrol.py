"""Enrolment: an identity at one custodian becomes a subject, in the patient's own hands.

The directory keeps the pair before the chain learns the pseudonym, so a crash between the two leaves an
entry whose enrolment the next run completes, never a subject that nobody can name.
"""

from __future__ import annotations

from fiducia.core import ids
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError
from fiducia.ports import Entropy, Ledger, Patients, Signer, Steps
from fiducia.records.images import PatientIdentity, SubjectEntry
from fiducia.records.ledger import EnrolAct, Receipt
from fiducia.records.typed import Enrol


class EnrolPatient:
    """Enrol one patient; an identity that is known already is completed, not doubled.

    Example:
        ``EnrolPatient(ledger=ledger, patients=patients, entropy=entropy, domains=domains, steps=steps).run(
        identity, custodian=1, registrar=registrar_a, patient=patient_key)``
    """

    def __init__(self, *, ledger: Ledger, patients: Patients, entropy: Entropy, domains: Domains, steps: Steps) -> None:
        self._ledger = ledger
        self._patients = patients
        self._entropy = entropy
        self._domains = domains
        self._steps = steps

    def run(
        self, identity: PatientIdentity, *, custodian: int, registrar: Signer, patient: Signer, profile: str = ""
    ) -> tuple[SubjectEntry, Receipt]:
        """Add the patient to the directory and enrol the subject on chain.

        Args:
            identity: issuer and patient ID as the custodian's systems know them.
            custodian: the custodian's institution number.
            registrar: a REGISTRAR key that the custodian published.
            patient: the patient's signer; serves this one subject only.
            profile: the development profile that holds the signer, or empty.

        Raises:
            InputError: the identity is enrolled with another signer.
            SignatureError, LedgerError: the ledger refuses or cannot be reached.
        """
        salt = self._entropy.token(32)
        wanted = SubjectEntry(identity, ids.subject(custodian, salt), salt, patient.address, profile)
        entry = self._patients.add(wanted)
        if entry.signer != patient.address:
            raise InputError("this patient is enrolled already, with another signer")
        self._steps.reached("enrol.kept")
        enrol = Enrol(custodian, entry.salt, ids.signer_hash(entry.signer))
        digest = self._domains.digest(enrol)
        receipt = self._ledger.submit(EnrolAct(enrol, registrar.sign(digest), patient.address, patient.sign(digest)))
        self._steps.reached("enrol.enrolled")
        return entry, receipt
