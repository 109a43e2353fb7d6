"""What a broker is made of: its journeys, and the ports whose health it reports."""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.journeys.audit.ledger_checkpoints import SignLedgerCheckpoint
from fiducia.journeys.audit.vouching import VouchForInstances
from fiducia.journeys.backup.catching_up import CatchUp
from fiducia.journeys.custody.rekeying_revoked import RekeyRevoked
from fiducia.journeys.grants.asks import AnswerAsks
from fiducia.journeys.grants.grant import RelayGrant
from fiducia.journeys.grants.revoke import RelayTaken, TakeRevoke
from fiducia.journeys.grants.taken import Taken
from fiducia.journeys.logs.checkpoints import AnchorCheckpoint, CollectCosignatures, SignCheckpoint
from fiducia.journeys.logs.show_log import ShowLog
from fiducia.journeys.logs.witnessing import WitnessCheckpoint
from fiducia.journeys.members.carry import CarryAct
from fiducia.journeys.patients.look_up import LookUpPatient
from fiducia.journeys.reading.release import HandOverKeys, RecordRelease
from fiducia.journeys.stalls.late import EmergencyHandOver
from fiducia.journeys.stalls.late_records import LateHandOvers, RecordLate
from fiducia.journeys.trustees.dealing import DeliverRest
from fiducia.journeys.trustees.destroying import TellDestroy
from fiducia.journeys.trustees.giving_up import GiveUpShares
from fiducia.journeys.trustees.trusteeship import KeepShares
from fiducia.ports import Clock, Journal, Ledger, Mirror, Store, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingParts:
    """What answers emergency teams and access requests."""

    look_up: LookUpPatient
    asks: AnswerAsks
    late: LateHandOvers
    hand_over: EmergencyHandOver
    record_late: RecordLate


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParts:
    """What keeps and shows the member's log, and witnesses those of others."""

    sign: SignCheckpoint
    collect: CollectCosignatures
    anchor: AnchorCheckpoint
    witness: WitnessCheckpoint
    show: ShowLog


@dataclass(frozen=True, slots=True, kw_only=True)
class TrusteeParts:
    """What a broker does with shares: other custodians' as their trustee, and its own that others are to keep."""

    keep: KeepShares
    give_up: GiveUpShares
    deliver_rest: DeliverRest
    tell_destroy: TellDestroy


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvingParts:
    """What a broker signs so that others can prove: what the ledger has, and whose instances these are."""

    sign_ledger: SignLedgerCheckpoint
    vouch: VouchForInstances


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerParts:
    """A broker's journeys and ports, chosen by wiring.

    `first_block` is where the ledger's contracts begin; `rekey` follows revokes, where a policy says so.
    """

    institution: int
    first_block: int
    ledger: Ledger
    mirror: Mirror
    store: Store
    vault: Vault
    journal: Journal
    clock: Clock
    taken: Taken
    relay_grant: RelayGrant
    carry_act: CarryAct
    take_revoke: TakeRevoke
    relay_taken: RelayTaken
    record_release: RecordRelease
    hand_over: HandOverKeys
    trustee: TrusteeParts
    asking: AskingParts
    catch_up: CatchUp
    proving: ProvingParts
    log: LogParts
    rekey: RekeyRevoked | None = None
