"""Whether the slices of one stack lie at one distance from each other, and if not, which are missing.

Owns: the distance that a stack was made with, and what each gap means. Positions are judged first; Instance
Numbers can confirm a gap or contradict it: where numbers go on over a gap, the scanner left it, and nothing was
lost. Tolerances are the constants below. Not here: which slices make a stack (`stacks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from statistics import median_low

from fiducia.core.dicom.stacks import Placed, places

PLACES_MIN = 3
"""Fewer places along the normal have no regular spacing to depart from."""

IRREGULAR_MIN = 4
"""Without any regular distance, fewer places than this are planes that somebody chose."""

TOLERANCE_MM = 0.1
TOLERANCE_SHARE = 0.01
"""A distance may depart by 0.1 mm (table positions, rounded texts) or 1 %, but never by a quarter of itself."""
TOLERANCE_MOST = 0.25

MULTIPLE_MAX = 1e6
"""Distances are compared as long as their ratio is sane; a stated one may be anything."""

THICKNESS_SHARE = 0.1
"""Places closer than a tenth of a slice are one place that moved between acquisitions, not a stack."""


BLOCK_GAP = 5
"""Where Instance Numbers go on over more than five distances, the scanner went on to another block."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """What a stack's distances say.

    Attributes:
        missing: slices that are missing between the first and the last.
        irregular: places where the distance is another one, and no slice is missing.
    """

    missing: int = 0
    irregular: int = 0


@dataclass(frozen=True, slots=True)
class _Step:
    """From one place to the next: distance in mm, and how far the Instance Numbers go; 0 when they do not say."""

    mm: float
    numbers: int


@dataclass(frozen=True, slots=True)
class _Made:
    """What a stack was made with: distance in mm, and Instance Numbers from one slice to the next (0: unknown)."""

    mm: float
    numbers: int


def spacing_of(stack: Sequence[Placed]) -> Spacing:
    """Judge a stack's slices, in order along the normal."""
    found = places(stack)
    if len(found) < PLACES_MIN:
        return Spacing()
    numbers = [_number(place) for place in found]
    steps = [
        _Step(there[0].along - here[0].along, 0 if a is None or b is None else abs(b - a))
        for (here, there), (a, b) in zip(pairwise(found), pairwise(numbers), strict=True)
    ]
    thickness = max(each.slice.image.slice_thickness or 0 for each in stack)
    if median_low(step.mm for step in steps) < THICKNESS_SHARE * thickness:
        return Spacing()
    stated = max(each.slice.image.spacing_between_slices or 0 for each in stack)
    made = _by_numbers(steps) or _by_most(steps) or _as_stated(steps, stated)
    if made:
        return _judge(steps, made, len(found))
    chosen = len(found) < IRREGULAR_MIN or len(found) < len(stack)
    return Spacing() if chosen else Spacing(irregular=len(steps))


def _judge(steps: Sequence[_Step], made: _Made, present: int) -> Spacing:
    missing = irregular = 0
    for step in steps:
        multiple = _multiple(step.mm, made.mm)
        goes_on = 0 < step.numbers <= made.numbers
        if multiple == 1 or (goes_on and step.mm > BLOCK_GAP * made.mm):
            continue
        confirmed = made.numbers > 0 and step.numbers == multiple * made.numbers
        if multiple and not goes_on and (confirmed or multiple <= present):
            missing += multiple - 1
        else:
            irregular += 1
    return Spacing(missing, irregular)


def _by_numbers(steps: Sequence[_Step]) -> _Made | None:
    """When positions go with Instance Numbers everywhere: both say what lies between."""
    if not all(step.numbers for step in steps):
        return None
    numbers = gcd(*(step.numbers for step in steps))
    mm = median_low(step.mm * numbers / step.numbers for step in steps)
    return _Made(mm, numbers) if all(_multiple(s.mm, mm) == s.numbers // numbers for s in steps) else None


def _by_most(steps: Sequence[_Step]) -> _Made | None:
    """When at least half of the steps, and more than one, have one distance."""
    mm = median_low(step.mm for step in steps)
    alike = sum(_multiple(step.mm, mm) == 1 for step in steps)
    return _with_numbers(steps, mm) if alike > 1 and 2 * alike >= len(steps) else None


def _as_stated(steps: Sequence[_Step], stated: float) -> _Made | None:
    """When the closest slices have the distance that Spacing Between Slices (0018,0088) states."""
    return _with_numbers(steps, stated) if stated and _multiple(min(step.mm for step in steps), stated) == 1 else None


def _with_numbers(steps: Sequence[_Step], mm: float) -> _Made:
    usual = [step.numbers for step in steps if step.numbers and _multiple(step.mm, mm) == 1]
    return _Made(mm, median_low(usual) if usual else 0)


def _multiple(mm: float, distance: float) -> int:
    """How many times the distance that is, from 1; 0 when no whole number of times."""
    multiple = round(mm / distance) if mm < distance * MULTIPLE_MAX else 0
    allowed = min(max(TOLERANCE_MM, TOLERANCE_SHARE * max(mm, distance)), TOLERANCE_MOST * distance)
    return multiple if abs(mm - multiple * distance) <= allowed else 0


def _number(place: Sequence[Placed]) -> int | None:
    """The lowest Instance Number at one place; none among the frames of a multi-frame object."""
    images = [each.slice.image for each in place]
    numbers = [i.instance_number for i in images if i.instance_number is not None and len(i.planes) == 1]
    return min(numbers, default=None)
