"""The ledger on an Ethereum-compatible chain: `ports.Ledger` over JSON-RPC.

Owns nothing but the joining of its parts: `chain` (which block counts), `facts`, `history` (events), `receipts`
(proved to blocks), `acts` (acts as calls), `relay` and `carrying` (one call, one act), `recording` and `granting`
(many releases or grants in one transaction). Pins are checked before the first answer. Without a relayer's account
it reads only. Source: design section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fiducia.adapters.evm import acts, facts
from fiducia.adapters.evm.abi import values_of
from fiducia.adapters.evm.anchors import EvmAnchors
from fiducia.adapters.evm.carrying import Carrier
from fiducia.adapters.evm.chain import Chain
from fiducia.adapters.evm.foresight import Foresight
from fiducia.adapters.evm.granting import Granter
from fiducia.adapters.evm.history import History
from fiducia.adapters.evm.lane import Lane
from fiducia.adapters.evm.receipts import ReceiptProofs
from fiducia.adapters.evm.recording import Recorder
from fiducia.adapters.evm.relay import Relay
from fiducia.adapters.evm.rpc import Rpc
from fiducia.core.policy import verify_access
from fiducia.core.typed_data import domains_of
from fiducia.errors import ConfigError
from fiducia.ports import Clock
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import Act, Facts, GrantAct, GrantBatchAct, Head, Network, Receipt, RecordAct
from fiducia.records.provenance import ReceiptProof
from fiducia.records.typed import Access, KeyRequest, StaffAccess

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


class EvmLedger:
    """A `Ledger` on a real chain. Safe for threads; one per process is enough.

    Args:
        network: the pins and the endpoints.
        clock: this machine's clock, which judges how old the head is.
        relayer: the account that pays for transactions; None to read only.
        lock_path: a file that all processes with this relayer share.
        timeout_s: how long an act may take from sending until final.
        request_timeout_s: how long an endpoint may take for one answer.
        patience_s: an act without progress for so long is sent again.
        gas_price_wei: 0 on chains without fees.
        carried: told of every act that the ledger takes, before it is sent (a grant: before it is answered for); what
            it raises keeps the act from that. Not of releases by staff, nor of acts that took effect before.

    Raises:
        ConfigError: the network's settings are incomplete.
    """

    def __init__(
        self,
        network: Network,
        *,
        clock: Clock,
        relayer: LocalAccount | None = None,
        lock_path: Path | None = None,
        timeout_s: float = 30.0,
        request_timeout_s: float = 10.0,
        patience_s: float = 3.0,
        gas_price_wei: int = 0,
        carried: Callable[[Act], None] = lambda _: None,
    ) -> None:
        self._rpc = Rpc(network.rpc_urls, timeout_s=request_timeout_s)
        self._chain = Chain(network, self._rpc, clock)
        self._history = History(self._chain)
        self._receipts = ReceiptProofs(self._chain)
        self._relay: Relay | None = None
        self._carried = carried
        self.domains = domains_of(network)
        if relayer is not None:
            lane = Lane(self._chain, relayer, network.chain_id, lock_path=lock_path, gas_price_wei=gas_price_wei)
            self._relay = Relay(self._chain, lane, timeout_s=timeout_s, patience_s=patience_s)
            self._foresight = Foresight(self._chain)
            self._recorder = Recorder(self._chain, self._relay, self._history, self._foresight, clock)
            self._carrier = Carrier(self._chain, self._relay, self._history)
            self._granter = Granter(self._chain, self._relay, self._history, self._carrier)

    def close(self) -> None:
        """Close the connections."""
        self._rpc.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check(self) -> None:
        """Compare the endpoint with the network's pins now; other methods do it before their first answer.

        Raises:
            ConfigError: wrong network, contracts not deployed, or other code at an address.
            LedgerUnreachableError: no endpoint answers.
        """
        self._chain.check()

    def head(self) -> Head:
        """Return the newest final head; see `fiducia.ports.Ledger.head`."""
        return self._chain.head()

    def block(self, number: int) -> Head:
        """Return one block; see `fiducia.ports.Ledger.block`."""
        return self._chain.block(number)

    def facts(self, access: Access) -> Facts:
        """Return all facts about one request; see `fiducia.ports.Ledger.facts`."""
        verified = verify_access(self.domains, access)
        if self._relay is None or not isinstance(access, StaffAccess) or verified.signer != access.badge.badge.session:
            return facts.read(self._chain, access, verified)[0]
        # Who may record asks for this first: what recording would say is asked along.
        found, answers = facts.read(self._chain, access, verified, self._foresight.questions(access))
        self._foresight.note(access, answers)
        return found

    def are_open(self, requests: Sequence[KeyRequest]) -> tuple[Head, tuple[bool, ...]]:
        """Ask isOpen for each request at one block; see `fiducia.ports.Ledger.are_open`."""
        questions = [self._chain.view("Releases", "isOpen", values_of(request)) for request in requests]
        head, answers = self._chain.ask(*questions)
        return head, tuple(bool(is_open) for (is_open,) in answers)

    def events(self, first_block: int, last_block: int) -> Iterator[LedgerEvent]:
        """Yield events in order; see `fiducia.ports.Ledger.events`."""
        return self._history.events(first_block, last_block)

    def anchors(self) -> EvmAnchors:
        """Return the checkpoints of members' logs on this chain."""
        return EvmAnchors(self._chain, self._relay)

    def has_receipt_proofs(self) -> bool:
        """Tell whether receipts can be proved; see `fiducia.ports.Receipts`."""
        return self._receipts.exist()

    def receipt_proof(self, event: LedgerEvent) -> ReceiptProof | None:
        """Return the proof of an event's receipt; see `fiducia.ports.Receipts`."""
        return self._receipts.of(event)

    def submit(self, act: Act) -> Receipt:
        """Carry an act to the chain; see `fiducia.ports.Ledger.submit`.

        An act that took effect before is success, with the earlier events where they are found and no gas.
        Releases that several threads record at once share a transaction, and its gas in equal parts; so do grants.
        """
        if self._relay is None:
            raise ConfigError("this profile has no relayer's account: it can read the ledger only")
        if isinstance(act, RecordAct) and isinstance(act.access, StaffAccess):
            return self._recorder.record(act.access)
        if isinstance(act, GrantAct | GrantBatchAct):
            given = self._granter.give(act) if isinstance(act, GrantAct) else self._granter.give_batch(act)
            if given.gas_used:  # the ledger judges grants in company: what it refused, or had, was not carried
                self._carried(act)
            return given
        return self._carrier.carry(acts.plan_of(self._chain, act), before=lambda: self._carried(act))
