"""The file that shows entries of a journal to somebody who asks nobody: a C2SP tlog-proof for each, back to back.

The extra line holds the entry and the salt of its leaf. Source: C2SP tlog-proof; docs/formats.md, section 20.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fiducia.core.formats.merkle import verify_inclusion
from fiducia.core.tlog.checkpoint import Checkpoint, decimal, parse_checkpoint
from fiducia.core.tlog.leaf import decode_disclosed, encode_disclosed, leaf_of
from fiducia.core.tlog.note import Note, decoded, parse_note
from fiducia.core.tlog.signing import require_cosigned, require_signed
from fiducia.core.tlog.witness import MAX_PROOF, hash_lines, hashes_in
from fiducia.errors import EncodingError, ProofError, SignatureError
from fiducia.records.images import JournalEntry
from fiducia.records.journal import Disclosed

HEAD: Final = "c2sp.org/tlog-proof@v1\n"
MAX_PROOFS: Final = 10_000


@dataclass(frozen=True, slots=True)
class EntryProof:
    """One entry, where it stands, and the checkpoint that it leads to."""

    disclosed: Disclosed
    path: tuple[bytes, ...]
    note: Note

    def __bytes__(self) -> bytes:
        """The proof as a file."""
        extra = base64.b64encode(encode_disclosed(self.disclosed)).decode()
        head = f"{HEAD}extra {extra}\nindex {self.disclosed.index}\n{hash_lines(self.path)}\n"
        return head.encode() + bytes(self.note)


@dataclass(frozen=True, slots=True)
class ProvedEntry:
    """What a proof shows: the entry is in that log, signed as of a time; and who else has seen that log so."""

    entry: JournalEntry
    checkpoint: Checkpoint
    index: int
    signed_at: int
    witnesses: tuple[str, ...]


LogKeys = Iterable[tuple[str, bytes]]
"""Whom one believes: (origin, published LOG key); a log or witness may have several."""


def is_proof(data: bytes) -> bool:
    """Tell whether a file says that it holds such proofs."""
    return data.startswith(HEAD.encode())


def parse_proofs(data: bytes) -> tuple[EntryProof, ...]:
    """Return the proofs of a file; nothing is verified. Raises: EncodingError."""
    if not is_proof(data):
        raise EncodingError("not a proof of journal entries")
    pieces = data.split(HEAD.encode())[1:]
    if len(pieces) > MAX_PROOFS:
        raise EncodingError(f"a file has at most {MAX_PROOFS} proofs")
    return tuple(map(_parse, pieces))


def check_proof(proof: EntryProof, keys: LogKeys) -> ProvedEntry:
    """Check one proof; who has witnessed it is told, not judged.

    Args:
        proof: as parsed.
        keys: of logs and witnesses that are believed.

    Raises:
        SignatureError: the checkpoint is not signed by a key of its log that is believed.
        ProofError: the entry does not stand where the proof says. EncodingError: not in its form.
    """
    checkpoint, known = parse_checkpoint(proof.note.text), tuple(keys)
    signed_at = signed_by_one(proof.note, checkpoint, [key for name, key in known if name == checkpoint.origin])
    disclosed = proof.disclosed
    leaf = leaf_of(disclosed.entry, disclosed.salt)
    verify_inclusion(leaf, disclosed.index, checkpoint.size, proof.path, checkpoint.root)
    others = dict.fromkeys(name for name, key in known if name != checkpoint.origin and _cosigned(proof, name, key))
    return ProvedEntry(disclosed.entry, checkpoint, disclosed.index, signed_at, tuple(others))


def signed_by_one(note: Note, checkpoint: Checkpoint, publics: Sequence[bytes]) -> int:
    """Return as of when one of a log's keys signed. Raises: SignatureError (none did)."""
    refusal = SignatureError(f"no key is known that could sign for the log {checkpoint.origin}")
    for public in publics:
        try:
            return require_signed(note, checkpoint, public)
        except SignatureError as error:
            refusal = error
    raise refusal


def _cosigned(proof: EntryProof, name: str, public: bytes) -> bool:
    try:
        require_cosigned(proof.note, parse_checkpoint(proof.note.text), name, public)
    except SignatureError:
        return False
    return True


def _parse(piece: bytes) -> EntryProof:
    head, blank, note = piece.partition(b"\n\n")
    lines = head.decode(errors="replace").split("\n")
    if not blank or len(lines) < 2 or not lines[0].startswith("extra ") or not lines[1].startswith("index "):
        raise EncodingError("a proof has an entry, an index, a path, a blank line and a checkpoint")
    if len(lines) > MAX_PROOF + 2:
        raise EncodingError("a proof's path is longer than any")
    disclosed = decode_disclosed(decoded(lines[0].removeprefix("extra ")))
    if disclosed.index != decimal(lines[1].removeprefix("index ")):
        raise ProofError("the proof names two places for one entry")
    return EntryProof(disclosed, hashes_in(lines[2:]), parse_note(note))
