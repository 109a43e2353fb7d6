"""The journeys of one home, each with the parts that it takes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from fiducia.adapters.system import SilentProgress
from fiducia.app.profiles import KeyName, Profile
from fiducia.app.rekey_policy import rekey_policy
from fiducia.app.wiring.copies import CopySide
from fiducia.app.wiring.log_side import LogSide
from fiducia.app.wiring.parts import READER
from fiducia.app.wiring.patient_side import PatientSide
from fiducia.app.wiring.proving_side import ProvingSide
from fiducia.app.wiring.shipping import copies_hold_until
from fiducia.app.wiring.staff_side import StaffSide
from fiducia.journeys.audit.audit import AuditLedger
from fiducia.journeys.custody.erasing import EraseStudy
from fiducia.journeys.custody.moving_custody import MoveCustody
from fiducia.journeys.custody.refreshing import RefreshShares
from fiducia.journeys.custody.rekeying import RekeyStudy
from fiducia.journeys.custody.rekeying_revoked import RekeyNote, RekeyPolicy, RekeyRevoked
from fiducia.journeys.grants.consent import GiveConsent
from fiducia.journeys.grants.grant import GiveGrant
from fiducia.journeys.grants.revoke import RevokeAllGrants, RevokeGrant
from fiducia.journeys.intake.closing import QUIET_S, CloseStudies
from fiducia.journeys.intake.spooled import RegisterSpooled, SpooledInstances
from fiducia.journeys.members.acts_noted import TOKEN_MADE
from fiducia.journeys.members.members import AdmitMember, PublishKey
from fiducia.journeys.patients.enrol import EnrolPatient
from fiducia.journeys.reading.fetch import FetchStudy
from fiducia.journeys.sign_in.badges import IssueBadge
from fiducia.journeys.sign_in.sign_in import GatewaySessions
from fiducia.journeys.sign_in.staff_directory import StaffDirectory
from fiducia.journeys.sign_in.staff_sign_in import SignInStaff
from fiducia.journeys.studies.quarantine import Quarantine, SetAside
from fiducia.journeys.studies.register import RegisterStudies
from fiducia.ports import Examiner, IdentityProvider, Intake, Progress

if TYPE_CHECKING:
    from fiducia.app.broker import BrokerParts
    from fiducia.app.gateway import GatewayParts
    from fiducia.app.intake import IntakeParts

INTAKE_TOKEN = "intake/token"


class House(PatientSide, ProvingSide, StaffSide, LogSide, CopySide):
    """A home's journeys. A Python program uses them so, and `with` closes what was opened.

    Example:
        ``with House(Home(path), load()) as house: print(house.audit_ledger().run().findings)``
    """

    def move_custody(self, custodian: Profile) -> MoveCustody:
        """Return the journey of a custodian. Raises: ConfigError, KeyMissingError, VaultError."""
        member, keys = custodian.member, self.broker_keys(custodian.member)
        return MoveCustody(
            broker_of=self.broker,
            ledger=self.ledger(member),
            mirror=self.mirror(member),
            store=self.store(),
            studies=self.studies(member),
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            deal=self.deal_shares(member),
            tell=self.tell_destroy(member),
            signer=keys.sign,
            seed=keys.kem.seed,
            custodian=custodian.institution,
        )

    def rekey_study(self, custodian: Profile, progress: Progress) -> RekeyStudy:
        """Return the journey of a custodian. Raises: ConfigError, KeyMissingError, VaultError, JournalError."""
        member = custodian.member
        return RekeyStudy(
            examiner=self.examiner(),
            store=self.store(),
            vault=self.vault(member),
            deal=self.deal_shares(member),
            patients=self.patients(member),
            studies=self.studies(member),
            ledger=self.held_ledger(member),
            mirror=self.mirror(member),
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            progress=progress,
            move=lambda: self.move_custody(custodian),  # with the broker's keys as they are then
            tell=self.tell_destroy(member),
        )

    def rekey_revoked(self, custodian: Profile, policy: RekeyPolicy) -> RekeyRevoked:
        """Return the journey of a custodian, with its REGISTRAR key. Raises: ConfigError, KeyMissingError, VaultError.

        What it did is logged in numbers alone.
        """
        member, log = custodian.member, structlog.get_logger("fiducia.broker")

        def tell(note: RekeyNote) -> None:
            known = note.revoked_at > 0
            log.info(
                "re-keyed",
                series=note.series,
                revoked_to_denied_s=note.denied_at - note.revoked_at if known else None,
                revoked_to_rekeyed_s=note.rekeyed_at - note.revoked_at if known else None,
            )

        return RekeyRevoked(
            policy=policy,
            rekey=self.rekey_study(custodian, SilentProgress()),
            mirror=self.mirror(member),
            store=self.store(),
            studies=self.studies(member),
            journal=self.watched_journal(member),  # its broker's, where this is its broker
            clock=self.clock,
            custodian=custodian.institution,
            registrar=self.serving_signer(custodian, KeyName.REGISTRAR),
            tell=tell,
        )

    def refresh_shares(self, custodian: Profile) -> RefreshShares:
        """Return the journey of a custodian. Raises: ConfigError, KeyMissingError, VaultError."""
        return RefreshShares(
            move=self.move_custody(custodian),
            mirror=self.mirror(custodian.member),
            store=self.store(),
            clock=self.clock,
            custodian=custodian.institution,
        )

    def erase_study(self, custodian: Profile) -> EraseStudy:
        """Return the journey of a custodian. Raises: ConfigError, KeyMissingError, VaultError, JournalError."""
        member, keys = custodian.member, self.serving_keys(custodian.member)
        return EraseStudy(
            ledger=self.ledger(member),
            mirror=self.mirror(member),
            store=self.store(),
            vault=self.vault(member),
            studies=self.studies(member),
            patients=self.patients(member),
            journal=self.journal(member),
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            tell=self.tell_destroy(member),
            signer=keys.sign,
            log=keys.log,
            custodian=custodian.institution,
            held_until=partial(copies_hold_until, self),
        )

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
            ledger=self.held_ledger(member),
            patients=self.patients(member),
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
        )

    def register_studies(self, member: str, progress: Progress) -> RegisterStudies:
        """Return the journey at a custodian, over files, folders and media."""
        return self._register(member, progress, self.intake(), self.examiner())

    def register_spooled(self, member: str, progress: Progress) -> RegisterSpooled:
        """Return the journey at a custodian, over what its spool holds."""
        instances = SpooledInstances(self.spool(member))
        register = self._register(member, progress, instances, instances)
        return RegisterSpooled(spool=self.spool(member), register=register.run)

    def close_studies(self, member: str, progress: Progress, quiet_s: int = QUIET_S) -> CloseStudies:
        """Return the journey at a custodian."""
        return CloseStudies(
            spool=self.spool(member),
            register=self.register_spooled(member, progress),
            clock=self.clock,
            quiet_s=quiet_s,
        )

    def intake_token(self, member: str) -> str:
        """Return what senders bear at a custodian's door; made when it is first asked for. Raises: VaultError."""
        vault = self.vault(member)
        if not vault.names(INTAKE_TOKEN):
            self.note_act(member).run(TOKEN_MADE, b"")
            vault.put({INTAKE_TOKEN: self.entropy.token(32)})
        return vault.get(INTAKE_TOKEN).hex()

    def intake_parts(self, custodian: Profile, quiet_s: int) -> IntakeParts:
        """Return what a custodian's doors are made of. Raises: VaultError."""
        from fiducia.app.wiring.intake import intake_parts  # the web framework loads for doors alone

        return intake_parts(self, custodian, quiet_s)

    def gateway_sessions(self, member: str) -> GatewaySessions:
        """Return who is signed in at an institution's gateway. Raises: VaultError."""
        return GatewaySessions(
            vault=self.vault(member), clock=self.clock, entropy=self.entropy, journal=self.journal(member)
        )

    def staff_directory(self, member: str) -> StaffDirectory:
        """Return who may sign in at an institution's gateway. Raises: VaultError."""
        return StaffDirectory(vault=self.vault(member), clock=self.clock, entropy=self.entropy)

    def sign_in_staff(self, institution: Profile) -> SignInStaff:
        """Return the journey at an institution's gateway, with its ISSUER key. Raises: KeyMissingError, VaultError."""
        return SignInStaff(
            institution=institution.institution,
            issuer=self.serving_signer(institution, KeyName.ISSUER),
            issue=self.issue_badge(institution.member),
            sessions=self.gateway_sessions(institution.member),
            mirror=self.mirror(institution.member),
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
        )

    def gateway_parts(
        self, institution: Profile, cache_bytes: int, provider: IdentityProvider | None = None
    ) -> GatewayParts:
        """Return what an institution's gateway is made of; staff sign in at `provider`, if there is one.

        Raises:
            ConfigError, VaultError, StoreError.
        """
        from fiducia.app.wiring.gateway import gateway_parts  # the web framework loads for gateways alone

        return gateway_parts(self, institution, cache_bytes, provider)

    def quarantine(self, member: str) -> Quarantine:
        """Return the journey at a custodian."""
        return Quarantine(spool=self.spool(member), journal=self.journal(member), clock=self.clock)

    def _register(self, member: str, progress: Progress, intake: Intake, examiner: Examiner) -> RegisterStudies:
        return RegisterStudies(
            intake=intake,
            examiner=examiner,
            store=self.store(),
            vault=self.vault(member),
            deal=self.deal_shares(member),
            patients=self.patients(member),
            studies=self.studies(member),
            ledger=self.held_ledger(member),
            entropy=self.entropy,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            progress=progress,
            set_aside=SetAside(spool=self.spool(member), clock=self.clock),
        )

    def give_grant(self, grantor: Profile, subject: bytes = b"") -> GiveGrant:
        """Return the journey of a patient or a representative, carried by the broker of the subject's custodian."""
        return GiveGrant(
            broker=self.broker_for(grantor, subject),
            mirror=self.mirror(grantor.reader),
            vault=self.vault(grantor.name),
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
        )

    def give_consent(self, grantor: Profile, subject: bytes = b"") -> GiveConsent:
        """Return the journey of a patient or a representative who signs a FHIR Consent, carried as `give_grant`'s."""
        return GiveConsent(
            give=self.give_grant(grantor, subject),
            mirror=self.mirror(grantor.reader),
            clock=self.clock,
            entropy=self.entropy,
        )

    def revoke_grant(self, profile: Profile, subject: bytes = b"") -> RevokeGrant:
        """Return the journey, taken by the profile's own broker, or the one of the subject's custodian."""
        return RevokeGrant(
            broker=self.broker_for(profile, subject), mirror=self.mirror(profile.reader), domains=self.domains
        )

    def revoke_all(self, profile: Profile, subject: bytes = b"") -> RevokeAllGrants:
        """Return the journey, taken as `revoke_grant`'s."""
        return RevokeAllGrants(
            broker=self.broker_for(profile, subject), mirror=self.mirror(profile.reader), domains=self.domains
        )

    def fetch_study(self, requester: Profile, progress: Progress) -> FetchStudy:
        """Return the journey of a requester."""
        return FetchStudy(
            broker_of=self.broker,
            ledger=self.ledger(requester.reader),
            mirror=self.mirror(requester.reader),
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
        """Return what a member's broker is made of. Raises: ConfigError, VaultError, JournalError.

        With a policy of re-keying it also takes the member's REGISTRAR key, which a broker otherwise never sees.
        """
        from fiducia.app.wiring.broker import broker_parts  # the web framework loads for brokers alone

        parts, policy = broker_parts(self, member), rekey_policy(self.settings)
        if policy is None:
            return parts
        return replace(parts, rekey=self.rekey_revoked(self.institution(self.profiles().load(member)), policy))
