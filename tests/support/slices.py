"""Slices for tests: what a stack of images says about its place, without any file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from fiducia.core.dicom.geometry import Geometry, Orientation, Plane, Vector

AXIAL: Orientation = (1, 0, 0, 0, 1, 0)
SAGITTAL: Orientation = (0, 1, 0, 0, 0, -1)
CORONAL: Orientation = (1, 0, 0, 0, 0, -1)
IMAGE = Geometry(
    modality="CT",
    image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
    rows=512,
    columns=512,
    pixel_spacing=(0.7, 0.7),
    slice_thickness=2.5,
    frame_of_reference=b"frame of",
)


def turned(degrees: float) -> Orientation:
    """Axial, turned about the patient's left-right axis."""
    angle = math.radians(degrees)
    return (1, 0, 0, 0, math.cos(angle), math.sin(angle))


def a_slice(position: Vector, number: int | None = None, *, apart: str = "", **about: Any) -> Geometry:
    """One image; `orientation` and any attribute of a Geometry may be given."""
    orientation = about.pop("orientation", AXIAL)
    return replace(IMAGE, instance_number=number, planes=(Plane(position, orientation, apart.encode()),), **about)


def at(along: Iterable[float], *, first: int = 1, numbered: bool = True, **about: Any) -> list[Geometry]:
    """Axial images at these distances along the body, numbered in this order."""
    return [a_slice((-179.2, -179.2, z), first + i if numbered else None, **about) for i, z in enumerate(along)]


def stack(count: int, spacing: float = 2.5, *, orientation: Orientation = AXIAL, **about: Any) -> list[Geometry]:
    """A regular stack along the normal of any orientation, numbered from 1."""
    normal = _normal(orientation)
    start = (-179.2, -150.0, 31.7)
    return [a_slice(_moved(start, normal, spacing * i), i + 1, orientation=orientation, **about) for i in range(count)]


def in_time(series: list[Geometry], times: int) -> Iterator[Geometry]:
    """The same places again and again, told apart and numbered on."""
    for time in range(times):
        for image in series:
            number = None if image.instance_number is None else image.instance_number + time * len(series)
            (plane,) = image.planes
            yield replace(image, instance_number=number, planes=(replace(plane, apart=b"time %d" % time),))


def _normal(o: Orientation) -> Vector:
    return (o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3])


def _moved(start: Vector, direction: Vector, by: float) -> Vector:
    """A position as a DS of at most 16 characters has it."""
    x, y, z = (round(s + by * d, 6) for s, d in zip(start, direction, strict=True))
    return (x, y, z)
