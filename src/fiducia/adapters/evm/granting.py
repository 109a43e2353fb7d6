"""Giving grants: what many threads ask for at once goes to the chain in one transaction.

Owns joining and sharing out. Alone means `grant`, in company `grantBatch`, which skips a bad item and harms no
other; a grant that was skipped is carried alone, and so hears the refusal that is its own. Gas limits are fixed
(the contract's cost is known): an estimate for a call that skips what fails is too low for all of it. Should they
not do, grants that went without are skipped like bad ones, and go alone with a limit that the chain was asked for.
Source: IGrants.
"""

from __future__ import annotations

from collections.abc import Sequence

from fiducia.adapters.evm import acts
from fiducia.adapters.evm.carrying import Carrier
from fiducia.adapters.evm.chain import Chain
from fiducia.adapters.evm.follower import Included
from fiducia.adapters.evm.history import History
from fiducia.adapters.evm.joining import Company, Joiner
from fiducia.adapters.evm.lane import Outgoing
from fiducia.adapters.evm.relay import Relay
from fiducia.core import ids
from fiducia.core.rules import Basis
from fiducia.errors import InputError
from fiducia.records.events import GrantGiven, LedgerEvent, ReviewOwed
from fiducia.records.ledger import GrantAct, GrantBatchAct, Receipt

GAS_BATCH = 80_000
GAS_PER_ITEM: dict[int, int] = {
    Basis.CONSENT: 115_000,  # about 80,000 are used when a passkey signed
    Basis.PAPER: 145_000,  # about 102,000
    Basis.CARE: 110_000,  # about 77,000
    Basis.LAW: 110_000,
    Basis.EMERGENCY: 300_000,  # about 219,000
}
AT_MOST = 50
_UNDER_WAY = 64  # batches waiting for a block; each has at least one waiting thread of the caller's
_COMPANY_S = 0.005


class Granter:
    """Gives grants. Safe for threads, and meant for many."""

    def __init__(self, chain: Chain, relay: Relay, history: History, carrier: Carrier) -> None:
        self._chain = chain
        self._relay = relay
        self._history = history
        self._carrier = carrier
        self._company = Company()
        self._joined: Joiner[GrantAct, Receipt | None] = Joiner(
            self._give_company, at_most=AT_MOST, at_once=_UNDER_WAY, gather=lambda: self._company.wait(_COMPANY_S)
        )

    def give(self, act: GrantAct) -> Receipt:
        """Give one grant, joined with those of other threads; see `fiducia.ports.Ledger.submit`."""
        plan = acts.plan_of(self._chain, act)
        with self._company.coming():
            earlier = self._carrier.earlier(plan)
        return earlier or self._joined(act) or self._carrier.carry(plan)

    def give_batch(self, act: GrantBatchAct) -> Receipt:
        """Give what the ledger takes; the receipt has a `GrantGiven` for every grant that lives, given now or before.

        Raises: what `fiducia.ports.Ledger.submit` raises, but for the refusal of a single grant: it is skipped.
        """
        if acts.plan_of(self._chain, act).done(self._chain):
            receipt, left = Receipt(bytes(32), self._chain.head(), 0), list(act.grants)
        else:
            included, told = self._carry_together(act.grants)
            events = tuple(event for own in told for event in own)
            receipt = Receipt(included.transaction_hash, included.head, included.gas_used, events)
            left = [each for each, own in zip(act.grants, told, strict=True) if not own]
        for each in left:
            receipt = _with(receipt, self._alone(each))
        return receipt

    def _alone(self, act: GrantAct) -> Receipt | None:
        try:
            return self._carrier.carry(acts.plan_of(self._chain, act))
        except InputError:
            return None

    def _give_company(self, group: Sequence[GrantAct]) -> list[Receipt | None]:
        """Return each grant's receipt, or None for one that has to go alone."""
        if len(group) == 1:
            return [None]
        included, told = self._carry_together(group)
        gas = included.gas_used // len(group)
        return [Receipt(included.transaction_hash, included.head, gas, own) if own else None for own in told]

    def _carry_together(self, grants: Sequence[GrantAct]) -> tuple[Included, list[tuple[LedgerEvent, ...]]]:
        """Carry grants in one transaction; return it, and what it tells of each: nothing for one that was skipped."""
        plan = acts.plan_of(self._chain, GrantBatchAct(tuple(grants)))
        gas = GAS_BATCH + sum(GAS_PER_ITEM.get(each.grant.basis, 0) for each in grants)
        included = self._relay.carry(Outgoing(self._chain.addresses[plan.contract], plan.data, gas))
        told = self._history.of_receipt(included.logs, included.head)
        names = [ids.grant_id(each.grant) for each in grants]
        return included, [tuple(event for event in told if _is_about(event, name)) for name in names]


def _with(receipt: Receipt, other: Receipt | None) -> Receipt:
    """Return a receipt that also tells what another one tells."""
    if other is None:
        return receipt
    told = {(event.block_number, event.log_index): event for event in (*receipt.events, *other.events)}
    return Receipt(
        receipt.transaction_hash if receipt.gas_used else other.transaction_hash,
        max(receipt.head, other.head, key=lambda head: head.number),
        receipt.gas_used + other.gas_used,
        tuple(told[place] for place in sorted(told)),
    )


def _is_about(event: LedgerEvent, grant_id: bytes) -> bool:
    return isinstance(event, (GrantGiven, ReviewOwed)) and event.grant_id == grant_id
