"""A member's own LOG key, as journeys use it."""

from __future__ import annotations

from typing import Protocol

from fiducia.core.tlog.attestation import Attestation
from fiducia.core.tlog.checkpoint import Checkpoint
from fiducia.core.tlog.note import Note, NoteSignature


class OwnLogKey(Protocol):
    """A member's own LOG key; which one it is may change while a process runs."""

    @property
    def public(self) -> bytes:
        """What is published. Raises: KeyMissingError, VaultError."""
        ...

    def sign(self, checkpoint: Checkpoint, at: int) -> Note:
        """Return a checkpoint of one's own log, signed, as of a time in UTC Unix seconds."""
        ...

    def attest(self, name: str, attestation: Attestation) -> Note:
        """Return an attestation, signed under the member's name."""
        ...

    def cosign(self, name: str, checkpoint: Checkpoint, at: int) -> tuple[NoteSignature, ...]:
        """Return a witness's cosignatures of another's checkpoint, as of a time in UTC Unix seconds."""
        ...
