"""A broker without a wire."""

from __future__ import annotations

from fiducia.core.tlog.note import Note
from fiducia.journeys.grants.taken import TAKEN_KINDS
from fiducia.journeys.members.carry import CARRIED
from fiducia.records.images import HandOver, Release
from fiducia.records.ledger import Act, GrantAct, Receipt
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
from tests.support.consortium.broker import BrokerSide


class DirectBroker:
    """A `Broker` that calls the journeys of a consortium's hospital A in the same process."""

    def __init__(self, consortium: BrokerSide) -> None:
        self._consortium = consortium

    def relay(self, act: Act) -> Receipt:
        assert isinstance(act, GrantAct)
        return self._consortium.relay_grant.run(act)

    def carry(self, act: Act) -> Receipt:
        assert isinstance(act, CARRIED)
        return self._consortium.carry_act.run(act)

    def revoke(self, act: Act) -> bool:
        assert isinstance(act, TAKEN_KINDS)
        return self._consortium.take_revoke.run(act)

    def release(self, access: Access) -> Release:
        return self._consortium.record_release.run(access)

    def hand_over(self, access: Access) -> HandOver:
        return self._consortium.hand_over.run(access)

    def emergency(self, asked: StalledEmergency) -> EmergencyKeys:
        return self._consortium.asking.hand_over.run(asked)

    def emergency_share(self, shown: LateEmergency) -> HandOver:
        return self._consortium.asking.hand_over.share(shown)

    def deposit(self, signed: SignedDeposit) -> SignedKeeping:
        return self._consortium.trustee.keep.run(signed)

    def collect(self, signed: SignedCollect) -> HandOver:
        return self._consortium.trustee.give_up.collect(signed)

    def destroy(self, signed: SignedDestroy) -> Note:
        return self._consortium.trustee.give_up.destroy(signed)

    def keeps_for(self, trustee: int) -> bool:
        return self._consortium.deliver_rest.keeps_for(trustee)

    def look_up(self, asked: SignedLookUp) -> LookedUp:
        return self._consortium.asking.look_up.run(asked)

    def ask(self, signed: SignedAsk) -> None:
        self._consortium.asking.asks.take(signed)

    def asks(self, asked: SignedAskList) -> WaitingAsks:
        return self._consortium.asking.asks.list(asked)

    def decline(self, signed: SignedDecline) -> None:
        self._consortium.asking.asks.decline(signed)

    def checkpoint(self, block_number: int) -> SignedCheckpoint:
        return self._consortium.proving.sign_ledger.run(block_number)

    def vouch(self, ask: VouchAsk) -> Vouched:
        return self._consortium.proving.vouch.run(ask)
