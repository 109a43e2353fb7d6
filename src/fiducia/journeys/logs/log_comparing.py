"""Comparing a log with other checkpoints of it: what cannot follow is a finding, and where it can be, evidence.

Knows one log at one moment; whom to ask is `log_audit`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fiducia.core.formats.merkle_proofs import Nodes, full_proof, root_of, roots_behind
from fiducia.core.tlog.checkpoint import Checkpoint, parse_checkpoint
from fiducia.core.tlog.evidence import Evidence, Lie, judge
from fiducia.core.tlog.note import Note, parse_note
from fiducia.core.tlog.proof import signed_by_one
from fiducia.core.tlog.signing import require_plainly_signed
from fiducia.errors import EncodingError, NotThereError, ProofError, SignatureError


@dataclass(frozen=True, slots=True)
class LogFinding:
    """Something about a log that should not be.

    Attributes:
        code: UNSIGNED, STALE, TILES, SHRUNK, FORKED, REWRITTEN, TRUNCATED, UNWITNESSED or ANOTHER_LOG.
        detail: in words, with what it was compared with.
        evidence: for whoever must believe it; empty where it is our word alone.
    """

    code: str
    detail: str
    evidence: bytes = b""


class Looking:
    """One look at a log: its checkpoint, its tree, and what was found so far."""

    def __init__(
        self, note: Note, checkpoint: Checkpoint, signed_at: int, nodes: Nodes, publics: Sequence[bytes]
    ) -> None:
        self.note = note
        self.checkpoint = checkpoint
        self.signed_at = signed_at
        self.findings: list[LogFinding] = []
        self._nodes = nodes
        self._publics = publics

    def find(self, code: str, detail: str, evidence: Evidence | None = None) -> None:
        """Note a finding; evidence that would not be believed is left out."""
        data = b""
        if evidence is not None:
            try:
                judge(evidence, self._publics)
                data = bytes(evidence)
            except (ProofError, SignatureError):
                detail += " (our word alone: the two checkpoints do not prove it by themselves)"
        self.findings.append(LogFinding(code, detail, data))

    def require_tiles(self) -> None:
        """Check that the log shows the tree that it signed."""
        try:
            if root_of(self._nodes, self.checkpoint.size) != self.checkpoint.root:
                self.find("TILES", "its tiles lead to another root than its checkpoint's")
        except (ProofError, NotThereError) as error:
            self.find("TILES", f"its tiles do not make its tree: {error}")

    def compare_anchor(self, data: bytes, block: int) -> bool:
        """Compare with a note on chain, where anybody may have put it."""
        return self.compare(data, f"what it anchored in block {block}")

    def compare(self, data: bytes, what: str, *, strict: bool = False) -> bool:
        """Compare with a note; False when it is no checkpoint that the log signed, which says nothing about the log.

        Raises:
            EncodingError: that, where it is to be an error (`strict`).
        """
        try:
            other = parse_note(data)
            theirs = parse_checkpoint(other.text)
        except EncodingError:
            if strict:
                raise
            return False
        mine = self.checkpoint
        if theirs.origin != mine.origin or not _plainly_signed(other, theirs, self._publics):
            if strict:
                raise EncodingError(f"{what} is not a checkpoint that this log signed")
            return False
        if theirs.size == mine.size:
            if theirs.root != mine.root:
                self.find(
                    "FORKED",
                    f"another tree of {mine.size} entries than {what}",
                    _evidence(Lie.FORKED, other, self.note),
                )
        elif theirs.size > mine.size:
            self._smaller_than(other, theirs, what)
        elif theirs.size:
            self._larger_than(other, theirs, what)
        return True

    def _smaller_than(self, other: Note, theirs: Checkpoint, what: str) -> None:
        try:
            earlier = signed_by_one(other, theirs, self._publics)
        except SignatureError:
            earlier = 0  # an anchor: it has no time of its own
        if earlier and earlier >= self.signed_at:
            self.find("SHRUNK", f"it shows {self.checkpoint.size} entries, an older state than {what}: {theirs.size}")
            return
        detail = f"it has {self.checkpoint.size} entries, fewer than {what}: {theirs.size}"
        self.find("TRUNCATED", detail, _evidence(Lie.TRUNCATED, other, self.note))

    def _larger_than(self, other: Note, theirs: Checkpoint, what: str) -> None:
        mine = self.checkpoint
        try:
            proof = full_proof(self._nodes, theirs.size, mine.size)
            old_root, new_root = roots_behind(theirs.size, mine.size, proof)
        except (ProofError, NotThereError) as error:
            self.find("TILES", f"it does not show how it grew since {what}: {error}")
            return
        if new_root != mine.root:
            self.find("TILES", f"its tiles lead to another root than its checkpoint's, compared with {what}")
        elif old_root != theirs.root:
            detail = f"its first {theirs.size} entries are not those of {what}"
            self.find("REWRITTEN", detail, _evidence(Lie.REWRITTEN, other, self.note, proof))


def _evidence(kind: Lie, first: Note, second: Note, proof: Sequence[bytes] = ()) -> Evidence:
    return Evidence(kind, first, second, tuple(proof))


def _plainly_signed(note: Note, checkpoint: Checkpoint, publics: Sequence[bytes]) -> bool:
    for public in publics:
        try:
            require_plainly_signed(note, checkpoint, public)
        except SignatureError:
            continue
        return True
    return False
