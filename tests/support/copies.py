"""A member's custody in memory that is copied to a second place, and what an empty home makes of the copy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fiducia.adapters.copied import CopiedJournal, CopiedPatients, CopiedStudies, CopiedVault
from fiducia.adapters.copied_logbook import BulkLogbook, CopiedLogbook, LogbookSource
from fiducia.adapters.copy_sources import JournalSource, PatientsSource, StudiesSource, VaultSource
from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.copy_memory import MemoryCopyMemory
from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.memory.logbook import MemoryLogbook
from fiducia.adapters.memory.patients import MemoryPatients
from fiducia.adapters.memory.second_place import MemorySecondPlace
from fiducia.adapters.memory.steps import MemorySteps
from fiducia.adapters.memory.studies import MemoryStudies
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.app.wiring.copies import MEMBER_PARTS
from fiducia.core.copies.segments import signer_of
from fiducia.core.copies.shares import deal_recovery
from fiducia.journeys.backup.copying import DAY_S, CreateCopy, PruneCopies, Segments, ShipChanges
from fiducia.journeys.backup.restoring import HOME, RestoreHome, VerifyCopies
from fiducia.ports import CopySource, Vault
from fiducia.records.copies import RestoredHome, VerifiedCopies
from fiducia.records.images import JournalEntry, PatientIdentity, StudyEntry, SubjectEntry
from fiducia.records.journal import KeptCheckpoint

SEED, SIGNER, HOME_ID = b"s" * 32, b"k" * 32, b"h" * 16
RECOVERY, SHARES = deal_recovery(
    SEED, home_id=HOME_ID, signer=signer_of(SIGNER), threshold=2, holders=3, randomness=b"r" * 32
)
KEEP_DAYS = 30


@dataclass
class Custody:
    """What one member keeps, in this place alone."""

    vault: MemoryVault = field(default_factory=MemoryVault)
    patients: MemoryPatients = field(default_factory=MemoryPatients)
    studies: MemoryStudies = field(default_factory=MemoryStudies)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    logbook: BulkLogbook = field(default_factory=MemoryLogbook)
    home: MemoryVault = field(default_factory=MemoryVault)

    def source(self, name: str) -> CopySource:
        made: dict[str, CopySource] = {
            "logbook/a": LogbookSource("logbook/a", self.logbook),
            "studies/a": StudiesSource("studies/a", self.studies),
            "patients/a": PatientsSource("patients/a", self.patients),
            "journal/a": JournalSource("journal/a", self.journal),
            "vault/a": VaultSource("vault/a", self.vault),
            HOME: VaultSource(HOME, self.home),
        }
        return made[name]

    def sources(self) -> list[CopySource]:
        return [self.source(name) for name in (*(f"{part}/a" for part in MEMBER_PARTS), HOME)]

    def vault_of(self, owner: str) -> Vault:
        return self.home if owner == HOME else self.vault

    def content(self) -> object:
        """Return all that is kept, but for the marks that a restore leaves."""
        return (
            {name: self.vault.get(name) for name in self.vault.names("") if not name.startswith("restored/")},
            self.patients.all(),
            tuple(self.studies.states()),
            tuple(self.journal.entries()),
            self.logbook.all(),
            self.logbook.evidence(),
            {name: self.home.get(name) for name in self.home.names("")},
        )


class CopiedHome:
    """A member whose custody follows at a second place; `restart` forgets what a process would."""

    def __init__(self, kept: Custody | None = None) -> None:
        self.place, self.clock, self.entropy = MemorySecondPlace(), MemoryClock(), SeededEntropy()
        self.kept, self.memory = kept or Custody(), MemoryCopyMemory()
        self.restart()

    def restart(self, stop_at: str | None = None) -> None:
        self.steps = MemorySteps(stop_at)
        self.segments = Segments(
            place=self.place,
            recovery=RECOVERY,
            signer=SIGNER,
            memory=self.memory,
            keep_s=KEEP_DAYS * DAY_S,
            clock=self.clock,
            entropy=self.entropy,
        )
        self.create = CreateCopy(segments=self.segments, sources=self.kept.sources(), steps=self.steps)
        ship = ShipChanges(segments=self.segments, copy_whole=self.create.alone, steps=self.steps)
        self.vault = CopiedVault("vault/a", self.kept.vault, ship)
        self.patients = CopiedPatients("patients/a", self.kept.patients, ship)
        self.studies = CopiedStudies("studies/a", self.kept.studies, ship)
        self.journal = CopiedJournal("journal/a", self.kept.journal, ship)
        self.logbook = CopiedLogbook("logbook/a", self.kept.logbook, ship)

    @property
    def prune(self) -> PruneCopies:
        return PruneCopies(place=self.place, recovery=RECOVERY, copy_whole=self.create.run, clock=self.clock)

    def verify(self, seed: bytes | None = SEED, *, known: bool = False) -> VerifiedCopies:
        """Verify the place; `known`: with what the home remembers of it."""
        reached = self.memory.last() if known else None
        return VerifyCopies(place=self.place).run(HOME_ID, RECOVERY.signer, seed, reached)


def restore(place: MemorySecondPlace, into: Custody, steps: MemorySteps | None = None) -> RestoredHome:
    """Restore what lies at a place."""
    journey = RestoreHome(place=place, source_of=into.source, vault_of=into.vault_of, steps=steps or MemorySteps())
    return journey.run(HOME_ID, RECOVERY.signer, SEED)


def patient(number: int) -> SubjectEntry:
    """A patient."""
    return SubjectEntry(
        PatientIdentity("", f"P-{number}"), number.to_bytes(20, "big"), bytes(32), b"s" * 20, f"p{number}"
    )


def study(number: int, revision: int = 1) -> StudyEntry:
    """A study of a patient."""
    uid, study_id = f"1.2.{number}", number.to_bytes(32, "big")
    return replace(StudyEntry(uid, study_id, number.to_bytes(20, "big"), bytes(32), revision), manifest=b"m" * 32)


def checkpoint(size: int, note: bytes = b"note", *, origin: str = "log", root: int = 0) -> KeptCheckpoint:
    """A checkpoint as a logbook keeps it; of two with one size the roots are the same, unless another is given."""
    return KeptCheckpoint(origin, size, bytes([root or size % 256]) * 32, note)


def share_name(number: int) -> str:
    """The name of a study's share."""
    return f"share/{number.to_bytes(32, 'big').hex()}/1/1"


def entry(number: int, kind: str = "handed_over") -> JournalEntry:
    """A journal entry."""
    return JournalEntry(kind, 1_800_000_000 + number, number.to_bytes(32, "big"), f"body {number}")
