"""What a log sends to a witness: the size that the witness knows, the proof from there, the checkpoint.

Source: C2SP tlog-witness, add-checkpoint.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from fiducia.core.tlog.checkpoint import decimal
from fiducia.core.tlog.note import NOTE_MAX_BYTES, Note, decoded, parse_note
from fiducia.errors import EncodingError, LogConflictError
from fiducia.records.journal import KeptCheckpoint

MAX_PROOF: Final = 63


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """One request to a witness."""

    old_size: int
    proof: tuple[bytes, ...]
    note: Note

    def __bytes__(self) -> bytes:
        """The request's body."""
        return f"old {self.old_size}\n{hash_lines(self.proof)}\n".encode() + bytes(self.note)


def parse_add_checkpoint(data: bytes) -> AddCheckpoint:
    """Return the request in a body. Raises: EncodingError."""
    head, blank, note = data.partition(b"\n\n")
    if len(data) > NOTE_MAX_BYTES or not blank:
        raise EncodingError("not a request to a witness: an old size, a proof, a blank line and a checkpoint")
    first, *lines = head.decode(errors="replace").split("\n")
    if not first.startswith("old ") or len(lines) > MAX_PROOF:
        raise EncodingError("a request to a witness begins with the old size, and has at most 63 hashes")
    return AddCheckpoint(decimal(first.removeprefix("old ")), hashes_in(lines), parse_note(note))


def hash_lines(hashes: tuple[bytes, ...]) -> str:
    """Return hashes, each in a line of its own."""
    return "".join(base64.b64encode(each).decode() + "\n" for each in hashes)


def hashes_in(lines: list[str]) -> tuple[bytes, ...]:
    """Return the hashes in lines. Raises: EncodingError."""
    found = tuple(decoded(line) for line in lines)
    if any(len(each) != 32 for each in found):
        raise EncodingError("a hash of the log has 32 bytes")
    return found


def origin_hash(origin: str) -> bytes:
    """Return the hash under which witnesses and the chain know a log (32 bytes)."""
    return hashlib.sha256(origin.encode()).digest()


def require_following(newest: KeptCheckpoint | None, kept: KeptCheckpoint, old_size: int) -> None:
    """Return when a checkpoint may take the newest one's place. Raises: LogConflictError."""
    known = newest.size if newest else 0
    if old_size != known or kept.size < known:
        raise LogConflictError(size=known)
    if newest is not None and kept.size == known and kept.root != newest.root:
        raise LogConflictError("a checkpoint of that size and another root is known", size=known)
