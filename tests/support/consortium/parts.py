"""What lasts of a consortium in memory: its ledger, stores, vaults and journals, and everybody's keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.adapters.memory.examiner import DirectExaminer
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.adapters.memory.patients import MemoryPatients
from fiducia.adapters.memory.progress import MemoryProgress
from fiducia.adapters.memory.spool import MemorySpool
from fiducia.adapters.memory.steps import MemorySteps
from fiducia.adapters.memory.store import MemoryStore
from fiducia.adapters.memory.studies import MemoryStudies
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.core.keys.custody import CustodyRule
from fiducia.core.keys.kem import KemKey
from fiducia.core.signatures import EoaKey
from fiducia.core.tlog.signing import LogKey
from fiducia.errors import InputError
from fiducia.journeys.shared.at_once import AskAtOnce, Workers, ask_at_once
from fiducia.ports import Broker, Examiner, Steps
from fiducia.records.images import PatientIdentity
from fiducia.records.ledger import Founder

HOSPITAL_A, HOSPITAL_B = 1, 2
DAY_S = 86_400
IDENTITY = PatientIdentity("", "SAMPLE-1")


def key(number: int) -> EoaKey:
    """Return the test key of a number."""
    return EoaKey(number.to_bytes(32, "big"))


class Parts:
    """Ports and keys, from an empty chain to a consortium with its members' keys."""

    institution = HOSPITAL_A
    appointment_delay_s, recovery_delay_s = 10, 20
    rule: CustodyRule | None = None
    trustee_steps: Steps | None = None
    at_once: AskAtOnce = staticmethod(ask_at_once)
    workers: Workers = ThreadPoolExecutor

    def __init__(self) -> None:
        self.clock = MemoryClock()
        self.entropy = SeededEntropy()
        self.governor_a, self.governor_b = key(1), key(2)
        self.registrar, self.issuer = key(3), key(4)
        self.session_secret = (6).to_bytes(32, "big")
        self.broker_sign, self.session, self.patient = key(5), EoaKey(self.session_secret), key(7)
        self.gateway, self.broker_kem = KemKey.from_seed(b"g" * 32), KemKey.from_seed(b"k" * 32)
        self.log_key = LogKey(bytes([HOSPITAL_A]) * 32)
        self.ledger = MemoryLedger(
            [Founder(self.governor_a.address, 1, 0b111)],
            clock=self.clock,
            appointment_delay_s=self.appointment_delay_s,
            recovery_delay_s=self.recovery_delay_s,
        )
        self.gateway_ledger = self.ledger
        self.domains = self.ledger.domains
        self.mirror = MemoryMirror(self.ledger)
        self.store = MemoryStore()
        self.vault, self.gateway_vault, self.patient_vault = MemoryVault(), MemoryVault(), MemoryVault()
        self.patients, self.studies, self.journal = MemoryPatients(), MemoryStudies(), MemoryJournal()
        self.spool, self.gateway_journal = MemorySpool(), MemoryJournal()
        self.held_until = 0
        self.examiner: Examiner = DirectExaminer()
        self.steps = MemorySteps()
        self.progress = MemoryProgress()
        self.files: dict[str, bytes | InputError] = {}
        self.destination = MemoryDestination()

    def restart(self) -> None:
        """Forget what a process would: the broker's memory of taken revokes, and its mirror."""
        self.restart_keeping_mirror()
        self.mirror = MemoryMirror(self.ledger)

    def restart_keeping_mirror(self) -> None:
        """Forget what a process would, but for the mirror, which lasts where the chain is down."""
        for name in ("taken", "late", "kept_asks", "tree"):
            self.__dict__.pop(name, None)
        self.steps = MemorySteps()

    def broker_of(self, institution: int) -> Broker:
        """Return an institution's broker."""
        raise NotImplementedError
