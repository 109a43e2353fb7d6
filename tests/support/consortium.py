"""A consortium in memory: two hospitals, a patient, a clinician, and every journey wired to in-memory ports.

Journeys are built anew by each property, as a process would be after a restart; what lasts (ledger, store,
vaults, directory, journal) stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.adapters.memory.intake import MemoryIntake
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.adapters.memory.patients import MemoryPatients
from fiducia.adapters.memory.progress import MemoryProgress
from fiducia.adapters.memory.steps import MemorySteps
from fiducia.adapters.memory.store import MemoryStore
from fiducia.adapters.memory.studies import MemoryStudies
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.app.sample_dicom import Sample, sample_ct_series
from fiducia.core.keys.sealing import KemKey
from fiducia.core.rules import Action, Purpose, Role, mask
from fiducia.core.signatures import EoaKey
from fiducia.errors import InputError
from fiducia.journeys.asking import Requester
from fiducia.journeys.audit import AuditLedger
from fiducia.journeys.badges import IssueBadge
from fiducia.journeys.enrol import EnrolPatient
from fiducia.journeys.fetch import FetchOrder, FetchStudy
from fiducia.journeys.grant import GiveGrant, GrantOrder, GrantResult, RelayGrant
from fiducia.journeys.members import AdmitMember, PublishKey
from fiducia.journeys.register import RegisterStudies
from fiducia.journeys.release import HandOverKeys, RecordRelease
from fiducia.journeys.revoke import RelayTaken, RevokeAllGrants, RevokeGrant, Taken, TakeRevoke
from fiducia.ports import Broker
from fiducia.records.images import FetchedStudy, HandOver, PatientIdentity, Registration, Release
from fiducia.records.ledger import Act, Founder, GrantAct, KeyKind, Receipt, RevokeAct, RevokeAllAct
from fiducia.records.typed import Access, Admit

HOSPITAL_A, HOSPITAL_B = 1, 2
DAY_S = 86_400
IDENTITY = PatientIdentity("", "SAMPLE-1")


def key(number: int) -> EoaKey:
    """Return the test key of a number."""
    return EoaKey(number.to_bytes(32, "big"))


class DirectBroker:
    """A `Broker` that calls the journeys of a consortium's hospital A in the same process."""

    def __init__(self, consortium: Consortium) -> None:
        self._consortium = consortium

    def relay(self, act: Act) -> Receipt:
        assert isinstance(act, GrantAct)
        return self._consortium.relay_grant.run(act)

    def revoke(self, act: Act) -> bool:
        assert isinstance(act, RevokeAct | RevokeAllAct)
        return self._consortium.take_revoke.run(act)

    def release(self, access: Access) -> Release:
        return self._consortium.record_release.run(access)

    def hand_over(self, access: Access) -> HandOver:
        return self._consortium.hand_over.run(access)


class Consortium:
    """Everything, from an empty chain to a patient whose studies can be registered."""

    def __init__(self, *, enrolled: bool = True) -> None:
        self.clock = MemoryClock()
        self.entropy = SeededEntropy()
        self.governor_a, self.governor_b = key(1), key(2)
        self.registrar, self.issuer = key(3), key(4)
        self.broker_sign, self.session, self.patient = key(5), key(6), key(7)
        self.gateway = KemKey.from_seed(b"g" * 32)
        self.ledger = MemoryLedger([Founder(self.governor_a.address, 1, 0b111)], clock=self.clock)
        self.domains = self.ledger.domains
        self.mirror = MemoryMirror(self.ledger)
        self.store = MemoryStore()
        self.vault, self.gateway_vault, self.patient_vault = MemoryVault(), MemoryVault(), MemoryVault()
        self.patients, self.studies, self.journal = MemoryPatients(), MemoryStudies(), MemoryJournal()
        self.steps = MemorySteps()
        self.progress = MemoryProgress()
        self.files: dict[str, bytes | InputError] = {}
        self.destination = MemoryDestination()
        self._found()
        if enrolled:
            self.enrol.run(IDENTITY, custodian=HOSPITAL_A, registrar=self.registrar, patient=self.patient)

    def _found(self) -> None:
        AdmitMember(ledger=self.ledger, domains=self.domains).run(
            Admit(self.governor_b.address, 1, 0b111, 1), {HOSPITAL_A: self.governor_a}
        )
        publish = PublishKey(ledger=self.ledger, domains=self.domains)
        end = self.clock.now() + 365 * DAY_S
        publish.run(HOSPITAL_A, KeyKind.REGISTRAR, self.registrar.address, "", end, self.governor_a)
        publish.run(HOSPITAL_A, KeyKind.BROKER_SIGN, self.broker_sign.address, "", end, self.governor_a)
        publish.run(HOSPITAL_B, KeyKind.ISSUER, self.issuer.address, "", end, self.governor_b)
        publish.run(HOSPITAL_B, KeyKind.GATEWAY, self.gateway.public, "", end, self.governor_b)
        issue = IssueBadge(mirror=self.mirror, clock=self.clock, entropy=self.entropy, domains=self.domains)
        self.badge = issue.run(
            institution=HOSPITAL_B,
            roles=mask(Role.PHYSICIAN),
            session=self.session.address,
            issuer=self.issuer,
            not_after=self.clock.now() + DAY_S,
            trained_until=self.clock.now() + 100 * DAY_S,
        )

    def restart(self) -> None:
        """Forget what a process would: the broker's memory of taken revokes, and its mirror."""
        self.restart_keeping_mirror()
        self.mirror = MemoryMirror(self.ledger)

    def restart_keeping_mirror(self) -> None:
        """Forget what a process would, but for the mirror, which lasts where the chain is down."""
        self.__dict__.pop("taken", None)
        self.steps = MemorySteps()

    # -- journeys

    @property
    def enrol(self) -> EnrolPatient:
        return EnrolPatient(
            ledger=self.ledger, patients=self.patients, entropy=self.entropy, domains=self.domains, steps=self.steps
        )

    @property
    def register(self) -> RegisterStudies:
        return RegisterStudies(
            intake=MemoryIntake(self.files),
            store=self.store,
            vault=self.vault,
            patients=self.patients,
            studies=self.studies,
            ledger=self.ledger,
            entropy=self.entropy,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            progress=self.progress,
        )

    @cached_property
    def taken(self) -> Taken:
        return Taken(self.journal)

    @property
    def relay_grant(self) -> RelayGrant:
        return RelayGrant(ledger=self.ledger, mirror=self.mirror, custodian=HOSPITAL_A)

    @property
    def take_revoke(self) -> TakeRevoke:
        return TakeRevoke(
            ledger=self.ledger,
            mirror=self.mirror,
            journal=self.journal,
            taken=self.taken,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
        )

    @property
    def relay_taken(self) -> RelayTaken:
        return RelayTaken(taken=self.taken, take=self.take_revoke)

    @property
    def record_release(self) -> RecordRelease:
        return RecordRelease(
            ledger=self.ledger,
            journal=self.journal,
            taken=self.taken,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            custodian=HOSPITAL_A,
        )

    @property
    def hand_over(self) -> HandOverKeys:
        return HandOverKeys(
            ledger=self.ledger,
            mirror=self.mirror,
            store=self.store,
            vault=self.vault,
            journal=self.journal,
            taken=self.taken,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            trustee=HOSPITAL_A,
            signer=self.broker_sign,
        )

    @property
    def broker(self) -> Broker:
        return DirectBroker(self)

    @property
    def give(self) -> GiveGrant:
        return GiveGrant(
            broker=self.broker,
            mirror=self.mirror,
            vault=self.patient_vault,
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
        )

    @property
    def revoke(self) -> RevokeGrant:
        return RevokeGrant(broker=self.broker, mirror=self.mirror, domains=self.domains)

    @property
    def revoke_all(self) -> RevokeAllGrants:
        return RevokeAllGrants(broker=self.broker, mirror=self.mirror, domains=self.domains)

    @property
    def fetch(self) -> FetchStudy:
        return FetchStudy(
            broker=self.broker,
            ledger=self.ledger,
            mirror=self.mirror,
            store=self.store,
            vault=self.gateway_vault,
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            progress=self.progress,
        )

    @property
    def audit(self) -> AuditLedger:
        return AuditLedger(ledger=self.ledger, store=self.store, domains=self.domains, first_block=0)

    # -- short ways

    def add_series(self, slices: int = 3, **about: object) -> dict[str, bytes]:
        """Put a synthetic CT series among the files to register; returns it by name."""
        made = ct_series(slices, **about)
        self.files.update(made)
        return made

    def run_register(self) -> Registration:
        """Register all files."""
        return self.register.run(sorted(self.files), custodian=HOSPITAL_A, registrar=self.registrar)

    def run_grant(self, study_id: bytes, **changes: object) -> GrantResult:
        """Grant a study to the clinician for treatment, viewing and retaining, for ten days."""
        order = {
            "study_id": study_id,
            "series": 0,
            "grantee": self.badge.badge.person,
            "purposes": mask(Purpose.TREAT),
            "actions": mask(Action.VIEW, Action.RETAIN),
            "not_after": self.clock.now() + 10 * DAY_S,
        }
        return self.give.run(GrantOrder(**{**order, **changes}), self.patient)  # type: ignore[arg-type]

    @property
    def clinician(self) -> Requester:
        return Requester(self.session, self.gateway.seed, self.badge)

    def run_fetch(
        self,
        study_id: bytes,
        destination: MemoryDestination,
        series: int = 0,
        purpose: Purpose = Purpose.TREAT,
        requester: Requester | None = None,
    ) -> FetchedStudy:
        """Fetch as the clinician, or as somebody else."""
        order = FetchOrder(study_id, series, purpose, Action.RETAIN)
        return self.fetch.run(order, requester or self.clinician, destination)


def ct_series(slices: int = 3, **about: object) -> dict[str, bytes]:
    """Return a small synthetic CT series by file name."""
    sample = Sample(**{"rows": 16, "columns": 16, **about})  # type: ignore[arg-type]
    with TemporaryDirectory() as folder:
        paths = sample_ct_series(Path(folder), slices, sample)
        prefix = f"{sample.study}-{sample.series_number}-{sample.patient_id}"
        return {f"{prefix}/{path.name}": path.read_bytes() for path in paths}


def contents(files: Mapping[str, bytes | InputError]) -> list[bytes]:
    """Return the files' bytes in an order that does not depend on names."""
    return sorted(data for data in files.values() if isinstance(data, bytes))
