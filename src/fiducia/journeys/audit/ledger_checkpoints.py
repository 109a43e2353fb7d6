"""Checkpoints of the ledger: each member's broker signs what its own replay has, and whoever proves collects them.

All members that replay the same chain compute the same tree over its events, so they sign the same root for a block;
one that does not is named. Signing is no act on anything: the same block may be signed any number of times.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fiducia.core import ids, wire
from fiducia.core.formats.growing import GrowingTree
from fiducia.core.formats.provenance import AnchoredEvent, Checkpointed
from fiducia.core.provenance import statement_of
from fiducia.core.replay import State
from fiducia.core.signatures import recover_or_none
from fiducia.core.typed_data import Domains
from fiducia.errors import FiduciaError, LedgerInconsistencyError, NotThereError
from fiducia.ports import Broker, Clock, Ledger, Mirror, Signer
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import Head, KeyKind
from fiducia.records.provenance import LedgerCheckpoint, MemberSignature, SignedCheckpoint

AT_ONCE = 16


class EventTree:
    """The tree over all events' records as a mirror has them, grown as blocks come. Thread-safe.

    Example:
        ``EventTree(mirror).at(block_number)``
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._lock = threading.Lock()
        self._tree = GrowingTree()
        self._blocks = array("Q")  # of each leaf
        self._reached = -1

    def at(self, block_number: int) -> tuple[int, bytes]:
        """Return how many events there are up to and including a block that the mirror reached, and their root."""
        with self._lock:
            size = self._size(block_number)
            return size, self._tree.root(size)

    def event(self, event: LedgerEvent) -> AnchoredEvent:
        """Return an event with its path to the root of its own block's tree. Raises: LedgerInconsistencyError."""
        record, number = wire.encode(event), event.block_number
        with self._lock:
            size = self._size(number)
            first = bisect_left(self._blocks, number)
            of_block = [body for _, body in self._mirror.records(number, number)]
            if record not in of_block:
                raise LedgerInconsistencyError(f"block {number} does not have an event that was replayed")
            position = first + of_block.index(record)
            return AnchoredEvent(record, position, self._tree.path(position, size))

    def _size(self, block_number: int) -> int:
        if block_number > self._reached:
            for number, record in self._mirror.records(self._reached + 1, block_number):
                self._tree.append(record)
                self._blocks.append(number)
            self._reached = block_number
        return bisect_right(self._blocks, block_number)


class ViewLedger:
    """What a replay of one's own says about a final block.

    Example:
        ``ViewLedger(ledger=ledger, mirror=mirror, tree=tree).run(block_number).root``
    """

    def __init__(self, *, ledger: Ledger, mirror: Mirror, tree: EventTree) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._tree = tree

    def run(self, block_number: int) -> Checkpointed:
        """Return it, signed by nobody.

        Raises:
            NotThereError: a block to come. LedgerInconsistencyError: another chain than was seen before.
            LedgerError: the chain cannot be asked. VaultError: the mirror cannot be read.
        """
        # Catching up holds the chain against what was mirrored: a rewritten one is signed by nobody.
        state = self._mirror.catch_up()
        if block_number > state.head.number:
            raise NotThereError(f"block {block_number} is not final yet; the newest one is {state.head.number}")
        block = state.head if block_number == state.head.number else self._ledger.block(block_number)
        events, root = self._tree.at(block_number)
        return Checkpointed(Head(block_number, block.hash, block.time_at), events, root, ())


class SignLedgerCheckpoint:
    """A broker signs what its member's replay has.

    Example:
        ``SignLedgerCheckpoint(view=view, clock=clock, domains=domains, institution=1, signer=key).run(block_number)``
    """

    def __init__(self, *, view: ViewLedger, clock: Clock, domains: Domains, institution: int, signer: Signer) -> None:
        self._view = view
        self._clock = clock
        self._domains = domains
        self._institution = institution
        self._signer = signer

    def run(self, block_number: int) -> SignedCheckpoint:
        """Sign. Raises: as `ViewLedger.run`."""
        seen = self._view.run(block_number)
        # A broker's clock may be behind the chain's by a little: nobody signs before there was what they sign.
        signed_at = max(self._clock.now(), seen.block.time_at)
        statement = statement_of(seen, self._institution, signed_at)
        return SignedCheckpoint(statement, self._signer.sign(self._domains.digest(statement)))


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of asking the members.

    Attributes:
        checkpoint: one's own view, with the signatures of those who say the same.
        missing: (institution, why) of those whose signature is not among them.
    """

    checkpoint: Checkpointed
    missing: tuple[tuple[int, str], ...]


class CollectLedgerCheckpoints:
    """Ask every active member's broker for its word about a block, and keep those that agree with one's own replay.

    Example:
        ``CollectLedgerCheckpoints(view=view, mirror=mirror, broker_of=broker_of, domains=domains).run(block_number)``
    """

    def __init__(
        self, *, view: ViewLedger, mirror: Mirror, broker_of: Callable[[int], Broker], domains: Domains
    ) -> None:
        """Take the ports; `broker_of` finds an institution's broker by its number."""
        self._view = view
        self._mirror = mirror
        self._broker_of = broker_of
        self._domains = domains

    def run(self, block_number: int) -> Collected:
        """Collect; a member that cannot be reached or says otherwise is named. Raises: as `ViewLedger.run`."""
        seen = self._view.run(block_number)
        state = self._mirror.state()
        members = [member.institution for member in state.members() if member.active]
        with ThreadPoolExecutor(min(AT_ONCE, len(members)), thread_name_prefix="checkpoint") as threads:
            answers = list(threads.map(lambda member: self._ask(state, seen, member), members))
        signed = tuple(answer for answer in answers if isinstance(answer, MemberSignature))
        missing = tuple(
            (member, answer)
            for member, answer in zip(members, answers, strict=True)
            if not isinstance(answer, MemberSignature)
        )
        return Collected(Checkpointed(seen.block, seen.events, seen.root, signed), missing)

    def _ask(self, state: State, seen: Checkpointed, institution: int) -> MemberSignature | str:
        try:
            answer = self._broker_of(institution).checkpoint(seen.block.number)
        except FiduciaError as error:
            return str(error)
        said = answer.checkpoint
        if said != statement_of(seen, institution, said.signed_at):
            return f"it says otherwise about block {seen.block.number}: one of the two sees another chain"
        if not self._is_signed(state, said, answer.signature):
            return "its signature is not by a broker that it published"
        return MemberSignature(institution, said.signed_at, answer.signature)

    def _is_signed(self, state: State, said: LedgerCheckpoint, signature: bytes) -> bool:
        address = recover_or_none(self._domains.digest(said), signature)
        if address is None:
            return False
        end = state.key_end(said.institution, KeyKind.BROKER_SIGN, ids.key_hash(KeyKind.BROKER_SIGN, address))
        return said.signed_at < end
