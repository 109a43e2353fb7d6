"""What a registration changes: found instances held against what the custodian's directory already has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fiducia.core.dicom.grouping import Candidate, SeriesGroup, StudyGroup
from fiducia.errors import DicomError
from fiducia.ports import InstanceSource
from fiducia.records.images import IntakeProblem, SeriesEntry, StudyEntry

Found = Candidate[InstanceSource]


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """A series that gets new instances, or new keys alone (`rekey`).

    `kept` is what it has in the base revision, `again` what of it came again.
    """

    series_instance_uid: str
    kept: SeriesEntry | None
    new: tuple[Found, ...]
    again: tuple[Found, ...] = ()
    rekey: bool = False


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """A study's changed series, and how many bytes of the input were anchored already."""

    study_instance_uid: str
    series: tuple[SeriesPlan, ...]
    known_bytes: int

    @property
    def changed(self) -> bool:
        """Whether there is anything to seal."""
        return bool(self.series)


@dataclass(slots=True)
class _Known:
    """Every SOP instance of the base: its series and identity digest."""

    series: dict[str, SeriesEntry] = field(default_factory=dict)
    instances: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, base: StudyEntry | None) -> _Known:
        known = cls()
        for series in base.series if base else ():
            known.series[series.series_instance_uid] = series
            for instance in series.instances:
                known.instances[instance.sop_instance_uid] = (series.series_instance_uid, instance.identity_digest)
        return known


class PlanSeries:
    """Sort a study's instances into known, new, and contradicting what is anchored."""

    def __init__(self, identity_digest: Callable[[Found], bytes]) -> None:
        """Take the function that reads a whole file's identity digest; asked for known SOP instances only."""
        self._identity_digest = identity_digest

    def run(
        self, study: StudyGroup[InstanceSource], base: StudyEntry | None, problems: list[IntakeProblem]
    ) -> StudyPlan:
        """Return the plan; instances that contradict the base are added to `problems` and left out."""
        known = _Known.of(base)
        known_bytes = 0
        plans: list[SeriesPlan] = []
        for group in study.series:
            new, again = self._sort(group, known, problems)
            known_bytes += sum(candidate.info.size_bytes for candidate in again)
            if new:
                kept = known.series.get(group.series_instance_uid)
                plans.append(SeriesPlan(group.series_instance_uid, kept, tuple(new), tuple(again)))
        return StudyPlan(study.study_instance_uid, tuple(plans), known_bytes)

    def _sort(
        self, group: SeriesGroup[InstanceSource], known: _Known, problems: list[IntakeProblem]
    ) -> tuple[list[Found], list[Found]]:
        new: list[Found] = []
        again: list[Found] = []
        for candidate in group.instances:
            anchored = known.instances.get(candidate.info.sop_instance_uid)
            if anchored is None:
                new.append(candidate)
                continue
            try:
                same = anchored == (group.series_instance_uid, self._identity_digest(candidate))
            except DicomError as error:
                problems.append(IntakeProblem(candidate.source.where, error))
                continue
            if same:
                again.append(candidate)
            else:
                problems.append(IntakeProblem(candidate.source.where, _contradiction()))
        return new, again


def _contradiction() -> DicomError:
    return DicomError(
        "this SOP instance is anchored already with other contents: correct it at its source, with a SOP"
        " Instance UID of its own"
    )
