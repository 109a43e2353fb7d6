"""Judges what an instance says about its pixels against what is there, without reading one.

Owns: PS3.3 section C.7.6.3 (size, bits, photometric interpretation, palette), PS3.5 section 8 and annex A.4
(native length, fragments, offset tables). The reader has refused images with fewer pixels than promised.
"""

from __future__ import annotations

from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.pixels import PixelDescription, PixelValue
from fiducia.core.dicom.validation import codes
from fiducia.core.dicom.validation.findings import Findings
from fiducia.core.dicom.values import ByteOrder, Values, unsigned_of
from fiducia.core.formats.frames import FrameLayout

_ROWS, _COLUMNS, _SAMPLES, _PHOTOMETRIC = 0x00280010, 0x00280011, 0x00280002, 0x00280004
_ALLOCATED, _STORED, _HIGH = 0x00280100, 0x00280101, 0x00280102
_INTEGER_PIXELS = 0x7FE00010
_PALETTE = (0x00281201, 0x00281221, 0x00281199)  # the red table: plain, segmented, or a well-known one by its UID
_FRAMES, _TABLE = 0x00280008, 0x7FE00001
_SAMPLES_OF = {
    **dict.fromkeys(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"), 1),
    **dict.fromkeys(("RGB", "HSV", "XYB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"), 3),
    **dict.fromkeys(("YBR_PARTIAL_420", "YBR_PARTIAL_422"), 3),
    **dict.fromkeys(("ARGB", "CMYK"), 4),
}
# MPEG-2, MPEG-4, HEVC: one stream of all frames. JPEG 2000 part 2: components across frames.
_STREAMS = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (*range(92, 94), *range(100, 109)))


def judge_image(head: InstanceHead, findings: Findings) -> None:
    """Judge an image's description and the extent of its pixels; nothing to do for what is no image."""
    pixels, described = head.pixels, head.described
    if pixels is None or described is None:
        return
    values = {tag: value for tag, _, value in head.elements if tag >> 16 == 0x28}
    _size(head, pixels, described, findings)
    _colours(described, values, findings)
    if pixels.tag == _INTEGER_PIXELS:
        _bits(head, values, findings)
    if pixels.encapsulated:
        _fragments(head, pixels, described, findings)
    elif described.extended_offsets is not None:
        findings.add(codes.OFFSET_TABLE, _TABLE)


def _size(head: InstanceHead, pixels: PixelValue, described: PixelDescription, findings: Findings) -> None:
    named = {_ROWS: described.rows, _COLUMNS: described.columns, _SAMPLES: described.samples}
    named[_ALLOCATED] = described.bits_allocated
    if pixels.value.length & 1 or any(length & 1 for length in pixels.lengths):
        findings.add(codes.VALUE_ODD, pixels.tag)
    if missing := [tag for tag, number in named.items() if not number]:
        findings.add(codes.PIXELS_EMPTY, *missing)
    elif head.surplus.size_bytes:
        visible = len(head.surplus.ending) == head.surplus.size_bytes
        padded = visible and not head.surplus.ending.strip(b"\0")
        findings.add(codes.PIXELS_PADDED if padded else codes.PIXELS_HIDDEN, pixels.tag)


def _colours(described: PixelDescription, values: Values, findings: Findings) -> None:
    samples = _SAMPLES_OF.get(described.photometric)
    if samples is None:
        findings.add(codes.PHOTOMETRIC_UNKNOWN, _PHOTOMETRIC)
    elif described.samples and described.samples != samples:
        findings.add(codes.PHOTOMETRIC, _SAMPLES, _PHOTOMETRIC)
    if described.photometric == "PALETTE COLOR" and not any(values.get(tag) for tag in _PALETTE):
        findings.add(codes.PALETTE, _PALETTE[0])


def _bits(head: InstanceHead, values: Values, findings: Findings) -> None:
    order: ByteOrder = "big" if head.big_endian else "little"
    allocated, stored, high = (unsigned_of(values, tag, order) for tag in (_ALLOCATED, _STORED, _HIGH))
    if allocated and (stored > allocated or high >= allocated):
        findings.add(codes.BITS, _ALLOCATED, _STORED, _HIGH)
    elif allocated and high != stored - 1:
        findings.add(codes.BITS_PLACE, _STORED, _HIGH)


def _fragments(head: InstanceHead, pixels: PixelValue, described: PixelDescription, findings: Findings) -> None:
    if not head.frames.tables_fit:
        findings.add(codes.OFFSET_TABLE, pixels.tag)
    if head.info.transfer_syntax_uid.startswith(_STREAMS):
        return
    if len(pixels.starts) < described.frames:
        findings.add(codes.FRAGMENTS_MISSING, _FRAMES, pixels.tag)
    elif head.frames.layout is FrameLayout.WHOLE:
        findings.add(codes.FRAMES_UNASSIGNED, pixels.tag)
