"""Reporting an incident: what a key in other hands means for whom, from what this place knows already.

Reads the ledger (the last facts seen, while the chain is away), the public custody documents, and at a custodian its
journal and directory; changes nothing. Identities leave the directory for whoever asks for them alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from fiducia.core.incident.effects import JOURNALLED
from fiducia.core.incident.exposure import Exposure
from fiducia.core.incident.report import AffectedPatient, IncidentReport, incident_report
from fiducia.core.keys.custody import CustodyRule
from fiducia.core.replay import State
from fiducia.errors import InputError, StoreError, VerificationError
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.shared.subjects import freshest
from fiducia.ports import Clock, Journal, Mirror, Patients, Store
from fiducia.records.images import JournalEntry, PatientIdentity


class ReportIncident:
    """Report one incident.

    Example:
        ``journey = ReportIncident(mirror=mirror, store=store, clock=clock, journal=journal, patients=patients,
        custodian=1); journey.run(of_kind(journey.state(), 2, KeyKind.ISSUER, since), since)``
    """

    def __init__(
        self,
        *,
        mirror: Mirror,
        store: Store,
        clock: Clock,
        journal: Journal | None = None,
        patients: Patients | None = None,
        custodian: int = 0,
    ) -> None:
        """Take the ports; `journal` and `patients` are a custodian's own, None elsewhere."""
        self._mirror = mirror
        self._store = store
        self._clock = clock
        self._journal = journal
        self._patients = patients
        self._custodian = custodian

    def state(self) -> State:
        """Return the newest facts, in which an exposure is named. Raises: LedgerInconsistencyError."""
        return freshest(self._mirror)

    def run(
        self,
        exposure: Exposure,
        since: int,
        detected_at: int | None = None,
        names: Mapping[int, str] | None = None,
    ) -> IncidentReport:
        """Return the report.

        Args:
            exposure: what somebody else has (`core.incident.exposure`).
            since: since when, UTC Unix seconds.
            detected_at: when it was detected; now when None.
            names: institutions' profiles, for the commands.

        Raises:
            InputError: a time that does not fit. JournalError, LedgerInconsistencyError: cannot be read.
        """
        now, state = self._clock.now(), self.state()
        detected = now if detected_at is None else detected_at
        if not since <= detected <= now:
            raise InputError("an incident began before it was detected, and was detected by now: check the two times")
        return incident_report(
            state,
            exposure,
            since=since,
            detected_at=detected,
            journal=self._entries(),
            custodies=self._custodies(state) if exposure.trustees else None,
            names=names,
        )

    def told_here(self, report: IncidentReport) -> tuple[AffectedPatient, ...]:
        """Return the patients whom this custodian tells; elsewhere all of them, for their hospitals to tell."""
        return report.patients_of(self._custodian) if self._custodian else report.patients

    def identities(self, report: IncidentReport) -> tuple[tuple[AffectedPatient, PatientIdentity | None], ...]:
        """Return who they are, as far as the directory knows (not those whom another hospital handed over).

        Raises:
            InputError: this place keeps no directory. VaultError: it cannot be opened.
        """
        if self._patients is None:
            raise InputError("only a hospital knows who its patients are: act as one (--as hospital-a)")
        known = {entry.subject: entry.identity for entry in self._patients.all()}
        return tuple((each, known.get(each.subject)) for each in self.told_here(report))

    def _entries(self) -> tuple[JournalEntry, ...]:
        return tuple(self._journal.since(0, JOURNALLED)[1]) if self._journal is not None else ()

    def _custodies(self, state: State) -> dict[bytes, tuple[CustodyRule, ...]]:
        """By which each study was dealt, revision by revision; one that cannot be read is left out."""
        found: dict[bytes, tuple[CustodyRule, ...]] = {}
        for study in state.studies():
            try:
                manifests = (read_manifest(self._store, each.manifest) for each in study.revisions)
                found[study.study_id] = tuple(read_custody(self._store, manifest).rule for manifest in manifests)
            except (StoreError, VerificationError):
                continue
        return found
