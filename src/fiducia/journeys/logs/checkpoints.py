"""Checkpoints of a member's own log: signed at intervals, cosigned by the other members, anchored on chain.

    sign      the journal still begins with what was signed last -> a new checkpoint, kept before anybody sees it
    collect   every other member's broker that answers checks that it follows what it knows, and cosigns
    anchor    the newest one, in a transaction

A log must not sign two histories: what was signed is kept first, and a journal that lost or changed entries which were
signed for is in trouble until a person has looked at it; so is one of which a witness holds more than it has. While
there is trouble nothing is appended, and so nothing is released. Source: C2SP tlog-checkpoint, tlog-witness; design
section 7.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from fiducia.core.formats.merkle_proofs import consistency
from fiducia.core.log_keys import log_keys
from fiducia.core.tlog.checkpoint import Checkpoint, origin_of, parse_checkpoint
from fiducia.core.tlog.note import Note, NoteSignature, parse_note, parse_signatures
from fiducia.core.tlog.proof import signed_by_one
from fiducia.core.tlog.signing import require_cosigned
from fiducia.core.tlog.witness import AddCheckpoint, origin_hash
from fiducia.core.typed_data import Domains
from fiducia.errors import (
    FiduciaError,
    JournalError,
    LogConflictError,
    NotThereError,
    ProofError,
    SignatureError,
)
from fiducia.journeys.logs.log_tree import JournalTree
from fiducia.journeys.logs.own_log_key import OwnLogKey
from fiducia.ports import Anchors, Clock, Logbook, LogDoor, Mirror, Steps
from fiducia.records.journal import AnchoredNote, KeptCheckpoint

REFRESH_S = 3600
"""A checkpoint of a journal that does not grow is signed anew after so long: an old one may mean a hidden log."""


class LogTrouble:
    """Why nothing may be appended; nothing while the log is what was signed. Safe for threads."""

    def __init__(self) -> None:
        self._lasting: str = ""
        self._passing: str = ""

    def note(self, why: str) -> JournalError:
        """Note a trouble, which stays until the process starts again, and return it as an error."""
        self._lasting = why
        return JournalError(why)

    def note_passing(self, why: str) -> None:
        """Note why the last checkpoint could not be signed; empty when it could."""
        self._passing = why

    def require_none(self) -> None:
        """Return while there is none. Raises: JournalError."""
        if why := self._lasting or self._passing:
            raise JournalError(why)

    def require_none_lasting(self) -> None:
        """Return while there is none that only a person ends. Raises: JournalError."""
        if self._lasting:
            raise JournalError(self._lasting)


class SignCheckpoint:
    """Sign the journal as it is now.

    Example:
        ``SignCheckpoint(tree=tree, logbook=logbook, clock=clock, steps=steps, trouble=trouble, key=key,
        origin=origin).run()``
    """

    def __init__(
        self,
        *,
        tree: JournalTree,
        logbook: Logbook,
        clock: Clock,
        steps: Steps,
        trouble: LogTrouble,
        key: OwnLogKey,
        origin: str,
    ) -> None:
        self._tree = tree
        self._logbook = logbook
        self._clock = clock
        self._steps = steps
        self._trouble = trouble
        self._key = key
        self._origin = origin

    def run(self) -> KeptCheckpoint:
        """Return the newest checkpoint, signed now if there is anything new to say.

        Raises:
            JournalError: unreadable, and nothing may be appended until it is not; or the journal is not what was
                signed, and nothing may be appended any more.
            LogConflictError: another process of this member signed meanwhile.
        """
        self._trouble.require_none_lasting()
        try:
            signed = self._sign()
        except JournalError as error:
            self._trouble.note_passing(str(error))
            raise
        self._trouble.note_passing("")
        return signed

    def _sign(self) -> KeptCheckpoint:
        kept, size = self._logbook.newest(self._origin), self._tree.size()
        if kept is not None:
            self._require_continued(kept, size)
            if kept.size == size and self._clock.now() < self._signed_at(kept) + REFRESH_S:
                return kept
        checkpoint = Checkpoint(self._origin, size, self._tree.root(size))
        # Never before the last one: two checkpoints out of order would look like a log that was cut.
        note = self._key.sign(checkpoint, max(self._clock.now(), self._signed_at(kept) if kept else 0))
        signed = KeptCheckpoint(self._origin, size, checkpoint.root, bytes(note))
        self._steps.reached("log.signed")
        self._logbook.keep(signed, kept.size if kept else 0)
        self._steps.reached("log.kept")
        return signed

    def _require_continued(self, kept: KeptCheckpoint, size: int) -> None:
        if size < kept.size:
            raise self._trouble.note(
                f"the journal has {size} entries, and a checkpoint was signed over {kept.size}: entries are lost; "
                "restore the journal, and start the broker again"
            )
        if self._tree.root(kept.size) != kept.root:
            raise self._trouble.note(
                f"the journal's first {kept.size} entries are not those that a checkpoint was signed over: it was "
                "rewritten; restore the journal, and start the broker again"
            )

    def _signed_at(self, kept: KeptCheckpoint) -> int:
        note = parse_note(kept.note)
        try:
            return signed_by_one(note, parse_checkpoint(note.text), [self._key.public])
        except SignatureError:
            return 0  # under a key that was replaced


class CollectCosignatures:
    """Have the newest checkpoint cosigned by every other member that answers.

    Example:
        ``CollectCosignatures(tree=tree, logbook=logbook, mirror=mirror, clock=clock, domains=domains, trouble=trouble,
        key=key, institution=1, doors=doors).run(kept)``
    """

    def __init__(
        self,
        *,
        tree: JournalTree,
        logbook: Logbook,
        mirror: Mirror,
        clock: Clock,
        domains: Domains,
        trouble: LogTrouble,
        key: OwnLogKey,
        institution: int,
        doors: Callable[[], Mapping[int, LogDoor]],
    ) -> None:
        """Take the ports; `doors` has each other member's, by institution."""
        self._tree = tree
        self._logbook = logbook
        self._mirror = mirror
        self._clock = clock
        self._domains = domains
        self._trouble = trouble
        self._key = key
        self._institution = institution
        self._doors = doors
        self._known: dict[int, int] = {}  # which size each witness cosigned last, as far as we know

    def run(self, kept: KeptCheckpoint) -> tuple[int, ...]:
        """Ask whoever has not cosigned yet; return the institutions that have now.

        Raises:
            JournalError: a witness holds a checkpoint of ours that is larger than the journal, or of another history.
        """
        note, state = parse_note(kept.note), self._mirror.state()
        checkpoint, now = parse_checkpoint(note.text), self._clock.now()
        has: list[int] = []
        for institution, door in self._doors().items():
            publics = log_keys(state, institution, now)
            name = origin_of(self._domains, institution)
            if institution == self._institution or not publics:
                continue
            if not _has_cosigned(note, checkpoint, name, publics):
                more = self._ask(institution, door, note, checkpoint, name, publics)
                if not more:
                    continue
                note = note.with_more(more)
                self._logbook.keep(replace(kept, note=bytes(note)), kept.size)
            has.append(institution)
        return tuple(has)

    def _ask(
        self,
        institution: int,
        door: LogDoor,
        note: Note,
        checkpoint: Checkpoint,
        name: str,
        publics: tuple[bytes, ...],
    ) -> tuple[NoteSignature, ...]:
        """Return a member's cosignatures; none when it does not answer, or not as a witness."""
        try:
            answer = self._submit(institution, door, note, checkpoint)
            more = parse_signatures(answer)
            if not _has_cosigned(Note(note.text, more), checkpoint, name, publics):
                return ()
        except JournalError:
            raise
        except ProofError:
            # It holds one of our checkpoints that ours does not follow: only its copy tells which of us is wrong.
            self._compare(door, checkpoint)
            return ()
        except FiduciaError:
            return ()
        self._known[institution] = checkpoint.size
        return more

    def _submit(self, institution: int, door: LogDoor, note: Note, checkpoint: Checkpoint) -> bytes:
        ours = tuple(each for each in note.signatures if each.name == checkpoint.origin)  # others' would only be long
        for _ in range(2):
            old = min(self._known.get(institution, 0), checkpoint.size)
            proof = tuple(consistency(self._tree.nodes, old, checkpoint.size))
            try:
                return door.add_checkpoint(bytes(AddCheckpoint(old, proof, Note(note.text, ours))))
            except LogConflictError as conflict:
                if conflict.size > checkpoint.size:
                    self._compare(door, checkpoint)
                    raise
                self._known[institution] = conflict.size
        raise NotThereError("the witness changes its mind about the size that it knows")

    def _compare(self, door: LogDoor, checkpoint: Checkpoint) -> None:
        """Look at what a witness holds of our log. Raises: JournalError (we signed it, and it is not our history)."""
        try:
            theirs = parse_note(door.witnessed(origin_hash(checkpoint.origin)))
            held = parse_checkpoint(theirs.text)
            signed_by_one(theirs, held, [self._key.public, *log_keys(self._mirror.state(), self._institution)])
        except FiduciaError:
            return  # it shows nothing that we signed
        if held.origin != checkpoint.origin:
            return
        if held.size > self._tree.size():
            raise self._trouble.note(
                f"a witness holds a checkpoint of this log over {held.size} entries, and the journal has "
                f"{self._tree.size()}: entries are lost; restore the journal, and start the broker again"
            )
        if self._tree.root(held.size) != held.root:
            raise self._trouble.note(
                f"a witness holds a checkpoint of this log over {held.size} entries that are not the journal's: it was "
                "rewritten; restore the journal, and start the broker again"
            )


class AnchorCheckpoint:
    """Put the newest checkpoint on chain.

    Example:
        ``AnchorCheckpoint(logbook=logbook, anchors=anchors, origin=origin).run()``
    """

    def __init__(self, *, logbook: Logbook, anchors: Anchors, origin: str) -> None:
        self._logbook = logbook
        self._anchors = anchors
        self._origin = origin
        self._anchored: tuple[int, bytes] = (0, b"")
        self._lock = threading.Lock()

    def run(self) -> AnchoredNote | None:
        """Anchor it; None when there is nothing that was not anchored already. Raises: LedgerError, JournalError."""
        with self._lock:
            kept = self._logbook.newest(self._origin)
            if kept is None or not kept.size or (kept.size, kept.root) == self._anchored:
                return None
            note = parse_note(kept.note)
            # Its first signature alone: the chain keeps it for ever, and the others are long.
            short = Note(note.text, note.signatures[:1])
            done = self._anchors.anchor(origin_hash(self._origin), bytes(short))
            self._anchored = kept.size, kept.root
            return done


def _has_cosigned(note: Note, checkpoint: Checkpoint, name: str, publics: tuple[bytes, ...]) -> bool:
    for public in publics:
        try:
            require_cosigned(note, checkpoint, name, public)
        except SignatureError:
            continue
        return True
    return False
