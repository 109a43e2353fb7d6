"""What members show each other and auditors of their journals: disclosed entries, kept and anchored checkpoints."""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.records.images import JournalEntry


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One entry with the salt (32 bytes) that opens its leaf; `index` counts from 0."""

    index: int
    entry: JournalEntry
    salt: bytes


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
    """The newest checkpoint of a log that somebody signed, cosigned or saw; `note` has all its signatures."""

    origin: str
    size: int
    root: bytes  # 32 bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class AnchoredNote:
    """A checkpoint as it stands on chain; nothing of it is verified yet."""

    note: bytes
    block_number: int
    transaction_hash: bytes
