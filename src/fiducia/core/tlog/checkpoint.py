"""A checkpoint: which log, how many leaves, and their root. Source: C2SP tlog-checkpoint.

Extension lines are refused: the ML-DSA signature would not cover them, and none of ours has any.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from fiducia.core.tlog.note import decoded
from fiducia.core.typed_data import Domains
from fiducia.errors import EncodingError

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The first `size` leaves of a log have this root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that a note's text is. Raises: EncodingError."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise EncodingError("a checkpoint has three lines: origin, size, root")
    root = decoded(lines[2])
    if len(root) != 32:
        raise EncodingError("a checkpoint's root has 32 bytes")
    return Checkpoint(lines[0], decimal(lines[1]), root)


def decimal(text: str) -> int:
    """Return a size or an index. Raises: EncodingError."""
    if not _DECIMAL.fullmatch(text):
        raise EncodingError("a size is a decimal number without needless zeros")
    return int(text)


def origin_of(domains: Domains, institution: int) -> str:
    """Return the name of a member's log, and of the member as a witness: unique to the ledger and the institution."""
    return f"fiducia/v1/{domains.chain_id}/{domains.members.hex()}/{institution}"
