"""Everything that is asked of an instance at intake, in one value that can leave the process that read it.

Owns the value, and making it from a stream. Whoever reads hostile bytes may be taken over by them, so the value
holds nothing but numbers, texts and bytes, and `require_sound` says whether it can be about that file at all.
Not here: where it is run (`adapters.dicom_worker` runs it where it can harm nobody).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from fiducia.core.dicom.geometry import FRAMES_MAX, MM_MAX, Geometry, geometry_of
from fiducia.core.dicom.part10 import PREAMBLE_BYTES, read_head
from fiducia.core.dicom.validation import defects_of, outcome_of
from fiducia.core.formats.frames import RANGE_BYTES, FrameLayout, Frames, pack_ranges, unpack_ranges
from fiducia.errors import DicomError, EncodingError
from fiducia.records.images import InstanceInfo
from fiducia.records.intake import Defect, Outcome

_UID = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
_UID_MAX = 64
_TEXT_MAX = 64
_FRAMES_MAX = 1 << 31


@dataclass(frozen=True, slots=True)
class Examined:
    """One instance without its pixels.

    Attributes:
        info: what the journeys compare and keep.
        series_number: Series Number, when it is there and a number.
        instance_number: Instance Number, likewise.
        dicom_json: the DICOM JSON model (UTF-8), without bulk data; empty unless it was asked for.
        layout: a `FrameLayout`'s number.
        frame_count: how many frames the instance declares.
        ranges: where the frames lie, as `formats.frames` packs them; empty unless it was asked for.
        defects: what is wrong with it; notes, too.
        geometry: where its image lies in the patient.
    """

    info: InstanceInfo
    series_number: int | None = None
    instance_number: int | None = None
    dicom_json: bytes = field(default=b"", repr=False)
    layout: int = FrameLayout.NONE
    frame_count: int = 0
    ranges: bytes = field(default=b"", repr=False)
    defects: tuple[Defect, ...] = ()
    geometry: Geometry | None = None

    @property
    def outcome(self) -> Outcome:
        """What its defects make of it: the worst counts."""
        return outcome_of(self.defects)

    def frame_table(self) -> Frames:
        """Return where the frames lie."""
        return _PackedFrames(self.layout, self.frame_count, self.ranges, self.info.header_bytes, self.info.size_bytes)


def examine(stream: BinaryIO, size_bytes: int, *, whole: bool) -> Examined:
    """Read an instance's head.

    Args:
        stream: a seekable binary stream at any position. Unbuffered is fastest.
        size_bytes: the size that it should have.
        whole: with its attributes and frame table, for the index; else what sorting instances takes.

    Raises:
        DicomError: not a storable DICOM instance; the message says what to do.
    """
    head = read_head(stream, size_bytes)
    sorted_ = Examined(
        head.info,
        head.series_number,
        head.instance_number,
        defects=defects_of(head),
        geometry=geometry_of(head),
    )
    if not whole:
        return sorted_
    return replace(
        sorted_,
        dicom_json=head.dicom_json(),
        layout=head.frames.layout,
        frame_count=head.frames.frames,
        ranges=pack_ranges(head.frames, head.info.header_bytes, size_bytes),
    )


def require_sound(examined: Examined, size_bytes: int) -> Examined:
    """Return what was said of a file of that size, if it can be true.

    Raises:
        DicomError: it cannot; whoever said so is not to be believed.
    """
    info = examined.info
    uids = (info.study_instance_uid, info.series_instance_uid, info.sop_instance_uid)
    others = (info.sop_class_uid, info.transfer_syntax_uid)
    texts = (info.identity.patient_id, info.identity.issuer, info.modality)
    sound = (
        info.size_bytes == size_bytes
        and PREAMBLE_BYTES < info.header_bytes <= size_bytes
        and all(len(uid) <= _UID_MAX and _UID.fullmatch(uid) for uid in (*uids, *others))
        and all(len(text) <= _TEXT_MAX and text.isprintable() for text in texts)
        and bool(info.identity.patient_id)
        and 0 <= examined.frame_count < _FRAMES_MAX
        and len(examined.ranges) % RANGE_BYTES == 0
        and all(defect.code.isascii() and defect.code.isprintable() for defect in examined.defects)
        and all(defect.detail.isprintable() for defect in examined.defects)
        and (examined.geometry is None or _is_place(examined.geometry))
    )
    if not sound:
        raise _unsound()
    try:
        pack_ranges(examined.frame_table(), info.header_bytes, size_bytes)
    except (EncodingError, ValueError) as error:
        raise _unsound() from error
    return examined


def _is_place(geometry: Geometry) -> bool:
    """Whether all that is said of a place can be computed with."""
    lengths = (geometry.slice_thickness, geometry.spacing_between_slices, *(geometry.pixel_spacing or ()))
    places = (number for plane in geometry.planes for number in (*plane.position, *plane.orientation))
    return (
        len(geometry.planes) <= FRAMES_MAX
        and all(number is None or math.isfinite(number) for number in lengths)
        and all(abs(number) <= MM_MAX for number in places)  # which no NaN is
    )


def _unsound() -> DicomError:
    return DicomError("what was read from this file cannot be true: leave it out, and have it looked at")


@dataclass(frozen=True, slots=True)
class _PackedFrames:
    """A frame table as it came."""

    layout: int
    frames: int
    ranges: bytes = field(repr=False)
    header_bytes: int
    size_bytes: int

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return unpack_ranges(self.ranges, self.header_bytes, self.size_bytes)
