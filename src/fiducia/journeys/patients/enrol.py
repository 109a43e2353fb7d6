"""Enrolment: an identity at one custodian becomes a subject, in the patient's own hands.

The directory keeps the pair before the chain learns the pseudonym, so a crash between the two leaves an
entry whose enrolment the next run completes, never a subject that nobody can name. A patient without a device is
enrolled with no signer; a recovery gives them one later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fiducia.core import ids
from fiducia.core.entries import NO_SIGNER
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError
from fiducia.ports import Entropy, Ledger, Patients, Signer, Steps
from fiducia.records.images import PatientIdentity, SubjectEntry
from fiducia.records.ledger import EnrolAct, EnrolBatchAct, Receipt
from fiducia.records.typed import Enrol, EnrolBatch

BATCH_MAX = 100
"""Enrolments in one transaction: some ten million gas."""


@dataclass(frozen=True, slots=True)
class NewPatient:
    """Whom to enrol.

    Attributes:
        identity: issuer and patient ID as the custodian's systems know them.
        signer: the patient's, serving this one subject only; None for a patient without a device.
        profile: the development profile that holds the signer, or empty.
    """

    identity: PatientIdentity
    signer: Signer | None
    profile: str = ""

    @property
    def signer_bytes(self) -> bytes:
        """The signer bytes; empty without a device."""
        return self.signer.address if self.signer else b""


class EnrolPatient:
    """Enrol one patient; an identity that is known already is completed, not doubled.

    Example:
        ``EnrolPatient(ledger=ledger, patients=patients, entropy=entropy, domains=domains, steps=steps).run(
        identity, custodian=1, registrar=registrar_a, patient=patient_key)``
    """

    def __init__(self, *, ledger: Ledger, patients: Patients, entropy: Entropy, domains: Domains, steps: Steps) -> None:
        self._ledger = ledger
        self._domains = domains
        self._steps = steps
        self._admission = _Admission(patients, entropy, domains)

    def run(
        self,
        identity: PatientIdentity,
        *,
        custodian: int,
        registrar: Signer,
        patient: Signer | None,
        profile: str = "",
    ) -> tuple[SubjectEntry, Receipt]:
        """Add the patient to the directory and enrol the subject on chain.

        Args:
            identity: issuer and patient ID as the custodian's systems know them.
            custodian: the custodian's institution number.
            registrar: a REGISTRAR key that the custodian published.
            patient: the patient's signer; serves this one subject only. None: a patient without a device.
            profile: the development profile that holds the signer, or empty.

        Raises:
            InputError: the identity is enrolled with another signer.
            SignatureError, LedgerError: the ledger refuses or cannot be reached.
        """
        new = NewPatient(identity, patient, profile)
        entry, enrol = self._admission.keep(new, custodian)
        self._steps.reached("enrol.kept")
        signature = registrar.sign(self._domains.digest(enrol))
        receipt = self._ledger.submit(EnrolAct(enrol, signature, new.signer_bytes, self._admission.sign(new, enrol)))
        self._steps.reached("enrol.enrolled")
        return entry, receipt


class EnrolPatients:
    """Enrol many patients, a hundred in one transaction; the same patients again are completed, not doubled.

    Example:
        ``EnrolPatients(ledger=ledger, patients=patients, entropy=entropy, domains=domains, steps=steps).run(
        [NewPatient(identity, patient_key)], custodian=1, registrar=registrar_a)``
    """

    def __init__(self, *, ledger: Ledger, patients: Patients, entropy: Entropy, domains: Domains, steps: Steps) -> None:
        self._ledger = ledger
        self._domains = domains
        self._steps = steps
        self._admission = _Admission(patients, entropy, domains)

    def run(
        self, patients: Sequence[NewPatient], *, custodian: int, registrar: Signer
    ) -> tuple[tuple[SubjectEntry, ...], tuple[Receipt, ...]]:
        """Add the patients to the directory and enrol the subjects on chain.

        Args:
            patients: each identity once.
            custodian: the custodian's institution number.
            registrar: a REGISTRAR key that the custodian published.

        Returns:
            The directory's entries in order, and one receipt per hundred patients.

        Raises:
            InputError: an identity is enrolled with another signer; the batches before it are enrolled.
            SignatureError, LedgerError: the ledger refuses or cannot be reached; the same call finishes it.
        """
        entries: list[SubjectEntry] = []
        receipts: list[Receipt] = []
        for start in range(0, len(patients), BATCH_MAX):
            batch = patients[start : start + BATCH_MAX]
            kept = [self._admission.keep(each, custodian) for each in batch]
            self._steps.reached("enrol.kept")
            enrolments = tuple(enrol for _, enrol in kept)
            act = EnrolBatchAct(
                enrolments,
                registrar.sign(self._domains.digest(EnrolBatch(enrolments))),
                tuple(each.signer_bytes for each in batch),
                tuple(self._admission.sign(each, enrol) for each, enrol in zip(batch, enrolments, strict=True)),
            )
            receipts.append(self._ledger.submit(act))
            self._steps.reached("enrol.enrolled")
            entries += [entry for entry, _ in kept]
        return tuple(entries), tuple(receipts)


class _Admission:
    """The directory's entry and the act of one patient."""

    def __init__(self, patients: Patients, entropy: Entropy, domains: Domains) -> None:
        self._patients = patients
        self._entropy = entropy
        self._domains = domains

    def keep(self, new: NewPatient, custodian: int) -> tuple[SubjectEntry, Enrol]:
        """Keep who it is, durably, and return what is to be signed. Raises: InputError (another signer)."""
        salt = self._entropy.token(32)
        wanted = SubjectEntry(new.identity, ids.subject(custodian, salt), salt, new.signer_bytes, new.profile)
        entry = self._patients.add(wanted)
        if entry.signer != new.signer_bytes:
            raise InputError("this patient is enrolled already, with another signer")
        return entry, Enrol(custodian, entry.salt, ids.signer_hash(entry.signer) if entry.signer else NO_SIGNER)

    def sign(self, new: NewPatient, enrol: Enrol) -> bytes:
        """Return the patient's own signature; empty without a device."""
        return new.signer.sign(self._domains.digest(enrol)) if new.signer else b""
