"""Witnessing: a member's broker cosigns another member's checkpoint when it follows the last one that it cosigned.

Numbered as C2SP tlog-witness has the checks:
    1 the log is another member's, by its origin        2 one of that member's live LOG keys signed
    3 the old size is not above the checkpoint's        4 it is the size that this witness cosigned last
    5 an empty tree has the empty root                  6 the new tree begins with the old one
Then it is kept, and only then cosigned for others to see. A checkpoint that fails 6 is signed proof against its log:
what can be judged by itself is kept as evidence.
"""

from __future__ import annotations

from fiducia.core.formats.merkle_proofs import EMPTY_ROOT, verify_consistency
from fiducia.core.log_keys import institution_behind, log_keys
from fiducia.core.tlog.checkpoint import Checkpoint, origin_of, parse_checkpoint
from fiducia.core.tlog.evidence import Evidence, Lie, judge
from fiducia.core.tlog.note import parse_note
from fiducia.core.tlog.proof import signed_by_one
from fiducia.core.tlog.witness import AddCheckpoint, origin_hash, parse_add_checkpoint
from fiducia.core.typed_data import Domains
from fiducia.errors import EncodingError, LogConflictError, NotThereError, ProofError, SignatureError
from fiducia.journeys.logs.own_log_key import OwnLogKey
from fiducia.ports import Clock, Logbook, Mirror, Steps
from fiducia.records.journal import KeptCheckpoint


class WitnessCheckpoint:
    """Cosign another member's checkpoint.

    Example:
        ``WitnessCheckpoint(logbook=logbook, mirror=mirror, clock=clock, domains=domains, steps=steps, key=key,
        institution=2).run(request)``
    """

    def __init__(
        self,
        *,
        logbook: Logbook,
        mirror: Mirror,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        key: OwnLogKey,
        institution: int,
    ) -> None:
        self._logbook = logbook
        self._mirror = mirror
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._key = key
        self._institution = institution

    def run(self, request: bytes) -> bytes:
        """Return this member's signature lines.

        Args:
            request: the body of an add-checkpoint request.

        Raises:
            EncodingError: not such a request. NotThereError: no other member's log. SignatureError: not signed by it.
            LogConflictError: `.size` is the newest that was cosigned. ProofError: it does not follow; not cosigned.
            JournalError: not kept, so not cosigned.
        """
        asked = parse_add_checkpoint(request)
        checkpoint = parse_checkpoint(asked.note.text)
        publics = self._require_member(checkpoint)  # 1
        signed_by_one(asked.note, checkpoint, publics)  # 2
        if asked.old_size > checkpoint.size:  # 3
            raise EncodingError("the old size is above the checkpoint's")
        newest = self._logbook.newest(checkpoint.origin)
        known = newest.size if newest else 0
        if asked.old_size != known:  # 4
            raise LogConflictError(size=known)
        if not checkpoint.size and checkpoint.root != EMPTY_ROOT:  # 5
            raise ProofError("an empty log has one root only")
        try:  # 6
            old_root = newest.root if newest else EMPTY_ROOT
            verify_consistency(known, old_root, checkpoint.size, checkpoint.root, asked.proof)
        except ProofError:
            if newest is not None:
                self._accuse(newest, asked, checkpoint, publics)
            raise
        lines = self._key.cosign(origin_of(self._domains, self._institution), checkpoint, self._clock.now())
        self._steps.reached("witness.cosigned")
        note = bytes(asked.note.with_more(lines))
        self._logbook.keep(KeptCheckpoint(checkpoint.origin, checkpoint.size, checkpoint.root, note), known)
        self._steps.reached("witness.kept")
        return "".join(each.line for each in lines).encode()

    def newest(self, hashed: bytes) -> bytes:
        """Return the newest checkpoint cosigned of the log with that origin hash. Raises: NotThereError."""
        for member in self._mirror.state().members():
            origin = origin_of(self._domains, member.institution)
            if origin_hash(origin) == hashed and member.institution != self._institution:
                kept = self._logbook.newest(origin)
                if kept is not None:
                    return kept.note
        raise NotThereError("no checkpoint of that log was cosigned here")

    def _require_member(self, checkpoint: Checkpoint) -> tuple[bytes, ...]:
        state = self._mirror.state()
        institution = institution_behind(self._domains, state, checkpoint.origin)
        publics = log_keys(state, institution, self._clock.now()) if institution else ()
        if not publics and institution != self._institution:
            state = self._mirror.catch_up()  # its key may have been published a moment ago
            institution = institution_behind(self._domains, state, checkpoint.origin)
            publics = log_keys(state, institution, self._clock.now()) if institution else ()
        if not institution or institution == self._institution:
            raise NotThereError("no other member of this consortium has a log of that name")
        if not publics:
            raise SignatureError("that member has published no LOG key that is live")
        return publics

    def _accuse(
        self, newest: KeptCheckpoint, asked: AddCheckpoint, checkpoint: Checkpoint, publics: tuple[bytes, ...]
    ) -> None:
        """Keep what proves by itself that the log lies; a proof that proves nothing is no evidence."""
        same = newest.size == checkpoint.size
        kind, proof = (Lie.FORKED, ()) if same else (Lie.REWRITTEN, asked.proof)
        found = Evidence(kind, parse_note(newest.note), asked.note, proof)
        try:
            judge(found, publics)
        except (ProofError, SignatureError):
            return
        self._logbook.accuse(bytes(found))
