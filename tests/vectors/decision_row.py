"""One row of the shared decision table."""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core.policy import Reason

HOUR = 3_600
DAY = 24 * HOUR
EIGHT_HOURS = 8 * HOUR

Changes = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Row:
    """One case; `lapse` counts from `now` and is 0 when refused."""

    name: str
    changes: Changes
    reason: Reason
    lapse: int = 0
    own: bool = False
