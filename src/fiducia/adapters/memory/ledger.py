"""The ledger in memory: five contracts in miniature, one block per act, time from a clock that tests set.

Passes the same suite as the chain adapter (tests/ports). Faults are switched on by tests through
`faults`. Owns nothing that lasts. Source: `ports.Ledger`; contracts/src.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from fiducia.adapters.memory.contracts import call
from fiducia.adapters.memory.contracts.chain import DAY_S, Chain, Draft
from fiducia.core.keccak import keccak256
from fiducia.core.policy import verify_access
from fiducia.core.replay import State
from fiducia.core.typed_data import Domains
from fiducia.errors import (
    FiduciaError,
    LedgerInconsistencyError,
    LedgerNotFinalError,
    LedgerStaleError,
    LedgerUnreachableError,
)
from fiducia.ports import Clock
from fiducia.records import events as announced
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import Act, Facts, Founder, Head, Receipt
from fiducia.records.provenance import ReceiptProof
from fiducia.records.typed import Access, KeyRequest

MEMORY_DOMAINS = replace(
    Domains(31337, *(bytes([number]) * 20 for number in range(0xC1, 0xC6))),
    verifier=b"\xc0" * 20,
    rp_id_hash=hashlib.sha256(b"localhost").digest(),
)
"""Domains of a chain that exists nowhere."""


@dataclass(slots=True)
class Faults:
    """What goes wrong, for tests: each stays until it is taken back, the counts run down.

    Attributes:
        unreachable: every call raises LedgerUnreachableError.
        stalled: no new blocks: the head ages, acts are sent but not final.
        lose: that many acts are accepted and never included (LedgerNotFinalError).
        delay: that many acts raise LedgerNotFinalError and are included in the next block.
    """

    unreachable: bool = False
    stalled: bool = False
    lose: int = 0
    delay: int = 0


class MemoryLedger:
    """A `Ledger` in memory; safe to use from several threads.

    Args:
        founders: institutions 1, 2, ... in order.
        clock: the chain's time and this machine's.
        domains: what signatures are bound to.
        max_head_age_s: how far the head may be from the clock.
        appointment_delay_s: how long after its appointment a representative begins.
        recovery_delay_s: how long a recovery waits.
    """

    def __init__(
        self,
        founders: Sequence[Founder],
        *,
        clock: Clock,
        domains: Domains = MEMORY_DOMAINS,
        max_head_age_s: int = 15,
        appointment_delay_s: int = 2 * DAY_S,
        recovery_delay_s: int = 7 * DAY_S,
    ) -> None:
        self.faults = Faults()
        self.domains = domains
        self.submitted = 0
        self._clock = clock
        self._max_head_age_s = max_head_age_s
        self._delays = (appointment_delay_s, recovery_delay_s)
        self._state = State()
        self._events: list[LedgerEvent] = []
        self._heads: list[Head] = []
        self._waiting: list[Act] = []
        self._lock = threading.RLock()
        self._mine(
            [
                partial(
                    announced.MemberAdmitted,
                    institution=number,
                    governor=founder.governor,
                    region=founder.region,
                    exports=founder.exports,
                )
                for number, founder in enumerate(founders, start=1)
            ]
        )

    # -- ports.Ledger

    def head(self) -> Head:
        """Return the newest head, as old as the clock says; see `fiducia.ports.Ledger.head`."""
        with self._lock:
            return self._fresh_head()

    def block(self, number: int) -> Head:
        """Return one block; see `fiducia.ports.Ledger.block`."""
        with self._lock:
            self._reachable()
            if not 1 <= number <= len(self._heads):
                raise LedgerInconsistencyError(f"the chain has no block {number}")
            return self._heads[number - 1]

    def facts(self, access: Access) -> Facts:
        """Return all facts at one block; see `fiducia.ports.Ledger.facts`."""
        with self._lock:
            self._fresh_head()
            return self._state.facts(access, verify_access(self.domains, access))

    def are_open(self, requests: Sequence[KeyRequest]) -> tuple[Head, tuple[bool, ...]]:
        """Ask isOpen for each request at one block; see `fiducia.ports.Ledger.are_open`."""
        with self._lock:
            head = self._fresh_head()
            return head, tuple(self._state.is_open(request) for request in requests)

    def submit(self, act: Act) -> Receipt:
        """Carry an act in a block of its own; see `fiducia.ports.Ledger.submit`."""
        with self._lock:
            self._fresh_head()
            self.submitted += 1
            drafts = call(self._chain(), act)
            if self.faults.lose > 0:
                self.faults.lose -= 1
                raise LedgerNotFinalError("sent, and not final yet; run the same command again")
            if self.faults.delay > 0 or self.faults.stalled:
                self.faults.delay -= self.faults.delay > 0
                self._waiting.append(act)
                raise LedgerNotFinalError("sent, and not final yet; run the same command again")
            return self._mine(drafts)

    def events(self, first_block: int, last_block: int) -> Iterator[LedgerEvent]:
        """Yield events of a stretch of blocks; see `fiducia.ports.Ledger.events`."""
        with self._lock:
            self._reachable()
            found = [event for event in self._events if first_block <= event.block_number <= last_block]
        return iter(found)

    # -- for tests

    def has_receipt_proofs(self) -> bool:
        """Tell that there are none: blocks here have no header; see `fiducia.ports.Receipts`."""
        return False

    def receipt_proof(self, event: LedgerEvent) -> ReceiptProof | None:
        """Return None; see `fiducia.ports.Receipts`."""
        return None

    def mirrored(self) -> State:
        """Return what the contracts hold now, for comparison with a replay; it does not change afterwards."""
        with self._lock:
            return self._state.copy()

    def forge(self, *drafts: Draft) -> None:
        """Announce anything at all, in one transaction, as a chain would whose rules were broken; for audits' tests.

        Args:
            drafts: events' classes with every field but their place, as `functools.partial`.
        """
        with self._lock:
            self._mine(list(drafts))

    def mine(self) -> Head:
        """Mine one block with whatever waits."""
        with self._lock:
            self._mine([])
            return self._state.head

    # -- blocks

    def _chain(self) -> Chain:
        return Chain(self.domains, self._state, self._next_time(), *self._delays, self._events)

    def _next_time(self) -> int:
        return max(self._clock.now(), self._state.head.time_at)

    def _reachable(self) -> None:
        if self.faults.unreachable:
            raise LedgerUnreachableError("no endpoint of the chain answered")

    def _fresh_head(self) -> Head:
        """The head, mined anew when the clock moved on: a chain with steady blocks."""
        self._reachable()
        now = self._clock.now()
        if not self.faults.stalled and (now > self._state.head.time_at or self._waiting):
            self._mine([])
        head = self._state.head
        if abs(now - head.time_at) > self._max_head_age_s:
            raise LedgerStaleError("the chain's newest block is further from this machine's clock than allowed")
        return head

    def _mine(self, drafts: list[Draft]) -> Receipt:
        """One block: what waited, each act on its own, then `drafts`."""
        number, time_at = self._state.head.number + 1, self._next_time()
        block_hash = keccak256(number.to_bytes(8, "big") + time_at.to_bytes(8, "big"))
        head = Head(number, block_hash, time_at)
        waiting, self._waiting = self._waiting, []
        index = 0
        for act in waiting:
            # What became void while it waited fails in its block, as on a chain.
            with contextlib.suppress(FiduciaError):
                index += len(self._include(head, index, call(self._chain(), act)))
        included = self._include(head, index, drafts)
        self._state.reach(head)
        self._heads.append(head)
        return Receipt(keccak256(block_hash + bytes([index])), head, 0, included)

    def _include(self, head: Head, index: int, drafts: list[Draft]) -> tuple[LedgerEvent, ...]:
        transaction = keccak256(head.hash + bytes([index]))
        included = []
        for offset, draft in enumerate(drafts):
            event = draft(
                block_number=head.number,
                time_at=head.time_at,
                transaction_hash=transaction,
                log_index=index + offset,
            )
            self._state.apply(event)
            included.append(event)
        self._events.extend(included)
        return tuple(included)
