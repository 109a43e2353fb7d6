"""Carrying one act: done before, or simulated, sent, and told by its events.

Owns what counts as success: the act took effect, now or earlier, by whoever's transaction. An act that the
contract would take again is simulated all the same, so that one without standing is refused even when what it
asks for is so already; one that names a used round or serial is looked for first. Sending is `relay`'s.
"""

from __future__ import annotations

from collections.abc import Callable

from fiducia.adapters.evm.acts import Plan
from fiducia.adapters.evm.chain import Chain
from fiducia.adapters.evm.history import History
from fiducia.adapters.evm.lane import Outgoing
from fiducia.adapters.evm.relay import Relay
from fiducia.errors import InputError, UnexpectedRevertError
from fiducia.records.ledger import Head, Receipt


class Carrier:
    """Carries plans. Safe for threads: nobody waits for anybody else's block."""

    def __init__(self, chain: Chain, relay: Relay, history: History) -> None:
        self._chain = chain
        self._relay = relay
        self._history = history

    def carry(self, plan: Plan, before: Callable[[], None] = lambda: None) -> Receipt:
        """Return the receipt of an act that is final; see `fiducia.ports.Ledger.submit`.

        Args:
            plan: the act as a call.
            before: called once the contract would take it and before it is sent; what it raises keeps it from that.
        """
        earlier = self.earlier(plan)
        if earlier and not plan.repeats:
            return earlier
        try:
            outgoing = self._relay.simulate(plan.contract, plan.data)
        except InputError as refusal:
            return self._carried_meanwhile(plan, refusal)
        if earlier:
            return earlier
        before()
        return self._sent(plan, outgoing)

    def earlier(self, plan: Plan) -> Receipt | None:
        """Return the receipt of an act that has taken effect, as far as its transaction is found."""
        head = self._chain.head()
        return self._receipt(plan, head) if plan.done(self._chain) else None

    def _receipt(self, plan: Plan, head: Head) -> Receipt | None:
        found = self._history.find(head, plan.topics, plan.tells)
        if plan.proved is not None and not plan.proved(found):
            return None
        return Receipt(found[-1].transaction_hash if found else bytes(32), head, 0, found)

    def _carried_meanwhile(self, plan: Plan, refusal: InputError) -> Receipt:
        """Return the receipt of an act that is refused because somebody carried it a moment ago, or raise."""
        if plan.repeats or (earlier := self.earlier(plan)) is None:
            raise refusal
        return earlier

    def _sent(self, plan: Plan, outgoing: Outgoing) -> Receipt:
        included = self._relay.carry(outgoing)
        if not included.succeeded:
            # The state changed between the simulation and the block: say what stands against the act now.
            try:
                self._relay.simulate(plan.contract, plan.data)
            except InputError as refusal:
                return self._carried_meanwhile(plan, refusal)
            if earlier := self.earlier(plan):
                return earlier
            raise UnexpectedRevertError("the transaction failed in its block and would succeed now; try again")
        told = self._history.of_receipt(included.logs, included.head)
        if not told:  # another transaction did it meanwhile
            told = self._history.find(included.head, plan.topics, plan.tells)
        return Receipt(included.transaction_hash, included.head, included.gas_used, told)
