"""The journeys of those who decide for a patient, and of the custodian about who decides and how long studies live."""

from __future__ import annotations

from typing import TypedDict

from fiducia.app.profiles import Kind, Profile
from fiducia.app.wiring.parts import Parts
from fiducia.core.typed_data import Domains
from fiducia.journeys.patients.custody import TransferCustody
from fiducia.journeys.patients.enrol import EnrolPatients
from fiducia.journeys.patients.recovery import CompleteRecovery, RecoverSubject
from fiducia.journeys.patients.representatives import AppointRepresentative, DismissRepresentative
from fiducia.journeys.patients.restriction import LiftRestriction, RestrictProcessing
from fiducia.journeys.patients.signers import RotateSigner
from fiducia.journeys.patients.vetoes import VetoMatter
from fiducia.journeys.studies.erasure import RecordErasure, RequestErasure
from fiducia.journeys.studies.holds import HoldStudy, LiftLegalHold
from fiducia.journeys.studies.withdrawal import RetainStudy, WithdrawStudy
from fiducia.ports import Broker, Mirror, Steps, Vault


class _Deciding(TypedDict):
    """What every journey takes whose act is kept and carried by a broker."""

    broker: Broker
    mirror: Mirror
    vault: Vault
    domains: Domains
    steps: Steps


class PatientSide(Parts):
    """Who decides, and a study's life; see `House`."""

    def broker_for(self, profile: Profile, subject: bytes = b"") -> Broker:
        """Return the broker that a profile turns to: its own institution's, or the one of a patient's custodian.

        Args:
            profile: who acts.
            subject: the patient (20 bytes) that it is about; the profile's own when empty.

        Raises:
            InputError: an unknown patient. ConfigError: the institution's broker is unknown here.
        """
        if profile.kind in (Kind.INSTITUTION, Kind.STAFF):
            return self.broker(profile.institution)
        return self.broker_of_subject(profile.reader, subject or profile.subject)

    def rotate_signer(self, patient: Profile) -> RotateSigner:
        """Return the journey of a patient."""
        return RotateSigner(**self._deciding(patient, patient.subject))

    def appoint_representative(self, profile: Profile, subject: bytes) -> AppointRepresentative:
        """Return the journey of a patient, or of a custodian for a patient without a device."""
        return AppointRepresentative(**self._deciding(profile, subject), entropy=self.entropy)

    def dismiss_representative(self, profile: Profile, subject: bytes) -> DismissRepresentative:
        """Return the journey of the patient's side, or of a custodian with other institutions' officers."""
        return DismissRepresentative(**self._deciding(profile, subject))

    def veto_matter(self, profile: Profile, subject: bytes) -> VetoMatter:
        """Return the journey of the patient's side."""
        return VetoMatter(**self._deciding(profile, subject))

    def restrict_processing(self, profile: Profile, subject: bytes) -> RestrictProcessing:
        """Return the journey of anyone with standing."""
        return RestrictProcessing(
            broker=self.broker_for(profile, subject), mirror=self.mirror(profile.reader), domains=self.domains
        )

    def lift_restriction(self, profile: Profile, subject: bytes) -> LiftRestriction:
        """Return the journey of the patient's side, or of a custodian for a patient without a device."""
        return LiftRestriction(**self._deciding(profile, subject))

    def recover_subject(self, custodian: Profile, subject: bytes) -> RecoverSubject:
        """Return the journey of a custodian."""
        return RecoverSubject(**self._deciding(custodian, subject))

    def complete_recovery(self, reader: str, subject: bytes) -> CompleteRecovery:
        """Return the journey of anyone, carried by the patient's custodian's broker."""
        return CompleteRecovery(broker=self.broker_of_subject(reader, subject))

    def transfer_custody(self, profile: Profile, institution: int) -> TransferCustody:
        """Return the journey of the patient's side, carried by the new custodian's broker."""
        return TransferCustody(
            broker=self.broker(institution),
            mirror=self.mirror(profile.reader),
            vault=self.vault(profile.name),
            domains=self.domains,
            steps=self.steps,
        )

    def enrol_patients(self, member: str) -> EnrolPatients:
        """Return the journey at a custodian that enrols many at once."""
        return EnrolPatients(
            ledger=self.held_ledger(member),
            patients=self.patients(member),
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
        )

    def withdraw_study(self, member: str) -> WithdrawStudy:
        """Return the journey at a custodian."""
        return WithdrawStudy(ledger=self.ledger(member), domains=self.domains)

    def retain_study(self, member: str) -> RetainStudy:
        """Return the journey at a custodian."""
        return RetainStudy(ledger=self.ledger(member), domains=self.domains)

    def hold_study(self, member: str) -> HoldStudy:
        """Return the journey of a custodian's officer; the words behind the hold stay in the member's vault."""
        return HoldStudy(
            ledger=self.ledger(member),
            mirror=self.mirror(member),
            vault=self.vault(member),
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
        )

    def lift_hold(self, member: str) -> LiftLegalHold:
        """Return the journey of two officers, carried by the member's relayer."""
        return LiftLegalHold(
            ledger=self.ledger(member),
            mirror=self.mirror(member),
            vault=self.vault(member),
            domains=self.domains,
            steps=self.steps,
        )

    def request_erasure(self, profile: Profile, subject: bytes) -> RequestErasure:
        """Return the journey of the patient's side."""
        return RequestErasure(broker=self.broker_for(profile, subject), domains=self.domains)

    def record_erasure(self, member: str) -> RecordErasure:
        """Return the journey at a custodian."""
        return RecordErasure(ledger=self.ledger(member), domains=self.domains)

    def _deciding(self, profile: Profile, subject: bytes) -> _Deciding:
        return {
            "broker": self.broker_for(profile, subject),
            "mirror": self.mirror(profile.reader),
            "vault": self.vault(profile.name),
            "domains": self.domains,
            "steps": self.steps,
        }
