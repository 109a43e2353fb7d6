"""The custodian's journeys over a consortium in memory: who is enrolled, what is registered, where its keys lie."""

from __future__ import annotations

from typing import Any

from fiducia.adapters.memory.intake import MemoryIntake
from fiducia.app.broker import TrusteeParts
from fiducia.journeys.backup.catching_up import CatchUp
from fiducia.journeys.custody.erasing import EraseStudy
from fiducia.journeys.custody.moving_custody import MoveCustody
from fiducia.journeys.custody.rekeying import RekeyStudy
from fiducia.journeys.patients.enrol import EnrolPatient
from fiducia.journeys.sign_in.badges import IssueBadge
from fiducia.journeys.studies.quarantine import Quarantine, SetAside
from fiducia.journeys.studies.register import RegisterStudies
from fiducia.journeys.trustees.dealing import DealShares, DeliverRest
from fiducia.journeys.trustees.destroying import TellDestroy
from fiducia.journeys.trustees.giving_up import GiveUpShares
from fiducia.journeys.trustees.trusteeship import KeepShares
from fiducia.ports import Examiner, Intake
from tests.support.consortium.parts import Parts


class CustodianSide(Parts):
    """What hospital A does with its patients' studies."""

    @property
    def issue_badge(self) -> IssueBadge:
        return IssueBadge(mirror=self.mirror, clock=self.clock, entropy=self.entropy, domains=self.domains)

    @property
    def enrol(self) -> EnrolPatient:
        return EnrolPatient(
            ledger=self.ledger, patients=self.patients, entropy=self.entropy, domains=self.domains, steps=self.steps
        )

    @property
    def register(self) -> RegisterStudies:
        return self.register_from(MemoryIntake(self.files), self.examiner)

    def register_from(self, intake: Intake, examiner: Examiner) -> RegisterStudies:
        """Return the journey over some other door."""
        return RegisterStudies(
            intake=intake,
            examiner=examiner,
            store=self.store,
            vault=self.vault,
            deal=self.deal,
            patients=self.patients,
            studies=self.studies,
            ledger=self.ledger,
            entropy=self.entropy,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            progress=self.progress,
            set_aside=self.set_aside,
            workers=self.workers,
        )

    @property
    def deal(self) -> DealShares:
        return DealShares(
            mirror=self.mirror,
            vault=self.vault,
            journal=self.journal,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            broker_of=self.broker_of,
            signer=self.broker_sign,
            custodian=self.institution,
            rule=self.rule,
            at_once=self.at_once,
        )

    @property
    def deliver_rest(self) -> DeliverRest:
        return DeliverRest(vault=self.vault, clock=self.clock, deal=self.deal)

    @property
    def tell_destroy(self) -> TellDestroy:
        return TellDestroy(
            broker_of=self.broker_of,
            mirror=self.mirror,
            vault=self.vault,
            journal=self.journal,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            signer=self.broker_sign,
        )

    @property
    def trustee(self) -> TrusteeParts:
        """What hospital A's broker does with shares."""
        on: dict[str, Any] = {
            "mirror": self.mirror,
            "store": self.store,
            "vault": self.vault,
            "journal": self.journal,
            "clock": self.clock,
            "domains": self.domains,
            "steps": self.trustee_steps or self.steps,
            "trustee": self.institution,
            "signer": self.broker_sign,
        }
        return TrusteeParts(
            keep=KeepShares(seeds=lambda: (self.broker_kem.seed,), **on),
            give_up=GiveUpShares(log=self.log_key, held_until=lambda: self.held_until, **on),
            deliver_rest=self.deliver_rest,
            tell_destroy=self.tell_destroy,
        )

    @property
    def move_custody(self) -> MoveCustody:
        return MoveCustody(
            broker_of=self.broker_of,
            ledger=self.ledger,
            mirror=self.mirror,
            store=self.store,
            studies=self.studies,
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            deal=self.deal,
            tell=self.tell_destroy,
            signer=self.broker_sign,
            seed=self.broker_kem.seed,
            custodian=self.institution,
            at_once=self.at_once,
        )

    @property
    def rekey_study(self) -> RekeyStudy:
        return RekeyStudy(
            examiner=self.examiner,
            store=self.store,
            vault=self.vault,
            deal=self.deal,
            patients=self.patients,
            studies=self.studies,
            ledger=self.ledger,
            mirror=self.mirror,
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            progress=self.progress,
            move=lambda: self.move_custody,
            tell=self.tell_destroy,
            workers=self.workers,
        )

    @property
    def erase(self) -> EraseStudy:
        return EraseStudy(
            ledger=self.ledger,
            mirror=self.mirror,
            store=self.store,
            vault=self.vault,
            studies=self.studies,
            patients=self.patients,
            journal=self.journal,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            tell=self.tell_destroy,
            signer=self.broker_sign,
            log=self.log_key,
            custodian=self.institution,
            held_until=lambda: self.held_until,
        )

    @property
    def set_aside(self) -> SetAside:
        return SetAside(spool=self.spool, clock=self.clock)

    @property
    def quarantine(self) -> Quarantine:
        return Quarantine(spool=self.spool, journal=self.journal, clock=self.clock)

    @property
    def catch_up(self) -> CatchUp:
        return CatchUp(
            ledger=self.ledger,
            mirror=self.mirror,
            vault=self.vault,
            studies=self.studies,
            patients=self.patients,
            journal=self.journal,
            clock=self.clock,
            steps=self.steps,
        )
