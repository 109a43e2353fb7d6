"""Preparing a revision: everything up to the anchor, so that anchoring is one signature away.

Changed series are sealed anew, whole, under fresh keys; unchanged ones keep pack, keys, shares and line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fiducia.core.formats.context import SeriesPlace
from fiducia.core.formats.index import SeriesUids
from fiducia.core.formats.manifest import Manifest, manifest_digest
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.keys.custody import Custody, custody_digest
from fiducia.journeys.objects import put_document, read_custody, read_manifest
from fiducia.journeys.planning import SeriesPlan, StudyPlan
from fiducia.journeys.sealing import FilePart, KeptPart, Part, PartFailedError, SealedSeries, SealSeries
from fiducia.journeys.shares import deposit, share_of
from fiducia.ports import Entropy, Progress, Steps, Store, Vault
from fiducia.records.images import IntakeProblem, RegisteredStudy, SeriesEntry, StudyEntry, SubjectEntry

THRESHOLD = 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """A revision that only lacks its anchor: what the directory will hold, and what to report."""

    entry: StudyEntry
    result: RegisteredStudy


@dataclass(frozen=True, slots=True)
class _Base:
    """The public documents of the revision before; None for a new study."""

    manifest: Manifest
    custody: Custody


class PrepareRevision:
    """Seal what changed, deposit the keys, store custody document and manifest."""

    def __init__(self, *, store: Store, vault: Vault, entropy: Entropy, steps: Steps, progress: Progress) -> None:
        self._store = store
        self._vault = vault
        self._steps = steps
        self._seal = SealSeries(store=store, entropy=entropy, progress=progress)

    def run(
        self,
        plan: StudyPlan,
        target: StudyEntry,
        patient: SubjectEntry,
        custodian: int,
        problems: list[IntakeProblem],
    ) -> Prepared | None:
        """Prepare the revision after `target` (a new study is revision 0).

        Instances that cannot be read to their end are added to `problems` and left out; None when nothing
        is left to anchor.

        Raises:
            StoreError, VaultError: a part failed. VerificationError: the base revision is not intact.
        """
        revision = target.revision + 1
        base = self._base(target)
        sealed: dict[str, tuple[int, SealedSeries]] = {}
        free = max((series.number for series in target.series), default=0) + 1
        for series in plan.series:
            number = series.kept.number if series.kept else free
            place = SeriesPlace(target.study_id, revision, number)
            done = self._series(place, series, plan.study_instance_uid, base, problems)
            if done is not None:
                sealed[series.series_instance_uid] = (number, done)
                free = max(free, number + 1)
        if not sealed:
            return None
        new = [series for _, series in sealed.values()]
        deposit(self._vault, target.study_id, [series.share for series in new])
        self._steps.reached("register.keys-deposited")
        digest = self._documents(target, revision, custodian, base, new)
        self._steps.reached("register.manifest-stored")
        entry = replace(target, revision=revision, manifest=digest, series=_entries(target, revision, sealed))
        return Prepared(entry, _result(entry, patient, sum(series.size_bytes for series in new)))

    def _base(self, target: StudyEntry) -> _Base | None:
        if not target.revision:
            return None
        manifest = read_manifest(self._store, target.manifest)
        return _Base(manifest, read_custody(self._store, manifest))

    def _series(
        self,
        place: SeriesPlace,
        plan: SeriesPlan,
        study_instance_uid: str,
        base: _Base | None,
        problems: list[IntakeProblem],
    ) -> SealedSeries | None:
        uids = SeriesUids(study_instance_uid, plan.series_instance_uid)
        kept = self._kept(place.study_id, plan.kept, base)
        next_number = max((part.number for part in kept), default=0) + 1
        new = [FilePart(number, candidate) for number, candidate in enumerate(plan.new, next_number)]
        while new:
            try:
                done = self._seal.run(place, uids, [*kept, *new])
            except PartFailedError as failed:
                if not isinstance(failed.part, FilePart):
                    raise failed.error from failed
                problems.append(IntakeProblem(failed.part.candidate.source.where, failed.error))
                new = [part for part in new if part is not failed.part]
            else:
                self._steps.reached("register.series-sealed")
                return done
        return None

    def _kept(self, study_id: bytes, entry: SeriesEntry | None, base: _Base | None) -> list[Part]:
        if entry is None or base is None:
            return []
        line = base.manifest.line(entry.number)
        share = share_of(self._vault, study_id, line.number, line.sealed_in)
        keys = base.custody.combine([share])
        opener = SeriesOpener(base.manifest.place(line), line, keys, self._store.read)
        return [KeptPart(instance.number, opener) for instance in opener.entries]

    def _documents(
        self, target: StudyEntry, revision: int, custodian: int, base: _Base | None, new: Sequence[SealedSeries]
    ) -> bytes:
        lines = {line.number: line for line in (base.manifest.series if base else ())}
        held = {series.number: series for series in (base.custody.series if base else ())}
        lines.update({series.line.number: series.line for series in new})
        held.update({series.custody.number: series.custody for series in new})
        custody = Custody(
            target.study_id, THRESHOLD, (custodian,), tuple(held[number] for number in sorted(held))
        ).to_bytes()
        manifest = Manifest(
            study_id=target.study_id,
            revision=revision,
            custodian=custodian,
            custody=custody_digest(custody),
            series=tuple(lines[number] for number in sorted(lines)),
        ).to_bytes()
        put_document(self._store, custody)
        put_document(self._store, manifest)
        return manifest_digest(manifest)


def _entries(target: StudyEntry, revision: int, sealed: dict[str, tuple[int, SealedSeries]]) -> tuple[SeriesEntry, ...]:
    entries = {series.number: series for series in target.series}
    for series_instance_uid, (number, series) in sealed.items():
        entries[number] = SeriesEntry(series_instance_uid, number, revision, series.instances)
    return tuple(entries[number] for number in sorted(entries))


def _result(entry: StudyEntry, patient: SubjectEntry, size_bytes: int) -> RegisteredStudy:
    return RegisteredStudy(
        study_id=entry.study_id,
        subject=entry.subject,
        revision=entry.revision,
        series=len(entry.series),
        instances=sum(len(series.instances) for series in entry.series),
        size_bytes=size_bytes,
        unchanged=False,
        patient_profile=patient.profile,
    )
