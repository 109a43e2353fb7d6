"""What the world must offer: small protocols with their duties, durability and errors.

Adapters implement them, journeys use them, `app.wiring` joins the two. Every port has an in-memory
version in `adapters.memory` that passes the same test suite as the real ones (tests/ports). Errors are
only those named; anything else out of an adapter is a defect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from fiducia.core.replay import State
from fiducia.records.events import LedgerEvent
from fiducia.records.images import (
    HandOver,
    IntakeProblem,
    JournalEntry,
    PatientIdentity,
    Release,
    StoredObject,
    StudyEntry,
    StudyState,
    SubjectEntry,
)
from fiducia.records.ledger import Act, Facts, Head, Receipt
from fiducia.records.typed import Access, KeyRequest

Piece = bytes | bytearray | memoryview


class Clock(Protocol):
    """Civil time; the chain's own time comes with each `Head`."""

    def now(self) -> int:
        """Return UTC Unix seconds."""
        ...


class Entropy(Protocol):
    """The source of keys, salts and nonces."""

    def token(self, size_bytes: int) -> bytes:
        """Return that many bytes from the operating system's generator."""
        ...


class Steps(Protocol):
    """Where a journey stands; called between any two steps that leave a trace in the world."""

    def reached(self, point: str) -> None:
        """Note a named point, such as "register.keys-deposited". Must not raise in production."""
        ...


class Progress(Protocol):
    """Long work as people watch it."""

    def start(self, what: str, total_bytes: int) -> None:
        """Begin a stretch of work."""
        ...

    def advance(self, size_bytes: int) -> None:
        """Report more bytes done."""
        ...


class Store(Protocol):
    """Where encrypted objects lie. Trusted with availability only: callers verify what they read."""

    def put(self, cid: Callable[[], str], pieces: Iterable[Piece]) -> StoredObject:
        """Store `pieces` as one object, durable (synced and pinned) when this returns.

        `cid` is asked once, after the last piece: our own computation. Pieces may share one reused
        buffer: consume each before asking for the next.

        Raises:
            StoreCorruptError: the store names another CID; the object is removed again.
            StoreError: not stored.
        """
        ...

    def read(self, cid: str, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`.

        Raises:
            StoreMissingError: absent, short, or no answer in time.
            StoreCorruptError: more bytes, or the store itself finds them altered.
        """
        ...

    def size(self, cid: str) -> int:
        """Return the object's size in bytes. Raises: StoreMissingError, StoreError."""
        ...

    def remove(self, cid: str) -> None:
        """Forget an object; absent is done. Raises: StoreError."""
        ...

    def health(self) -> None:
        """Return when reads and writes can be expected to work. Raises: StoreError."""
        ...


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


class Vault(Protocol):
    """Secrets by name, sealed at rest. Names carry no identity; `/` separates their parts."""

    def put(self, secrets: Mapping[str, bytes]) -> None:
        """Keep all of them or none, durable when this returns. An existing name is replaced.

        Raises: VaultError, VaultLockedError.
        """
        ...

    def get(self, name: str) -> bytes:
        """Return one secret. Raises: KeyMissingError, VaultLockedError."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Destroy secrets; absent ones are done. Overwritten on disk where the medium allows."""
        ...

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the names that start with `prefix`, sorted."""
        ...


class Patients(Protocol):
    """The directory's first half: identity <-> subject, at the custodian only, sealed at rest."""

    def subject_of(self, identity: PatientIdentity) -> SubjectEntry | None:
        """Return the entry of an identity, if it is known."""
        ...

    def add(self, entry: SubjectEntry) -> SubjectEntry:
        """Add a patient durably; when the identity is known already, return that entry unchanged."""
        ...

    def all(self) -> tuple[SubjectEntry, ...]:
        """Return every patient."""
        ...


class Studies(Protocol):
    """The directory's second half: UID <-> study_id and numbers, at the custodian only, sealed at rest."""

    def claim(self, study_instance_uid: str) -> AbstractContextManager[None]:
        """Hold a study alone, across processes; a crash lets go. Raises: LimitError after a while."""
        ...

    def find(self, study_instance_uid: str) -> StudyState:
        """Return what is anchored and what is pending; an unknown study is an empty state."""
        ...

    def propose(self, entry: StudyEntry) -> None:
        """Keep the entry as pending (all that is needed to finish after a crash), replacing an older one."""
        ...

    def confirm(self, entry: StudyEntry) -> None:
        """Make the entry the anchored one and clear the pending one, in one transaction."""
        ...

    def all(self) -> tuple[StudyEntry, ...]:
        """Return the newest anchored entry of every study."""
        ...


class Journal(Protocol):
    """A broker's durable, append-only record of its acts. No durable journal, no release."""

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append all in one durable write. Raises: JournalError."""
        ...

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """Yield entries in order, all or of one kind. Raises: JournalError."""
        ...

    def health(self) -> None:
        """Return when an append can be expected to succeed. Raises: JournalError."""
        ...


class InstanceSource(Protocol):
    """One candidate instance; may be opened more than once."""

    @property
    def where(self) -> str:
        """Where it was found, for the person who gave it."""
        ...

    @property
    def size_bytes(self) -> int:
        """Its size when it was found."""
        ...

    def open(self) -> BinaryIO:
        """Open it for reading. Raises: DicomError (unreadable, changed, gone)."""
        ...


class Intake(Protocol):
    """Where instances come from."""

    def find(self, paths: Sequence[str]) -> Iterator[InstanceSource | IntakeProblem]:
        """Yield candidates and what was not taken, in a stable order, without reading whole files.

        Raises: InputError (a path that does not exist, or nothing at all to read).
        """
        ...


class Destination(Protocol):
    """Where fetched instances go. Nothing is visible at the final place before `publish`."""

    def staged(self, series: int, instance: int) -> BinaryIO | None:
        """Open what an earlier, interrupted run staged, or None."""
        ...

    def stage(self, series: int, instance: int, pieces: Iterable[Piece]) -> None:
        """Stage one instance whole; when `pieces` raises, nothing of it stays. Raises: InputError (disk full)."""
        ...

    def publish(self) -> None:
        """Show everything staged at its final place, durable; a crash leaves whole series or none.

        Raises:
            InputError: the place holds other files under those names.
        """
        ...

    def discard(self) -> None:
        """Remove everything staged, leaving no trace."""
        ...


class Signer(Protocol):
    """A key that signs EIP-712 digests."""

    @property
    def address(self) -> bytes:
        """The signer bytes: a 20-byte address; a patient's may be a passkey's 84."""
        ...

    def sign(self, digest: bytes) -> bytes:
        """Return the 65-byte low-s signature (r, s, v in 27..28) over a 32-byte digest; a passkey's its assertion."""
        ...


class Broker(Protocol):
    """What a member's broker offers to others. Callers prove themselves by what they sign.

    Every method may raise LedgerError (the broker or its chain cannot be reached) and what the journeys
    behind it raise, rebuilt from the broker's problem answer.
    """

    def relay(self, act: Act) -> Receipt:
        """Have a signed grant relayed to the chain."""
        ...

    def revoke(self, act: Act) -> bool:
        """Have a signed revoke taken: durable and denied from now on; True when already on chain."""
        ...

    def release(self, access: Access) -> Release:
        """Have a request decided and recorded. Raises: DeniedError."""
        ...

    def hand_over(self, access: Access) -> HandOver:
        """Collect the sealed keys of a recorded request. Raises: DeniedError, KeyMissingError."""
        ...
