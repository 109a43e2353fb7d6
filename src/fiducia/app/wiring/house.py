"""The journeys of one home, each with the parts that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fiducia.app.profiles import Profile
from fiducia.app.wiring.parts import READER, Parts
from fiducia.journeys.audit import AuditLedger
from fiducia.journeys.badges import IssueBadge
from fiducia.journeys.consent import GiveConsent
from fiducia.journeys.enrol import EnrolPatient
from fiducia.journeys.fetch import FetchStudy
from fiducia.journeys.grant import GiveGrant
from fiducia.journeys.members import AdmitMember, PublishKey
from fiducia.journeys.register import RegisterStudies
from fiducia.journeys.revoke import RevokeAllGrants, RevokeGrant
from fiducia.ports import Progress

if TYPE_CHECKING:
    from fiducia.app.broker import BrokerParts


class House(Parts):
    """A home's journeys. A Python program uses them so, and `with` closes what was opened.

    Example:
        ``with House(Home(path), load()) as house: print(house.audit_ledger().run().findings)``
    """

    def admit_member(self, carrier: str) -> AdmitMember:
        """Return the journey, carried by a member's relayer."""
        return AdmitMember(ledger=self.ledger(carrier), domains=self.domains)

    def publish_key(self, carrier: str) -> PublishKey:
        """Return the journey, carried by a member's relayer."""
        return PublishKey(ledger=self.ledger(carrier), domains=self.domains)

    def issue_badge(self, member: str) -> IssueBadge:
        """Return the journey for a member's staff."""
        return IssueBadge(mirror=self.mirror(member), clock=self.clock, entropy=self.entropy, domains=self.domains)

    def enrol_patient(self, member: str) -> EnrolPatient:
        """Return the journey at a custodian."""
        return EnrolPatient(
            ledger=self.ledger(member),
            patients=self.patients(member),
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
        )

    def register_studies(self, member: str, progress: Progress) -> RegisterStudies:
        """Return the journey at a custodian."""
        return RegisterStudies(
            intake=self.intake(),
            store=self.store(),
            vault=self.vault(member),
            patients=self.patients(member),
            studies=self.studies(member),
            ledger=self.ledger(member),
            entropy=self.entropy,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            progress=progress,
        )

    def give_grant(self, patient: Profile) -> GiveGrant:
        """Return the journey of a patient, carried by their custodian's broker."""
        return GiveGrant(
            broker=self.broker(patient.institution),
            mirror=self.mirror(patient.member),
            vault=self.vault(patient.name),
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
        )

    def give_consent(self, patient: Profile) -> GiveConsent:
        """Return the journey of a patient who signs a FHIR Consent, carried by their custodian's broker."""
        return GiveConsent(
            give=self.give_grant(patient), mirror=self.mirror(patient.member), clock=self.clock, entropy=self.entropy
        )

    def revoke_grant(self, profile: Profile) -> RevokeGrant:
        """Return the journey, taken by the profile's own broker."""
        return RevokeGrant(
            broker=self.broker(profile.institution), mirror=self.mirror(profile.member), domains=self.domains
        )

    def revoke_all(self, patient: Profile) -> RevokeAllGrants:
        """Return the journey, taken by the patient's custodian's broker."""
        return RevokeAllGrants(
            broker=self.broker(patient.institution), mirror=self.mirror(patient.member), domains=self.domains
        )

    def fetch_study(self, requester: Profile, study_id: bytes, progress: Progress) -> FetchStudy:
        """Return the journey of a requester, against the broker of the study's custodian."""
        reader = requester.member or requester.name
        return FetchStudy(
            broker=self.broker_of_study(reader, study_id),
            ledger=self.ledger(reader),
            mirror=self.mirror(reader),
            store=self.store(),
            vault=self.vault(requester.name),
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            progress=progress,
        )

    def audit_ledger(self) -> AuditLedger:
        """Return the journey; it needs no key."""
        network = self.consortium.network
        return AuditLedger(
            ledger=self.ledger(READER), store=self.store(), domains=self.domains, first_block=network.first_block
        )

    def broker_parts(self, member: str) -> BrokerParts:
        """Return what a member's broker is made of. Raises: ConfigError, VaultError, JournalError."""
        from fiducia.app.wiring.broker import broker_parts  # the web framework loads for brokers alone

        return broker_parts(self, member)
