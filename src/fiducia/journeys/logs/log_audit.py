"""Auditing a member's log: nothing it says is believed, and every two of its checkpoints must fit together.

Numbered:
    1 its checkpoint is signed by a published LOG key            2 lately
    3 its tiles lead to the checkpoint's root                    4 it follows the one that we saw last
    5 it follows every one that is anchored on chain             6 it follows what each witness cosigned last
    7 it follows what other auditors saw                         8 enough other members have cosigned it
What cannot follow is evidence, which anybody can judge with the log's published keys. What fits is remembered, so that
the next audit begins from it. Findings are codes in capitals; FORKED, REWRITTEN and TRUNCATED come with evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fiducia.core.log_keys import log_keys
from fiducia.core.tlog.checkpoint import Checkpoint, origin_of, parse_checkpoint
from fiducia.core.tlog.note import Note, parse_note
from fiducia.core.tlog.proof import signed_by_one
from fiducia.core.tlog.signing import require_cosigned
from fiducia.core.tlog.tiles import TileNodes
from fiducia.core.tlog.witness import origin_hash
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError, LedgerUnreachableError, LogConflictError, NotThereError, SignatureError
from fiducia.journeys.logs.log_comparing import LogFinding, Looking
from fiducia.ports import Anchors, Clock, Logbook, LogDoor, Mirror
from fiducia.records.journal import AnchoredNote, KeptCheckpoint

COSIGNED_S, PAUSE_S = 5.0, 0.25
"""How long a checkpoint's cosignatures are waited for."""
FRESH_S = 2 * 3600
"""How old a checkpoint may be: a broker signs one at least every hour."""


@dataclass(frozen=True, slots=True)
class AuditedLog:
    """What an audit of a log saw and found."""

    origin: str
    size: int
    root: bytes
    signed_at: int
    witnesses: tuple[int, ...]
    anchors: int
    findings: tuple[LogFinding, ...]
    note: bytes = b""  # its checkpoint, to be compared with what others see


class AuditLog:
    """Check one member's log against everything that anybody has seen of it.

    Example:
        ``AuditLog(logbook=logbook, mirror=mirror, anchors=anchors, clock=clock, domains=domains, first_block=0,
        doors=doors).run(1).findings``
    """

    def __init__(
        self,
        *,
        logbook: Logbook,
        mirror: Mirror,
        anchors: Anchors,
        clock: Clock,
        domains: Domains,
        first_block: int,
        doors: Callable[[], Mapping[int, LogDoor]],
    ) -> None:
        """Take the ports; `logbook` is the auditor's own, `doors` has every member's, by institution."""
        self._logbook = logbook
        self._mirror = mirror
        self._anchors = anchors
        self._clock = clock
        self._domains = domains
        self._first_block = first_block
        self._doors = doors

    def run(self, institution: int, seen: Sequence[bytes] = (), witnesses: int = 1) -> AuditedLog:
        """Audit.

        Args:
            institution: whose log.
            seen: checkpoints that others saw, as notes.
            witnesses: how many other members must have cosigned.

        Raises:
            InputError: no such member here. NotThereError: it has signed no checkpoint yet.
            LedgerError: the member, or the chain, does not answer. EncodingError: a note that is none.
        """
        doors = dict(self._doors())
        if institution not in doors:
            raise InputError(f"no broker of institution {institution} is known here; see `fiducia member list`")
        state, origin = self._mirror.catch_up(), origin_of(self._domains, institution)
        door, publics = doors.pop(institution), log_keys(state, institution)
        # What others hold is read first: a log that grows meanwhile is then larger than all of it, and not smaller.
        newest = self._logbook.newest(origin)
        anchored = self._anchors.anchored(origin_hash(origin), self._first_block, state.head.number)
        held = [(number, theirs) for number, each in doors.items() if (theirs := _held(each, origin))]
        note, checkpoint = self._shown(door, sorted(doors), witnesses)
        if checkpoint.origin != origin:
            return _nothing(origin, checkpoint, LogFinding("ANOTHER_LOG", "the broker shows another log"))
        try:  # 1
            signed_at = signed_by_one(note, checkpoint, publics)
        except SignatureError as error:
            return _nothing(origin, checkpoint, LogFinding("UNSIGNED", str(error)))
        looking = Looking(note, checkpoint, signed_at, TileNodes(door.tile, checkpoint.size), publics)
        if self._clock.now() - signed_at > FRESH_S:  # 2
            looking.find("STALE", "its newest checkpoint is hours old: is it hidden, or the broker down?")
        anchors = _compare(looking, newest, anchored, held, seen)
        has = tuple(number for number in sorted(doors) if self._has_cosigned(note, checkpoint, number))
        if len(has) < witnesses:  # 8
            looking.find("UNWITNESSED", f"{len(has)} other members have cosigned its checkpoint, {witnesses} must")
        self._remember(looking, newest)
        found = tuple(looking.findings)
        return AuditedLog(origin, checkpoint.size, checkpoint.root, signed_at, has, anchors, found, bytes(note))

    def _shown(self, door: LogDoor, others: Sequence[int], witnesses: int) -> tuple[Note, Checkpoint]:
        """Return the log's checkpoint; its cosignatures, which follow it by a moment, are waited for."""
        for _ in range(round(COSIGNED_S / PAUSE_S)):
            note = parse_note(door.checkpoint())
            checkpoint = parse_checkpoint(note.text)
            if sum(self._has_cosigned(note, checkpoint, number) for number in others) >= witnesses:
                break
            self._clock.pause(PAUSE_S)
        return note, checkpoint

    def _has_cosigned(self, note: Note, checkpoint: Checkpoint, institution: int) -> bool:
        name = origin_of(self._domains, institution)
        for public in log_keys(self._mirror.state(), institution):
            try:
                require_cosigned(note, checkpoint, name, public)
            except SignatureError:
                continue
            return True
        return False

    def _remember(self, looking: Looking, newest: KeptCheckpoint | None) -> None:
        """Keep evidence for good, and the checkpoint when nothing stands against it."""
        for finding in looking.findings:
            if finding.evidence:
                self._logbook.accuse(finding.evidence)
        if {finding.code for finding in looking.findings} <= {"STALE", "UNWITNESSED"}:
            checkpoint = looking.checkpoint
            kept = KeptCheckpoint(checkpoint.origin, checkpoint.size, checkpoint.root, bytes(looking.note))
            try:
                self._logbook.keep(kept, newest.size if newest else 0)
            except LogConflictError:
                return  # another audit was faster


def _compare(
    looking: Looking,
    newest: KeptCheckpoint | None,
    anchored: Sequence[AnchoredNote],
    held: Sequence[tuple[int, bytes]],
    seen: Sequence[bytes],
) -> int:
    """Compare a log with all that is known of it; return how many of the anchors are the log's."""
    looking.require_tiles()  # 3
    if newest is not None:
        looking.compare(newest.note, "what was seen here before")  # 4
    counted = [each for each in anchored if looking.compare_anchor(each.note, each.block_number)]  # 5
    for number, theirs in held:  # 6
        looking.compare(theirs, f"what institution {number} cosigned")
    for given in seen:  # 7
        looking.compare(given, "what another auditor saw", strict=True)
    return len(counted)


def _held(door: LogDoor, origin: str) -> bytes:
    """What a witness holds of a log; nothing when it does not answer: what it signed stands in the checkpoint, too."""
    try:
        return door.witnessed(origin_hash(origin))
    except (NotThereError, LedgerUnreachableError):
        return b""


def _nothing(origin: str, checkpoint: Checkpoint, finding: LogFinding) -> AuditedLog:
    return AuditedLog(origin, checkpoint.size, checkpoint.root, 0, (), 0, (finding,))
