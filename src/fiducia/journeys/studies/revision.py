"""Preparing a revision: everything up to the anchor, so that anchoring is one signature away.

Changed series are sealed anew, whole, under fresh keys; unchanged ones keep pack, keys, shares and line. Later
revisions are dealt as the first was. Where it takes several trustees to open what a series had, nobody opens it for
new images: those it has must come again with them. For fresh keys it is opened with those that trustees gave
(`rekeying`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fiducia.core.formats.context import SeriesKeys, SeriesPlace
from fiducia.core.formats.index import SeriesUids
from fiducia.core.formats.manifest import Manifest, manifest_digest
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.keys.custody import Custody, CustodyRule, custody_digest
from fiducia.errors import InputError
from fiducia.journeys.shared.at_once import BESIDE, Workers
from fiducia.journeys.shared.objects import put_document, read_custody, read_manifest
from fiducia.journeys.studies.planning import SeriesPlan, StudyPlan
from fiducia.journeys.studies.sealing import FilePart, KeptPart, Part, PartFailedError, SealedSeries, SealSeries
from fiducia.journeys.trustees.dealing import Deal, DealShares
from fiducia.journeys.trustees.shares import share_of
from fiducia.ports import Entropy, Examiner, Progress, Steps, Store, Vault
from fiducia.records.images import IntakeProblem, RegisteredStudy, SeriesEntry, StudyEntry, SubjectEntry


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

    def __init__(
        self,
        *,
        examiner: Examiner,
        store: Store,
        vault: Vault,
        deal: DealShares,
        entropy: Entropy,
        steps: Steps,
        progress: Progress,
        workers: Workers = BESIDE,
    ) -> None:
        self._examiner = examiner
        self._store = store
        self._vault = vault
        self._deal = deal
        self._steps = steps
        self._seal = SealSeries(store=store, entropy=entropy, progress=progress, workers=workers)

    def run(
        self,
        plan: StudyPlan,
        target: StudyEntry,
        patient: SubjectEntry,
        custodian: int,
        problems: list[IntakeProblem],
        keys: Mapping[int, SeriesKeys] | None = None,
    ) -> Prepared | None:
        """Prepare the revision after `target` (a new study is revision 0).

        Instances that cannot be read to their end are added to `problems` and left out; None when nothing
        is left to anchor. `keys`, by series number, open what the custodian alone does not.

        Raises:
            InputError: a series that got new images must be given whole. TrusteeError: too few trustees hold the keys.
            StoreError, VaultError: a part failed. VerificationError: the base revision is not intact.
        """
        revision = target.revision + 1
        base = self._base(target)
        rule = base.custody.rule if base else self._deal.rule
        sealed: dict[str, tuple[int, SealedSeries]] = {}
        free = max((series.number for series in target.series), default=0) + 1
        for series in plan.series:
            number = series.kept.number if series.kept else free
            place = SeriesPlace(target.study_id, revision, number)
            kept = self._kept(series, custodian, base, keys or {})
            uids = SeriesUids(plan.study_instance_uid, series.series_instance_uid)
            done = self._series(place, series, uids, kept, rule, problems)
            if done is not None:
                sealed[series.series_instance_uid] = (number, done)
                free = max(free, number + 1)
        if not sealed:
            return None
        new = [series for _, series in sealed.values()]
        custody = self._custody(target, rule, base, new)
        document = custody.to_bytes()
        put_document(self._store, document)  # first, so that trustees can tell what they are to hold
        self._deal.run(Deal(target.subject, custody, custody_digest(document), [series.shares for series in new]))
        digest = self._manifest(target, revision, custodian, custody_digest(document), base, new)
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
        uids: SeriesUids,
        kept: Sequence[Part],
        rule: CustodyRule,
        problems: list[IntakeProblem],
    ) -> SealedSeries | None:
        next_number = max((part.number for part in kept), default=0) + 1
        new = [FilePart(number, candidate, self._examiner) for number, candidate in enumerate(plan.new, next_number)]
        while new or plan.rekey:
            try:
                done = self._seal.run(place, uids, [*kept, *new], rule)
            except PartFailedError as failed:
                bad = [part for part in new if part is failed.part]
                if not bad:
                    raise failed.error from failed
                problems.append(IntakeProblem(bad[0].candidate.source.where, failed.error))
                new = [part for part in new if part is not failed.part]
            else:
                self._steps.reached("register.series-sealed")
                return done
        return None

    def _kept(
        self, plan: SeriesPlan, custodian: int, base: _Base | None, given: Mapping[int, SeriesKeys]
    ) -> list[Part]:
        if plan.kept is None or base is None:
            return []
        line = base.manifest.line(plan.kept.number)
        if line.number in given:
            keys = given[line.number]
        elif base.custody.opened_by(custodian):
            index = base.custody.share_index(custodian)
            keys = base.custody.combine([share_of(self._vault, base.custody, index, line.number, line.sealed_in)])
        else:
            return self._given_again(plan, plan.kept)
        opener = SeriesOpener(base.manifest.place(line), line, keys, self._store.read)
        return [KeptPart(instance.number, opener) for instance in opener.entries]

    def _given_again(self, plan: SeriesPlan, kept: SeriesEntry) -> list[Part]:
        """The images that the series had, from the files that were given: each is, byte for byte, the anchored one."""
        given = {candidate.info.sop_instance_uid: candidate for candidate in plan.again}
        if any(instance.sop_instance_uid not in given for instance in kept.instances):
            raise InputError(
                "a series got new images, and it takes several trustees to open those it has: register the whole series"
                " again, old images and new ones"
            )
        return [FilePart(each.number, given[each.sop_instance_uid], self._examiner) for each in kept.instances]

    def _custody(
        self, target: StudyEntry, rule: CustodyRule, base: _Base | None, new: Sequence[SealedSeries]
    ) -> Custody:
        held = {series.number: series for series in (base.custody.series if base else ())}
        held.update({series.custody.number: series.custody for series in new})
        series = tuple(held[number] for number in sorted(held))
        return Custody(target.study_id, rule.threshold, rule.trustees, series)

    def _manifest(
        self,
        target: StudyEntry,
        revision: int,
        custodian: int,
        custody: bytes,
        base: _Base | None,
        new: Sequence[SealedSeries],
    ) -> bytes:
        lines = {line.number: line for line in (base.manifest.series if base else ())}
        lines.update({series.line.number: series.line for series in new})
        manifest = Manifest(
            study_id=target.study_id,
            revision=revision,
            custodian=custodian,
            custody=custody,
            series=tuple(lines[number] for number in sorted(lines)),
        ).to_bytes()
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
