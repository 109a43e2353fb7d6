"""What an instance is worth that could be read: taken, or set aside for a person to look at.

The policy, code by code: docs/intake.md. Details name tags, never values: they may be shown and logged.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Outcome(enum.IntEnum):
    """What becomes of an instance; ascending, so the largest of several counts."""

    ACCEPTED = 0
    QUARANTINED = 1


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong with an instance.

    Attributes:
        code: a word of docs/intake.md, such as "preamble-foreign".
        outcome: what this alone would make of the instance; ACCEPTED is a note that comes with it.
        detail: one sentence for people, with the tags that it is about.
    """

    code: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Note:
    """A defect that prevents nothing, in how many of the instances that were taken, as the first of them has it."""

    code: str
    detail: str
    instances: int
