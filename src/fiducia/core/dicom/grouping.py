"""Instances to studies: what belongs together, what contradicts itself, and in which order.

Pure; knows nothing of files. A study is about one patient, and a SOP Instance UID names one data set:
where either does not hold, nothing that takes part in the contradiction is trusted.
Source: PS3.3 annex A (one patient per study), PS3.5 section 9 (UIDs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.geometry import Geometry
from fiducia.errors import DicomError
from fiducia.records.images import InstanceInfo, PatientIdentity

T = TypeVar("T")
_LAST = 1 << 62  # after every Series or Instance Number


@dataclass(frozen=True, slots=True)
class Candidate(Generic[T]):
    """An instance that could be read, and where it came from (`source` is the caller's).

    `geometry` is what its series is judged by, `whole` all that its index takes, where that was read already; grouping
    looks at neither.
    """

    source: T
    info: InstanceInfo
    series_number: int | None = None
    instance_number: int | None = None
    geometry: Geometry | None = None
    whole: Examined | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SeriesGroup(Generic[T]):
    """A series' instances, by Instance Number, then UID."""

    series_instance_uid: str
    instances: tuple[Candidate[T], ...]


@dataclass(frozen=True, slots=True)
class StudyGroup(Generic[T]):
    """A study's series, by Series Number, then UID."""

    study_instance_uid: str
    identity: PatientIdentity
    series: tuple[SeriesGroup[T], ...]


@dataclass(frozen=True, slots=True)
class Refused(Generic[T]):
    """A candidate that contradicts others, and how."""

    candidate: Candidate[T]
    error: DicomError


@dataclass(frozen=True, slots=True)
class Grouping(Generic[T]):
    """Studies in the order in which they were first seen; what was refused; what was there twice."""

    studies: tuple[StudyGroup[T], ...]
    refused: tuple[Refused[T], ...]
    duplicates: tuple[Candidate[T], ...]


def group(candidates: Iterable[Candidate[T]], identity_digest: Callable[[Candidate[T]], bytes]) -> Grouping[T]:
    """Group instances into studies and series.

    1. A study whose instances name different patients is refused as a whole.
    2. A SOP instance that is there more than once with equal identity digests is one; the first
       stays and the others are duplicates.
    3. With different ones (or in two series or studies) all of them are refused: none can be trusted.

    Args:
        candidates: instances in a stable order.
        identity_digest: asked only for SOP instances that are there more than once. A DicomError that
            it raises refuses that candidate.

    Returns:
        Every candidate exactly once: in a study, refused, or a duplicate.
    """
    everything = list(candidates)
    refused: dict[int, Refused[T]] = {}
    duplicates: set[int] = set()
    _refuse_conflicting_patients(everything, refused)
    _judge_repeats(everything, identity_digest, refused, duplicates)
    good = [c for i, c in enumerate(everything) if i not in refused and i not in duplicates]
    return Grouping(
        studies=tuple(_studies(good)),
        refused=tuple(refused[i] for i in sorted(refused)),
        duplicates=tuple(everything[i] for i in sorted(duplicates)),
    )


def _refuse_conflicting_patients(everything: list[Candidate[T]], refused: dict[int, Refused[T]]) -> None:
    """Rule 1; every instance has a say, also one that rule 3 would refuse."""
    by_study: dict[str, list[int]] = {}
    for i, candidate in enumerate(everything):
        by_study.setdefault(candidate.info.study_instance_uid, []).append(i)
    for places in by_study.values():
        patients = {everything[i].info.identity for i in places}
        if len(patients) > 1:
            error = DicomError(
                f"the instances of this study name {len(patients)} different patients (Patient ID or its issuer"
                " differ), so none of them is stored: correct them at their source"
            )
            refused.update((i, Refused(everything[i], error)) for i in places)


def _judge_repeats(
    everything: list[Candidate[T]],
    identity_digest: Callable[[Candidate[T]], bytes],
    refused: dict[int, Refused[T]],
    duplicates: set[int],
) -> None:
    """Rules 2 and 3."""
    by_instance: dict[str, list[int]] = {}
    for i, candidate in enumerate(everything):
        by_instance.setdefault(candidate.info.sop_instance_uid, []).append(i)
    for places in by_instance.values():
        if len(places) == 1:
            continue
        digests: dict[int, bytes] = {}
        for i in places:
            try:
                digests[i] = identity_digest(everything[i])
            except DicomError as error:
                refused.setdefault(i, Refused(everything[i], error))
        if len(set(digests.values())) > 1:
            conflict = DicomError(
                "the same SOP Instance UID is there more than once with different contents, so none of them is"
                " stored: keep the right one, or give the others UIDs of their own"
            )
            for i in digests:
                refused.setdefault(i, Refused(everything[i], conflict))
        else:
            duplicates.update(i for i in list(digests)[1:] if i not in refused)


def _studies(good: list[Candidate[T]]) -> Iterable[StudyGroup[T]]:
    """Sort what is left; dictionaries keep the order in which studies were first seen."""
    tree: dict[str, dict[str, list[Candidate[T]]]] = {}
    for candidate in good:
        series = tree.setdefault(candidate.info.study_instance_uid, {})
        series.setdefault(candidate.info.series_instance_uid, []).append(candidate)
    for study_uid, members in tree.items():
        groups = [SeriesGroup(uid, tuple(sorted(found, key=_instance_order))) for uid, found in members.items()]
        groups.sort(key=_series_order)
        yield StudyGroup(study_uid, groups[0].instances[0].info.identity, tuple(groups))


def _instance_order(candidate: Candidate[T]) -> tuple[int, str]:
    number = candidate.instance_number
    return (_LAST if number is None else number, candidate.info.sop_instance_uid)


def _series_order(series: SeriesGroup[T]) -> tuple[int, str]:
    numbers = [c.series_number for c in series.instances if c.series_number is not None]
    return (min(numbers, default=_LAST), series.series_instance_uid)
