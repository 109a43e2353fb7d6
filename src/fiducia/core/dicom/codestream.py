"""What a coded frame says of its own size, before anybody decodes it.

Owns: finding the frame header of JPEG and JPEG-LS (ITU-T T.81 section B.2.2, T.87 annex C) and of JPEG 2000, bare or in
a JP2 box (T.800 annexes A.5.1 and I). A decoder reserves memory by these numbers: whoever wrote them shall not decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core.dicom.codings import Coding
from fiducia.core.dicom.picture import Picture
from fiducia.errors import DicomError

_SEGMENTS_MAX = 10_000
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN, _END = 0xDA, 0xD9
_JP2, _BOX = b"\0\0\0\x0cjP  ", b"jp2c"
_SIZ = b"\xff\x4f\xff\x51"


@dataclass(frozen=True, slots=True)
class Declared:
    """The size that a codestream gives itself; `bits` is the largest of its components'."""

    rows: int
    columns: int
    samples: int
    bits: int


def require_fitting(picture: Picture, frame: bytes) -> Declared | None:
    """Return what a coded frame says of itself, when it is what its picture says; None where a coding has no header.

    Raises:
        DicomError: it has another size, or is no codestream of its kind.
    """
    if picture.coding in (Coding.JPEG, Coding.JPEG_LOSSLESS, Coding.JPEG_LS):
        declared = _jpeg(frame)
    elif picture.coding is Coding.JPEG_2000:
        declared = _jpeg_2000(frame)
    else:
        return None
    if (declared.rows, declared.columns, declared.samples) != (
        picture.rows,
        picture.columns,
        picture.samples_per_pixel,
    ):
        raise DicomError("the coded frame has another size than the image's attributes say: export the image anew")
    if declared.bits > picture.bits_allocated:
        raise DicomError("the coded frame has larger samples than the image's attributes say: export the image anew")
    return declared


def _jpeg(frame: bytes) -> Declared:
    """By the first frame header (SOF); one that leaves its rows to be told later is refused."""
    if frame[:2] != b"\xff\xd8":
        raise _damaged()
    at = 2
    for _ in range(_SEGMENTS_MAX):
        if at + 4 > len(frame) or frame[at] != 0xFF:
            break
        marker = frame[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in (_SCAN, _END):
            break
        length = int.from_bytes(frame[at + 2 : at + 4], "big")
        if marker in _FRAME_HEADERS:
            header = frame[at + 4 : at + 2 + length]
            if len(header) < 6:
                break
            rows, columns = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
            return Declared(rows, columns, header[5], header[0])
        at += 2 + length
    raise _damaged()


def _jpeg_2000(frame: bytes) -> Declared:
    """By the SIZ segment; components that are sampled more coarsely than others are refused."""
    at = _codestream(frame) if frame.startswith(_JP2) else 0
    size = frame[at + 4 : at + 4 + 38]
    if frame[at : at + 4] != _SIZ or len(size) < 38:
        raise _damaged()
    right, bottom, left, top = (int.from_bytes(size[place : place + 4], "big") for place in range(4, 20, 4))
    count = int.from_bytes(size[36:38], "big")
    components = frame[at + 42 : at + 42 + 3 * count]
    if not 1 <= count <= 4 or len(components) != 3 * count:
        raise _damaged()
    if components[1::3] != bytes([1]) * count or components[2::3] != bytes([1]) * count:
        raise DicomError("the coded frame's components differ in size, which is not decoded: ask for it as it is")
    return Declared(bottom - top, right - left, count, max((bits & 0x7F) + 1 for bits in components[::3]))


def _codestream(frame: bytes) -> int:
    """Where the codestream begins in a JP2 file."""
    at = 0
    for _ in range(_SEGMENTS_MAX):
        length, kind = int.from_bytes(frame[at : at + 4], "big"), frame[at + 4 : at + 8]
        if kind == _BOX:
            return at + (16 if length == 1 else 8)
        if length < 8:
            break
        at += length
    raise _damaged()


def _damaged() -> DicomError:
    return DicomError("the coded frame is damaged, or not coded as its transfer syntax says: copy it again")
