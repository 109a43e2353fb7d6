"""Proof that a log has lied: two checkpoints under its own keys that cannot both be of one growing list.

    forked      one size, two roots
    rewritten   the larger tree does not begin with the smaller one, as the larger one's own proof shows
    truncated   as of a later time the log says that it never was as large as it had said before

Whoever holds the log's published keys can judge it, offline, without believing whoever found it.
Source: C2SP tlog-checkpoint ("a log must not sign ..."), tlog-cosignature; docs/formats.md, section 20.
"""

from __future__ import annotations

import base64
import enum
from collections.abc import Sequence
from dataclasses import dataclass

from fiducia.core.formats.canonical import Fields, canonical_json, parse_canonical
from fiducia.core.formats.merkle_proofs import roots_behind
from fiducia.core.tlog.checkpoint import Checkpoint, parse_checkpoint
from fiducia.core.tlog.note import NOTE_MAX_BYTES, Note, parse_note
from fiducia.core.tlog.proof import signed_by_one
from fiducia.core.tlog.signing import require_plainly_signed
from fiducia.core.tlog.witness import MAX_PROOF, hashes_in
from fiducia.errors import EncodingError, ProofError, SignatureError

FORMAT = "fiducia/v1/log-evidence"


class Lie(enum.Enum):
    """What a log did."""

    FORKED = "forked"
    REWRITTEN = "rewritten"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two signed checkpoints of one log; `proof` is of the larger tree, where trees must be compared."""

    kind: Lie
    first: Note
    second: Note
    proof: tuple[bytes, ...] = ()

    @property
    def origin(self) -> str:
        """The log that it is about."""
        return parse_checkpoint(self.first.text).origin

    def __bytes__(self) -> bytes:
        """The evidence as a file."""
        notes = {name: bytes(note).decode() for name, note in (("first", self.first), ("second", self.second))}
        proof = [base64.b64encode(each).decode() for each in self.proof]
        return canonical_json({"format": FORMAT, "kind": self.kind.value, "proof": proof} | notes)


def is_evidence(data: bytes) -> bool:
    """Tell whether a file says that it is evidence."""
    return data.startswith(b"{") and f'"format":"{FORMAT}"'.encode() in data


def parse_evidence(data: bytes) -> Evidence:
    """Return the evidence in a file; nothing is judged. Raises: EncodingError."""
    what = "the evidence"
    fields = Fields(parse_canonical(data, what=what, max_bytes=3 * NOTE_MAX_BYTES), what)
    fields.constant("format", FORMAT)
    kind, lines = fields.text("kind"), fields.items("proof")
    first, second = (parse_note(fields.text(name).encode()) for name in ("first", "second"))
    fields.close()
    if kind not in {each.value for each in Lie} or len(lines) > MAX_PROOF + 1:
        raise EncodingError("not evidence about a log that this version knows")
    return Evidence(Lie(kind), first, second, hashes_in(list(map(str, lines))))


def judge(evidence: Evidence, publics: Sequence[bytes]) -> tuple[Checkpoint, Checkpoint]:
    """Return the two checkpoints when the evidence proves what it says.

    Args:
        evidence: as parsed.
        publics: the LOG keys that the accused log was published with.

    Raises:
        ProofError: it proves nothing. SignatureError: the log did not sign both. EncodingError: not in its form.
    """
    notes = evidence.first, evidence.second
    first, second = (parse_checkpoint(note.text) for note in notes)
    if first.origin != second.origin:
        raise ProofError("the evidence is about two logs")
    if evidence.kind is Lie.TRUNCATED:
        earlier, later = (signed_by_one(note, parse_checkpoint(note.text), publics) for note in notes)
        if not (earlier < later and first.size > second.size):
            raise ProofError("the later checkpoint is not the smaller one")
        return first, second
    for note, checkpoint in zip(notes, (first, second), strict=True):
        _require_plainly(note, checkpoint, publics)
    if evidence.kind is Lie.FORKED:
        if first.size != second.size or first.root == second.root:
            raise ProofError("the two checkpoints do not contradict each other")
        return first, second
    old_root, new_root = roots_behind(first.size, second.size, evidence.proof)
    if new_root != second.root or old_root == first.root:
        raise ProofError("the proof does not show that the log was rewritten")
    return first, second


def _require_plainly(note: Note, checkpoint: Checkpoint, publics: Sequence[bytes]) -> None:
    """Either of the log's kinds of signature would do to accuse it; what stands on chain has this one."""
    refusal = SignatureError(f"no key is known that could sign for the log {checkpoint.origin}")
    for public in publics:
        try:
            return require_plainly_signed(note, checkpoint, public)
        except SignatureError as error:
            refusal = error
    raise refusal
