"""What a registration noticed about its series: findings by the number that each series has in the study.

Findings are told and prevent nothing: a series with a hole is sealed as it came. Judged is what this
registration found. Of a later revision that is only what was given again, not what was anchored before; an
instance that failed while it was sealed is still among what was found, and is named as a problem.
"""

from __future__ import annotations

from collections.abc import Iterable

from fiducia.core.dicom.grouping import StudyGroup
from fiducia.core.dicom.quality import quality_of
from fiducia.ports import InstanceSource
from fiducia.records.images import SeriesEntry
from fiducia.records.quality import SeriesQuality


def judge_series(study: StudyGroup[InstanceSource], entries: Iterable[SeriesEntry]) -> tuple[SeriesQuality, ...]:
    """Return the findings of a study's series, by their numbers.

    Args:
        study: what was found.
        entries: the study's series as they are anchored now; a found series that is not among them is left out.
    """
    numbers = {entry.series_instance_uid: entry.number for entry in entries}
    found = []
    for series in study.series:
        number = numbers.get(series.series_instance_uid)
        findings = quality_of([each.geometry for each in series.instances if each.geometry is not None])
        if number is not None and findings:
            found.append(SeriesQuality(number, findings))
    return tuple(sorted(found, key=lambda each: each.series))
