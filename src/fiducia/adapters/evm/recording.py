"""Recording releases: what many threads ask for at once goes to the chain in one transaction.

Owns joining and sharing out: a caller's own event, or the reason why its request was refused. The ledger's
own `check` says beforehand what `record` would say, also on chains that keep custom errors to themselves.
Alone means `record`, in company `recordBatch`, which skips a bad item and harms no other. Gas limits are
fixed (the contract's cost is known), so nothing is asked of the chain between deciding to send and sending;
should they not do, each release goes alone with a limit that the chain was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from fiducia.adapters.evm import acts, reverts
from fiducia.adapters.evm.chain import Chain
from fiducia.adapters.evm.follower import Included
from fiducia.adapters.evm.foresight import Foresight
from fiducia.adapters.evm.history import History
from fiducia.adapters.evm.joining import Company, Joiner
from fiducia.adapters.evm.lane import Outgoing
from fiducia.adapters.evm.relay import Relay
from fiducia.core import ids
from fiducia.core.decision import Reason
from fiducia.errors import DeniedError, FiduciaError, UnexpectedRevertError
from fiducia.ports import Clock
from fiducia.records.events import LedgerEvent, ReleaseDenied, ReleaseRecorded
from fiducia.records.ledger import Head, Receipt, RecordAct
from fiducia.records.typed import StaffAccess

GAS_ALONE = 200_000  # about 127,000 are used
GAS_BATCH = 80_000
GAS_PER_ITEM = 115_000  # about 83,000 are used
AT_MOST = 50
_UNDER_WAY = 64  # batches waiting for a block; each has at least one waiting thread of the caller's
_COMPANY_S = 0.005
_NOT_YET_S = 5.0
_NOT_YET_PAUSE_S = 0.05

Outcome = Receipt | FiduciaError


class Recorder:
    """Records staff's releases. Safe for threads, and meant for many."""

    def __init__(self, chain: Chain, relay: Relay, history: History, foresight: Foresight, clock: Clock) -> None:
        self._chain = chain
        self._relay = relay
        self._history = history
        self._foresight = foresight
        self._clock = clock
        self._company = Company()
        self._joined: Joiner[StaffAccess, Outcome] = Joiner(
            self._record_group, at_most=AT_MOST, at_once=_UNDER_WAY, gather=self._wait_for_company
        )

    def record(self, access: StaffAccess) -> Receipt:
        """Record one release, joined with those of other threads.

        Raises:
            DeniedError: refused; `.reason` is the contract's first.
            LedgerNotFinalError and what reading the chain raises.
        """
        if not self._foresight.take(access):
            with self._company.coming():
                earlier = self._earlier_or_denied(access)
            if earlier is not None:
                return earlier
        outcome = self._joined(access)
        if isinstance(outcome, FiduciaError):
            raise outcome
        return outcome

    def _wait_for_company(self) -> None:
        """Give those who are decided or checked right now a moment to join; alone, this takes no time."""
        give_up_at = time.monotonic() + _COMPANY_S
        self._foresight.wait_for_company(_COMPANY_S)
        self._company.wait(max(0.0, give_up_at - time.monotonic()))

    def _earlier_or_denied(self, access: StaffAccess) -> Receipt | None:
        """Return the receipt of an earlier record, or None when nothing stands against recording now."""
        give_up_at = time.monotonic() + _NOT_YET_S
        while True:
            head, recorded, reason = self._check(access)
            if recorded:
                return self._receipt_of_earlier(access, head)
            if reason == Reason.NONE:
                return None
            if not self._begins_shortly(access, reason, head) or time.monotonic() > give_up_at:
                raise DeniedError(reverts.reason_name(reason))
            time.sleep(_NOT_YET_PAUSE_S)

    def _check(self, access: StaffAccess) -> tuple[Head, bool, int]:
        head, [(release,), (reason,)] = self._chain.ask(*self._foresight.questions(access))
        return head, release[0] != 0, reason

    def _begins_shortly(self, access: StaffAccess, reason: int, head: Head) -> bool:
        """A window has begun by our clock and not by the newest block: the next one will see it begun."""
        if reason not in (Reason.BADGE_WINDOW, Reason.GRANT_NOT_YET):
            return False
        begins_at = max(access.badge.badge.not_before, access.grant.not_before)
        return head.time_at < begins_at <= self._clock.now()

    def _receipt_of_earlier(self, access: StaffAccess, head: Head) -> Receipt:
        plan = acts.plan_of(self._chain, RecordAct(access))
        found = self._history.find(head, plan.topics, plan.tells)
        return Receipt(found[-1].transaction_hash if found else bytes(32), head, 0, found)

    def _record_group(self, group: Sequence[StaffAccess]) -> list[Outcome]:
        if len(group) == 1:
            included = self._carry_alone(group[0])
        else:
            gas = GAS_BATCH + GAS_PER_ITEM * len(group)
            included = self._relay.carry(self._outgoing(acts.batch_data(group), gas))
            if not included.succeeded:
                return [self._record_group([access])[0] for access in group]
        told = self._history.of_receipt(included.logs, included.head)
        return [self._outcome(access, told, included, len(group)) for access in group]

    def _carry_alone(self, access: StaffAccess) -> Included:
        data = acts.plan_of(self._chain, RecordAct(access)).data
        included = self._relay.carry(self._outgoing(data, GAS_ALONE))
        return included if included.succeeded else self._relay.carry(self._relay.simulate("Releases", data))

    def _outgoing(self, data: bytes, gas: int) -> Outgoing:
        return Outgoing(self._chain.addresses["Releases"], data, gas)

    def _outcome(self, access: StaffAccess, told: Sequence[LedgerEvent], included: Included, sharers: int) -> Outcome:
        request_id = ids.request_id(access.request)
        for event in told:
            if isinstance(event, ReleaseRecorded) and event.request_id == request_id:
                gas = included.gas_used // sharers
                return Receipt(included.transaction_hash, included.head, gas, (event,))
            if isinstance(event, ReleaseDenied) and event.request_id == request_id:
                return DeniedError(reverts.reason_name(event.reason))
        # Silence: recorded by another transaction meanwhile, or refused before its signatures counted.
        try:
            earlier = self._earlier_or_denied(access)
        except FiduciaError as error:
            return error
        return earlier or UnexpectedRevertError("the ledger passed over a release that it had nothing against")
