"""A member's journal as a log: its leaves, and the door where others read it."""

from __future__ import annotations

from typing import Protocol

from fiducia.core.tlog.tiles import Tile
from fiducia.records.journal import KeptCheckpoint


class Logbook(Protocol):
    """What somebody remembers of logs: the newest checkpoint of each, its own among them; and who was caught lying."""

    def newest(self, origin: str) -> KeptCheckpoint | None:
        """Return the newest checkpoint kept of a log. Raises: JournalError."""
        ...

    def all(self) -> tuple[KeptCheckpoint, ...]:
        """Return the newest checkpoint of every log, by origin. Raises: JournalError."""
        ...

    def keep(self, kept: KeptCheckpoint, old_size: int) -> None:
        """Keep a checkpoint instead of the newest one of its log; durable when this returns.

        Args:
            kept: not smaller than the newest one; of the same size only with the same root.
            old_size: the newest one's size, 0 when there is none: looked at and replaced in one step.

        Raises:
            LogConflictError: the newest one has another size, or another root; nothing was kept.
            JournalError: not kept.
        """
        ...

    def accuse(self, evidence: bytes) -> None:
        """Keep evidence for good; the same again changes nothing. Raises: JournalError."""
        ...

    def evidence(self) -> tuple[bytes, ...]:
        """Return all evidence, oldest first. Raises: JournalError."""
        ...


class LogDoor(Protocol):
    """A member's log, and the member as a witness, as others reach them. Nothing of what it says is verified.

    Every method may raise LedgerUnreachableError: the member does not answer.
    """

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint, a signed note. Raises: NotThereError (none was signed yet)."""
        ...

    def tile(self, tile: Tile) -> bytes:
        """Return a tile's or a bundle's content. Raises: NotThereError."""
        ...

    def add_checkpoint(self, request: bytes) -> bytes:
        """Have a checkpoint cosigned; return the signature lines (`core.tlog.witness`).

        Raises:
            LogConflictError: the witness knows another size than the request names; `.size` is it.
            NotThereError: it does not know the log. SignatureError: not signed by the log. ProofError: inconsistent.
            EncodingError: not such a request.
        """
        ...

    def witnessed(self, origin_hash: bytes) -> bytes:
        """Return the newest checkpoint that the witness cosigned of a log. Raises: NotThereError."""
        ...
