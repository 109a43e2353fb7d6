"""What registration notices about a series' slices: findings in words and counts, never UIDs, names or dates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class QualityCode(StrEnum):
    """What may be wrong with a series; docs/quality.md says when each is reported, and when never."""

    MISSING_SLICES = "MISSING_SLICES"
    MISSING_NUMBERS = "MISSING_NUMBERS"
    DUPLICATE_SLICES = "DUPLICATE_SLICES"
    INCONSISTENT_GEOMETRY = "INCONSISTENT_GEOMETRY"
    MIXED_ORIENTATION = "MIXED_ORIENTATION"


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """One thing about one series: how many slices (or places between slices) it concerns, and what it is."""

    code: QualityCode
    count: int
    detail: str


@dataclass(frozen=True, slots=True)
class SeriesQuality:
    """A series with something to report: its number in the study, as in the manifest, and the findings."""

    series: int
    findings: tuple[QualityFinding, ...]
