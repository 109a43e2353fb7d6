"""The journeys behind a broker's door over a consortium in memory."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from fiducia.app.broker import AskingParts, LogParts, ProvingParts
from fiducia.journeys.audit.ledger_checkpoints import EventTree, SignLedgerCheckpoint, ViewLedger
from fiducia.journeys.audit.vouching import VouchForInstances
from fiducia.journeys.grants.asks import AnswerAsks, Asks
from fiducia.journeys.grants.grant import RelayGrant
from fiducia.journeys.grants.revoke import RelayTaken, TakeRevoke
from fiducia.journeys.grants.taken import Taken
from fiducia.journeys.members.carry import CarryAct
from fiducia.journeys.patients.look_up import LookUpPatient
from fiducia.journeys.reading.handing import SealKeys
from fiducia.journeys.reading.release import HandOverKeys, RecordRelease
from fiducia.journeys.stalls.late import EmergencyHandOver
from fiducia.journeys.stalls.late_checks import JudgeEmergency
from fiducia.journeys.stalls.late_records import LateHandOvers, RecordLate
from tests.support.consortium.custodian import CustodianSide
from tests.support.logs import LogMember


class BrokerSide(CustodianSide):
    """What hospital A's broker answers with."""

    @cached_property
    def taken(self) -> Taken:
        return Taken(self.journal)

    @property
    def relay_grant(self) -> RelayGrant:
        return RelayGrant(ledger=self.ledger, mirror=self.mirror, custodian=self.institution)

    @property
    def carry_act(self) -> CarryAct:
        return CarryAct(ledger=self.ledger, mirror=self.mirror, institution=self.institution)

    @property
    def take_revoke(self) -> TakeRevoke:
        return TakeRevoke(
            ledger=self.ledger,
            mirror=self.mirror,
            journal=self.journal,
            taken=self.taken,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
        )

    @property
    def relay_taken(self) -> RelayTaken:
        return RelayTaken(taken=self.taken, take=self.take_revoke)

    @property
    def record_release(self) -> RecordRelease:
        return RecordRelease(
            ledger=self.ledger,
            journal=self.journal,
            taken=self.taken,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            custodian=self.institution,
        )

    @property
    def hand_over(self) -> HandOverKeys:
        return HandOverKeys(
            ledger=self.ledger,
            mirror=self.mirror,
            journal=self.journal,
            taken=self.taken,
            seal=self.seal,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
        )

    @property
    def seal(self) -> SealKeys:
        return SealKeys(
            mirror=self.mirror,
            store=self.store,
            vault=self.vault,
            domains=self.domains,
            trustee=self.institution,
            signer=self.broker_sign,
        )

    @cached_property
    def logs(self) -> LogMember:
        """Hospital A as a log and a witness, over its journal."""
        return LogMember(self, self.institution, self.journal)

    @property
    def log(self) -> LogParts:
        """What hospital A's broker keeps its log with."""
        return self.logs.parts

    @cached_property
    def late(self) -> LateHandOvers:
        return LateHandOvers(self.journal)

    @cached_property
    def kept_asks(self) -> Asks:
        return Asks(self.journal, self.clock.now())

    @property
    def asking(self) -> AskingParts:
        """What hospital A's broker answers emergency teams and access requests with."""
        on: dict[str, Any] = {
            "mirror": self.mirror,
            "journal": self.journal,
            "clock": self.clock,
            "domains": self.domains,
        }
        own: dict[str, Any] = {**on, "custodian": self.institution}
        late: dict[str, Any] = {**on, "steps": self.steps}
        return AskingParts(
            look_up=LookUpPatient(patients=self.patients, **own),
            asks=AnswerAsks(asks=self.kept_asks, **own),
            late=self.late,
            hand_over=EmergencyHandOver(
                judge=JudgeEmergency(taken=self.taken, **on),
                journal=self.journal,
                seal=self.seal,
                domains=self.domains,
                steps=self.steps,
                institution=self.institution,
                signer=self.broker_sign,
            ),
            record_late=RecordLate(ledger=self.ledger, late=self.late, signer=self.broker_sign, **late),
        )

    @cached_property
    def tree(self) -> EventTree:
        return EventTree(self.mirror)

    @property
    def view(self) -> ViewLedger:
        return ViewLedger(ledger=self.ledger, mirror=self.mirror, tree=self.tree)

    @property
    def proving(self) -> ProvingParts:
        """What hospital A's broker signs."""
        signer: dict[str, Any] = {"clock": self.clock, "domains": self.domains, "signer": self.broker_sign}
        return ProvingParts(
            sign_ledger=SignLedgerCheckpoint(view=self.view, institution=self.institution, **signer),
            vouch=VouchForInstances(mirror=self.mirror, store=self.store, custodian=self.institution, **signer),
        )
