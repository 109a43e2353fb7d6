"""What patients, clinicians and auditors do with a consortium in memory; and short ways to all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.app.sample_dicom import Sample, sample_ct_series
from fiducia.core.rules import Action, Purpose, Role, mask
from fiducia.errors import InputError
from fiducia.journeys.audit.audit import AuditLedger
from fiducia.journeys.grants.grant import GiveGrant, GrantOrder, GrantResult
from fiducia.journeys.grants.revoke import RevokeAllGrants, RevokeGrant
from fiducia.journeys.members.members import AdmitMember, PublishKey
from fiducia.journeys.reading.asking import DrawUpRequest, Requester
from fiducia.journeys.reading.collecting import CollectKeys
from fiducia.journeys.reading.fetch import FetchOrder, FetchStudy
from fiducia.journeys.reading.opening import OpenOffers
from fiducia.journeys.reading.viewing import Noted, Viewing
from fiducia.ports import Broker, Journal
from fiducia.records.images import FetchedStudy, JournalEntry, Registration
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Admit
from tests.support.consortium.broker import BrokerSide
from tests.support.consortium.direct_broker import DirectBroker
from tests.support.consortium.parts import DAY_S, HOSPITAL_A, HOSPITAL_B, IDENTITY


def begin_to_append(threads: Executor, journal: Journal, entries: Sequence[JournalEntry]) -> Noted:
    """Begin to write into a journal, as a watched one does."""
    return threads.submit(journal.append, entries).result


class Consortium(BrokerSide):
    """Everything, from an empty chain to a patient whose studies can be registered."""

    def __init__(self, *, enrolled: bool = True) -> None:
        super().__init__()
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
        publish.run(HOSPITAL_A, KeyKind.LOG, self.log_key.public, "", end, self.governor_a)
        publish.run(HOSPITAL_B, KeyKind.ISSUER, self.issuer.address, "", end, self.governor_b)
        publish.run(HOSPITAL_B, KeyKind.GATEWAY, self.gateway.public, "", end, self.governor_b)
        self.badge = self.issue_badge.run(
            institution=HOSPITAL_B,
            roles=mask(Role.PHYSICIAN),
            session=self.session.address,
            issuer=self.issuer,
            not_after=self.clock.now() + DAY_S,
            trained_until=self.clock.now() + 100 * DAY_S,
        )

    @property
    def broker(self) -> Broker:
        return DirectBroker(self)

    def broker_of(self, institution: int) -> Broker:
        """Return an institution's broker; there is but one here."""
        return self.broker

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
            broker_of=self.broker_of,
            ledger=self.gateway_ledger,
            mirror=self.mirror,
            store=self.store,
            vault=self.gateway_vault,
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            progress=self.progress,
            at_once=self.at_once,
        )

    @property
    def open_offers(self) -> OpenOffers:
        on: dict[str, Any] = {"mirror": self.mirror, "clock": self.clock, "domains": self.domains}
        return OpenOffers(
            draw_up=DrawUpRequest(entropy=self.entropy, **on),
            collect=CollectKeys(broker_of=self.broker_of, store=self.store, at_once=self.at_once, **on),
            workers=self.workers,
        )

    def viewing(
        self,
        purpose: Purpose = Purpose.TREAT,
        requester: Requester | None = None,
        requester_of: Callable[[], Requester] | None = None,
    ) -> Viewing:
        """Return the clinician's view, or somebody else's; its gateway's journal is `gateway_journal`."""
        return Viewing(
            requester=requester_of or (lambda: requester or self.clinician),
            purpose=purpose,
            open_offers=self.open_offers,
            mirror=self.mirror,
            write_down=partial(begin_to_append, self.workers(8), self.gateway_journal),
            clock=self.clock,
            monotonic=lambda: float(self.clock.now()),
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
        return self.register.run(sorted(self.files), custodian=self.institution, registrar=self.registrar)

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
