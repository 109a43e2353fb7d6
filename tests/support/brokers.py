"""Another member's broker in the same process: a vault and a journal of its own, and the ledger that all share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.core.keys.kem import KemKey
from fiducia.core.tlog.note import Note
from fiducia.core.tlog.signing import LogKey
from fiducia.journeys.audit.ledger_checkpoints import SignLedgerCheckpoint
from fiducia.journeys.audit.vouching import VouchForInstances
from fiducia.journeys.grants.revoke import TakeRevoke
from fiducia.journeys.grants.taken import Taken
from fiducia.journeys.members.carry import CARRIED, CarryAct
from fiducia.journeys.reading.handing import SealKeys
from fiducia.journeys.reading.release import HandOverKeys, RecordRelease
from fiducia.journeys.stalls.late import EmergencyHandOver
from fiducia.journeys.stalls.late_checks import JudgeEmergency
from fiducia.journeys.stalls.late_records import LateHandOvers, RecordLate
from fiducia.journeys.trustees.giving_up import GiveUpShares
from fiducia.journeys.trustees.trusteeship import KeepShares
from fiducia.ports import Clock, Mirror, Signer, Steps
from fiducia.records.images import HandOver, Release
from fiducia.records.ledger import Act, Receipt
from fiducia.records.provenance import SignedCheckpoint, VouchAsk, Vouched
from fiducia.records.statements import (
    EmergencyKeys,
    LateEmergency,
    LookedUp,
    SignedAsk,
    SignedAskList,
    SignedCollect,
    SignedDecline,
    SignedDeposit,
    SignedDestroy,
    SignedKeeping,
    SignedLookUp,
    StalledEmergency,
    WaitingAsks,
)
from fiducia.records.typed import Access
from tests.support.consortium import Consortium


class MemberBroker:
    """What a member that is not hospital A answers, as custodian and as trustee."""

    def __init__(self, world: Consortium, institution: int, sign: Signer, steps: Steps | None = None) -> None:
        """`steps`: its own, where it is asked in a thread of its own; `mirror`, `clock`: set, where its own differ."""
        self._world, self._steps = world, steps
        self.institution, self.sign = institution, sign
        self.log = LogKey(bytes((institution,)) * 32)
        self.kem = KemKey.from_seed(bytes((institution,)) * 32)
        self.seeds: Callable[[], Sequence[bytes]] = lambda: (self.kem.seed,)
        self.vault, self.journal = MemoryVault(), MemoryJournal()
        self.taken = Taken(self.journal)
        self.held_until = 0
        self.mirror: Mirror | None = None
        self.clock: Clock | None = None

    def relay(self, act: Act) -> Receipt:
        raise NotImplementedError

    def carry(self, act: Act) -> Receipt:
        assert isinstance(act, CARRIED)
        world = self._world
        return CarryAct(ledger=world.ledger, mirror=world.mirror, institution=self.institution).run(act)

    def revoke(self, act: Act) -> bool:
        raise NotImplementedError

    def release(self, access: Access) -> Release:
        world = self._world
        return RecordRelease(
            ledger=world.ledger,
            journal=self.journal,
            taken=self.taken,
            clock=world.clock,
            domains=world.domains,
            steps=world.steps,
            custodian=self.institution,
        ).run(access)

    def hand_over(self, access: Access) -> HandOver:
        world = self._world
        return HandOverKeys(ledger=world.ledger, taken=self.taken, seal=self.seal, **self._on()).run(access)

    def emergency(self, asked: StalledEmergency) -> EmergencyKeys:
        return self.emergencies.run(asked)

    def emergency_share(self, shown: LateEmergency) -> HandOver:
        return self.emergencies.share(shown)

    @property
    def emergencies(self) -> EmergencyHandOver:
        on = self._on()
        steps = on.pop("steps")
        return EmergencyHandOver(
            judge=JudgeEmergency(taken=self.taken, **on),
            journal=self.journal,
            seal=self.seal,
            domains=self._world.domains,
            steps=steps,
            institution=self.institution,
            signer=self.sign,
        )

    @property
    def take_revoke(self) -> TakeRevoke:
        return TakeRevoke(ledger=self._world.ledger, taken=self.taken, **self._on())

    @cached_property
    def late(self) -> LateHandOvers:
        return LateHandOvers(self.journal)

    @property
    def record_late(self) -> RecordLate:
        return RecordLate(ledger=self._world.ledger, late=self.late, signer=self.sign, **self._on())

    def restart(self) -> None:
        """Forget what its process would."""
        self.__dict__.pop("late", None)
        self.taken = Taken(self.journal)

    def deposit(self, signed: SignedDeposit) -> SignedKeeping:
        world = self._world
        keep = KeepShares(
            store=world.store,
            vault=self.vault,
            trustee=self.institution,
            signer=self.sign,
            seeds=lambda: self.seeds(),
            **self._on(),
        )
        return keep.run(signed)

    @property
    def seal(self) -> SealKeys:
        world = self._world
        return SealKeys(
            mirror=world.mirror,
            store=world.store,
            vault=self.vault,
            domains=world.domains,
            trustee=self.institution,
            signer=self.sign,
        )

    def _on(self) -> dict[str, Any]:
        world = self._world
        return {
            "mirror": self.mirror or world.mirror,
            "journal": self.journal,
            "clock": self.clock or world.clock,
            "domains": world.domains,
            "steps": self._steps or world.steps,
        }

    def collect(self, signed: SignedCollect) -> HandOver:
        return self.give_up.collect(signed)

    def destroy(self, signed: SignedDestroy) -> Note:
        return self.give_up.destroy(signed)

    @property
    def give_up(self) -> GiveUpShares:
        return GiveUpShares(
            store=self._world.store,
            vault=self.vault,
            trustee=self.institution,
            signer=self.sign,
            log=self.log,
            held_until=lambda: self.held_until,
            **self._on(),
        )

    def keeps_for(self, trustee: int) -> bool:
        return any(name.endswith(f"/{trustee}") for name in self.vault.names("deal/"))

    def look_up(self, asked: SignedLookUp) -> LookedUp:
        raise NotImplementedError

    def ask(self, signed: SignedAsk) -> None:
        raise NotImplementedError

    def asks(self, asked: SignedAskList) -> WaitingAsks:
        raise NotImplementedError

    def decline(self, signed: SignedDecline) -> None:
        raise NotImplementedError

    def checkpoint(self, block_number: int) -> SignedCheckpoint:
        sign = SignLedgerCheckpoint(view=self._world.view, institution=self.institution, **self._signer)
        return sign.run(block_number)

    def vouch(self, ask: VouchAsk) -> Vouched:
        world = self._world
        return VouchForInstances(
            mirror=world.mirror, store=world.store, custodian=self.institution, **self._signer
        ).run(ask)

    @property
    def _signer(self) -> dict[str, Any]:
        return {"clock": self._world.clock, "domains": self._world.domains, "signer": self.sign}
