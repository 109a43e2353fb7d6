"""Proofs of journal entries for whoever they are about, and their check without asking anybody.

Source: C2SP tlog-proof; docs/formats.md, section 20.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core.formats.merkle_proofs import inclusion
from fiducia.core.tlog.checkpoint import origin_of, parse_checkpoint
from fiducia.core.tlog.evidence import judge, parse_evidence
from fiducia.core.tlog.note import parse_note
from fiducia.core.tlog.proof import EntryProof, LogKeys, ProvedEntry, check_proof, parse_proofs
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError, JournalError
from fiducia.journeys.logs.log_tree import JournalTree
from fiducia.ports import Journal, Logbook


@dataclass(frozen=True, slots=True)
class WrittenProof:
    """A file and how much it shows.

    Attributes:
        data: the file; empty while no checkpoint covers any entry.
        entries: how many it proves.
        waiting: how many there are that no checkpoint covers yet.
        witnesses: how many other members have cosigned the checkpoint.
    """

    data: bytes
    entries: int
    waiting: int
    witnesses: int = 0


class ProveEntries:
    """Prove every entry of a member's journal that is about one thing: a request, a grant, a person, an instance.

    Example:
        ``ProveEntries(journal=journal, logbook=logbook, domains=domains, institution=1).run(request_id).data``
    """

    def __init__(self, *, journal: Journal, logbook: Logbook, domains: Domains, institution: int) -> None:
        self._journal = journal
        self._logbook = logbook
        self._origin = origin_of(domains, institution)

    def run(self, subject_id: bytes, kind: str | None = None) -> WrittenProof:
        """Write a file.

        Args:
            subject_id: what the entries are about.
            kind: only entries of this kind.

        Raises:
            InputError: there are no such entries.
            JournalError: the journal is not what was signed, or cannot be read.
        """
        found = [
            index
            for index, entry in enumerate(self._journal.entries())
            if entry.subject_id == subject_id and kind in (None, entry.kind)
        ]
        if not found:
            raise InputError("the journal has no entry about that")
        kept = self._logbook.newest(self._origin)
        size = kept.size if kept else 0
        covered = [index for index in found if index < size]
        if kept is None or not covered:
            return WrittenProof(b"", 0, len(found))
        tree, note = JournalTree(self._journal), parse_note(kept.note)
        if tree.root(size) != kept.root:
            raise JournalError("the journal is not what its checkpoint was signed over; nothing can be proved")
        proofs = [
            EntryProof(self._journal.disclose(index), tuple(inclusion(tree.nodes, index, size)), note)
            for index in covered
        ]
        witnesses = {each.name for each in note.signatures} - {self._origin}
        return WrittenProof(b"".join(map(bytes, proofs)), len(covered), len(found) - len(covered), len(witnesses))


def check_entries(data: bytes, keys: LogKeys) -> tuple[ProvedEntry, ...]:
    """Return what a file of proofs shows. Raises: EncodingError, SignatureError, ProofError."""
    known = tuple(keys)
    return tuple(check_proof(proof, known) for proof in parse_proofs(data))


@dataclass(frozen=True, slots=True)
class Lied:
    """What evidence proves: which log, how, and over which two sizes."""

    origin: str
    kind: str
    sizes: tuple[int, int]


def check_evidence(data: bytes, keys: LogKeys) -> Lied:
    """Return what evidence proves. Raises: EncodingError, SignatureError, ProofError (it proves nothing)."""
    evidence = parse_evidence(data)
    first, second = judge(evidence, [key for name, key in keys if name == evidence.origin])
    return Lied(parse_checkpoint(evidence.first.text).origin, evidence.kind.value, (first.size, second.size))
