"""The ledger, what it keeps of its own acts, and a local view of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from fiducia.core.replay import State
from fiducia.records.events import LedgerEvent
from fiducia.records.journal import AnchoredNote
from fiducia.records.ledger import Act, Facts, Head, Receipt
from fiducia.records.provenance import ReceiptProof
from fiducia.records.typed import Access, KeyRequest


class Ledger(Protocol):
    """The chain as fiducia sees it: facts at one block, acts, events.

    Every method may raise LedgerUnreachableError; ones that read the present raise LedgerStaleError when
    the head's time is further from this machine's clock than the network's profile allows.
    """

    def head(self) -> Head:
        """Return the newest final head."""
        ...

    def block(self, number: int) -> Head:
        """Return one block, not newer than a head that was seen: whether a chain is still the same one.

        Raises:
            LedgerInconsistencyError: the chain has no such block.
        """
        ...

    def facts(self, access: Access) -> Facts:
        """Return all facts about one request, read at one final block."""
        ...

    def are_open(self, requests: Sequence[KeyRequest]) -> tuple[Head, tuple[bool, ...]]:
        """Ask the ledger's own `isOpen` for each request at one final block."""
        ...

    def submit(self, act: Act) -> Receipt:
        """Carry an act to the chain and wait until it is final. Simulated first.

        Raises:
            DeniedError: a RecordAct that the contract refuses; `.reason` is its first reason.
            InputError, SignatureError: the contract refuses the act for what it says or who signed it.
            LedgerNotFinalError: sent, not final in time; submitting the same act again is safe.
            UnexpectedRevertError: anything else the contract said.
        """
        ...

    def events(self, first_block: int, last_block: int) -> Iterator[LedgerEvent]:
        """Yield the five contracts' events in order, both ends inclusive.

        Raises:
            LedgerInconsistencyError: an event that does not decode, or out of order.
        """
        ...


class Receipts(Protocol):
    """Receipts proved to their block's hash, where the chain's blocks let them be."""

    def has_receipt_proofs(self) -> bool:
        """Tell whether blocks' hashes are those of Ethereum headers. Raises: LedgerUnreachableError."""
        ...

    def receipt_proof(self, event: LedgerEvent) -> ReceiptProof | None:
        """Return the proof of the receipt that has an event; None where blocks have other hashes.

        Raises:
            LedgerInconsistencyError: the block's receipts are not those that its header commits to.
            LedgerUnreachableError: no endpoint answers, or none has receipts.
        """
        ...


class Mirror(Protocol):
    """A member's own copy of the ledger's events, replayed: the last facts seen, chain up or down."""

    def catch_up(self) -> State:
        """Read new final blocks, keep them durably, and return the state; it does not change afterwards.

        Raises:
            LedgerError: the chain cannot be asked; `state` still answers.
            LedgerInconsistencyError: another chain than before, a rewritten one, or impossible events.
            VaultError: the mirror's file cannot be read or written.
        """
        ...

    def state(self) -> State:
        """Return the state as last seen, without asking the chain."""
        ...

    def records(self, first_block: int, last_block: int) -> Iterator[tuple[int, bytes]]:
        """Yield what is kept of a stretch of blocks: each event's block number and canonical record, in order.

        Both ends are inclusive; `last_block` is not later than a state's head. Raises: VaultError.
        """
        ...


class Anchors(Protocol):
    """Checkpoints on chain. Anybody can put anything there: a note counts when its signatures do."""

    def anchor(self, origin_hash: bytes, note: bytes) -> AnchoredNote:
        """Put a note on chain and wait until it is final. Raises: LedgerError, ConfigError."""
        ...

    def anchored(self, origin_hash: bytes, first_block: int, last_block: int) -> tuple[AnchoredNote, ...]:
        """Return the notes of a log in a stretch of blocks, both ends inclusive, oldest first. Raises: LedgerError."""
        ...
