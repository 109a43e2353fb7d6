"""Waiting for transactions: one thread that follows the chain for all who wait.

Owns when a transaction counts as done: its receipt is there, and its block is final by the network's
profile. The thread runs only while somebody waits. It asks for the block number, which is cheap, and for
all receipts in one batch when that moved; it asks often around the time when the next block is due (and, on
a chain that mines at once, just after sending), and seldom in between. An endpoint that fails is asked again
later: who waits decides how long. Source: the Ethereum execution API (eth_getTransactionReceipt).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from fiducia.adapters.evm.chain import Chain, head_of, number_of
from fiducia.adapters.evm.rpc import Answer, Call, as_bytes, as_int, hexed
from fiducia.errors import FiduciaError, LedgerInconsistencyError
from fiducia.records.ledger import Head

_OFTEN_S = 0.002
_SELDOM_S = 0.025
_AFTER_SENDING_S = 0.05
_BEFORE_A_BLOCK_S = 0.03
_STALLED_S = 2.0
_AT_LEAST_EVERY_S = 0.25  # receipts are asked for, whatever the block number does
_AFTER_A_FAILURE_S = 0.2
_IDLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Included:
    """A transaction in a final block."""

    transaction_hash: bytes
    head: Head
    succeeded: bool
    gas_used: int
    contract_address: bytes | None
    logs: tuple[Any, ...]


class Watch:
    """One wait for whichever of several transactions is included first (the same act, sent again)."""

    def __init__(self, transaction_hash: bytes) -> None:
        self.hashes = [transaction_hash]
        self.since = time.monotonic()
        self.fresh = True
        self.included: Included | None = None
        self.seen = threading.Event()

    def add(self, transaction_hash: bytes) -> None:
        """Also wait for another transaction."""
        if transaction_hash not in self.hashes:
            self.hashes = [*self.hashes, transaction_hash]
        self.fresh = True


class Follower:
    """Follows one chain for many waiting threads."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._changed = threading.Condition()
        self._watches: list[Watch] = []
        self._thread: threading.Thread | None = None
        self._number = 0
        self._arrived_at = 0.0
        self._looked_at = 0.0
        self._interval_s = 0.0
        self._mines_at_once = True  # until a transaction had to wait for its block

    def watch(self, transaction_hash: bytes) -> Watch:
        """Begin to look for a transaction; `forget` it in the end."""
        watch = Watch(transaction_hash)
        with self._changed:
            self._watches.append(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="fiducia-chain-follower", daemon=True)
                self._thread.start()
            self._changed.notify()
        return watch

    def forget(self, watch: Watch) -> None:
        """Stop looking."""
        with self._changed:
            self._watches.remove(watch)

    def _follow(self) -> None:
        try:
            self._follow_while_wanted()
        finally:
            with self._changed:
                if self._thread is threading.current_thread():
                    self._thread = None  # the next watch starts another

    def _follow_while_wanted(self) -> None:
        while watches := self._wanted():
            try:
                self._look(watches)
                pause_s = self._pause(watches)
            except FiduciaError:
                pause_s = _AFTER_A_FAILURE_S
            with self._changed:
                # A new watch ends the pause: with automatic mining its receipt is there already.
                self._changed.wait_for(lambda: any(watch.fresh for watch in self._watches), timeout=pause_s)

    def _wanted(self) -> list[Watch]:
        """Return who waits; wait a while for somebody to come, and end the thread if nobody does."""
        with self._changed:
            waiting = self._changed.wait_for(self._unseen, timeout=_IDLE_S)
            if not waiting:
                self._thread = None  # under the same lock: whoever comes now sees that the thread is going
            return waiting

    def _unseen(self) -> list[Watch]:
        return [watch for watch in self._watches if not watch.seen.is_set()]

    def _look(self, watches: list[Watch]) -> None:
        now = time.monotonic()
        number = number_of(self._chain.call("eth_blockNumber"))
        moved = number != self._number
        if moved:
            self._note_arrival(number, now)
        all_due = moved or now - self._looked_at > _AT_LEAST_EVERY_S
        if all_due:
            self._looked_at = now
        due = watches if all_due else [watch for watch in watches if watch.fresh]
        if due:
            for watch in due:
                watch.fresh = False
            self._receive(due)

    def _receive(self, watches: list[Watch]) -> None:
        """Ask for every receipt and the newest final block in one request; hand out what is final."""
        wanted = [(watch, each) for watch in watches for each in watch.hashes]
        receipts = [Call("eth_getTransactionReceipt", (hexed(each),)) for _, each in wanted]
        newest, *answers = self._chain.batch([self._chain.newest_call, *receipts])
        final = head_of(newest)
        self._chain.saw(final)
        heads: dict[bytes, Head] = {final.hash: final}
        for (watch, transaction_hash), answer in zip(wanted, answers, strict=True):
            # A receipt that is not there yet is null, and on some chains an error.
            if answer.fault is not None or answer.result is None or watch.seen.is_set():
                continue
            block_hash = _block_of(answer)
            if as_int(answer.result.get("blockNumber")) > final.number:
                continue
            if block_hash not in heads:
                heads[block_hash] = head_of(self._chain.call("eth_getBlockByHash", hexed(block_hash), False))
            watch.included = _included(transaction_hash, heads[block_hash], answer.result)
            self._mines_at_once = time.monotonic() - watch.since < _AFTER_SENDING_S
            watch.seen.set()

    def _note_arrival(self, number: int, now: float) -> None:
        """Learn how far blocks are apart, from arrivals that were watched closely enough to be believed."""
        passed = number - self._number
        if self._number and passed == 1 and now - self._arrived_at < 60:
            self._interval_s = now - self._arrived_at
        self._number, self._arrived_at = number, now

    def _pause(self, watches: list[Watch]) -> float:
        now = time.monotonic()
        if self._mines_at_once and any(now - watch.since < _AFTER_SENDING_S for watch in watches):
            return _OFTEN_S
        overdue_s = now - self._arrived_at - self._interval_s
        if overdue_s > _STALLED_S:
            return _SELDOM_S
        until_due_s = -overdue_s - _BEFORE_A_BLOCK_S
        return min(_SELDOM_S, until_due_s) if until_due_s > _OFTEN_S else _OFTEN_S


def _block_of(answer: Answer) -> bytes:
    if not isinstance(answer.result, dict):
        raise LedgerInconsistencyError("the chain endpoint gave something else where a receipt is due")
    return as_bytes(answer.result.get("blockHash"), 32)


def _included(transaction_hash: bytes, head: Head, receipt: dict[str, Any]) -> Included:
    created = receipt.get("contractAddress")
    return Included(
        transaction_hash=transaction_hash,
        head=head,
        succeeded=as_int(receipt.get("status")) == 1,
        gas_used=as_int(receipt.get("gasUsed")),
        contract_address=as_bytes(created, 20) if created else None,
        logs=tuple(receipt.get("logs") or ()),
    )
