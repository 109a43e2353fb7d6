"""What an institution keeps: objects, secrets, its directory of patients and studies, its journal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from fiducia.records.images import (
    JournalEntry,
    PatientIdentity,
    StoredObject,
    StudyEntry,
    StudyState,
    SubjectEntry,
)
from fiducia.records.journal import Disclosed

Piece = bytes | bytearray | memoryview


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

    def remove(self, identity: PatientIdentity) -> None:
        """Destroy the entry of an identity, durably; an absent one is done."""
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

    def states(self) -> Iterator[StudyState]:
        """Yield what is anchored and what is pending of every study, in the order they became known, some at a time."""
        ...

    def remove(self, study_instance_uid: str) -> None:
        """Destroy what is anchored and what is pending of a study, durably; an unknown one is done."""
        ...


class Journal(Protocol):
    """A broker's durable, append-only record of its acts. No durable journal, no release."""

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append all in one durable write. Raises: JournalError."""
        ...

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """Yield entries in order, all or of one kind. Raises: JournalError."""
        ...

    def size(self) -> int:
        """Return how many entries there are. Raises: JournalError."""
        ...

    def leaves(self, start: int, end: int) -> Sequence[bytes]:
        """Return what stands in the log for the entries from `start` up to `end`, counted from 0 (`core.tlog.leaf`).

        Raises:
            JournalError: unreadable, or one of them is not there.
        """
        ...

    def disclose(self, index: int) -> Disclosed:
        """Return an entry with the salt that opens its leaf; the two agree. Raises: JournalError."""
        ...

    def since(self, reached: int, kinds: Collection[str]) -> tuple[int, Sequence[JournalEntry]]:
        """Return how far the journal reaches, and its entries of some kinds after a place in it, in order.

        Args:
            reached: an earlier answer's first half; 0 for all. That nothing came since is found out cheaply.
            kinds: what is wanted.

        Raises: JournalError (unreadable, or shorter than it was).
        """
        ...

    def health(self) -> None:
        """Return when an append can be expected to succeed. Raises: JournalError."""
        ...
