"""Members' logs for tests: each with a journal, a logbook, a LOG key and a door, over one ledger in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Protocol

from fiducia.adapters.memory.anchors import MemoryAnchors
from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.adapters.memory.log_door import MemoryLogDoor
from fiducia.adapters.memory.logbook import MemoryLogbook
from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.adapters.memory.steps import MemorySteps
from fiducia.app.broker.parts import LogParts
from fiducia.core.tlog.checkpoint import origin_of
from fiducia.core.tlog.signing import LogKey
from fiducia.core.typed_data import Domains
from fiducia.journeys.logs.checkpoints import AnchorCheckpoint, CollectCosignatures, LogTrouble, SignCheckpoint
from fiducia.journeys.logs.log_audit import AuditedLog, AuditLog
from fiducia.journeys.logs.log_tree import JournalTree
from fiducia.journeys.logs.proving import ProveEntries
from fiducia.journeys.logs.show_log import ShowLog
from fiducia.journeys.logs.witnessing import WitnessCheckpoint
from fiducia.journeys.members.members import PublishKey
from fiducia.ports import Journal, LogDoor, Signer
from fiducia.records.images import JournalEntry
from fiducia.records.journal import KeptCheckpoint
from fiducia.records.ledger import KeyKind

YEAR_S = 365 * 86_400


class OnLedger(Protocol):
    """Whatever has a ledger in memory."""

    ledger: MemoryLedger
    mirror: MemoryMirror
    clock: MemoryClock
    domains: Domains


def entry(number: int, kind: str = "handed_over") -> JournalEntry:
    return JournalEntry(kind, 1_800_000_000 + number, number.to_bytes(32, "big"), f'{{"number":{number}}}')


class LogMember:
    """One member as a log and a witness. `doors` is shared: who is in it is reached."""

    def __init__(
        self,
        world: OnLedger,
        institution: int,
        journal: Journal | None = None,
        doors: dict[int, LogDoor] | None = None,
        anchors: MemoryAnchors | None = None,
    ) -> None:
        self.world = world
        self.institution = institution
        self.journal = journal or MemoryJournal()
        self.logbook = MemoryLogbook()
        self.anchors = anchors or MemoryAnchors(lambda: world.ledger.head().number)
        self.key = LogKey(bytes([institution]) * 32)
        self.origin = origin_of(world.domains, institution)
        self.steps = MemorySteps()
        self.doors = doors if doors is not None else {}
        self.start()
        self.door = MemoryLogDoor(
            lambda: self.parts.show.checkpoint(),
            lambda tile: self.parts.show.tile(tile),
            lambda request: self.parts.witness.run(request),
            lambda hashed: self.parts.witness.newest(hashed),
        )
        self.doors[institution] = self.door

    def start(self) -> None:
        """Start the process (again): what it remembered in memory is gone."""
        self.trouble = LogTrouble()
        self.tree = JournalTree(self.journal)
        self.__dict__.pop("parts", None)

    @cached_property
    def parts(self) -> LogParts:
        world = self.world
        own: dict[str, Any] = {
            "tree": self.tree,
            "logbook": self.logbook,
            "clock": world.clock,
            "trouble": self.trouble,
            "key": self.key,
        }
        ours: dict[str, Any] = {
            "mirror": world.mirror,
            "domains": world.domains,
            "institution": self.institution,
        }
        return LogParts(
            sign=SignCheckpoint(**own, steps=self.steps, origin=self.origin),
            collect=CollectCosignatures(**own, **ours, doors=lambda: self.doors),
            anchor=AnchorCheckpoint(logbook=self.logbook, anchors=self.anchors, origin=self.origin),
            witness=WitnessCheckpoint(**ours, logbook=self.logbook, clock=world.clock, steps=self.steps, key=self.key),
            show=ShowLog(tree=self.tree, logbook=self.logbook, origin=self.origin),
        )

    def publish(self, governor: Signer) -> None:
        """Publish the LOG key."""
        publish = PublishKey(ledger=self.world.ledger, domains=self.world.domains)
        end = self.world.clock.now() + YEAR_S
        publish.run(self.institution, KeyKind.LOG, self.key.public, "", end, governor)

    def append(self, numbers: Iterable[int]) -> None:
        self.journal.append([entry(number) for number in numbers])

    def keep(self) -> KeptCheckpoint:
        """Sign and have it cosigned; a second passes first, so that no two checkpoints are of one time."""
        self.world.clock.advance(1)
        self.parts.collect.run(self.parts.sign.run())
        kept = self.logbook.newest(self.origin)
        assert kept is not None
        return kept

    def prove(self) -> ProveEntries:
        return ProveEntries(
            journal=self.journal,
            logbook=self.logbook,
            domains=self.world.domains,
            institution=self.institution,
        )

    def become(self, entries: Iterable[JournalEntry]) -> None:
        """Replace the journal by another history and forget what was signed: a member that lies with its own key."""
        self.journal = MemoryJournal()
        self.journal.append(list(entries))
        self.logbook = MemoryLogbook()
        self.start()


class Auditor:
    """Somebody with a memory of their own."""

    def __init__(self, world: OnLedger, anchors: MemoryAnchors, doors: Mapping[int, LogDoor]) -> None:
        self.logbook = MemoryLogbook()
        self.audit = AuditLog(
            logbook=self.logbook,
            mirror=world.mirror,
            anchors=anchors,
            clock=world.clock,
            domains=world.domains,
            first_block=0,
            doors=lambda: doors,
        )

    def run(self, institution: int, seen: Iterable[bytes] = (), witnesses: int = 0) -> AuditedLog:
        return self.audit.run(institution, list(seen), witnesses)


def codes(audited: AuditedLog) -> list[str]:
    return [finding.code for finding in audited.findings]
