"""Carrying one call to the chain: simulated, sent, sent again when lost, waited for until final.

Owns the order of these steps and how long they may take. A chain may accept a transaction and lose it
without a word, so after a while without progress it is sent again, under the chain's own nonce when the
nonces before it are gone; since no act takes effect twice, a transaction too many costs gas and no more.
Nonces and signatures are `lane`'s, waiting is `follower`'s.
"""

from __future__ import annotations

import time

from fiducia.adapters.evm import refusals, reverts
from fiducia.adapters.evm.chain import Chain, number_of, said
from fiducia.adapters.evm.follower import Follower, Included, Watch
from fiducia.adapters.evm.lane import Lane, Outgoing, Sent
from fiducia.adapters.evm.rpc import Answer, as_bytes, as_int, hexed
from fiducia.errors import FiduciaError, LedgerError, LedgerNotFinalError, LedgerUnreachableError

_SPARE_GAS = 20_000


class Relay:
    """Carries calls with one account. Safe for threads.

    Args:
        timeout_s: from sending until final; after that it is LedgerNotFinalError.
        patience_s: without progress for so long, a transaction is sent again.
    """

    def __init__(self, chain: Chain, lane: Lane, *, timeout_s: float = 30.0, patience_s: float = 3.0) -> None:
        self._chain = chain
        self._lane = lane
        self._follower = Follower(chain)
        self._timeout_s = timeout_s
        self._patience_s = patience_s

    def simulate(self, contract: str, data: bytes) -> Outgoing:
        """Run a call on the newest block without sending it; return it with enough gas.

        Raises:
            InputError, SignatureError, DeniedError, UnexpectedRevertError: the contract refuses it.
            LedgerUnreachableError.
        """
        to = self._chain.addresses[contract]
        call = {"from": hexed(self._lane.address), "to": hexed(to), "data": hexed(data)}
        answer = self._chain.call("eth_estimateGas", call)
        if answer.fault is not None:
            raise self._refusal(answer, to, data)
        estimate = as_int(answer.result)
        # A quarter to spare for storage that others change meanwhile; some chains bill half of an unused limit.
        return Outgoing(to, data, estimate + estimate // 4 + _SPARE_GAS)

    def carry(self, outgoing: Outgoing) -> Included:
        """Send, and return when it is in a final block, whether it succeeded there or not.

        Raises:
            LedgerNotFinalError: sent, and not final in time.
            LedgerUnreachableError, ConfigError, UnexpectedRevertError: not sent.
        """
        sent = self._lane.send(outgoing)
        watch = self._follower.watch(sent.hash)
        try:
            return self._wait(watch, sent, outgoing)
        finally:
            self._follower.forget(watch)

    def _wait(self, watch: Watch, sent: Sent, outgoing: Outgoing) -> Included:
        deadline = time.monotonic() + self._timeout_s
        stuck = _Stuck()
        while (left_s := deadline - time.monotonic()) > 0:
            if watch.seen.wait(min(self._patience_s, left_s)) and watch.included:
                return watch.included
            try:
                sent = self._again(watch, sent, outgoing, stuck)
            except LedgerError:
                continue  # sent once already: whatever the endpoint says now, it may still be included
        raise LedgerNotFinalError(
            f"sent, and not final within {self._timeout_s:g} s; the same command finishes it later"
        )

    def _again(self, watch: Watch, sent: Sent, outgoing: Outgoing, stuck: _Stuck) -> Sent:
        """Send once more what made no progress."""
        number, mined = number_of(self._chain.call("eth_blockNumber")), self._lane.mined()
        passed_over = stuck.passed_over(number, mined)
        if mined > sent.nonce:
            if self._is_included(watch):
                return sent  # included, and not final yet
            sent = self._lane.send(outgoing)  # another transaction took its nonce
            watch.add(sent.hash)
        elif mined == sent.nonce or not passed_over:
            self._lane.send_again(sent)
        else:
            # Blocks come, and the nonces before ours do not: whoever sent them is gone, so we fill the gap ourselves.
            watch.add(self._lane.send_at(mined, outgoing).hash)
            self._lane.send_again(sent)
        return sent

    def _is_included(self, watch: Watch) -> bool:
        return any(self._chain.call("eth_getTransactionReceipt", hexed(each)).result for each in watch.hashes)

    def _refusal(self, answer: Answer, to: bytes, data: bytes) -> FiduciaError:
        """Find out what a contract said; some nodes keep it to themselves."""
        if answer.fault is not None and answer.fault.data:
            return reverts.error_for(answer.fault.data)
        if "revert" in said(answer).lower():
            asked = refusals.question(to, data)
            answer = self._chain.call(asked.method, *asked.params)
            if answer.fault is None:
                return reverts.error_for(refusals.said_by(as_bytes(answer.result)))
        return LedgerUnreachableError(f"the chain endpoint does not simulate the transaction ({said(answer)})")


class _Stuck:
    """How far the account's transactions were, and since which block, while ours made no progress."""

    def __init__(self) -> None:
        self._mined = -1
        self._since_block = 0

    def passed_over(self, number: int, mined: int) -> bool:
        """Tell whether blocks came (two, since one may have been on its way) without any of the account's."""
        if mined != self._mined:
            self._mined, self._since_block = mined, number
        return number >= self._since_block + 2
