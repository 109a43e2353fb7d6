"""The journeys of staff: other bases than consent, emergencies, reviews, notices, access requests; and of governors."""

from __future__ import annotations

from fiducia.app.key_slots import ProfileKeySlot, VaultKeySlot
from fiducia.app.profiles import BROKER_KEM, BROKER_LOG, BROKER_SIGN, KeyName, Kind, Profile
from fiducia.app.wiring.parts import Parts
from fiducia.journeys.grants.access_requests import AnswerAccess, AskForAccess
from fiducia.journeys.grants.emergency import OpenEmergency
from fiducia.journeys.grants.reviews import ReviewEmergency
from fiducia.journeys.grants.staff_grants import GiveByStaff
from fiducia.journeys.members.incident import ReportIncident
from fiducia.journeys.members.members import NarrowRegions, PublishKey, VoteOnMember
from fiducia.journeys.members.rotating import KeySlot, RotateKey
from fiducia.journeys.patients.notices import Notices
from fiducia.journeys.sign_in.badges import EndBadges, WithdrawStaff
from fiducia.journeys.stalls.late_fetching import FetchInStall
from fiducia.ports import Progress
from fiducia.records.ledger import KeyKind

_OF_BROKERS = {KeyKind.BROKER_KEM: BROKER_KEM, KeyKind.BROKER_SIGN: BROKER_SIGN, KeyKind.LOG: BROKER_LOG}


class StaffSide(Parts):
    """What staff and governors do; see `House`."""

    def give_by_staff(self, profile: Profile, subject: bytes) -> GiveByStaff:
        """Return the journey of staff who grant on another basis, carried by the broker of the subject's custodian."""
        return GiveByStaff(
            broker=self.broker_of_subject(profile.reader, subject),
            mirror=self.mirror(profile.member),
            vault=self.vault(profile.name),
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
        )

    def open_emergency(self, profile: Profile) -> OpenEmergency:
        """Return the journey of an emergency team, carried by the custodians' brokers."""
        return OpenEmergency(
            broker_of=self.broker,
            mirror=self.mirror(profile.member),
            vault=self.vault(profile.name),
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
        )

    def fetch_in_stall(self, first: Profile, progress: Progress) -> FetchInStall:
        """Return the journey of an emergency team while the chain stalls, for the one of them who asks."""
        return FetchInStall(
            broker_of=self.broker,
            mirror=self.mirror(first.reader),
            store=self.store(),
            vault=self.vault(first.name),
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            progress=progress,
        )

    def rotate_key(self, institution: Profile) -> RotateKey:
        """Return the journey of an institution in this home, carried by its relayer."""

        def slot_of(kind: KeyKind) -> KeySlot:
            if kind in _OF_BROKERS:
                return VaultKeySlot(self.vault(institution.member), _OF_BROKERS[kind])
            return ProfileKeySlot(self.profiles(), institution.name, KeyName[kind.name])

        return RotateKey(
            publish=PublishKey(ledger=self.ledger(institution.member), domains=self.domains),
            mirror=self.mirror(institution.member),
            clock=self.clock,
            entropy=self.entropy,
            steps=self.steps,
            slot_of=slot_of,
            broker_of=self.broker,
        )

    def review_emergency(self, officer: Profile) -> ReviewEmergency:
        """Return the journey of an officer, carried by their institution's relayer."""
        return ReviewEmergency(
            ledger=self.ledger(officer.member),
            mirror=self.mirror(officer.member),
            vault=self.vault(officer.name),
            entropy=self.entropy,
            domains=self.domains,
        )

    def notices(self, custodian: Profile) -> Notices:
        """Return the journey of a custodian, or of one of its patients."""
        return Notices(
            mirror=self.mirror(custodian.member),
            journal=self.journal(custodian.member),
            clock=self.clock,
            custodian=custodian.institution,
        )

    def report_incident(self, profile: Profile) -> ReportIncident:
        """Return the journey; a custodian's journal and directory are read, anybody else knows the ledger alone."""
        member = profile.member if profile.kind is Kind.INSTITUTION else ""
        return ReportIncident(
            mirror=self.mirror(profile.reader),
            store=self.store(),
            clock=self.clock,
            journal=self.journal(member) if member else None,
            patients=self.patients(member) if member else None,
            custodian=profile.institution if member else 0,
        )

    def ask_for_access(self, asking: Profile, subject: bytes) -> AskForAccess:
        """Return the journey of somebody with a badge, kept by the broker of the subject's custodian."""
        return AskForAccess(
            broker=self.broker_of_subject(asking.reader, subject),
            mirror=self.mirror(asking.member),
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
        )

    def answer_access(self, profile: Profile, subject: bytes) -> AnswerAccess:
        """Return the journey of a patient or a representative, with the broker of the subject's custodian."""
        return AnswerAccess(
            broker=self.broker_of_subject(profile.reader, subject),
            mirror=self.mirror(profile.reader),
            clock=self.clock,
            domains=self.domains,
        )

    def vote_on_member(self, carrier: str) -> VoteOnMember:
        """Return the journey, carried by a member's relayer."""
        return VoteOnMember(ledger=self.ledger(carrier), domains=self.domains)

    def narrow_regions(self, carrier: str) -> NarrowRegions:
        """Return the journey, carried by a member's relayer."""
        return NarrowRegions(ledger=self.ledger(carrier), domains=self.domains)

    def withdraw_staff(self, carrier: str) -> WithdrawStaff:
        """Return the journey, carried by a member's relayer."""
        return WithdrawStaff(ledger=self.ledger(carrier), domains=self.domains)

    def end_badges(self, carrier: str) -> EndBadges:
        """Return the journey, carried by a member's relayer."""
        return EndBadges(ledger=self.ledger(carrier), mirror=self.mirror(carrier), domains=self.domains)
