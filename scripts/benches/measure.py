"""What a measurement is: values in the order they came, their median and spread, rows, gates and the table.

Pure: no clock, no machine. Times of one row and of what it is compared with come from the same repetitions,
taken in turns, so a ratio is the median of the repetitions' own ratios: whatever slowed one side of a
repetition slowed the other, too.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

NOISY_SPREAD = 0.15
"""A calibration that spreads wider than this names the machine as noisy."""


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> float:
    """Return how wide the middle half of the values is, as a part of their median; 0 for fewer than two."""
    if len(values) < 2:
        return 0.0
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    return (third - first) / middle if middle else 0.0


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the smallest value that `percent` % of the values do not exceed."""
    if not values or not 0 < percent <= 100:
        raise ValueError("a percentile takes values and a percentage over 0, up to 100")
    rank = -(-len(values) * percent // 100)
    return sorted(values)[int(rank) - 1]


def ratios(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return value / other of each repetition."""
    return [value / other for value, other in zip(values, others, strict=True)]


@dataclass(frozen=True, slots=True)
class Series:
    """Raw values of one measured thing, in the order of the repetitions."""

    name: str
    unit: str
    values: tuple[float, ...]

    def __str__(self) -> str:
        wide = f" ± {spread(self.values) * 50:.0f} %" if len(self.values) > 1 else ""
        return f"{self.name} {shown(median(self.values))} {self.unit}{wide}"

    def to_json(self) -> dict[str, Any]:
        """Return name, unit, values, median and spread."""
        return {**asdict(self), "median": median(self.values), "spread": spread(self.values)}


@dataclass(frozen=True, slots=True)
class Gate:
    """What a row is held against; `design` is what is aimed at where `limit` is what holds today."""

    kind: Literal[">=", "<="]
    limit: float
    design: float | None = None

    def holds(self, value: float) -> bool:
        """Tell whether a value is on the right side of the limit."""
        return value >= self.limit if self.kind == ">=" else value <= self.limit

    def __str__(self) -> str:
        later = "" if self.design is None else f" (design {shown(self.design)})"
        return f"{self.kind} {shown(self.limit)}{later}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; a row without a value says in `note` why it was skipped."""

    name: str
    unit: str
    value: float | None
    gate: Gate | None = None
    raw: tuple[Series, ...] = field(default=())
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return "held", "MISSED", "skipped", or nothing for a row that only informs."""
        if self.value is None:
            return "skipped"
        if self.gate is None:
            return ""
        return "held" if self.gate.holds(self.value) else "MISSED"

    def to_json(self) -> dict[str, Any]:
        """Return the row with its raw values."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "gate": asdict(self.gate) if self.gate else None,
            "verdict": self.verdict,
            "raw": [series.to_json() for series in self.raw],
            "note": self.note,
        }


def skipped(name: str, reason: str) -> Row:
    """Return a row that could not be measured here."""
    return Row(name, "", None, note=f"skipped: {reason}")


def ratio_row(name: str, limit: Series, measured: Series, gate: Gate | None = None, note: str = "") -> Row:
    """Return a row of "how fast beside the limit": 1.0 is as fast as that, 0.5 takes twice its time."""
    return Row(name, "x", median(ratios(limit.values, measured.values)), gate, (measured, limit), note)


def ungated(row: Row) -> Row:
    """Return a row of small sizes and few repetitions: its time is held against nothing, gas and memory are."""
    return row if row.unit in ("gas", "MB") else replace(row, gate=None)


def noise(calibrations: Sequence[Series]) -> str:
    """Return what makes this machine noisy, or an empty text for a quiet one."""
    wide = [series for series in calibrations if spread(series.values) > NOISY_SPREAD]
    return ", ".join(f"{series.name} spreads {spread(series.values):.0%}" for series in wide)


def shown(value: float) -> str:
    """Return a value with three digits that matter, and thousands apart."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: Sequence[Row]) -> list[tuple[str, str, str, str, str]]:
    """Return the table's cells: name, value, gate, verdict, raw medians and spreads or the note."""
    return [
        (
            row.name,
            "" if row.value is None else f"{shown(row.value)} {row.unit}",
            str(row.gate) if row.gate else "",
            row.verdict,
            "; ".join([*map(str, row.raw), *([row.note] if row.note else [])]),
        )
        for row in rows
    ]
