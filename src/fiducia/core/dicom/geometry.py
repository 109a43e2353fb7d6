"""What one instance says about where its image, or each of its frames, lies.

Owns: taking these values from a head. Total: what is absent or damaged becomes None, or no plane. Small: some
hundred bytes for an instance, no UIDs or times but as digests. Source: PS3.3 sections C.7.6.2 (image plane),
C.7.6.16 (functional groups), C.8.2.1.1.1 (LOCALIZER).
Not here: what the values of a series mean together (`quality`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

from fiducia.core.dicom.codec import Element, Value
from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.values import (
    Values,
    by_tag,
    count,
    decimals,
    first_item,
    length,
    lengths,
    raw,
    unsigned_of,
    words,
)

FRAMES_MAX = 2048
"""Frames whose planes are kept; an instance with more has none. Bounds memory, not files."""

Vector = tuple[float, float, float]
Orientation = tuple[float, float, float, float, float, float]

# SOP classes whose images are slices of a body (PS3.4 table B.5-1): modality by UID below 1.2.840.10008.5.1.4.1.1.
_ROOT = "1.2.840.10008.5.1.4.1.1."
_SLICED = {
    **dict.fromkeys(("2", "2.1", "2.2"), "CT"),
    **dict.fromkeys(("4", "4.1", "4.3", "4.4"), "MR"),
    **dict.fromkeys(("128", "128.1", "130"), "PT"),
}
# Words of Image Type for images that are views or tilings, not slices that belong into a stack.
_VIEWS = {"LOCALIZER", "SCOUT", "TOPOGRAM", "PROJECTION IMAGE", "MIP", "MINIP", "VRT", "CPR", "SSD", "MOSAIC"}
# MR has no term for localizers (PS3.3 section C.8.3.1.1.1): their names are all there is.
_LOCALIZER_NAME = re.compile(
    r"(?<![a-z])(loc|locali[sz]ers?|locator|scouts?|survey|surview|pilot|topo(gram)?|3[ _-]?(pl|plane))(?![a-z])",
)
_IMAGE_TYPE, _SERIES_DESCRIPTION, _PROTOCOL_NAME = 0x00080008, 0x0008103E, 0x00181030
_POSITION, _ORIENTATION, _FRAME_OF_REFERENCE = 0x00200032, 0x00200037, 0x00200052
_FRAMES, _ROWS, _COLUMNS, _PIXEL_SPACING = 0x00280008, 0x00280010, 0x00280011, 0x00280030
_THICKNESS, _SPACING = 0x00180050, 0x00180088
_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_PLANE_POSITION, _PLANE_ORIENTATION, _PIXEL_MEASURES = 0x00209113, 0x00209116, 0x00289110
# What may rightly differ between images at one place, beside private elements, where makers put what is not here:
# kind, thickness, times, contrast, energy, sequence, repetition, echo, inversion, trigger, filter, kernel, coil,
# flip angle, diffusion, acquisition, temporal position, comments, cardiac phase, PET frames.
_APART_TAGS = """
    00080008 00080022 00080023 0008002A 00080032 00080033 00180010 00180022 00180024 00180050 00180060 00180080
    00180081 00180082 00180086 00181042 00181060 00181062 00181160 00181210 00181242 00181250 00181314 00189087
    00189089 00189117 00200012 00200100 00204000 00209128 00209153 00209241 00541300 00541330
"""
_APART = frozenset(int(tag, 16) for tag in _APART_TAGS.split())
MM_MAX = 1e6
"""Farther away than a kilometre is damage."""

_UNIT_TOLERANCE = 0.01  # of a direction's length and of the right angle between two; texts of two digits keep it


@dataclass(frozen=True, slots=True)
class Plane:
    """Where one image or frame lies.

    Attributes:
        position: the centre of the first pixel in the patient's coordinates, mm.
        orientation: directions of a row and of a column, unit vectors at right angles.
        apart: 8 bytes, a digest of what may rightly tell it from others at the same place.
    """

    position: Vector
    orientation: Orientation
    apart: bytes


@dataclass(frozen=True, slots=True)
class Geometry:
    """What one instance says about its place in a series.

    Attributes:
        modality: CT, MR or PT for SOP classes of slices, "" for all others.
        view: a localizer, projection or mosaic: an image that belongs into no stack of slices.
        image_type: the values of Image Type, upper case.
        rows, columns: pixels.
        pixel_spacing: mm between rows, mm between columns.
        slice_thickness, spacing_between_slices: mm, as stated.
        frame_of_reference: 8 bytes, a digest of its UID; b"" without one.
        frames: Number of Frames; 1 when it is not there.
        instance_number: as in the head.
        planes: one for an image, one for each frame of a multi-frame object; none when any is not known.
    """

    modality: str = ""
    view: bool = False
    image_type: tuple[str, ...] = ()
    rows: int | None = None
    columns: int | None = None
    pixel_spacing: tuple[float, float] | None = None
    slice_thickness: float | None = None
    spacing_between_slices: float | None = None
    frame_of_reference: bytes = b""
    frames: int | None = 1
    instance_number: int | None = None
    planes: tuple[Plane, ...] = ()


def geometry_of(head: InstanceHead) -> Geometry:
    """Return what a head says about where its image lies. Never fails on a head that was read."""
    values = by_tag(head.elements)
    modality = _sliced_modality(head.info.sop_class_uid)
    if not modality:
        return Geometry(instance_number=head.instance_number)
    image_type = words(raw(values, _IMAGE_TYPE))
    shared = first_item(values, _SHARED)
    frames = values.get(_PER_FRAME)
    first = by_tag(frames[0]) if isinstance(frames, list) and frames else {}
    measures = first_item(first, _PIXEL_MEASURES) or first_item(shared, _PIXEL_MEASURES) or values
    frame_of_reference = raw(values, _FRAME_OF_REFERENCE)
    order: Literal["little", "big"] = "big" if head.big_endian else "little"
    return Geometry(
        modality=modality,
        view=not _VIEWS.isdisjoint(image_type) or _is_named_localizer(values),
        image_type=image_type,
        rows=unsigned_of(values, _ROWS, order) or None,
        columns=unsigned_of(values, _COLUMNS, order) or None,
        pixel_spacing=lengths(raw(measures, _PIXEL_SPACING)),
        slice_thickness=length(raw(measures, _THICKNESS)),
        spacing_between_slices=length(raw(measures, _SPACING) or raw(values, _SPACING)),
        frame_of_reference=_digest([(_FRAME_OF_REFERENCE, "UI", frame_of_reference)]) if frame_of_reference else b"",
        frames=count(raw(values, _FRAMES) or b"1"),
        instance_number=head.instance_number,
        planes=_planes(head.elements, values, shared, frames),
    )


def _sliced_modality(sop_class_uid: str) -> str:
    return _SLICED.get(sop_class_uid.removeprefix(_ROOT), "") if sop_class_uid.startswith(_ROOT) else ""


def _planes(elements: Sequence[Element], values: Values, shared: Values, frames: Value | None) -> tuple[Plane, ...]:
    apart = _digest(element for element in elements if element[0] in _APART or element[0] & 0x10000)
    if isinstance(frames, list):
        if len(frames) > FRAMES_MAX:
            return ()
        found = [_frame_plane(by_tag(frame), frame, shared, apart) for frame in frames]
        return tuple(plane for plane in found if plane) if all(found) else ()
    plane = _plane(raw(values, _POSITION), raw(values, _ORIENTATION), apart)
    return (plane,) if plane else ()


def _frame_plane(frame: Values, elements: Sequence[Element], shared: Values, instance: bytes) -> Plane | None:
    """A frame's plane; everything else that the frame says of itself may tell it from others."""
    position = first_item(frame, _PLANE_POSITION) or first_item(shared, _PLANE_POSITION)
    orientation = first_item(frame, _PLANE_ORIENTATION) or first_item(shared, _PLANE_ORIENTATION)
    apart = _digest((e for e in elements if e[0] not in (_PLANE_POSITION, _PLANE_ORIENTATION)), instance)
    return _plane(raw(position, _POSITION), raw(orientation, _ORIENTATION), apart)


def _plane(position: bytes, orientation: bytes, apart: bytes) -> Plane | None:
    place, directions = decimals(position, 3), _directions(orientation)
    if place is None or directions is None or max(map(abs, place)) > MM_MAX:
        return None
    return Plane((place[0], place[1], place[2]), directions, apart)


@lru_cache(maxsize=256)  # slices share theirs, so one tuple serves a series
def _directions(value: bytes) -> Orientation | None:
    """Two unit vectors at right angles, or None (PS3.3 section C.7.6.2.1.1)."""
    found = decimals(value, 6)
    if found is None or max(map(abs, found)) > 2:
        return None
    row, column = found[:3], found[3:]
    if abs(sum(a * b for a, b in zip(row, column, strict=True))) > _UNIT_TOLERANCE:
        return None
    if max(abs(math.hypot(*row) - 1), abs(math.hypot(*column) - 1)) > _UNIT_TOLERANCE:
        return None
    return (found[0], found[1], found[2], found[3], found[4], found[5])


def _digest(elements: Iterable[Element], begin: bytes = b"") -> bytes:
    """8 bytes over tags and values, items included; bulk values left out."""
    state = blake2b(begin, digest_size=8)
    waiting = [iter(elements)]
    while waiting:
        for tag, _, value in waiting[-1]:
            state.update(tag.to_bytes(4, "big"))
            if isinstance(value, bytes):
                value = value.rstrip(b"\0 ")
                state.update(len(value).to_bytes(4, "big") + value)
            elif isinstance(value, list):
                state.update(len(value).to_bytes(4, "big"))
                waiting += [iter(item) for item in reversed(value)]
                break
        else:
            waiting.pop()
    return state.digest()


def _is_named_localizer(values: Values) -> bool:
    names = raw(values, _SERIES_DESCRIPTION) + b"\n" + raw(values, _PROTOCOL_NAME)
    return _LOCALIZER_NAME.search(names.decode("latin_1").lower()) is not None
