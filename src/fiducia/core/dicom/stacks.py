"""Slices of one series sorted into stacks: one frame of reference, one orientation, one line along the normal.

Owns: which slices are compared with each other. Lengths in mm, in the patient's coordinates (PS3.3 section
C.7.6.2.1.1). n log n in the number of slices. Not here: what is wrong with a stack (`spacing`, `quality`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from fiducia.core.dicom.geometry import Geometry, Orientation, Plane, Vector

SAME_MM = 0.01
"""Slices closer than this are at one place: six significant digits of a DS keep 0.005 mm up to a metre."""

SAME_DIRECTION = 0.01
"""Directions whose cosines differ by no more are one: 0.6 degrees, more than any rounding of a DS."""

OFF_LINE_MM = 0.1
"""How far a slice may lie beside its stack's line, or 1 % of the distance along it: rounding of both vectors."""
OFF_LINE_SHARE = 0.01

ORIENTATIONS_MAX = 64
"""More orientations than this in one series are views around something; they are not told apart further."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One image or frame with its plane, and the instance that it is from."""

    plane: Plane
    image: Geometry


@dataclass(frozen=True, slots=True)
class Placed:
    """A slice by its distance along the normal of its stack, and across (along its rows and columns), in mm."""

    along: float
    across: tuple[float, float]
    slice: Slice


def slices_of(series: Iterable[Geometry]) -> list[Slice]:
    """Return every slice that has a plane, views left out, in an order that follows from places and numbers alone."""
    found = [Slice(plane, image) for image in series if image.modality and not image.view for plane in image.planes]
    found.sort(key=lambda s: (s.image.frame_of_reference, s.plane.orientation, s.plane.position, _number(s)))
    return found


def by_orientation(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Return one frame of reference's slices by orientation, the largest group first.

    Groups beyond `ORIENTATIONS_MAX` are left out.
    """
    groups: list[tuple[Orientation, list[Slice]]] = []
    for orientation, run in groupby(slices, key=lambda s: s.plane.orientation):
        members = list(run)
        for known, group in groups:
            if _same_direction(known, orientation):
                group += members
                break
        else:
            if len(groups) < ORIENTATIONS_MAX:
                groups.append((orientation, members))
    return sorted((group for _, group in groups), key=len, reverse=True)


def placed(slices: Sequence[Slice]) -> list[Placed]:
    """Return slices of one orientation in order along their normal."""
    orientation = slices[0].plane.orientation
    row, column = orientation[:3], orientation[3:]
    normal = _cross(row, column)
    found = []
    for each in slices:
        position = each.plane.position
        along = _dot(position, normal)
        found.append(Placed(along, (_dot(position, row), _dot(position, column)), each))
    found.sort(key=lambda p: p.along)
    return found


def columns(stack: Sequence[Placed]) -> list[list[Placed]]:
    """Return slices that lie behind one another together, each column in order along the normal."""
    strips = _chained(stack, lambda p: p.across[0])
    found = [column for strip in strips for column in _chained(strip, lambda p: p.across[1])]
    return [sorted(column, key=lambda p: p.along) for column in found]


def places(stack: Sequence[Placed]) -> list[list[Placed]]:
    """Return a stack's slices by place along the normal, ascending."""
    found: list[list[Placed]] = []
    for each in stack:
        if found and each.along - found[-1][0].along <= SAME_MM:
            found[-1].append(each)
        else:
            found.append([each])
    return found


def off_line(stack: Sequence[Placed], line: Placed) -> int:
    """Return how many slices lie beside the line that goes through `line` along the normal."""
    count = 0
    for each in stack:
        allowed = max(OFF_LINE_MM, OFF_LINE_SHARE * abs(each.along - line.along))
        count += max(abs(a - b) for a, b in zip(each.across, line.across, strict=True)) > allowed
    return count


def _chained(stack: Sequence[Placed], value: Callable[[Placed], float]) -> list[list[Placed]]:
    """Split where neighbours by this value are more than `OFF_LINE_MM` apart."""
    ordered = sorted(stack, key=value)
    found = [ordered[:1]]
    for before, each in pairwise(ordered):
        if value(each) - value(before) > OFF_LINE_MM:
            found.append([])
        found[-1].append(each)
    return found


def _number(each: Slice) -> int:
    number = each.image.instance_number
    return -1 if number is None else number


def _same_direction(one: Orientation, other: Orientation) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= SAME_DIRECTION


def _cross(a: Sequence[float], b: Sequence[float]) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
