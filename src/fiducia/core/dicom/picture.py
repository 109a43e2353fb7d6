"""One frame of an image as decoding and showing need it: everything but its pixel bytes.

Owns: reading that from an instance's DICOM JSON model, with the functional groups of enhanced objects, and how long a
decoded frame is. Source: PS3.3 sections C.7.6.3, C.7.6.16, C.11.1, C.11.2 and C.11.6; PS3.5 section 8.
Not here: how a frame is coded (`codings`), how it shall be shown (`view`), pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from fiducia.core.dicom.codings import Coding, coding_of
from fiducia.core.dicom.json_values import Bulk, Model, items, whole, word
from fiducia.core.dicom.luts import Lut, palette_of
from fiducia.core.dicom.voi import VoiWindow, modality_of, voi_lut_of, windows_of
from fiducia.errors import DicomError

FRAME_MAX_BYTES = 256 << 20
"""No frame is decoded that would take more, however small its coded bytes are."""

_GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
_COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_ALLOCATED = (1, 8, 16, 32)
_SHARED, _PER_FRAME = "52009229", "52009230"
_MACROS = ("00289145", "00289132")  # Pixel Value Transformation, Frame VOI LUT
_SHAPE = "20500020"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"


@dataclass(frozen=True, slots=True)
class Picture:
    """What decoding and showing one frame takes, besides its bytes.

    Attributes:
        transfer_syntax_uid: how its bytes are coded.
        photometric_interpretation: how the coded samples are meant.
        planar_configuration: 1 when native samples lie plane by plane.
        bits_allocated: 1, 8, 16 or 32.
        high_bit: where a sample's highest bit is; above it, and below its lowest, may be anything.
        pixel_representation: 1 when samples are signed.
        slope, intercept: make a stored value one of the modality's, where there is no `modality_lut`.
        modality_lut: does the same.
        windows: what was meant to be seen, the first being the default.
        voi_lut: the same as a table; for images without windows.
        palette: red, green and blue of an image that has one.
        inverse: whether the lowest value is to be shown white.
        padding: stored values, from and to, that are no part of the image.
        swapped: whether native samples of 8 bits were written as big-endian words of 16.
    """

    transfer_syntax_uid: str
    rows: int
    columns: int
    samples_per_pixel: int = 1
    photometric_interpretation: str = "MONOCHROME2"
    planar_configuration: int = 0
    bits_allocated: int = 8
    bits_stored: int = 8
    high_bit: int = 7
    pixel_representation: int = 0
    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: Lut | None = None
    windows: tuple[VoiWindow, ...] = ()
    voi_lut: Lut | None = None
    palette: tuple[Lut, Lut, Lut] | None = None
    inverse: bool = False
    padding: tuple[int, int] | None = None
    swapped: bool = False

    @property
    def coding(self) -> Coding:
        """Return how the frame's bytes are coded. Raises: DicomError (not decoded)."""
        return coding_of(self.transfer_syntax_uid)

    @property
    def decoded_photometric(self) -> str:
        """Return how the samples of the decoded frame are meant: colours that were compressed become RGB."""
        compressed = self.samples_per_pixel == 3 and self.coding.compressed
        return "RGB" if compressed else self.photometric_interpretation

    @property
    def decoded_bytes(self) -> int:
        """Return the decoded frame's length."""
        pixels = self.rows * self.columns
        if self.decoded_photometric == "YBR_FULL_422":  # native: two pixels share their colour (C.7.6.3.1.2)
            return pixels * 2 * (self.bits_allocated // 8)
        return (pixels * self.samples_per_pixel * self.bits_allocated + 7) // 8


def picture_of(dicom_json: Model, transfer_syntax_uid: str, *, frame: int = 1, bulk: Bulk) -> Picture:
    """Return how one frame of an instance is to be decoded and shown.

    Args:
        dicom_json: the instance's DICOM JSON model (PS3.18 annex F).
        transfer_syntax_uid: how the frame's bytes are coded.
        frame: which one, from 1.
        bulk: gives the little-endian bytes behind a BulkDataURI; what it raises is raised.

    Raises:
        DicomError: no image, or none that can be shown; the message says why.
    """
    _require_image(dicom_json)
    transfer_syntax_uid = str(transfer_syntax_uid)  # a library's own kind of text would not pass between processes
    model = _of_frame(dicom_json, frame)
    shape = _shape(model)
    signed = shape["pixel_representation"] == 1
    if shape["photometric_interpretation"] == "PALETTE COLOR":
        return Picture(transfer_syntax_uid, **shape, palette=palette_of(model, bulk, signed=signed))
    if shape["photometric_interpretation"] not in _GREY:
        return Picture(transfer_syntax_uid, **shape, swapped=_swapped(model, transfer_syntax_uid))
    slope, intercept, modality_lut = modality_of(model, bulk, signed=signed)
    return Picture(
        transfer_syntax_uid,
        **shape,
        slope=slope,
        intercept=intercept,
        modality_lut=modality_lut,
        windows=windows_of(model),
        voi_lut=voi_lut_of(model, bulk, signed=signed or intercept < 0),
        inverse=shape["photometric_interpretation"] == "MONOCHROME1" or word(model, _SHAPE) == "INVERSE",
        padding=_padding(model),
        swapped=_swapped(model, transfer_syntax_uid),
    )


def coded_picture_of(dicom_json: Model, transfer_syntax_uid: str) -> Picture:
    """Return what decoding alone takes, for every frame of an instance (or of an icon) that are coded alike.

    Args:
        dicom_json: the DICOM JSON model of what describes the pixels, group 0028 at least.
        transfer_syntax_uid: how the frames' bytes are coded.

    Raises:
        DicomError: no image, or none whose samples are decoded; the message says why.
    """
    _require_image(dicom_json)
    return Picture(str(transfer_syntax_uid), **_shape(dicom_json))


def require_bounded(picture: Picture, frame: bytes) -> None:
    """Return when a frame may be given to a decoder, as far as that can be known without looking into it.

    Raises:
        DicomError: its coding is not decoded, or it takes more than `FRAME_MAX_BYTES`, coded or decoded.
    """
    if picture.bits_allocated == 1 and picture.coding.compressed:
        raise DicomError("compressed samples of one bit are not decoded: ask for them as they are")
    if max(picture.rows * picture.columns, picture.decoded_bytes, len(frame)) > FRAME_MAX_BYTES:
        raise DicomError(f"a frame of more than {FRAME_MAX_BYTES >> 20} MiB is not decoded: ask for it as it is")


class _Shape(TypedDict):
    rows: int
    columns: int
    samples_per_pixel: int
    photometric_interpretation: str
    planar_configuration: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int


def _require_image(model: Model) -> None:
    if "7FE00008" in model or "7FE00009" in model or (whole(model, "00280100") in (32, 64) and "00280101" not in model):
        raise DicomError(
            "the image's samples are floating-point numbers, which are not decoded: ask for them as they are"
        )
    if "00280010" not in model or "00280011" not in model:
        raise DicomError("the instance is no image: it has no rows and columns")


def _of_frame(model: Model, frame: int) -> Model:
    """The model with what the functional groups say of this frame in its place."""
    if not 1 <= frame <= max(1, whole(model, "00280008") or 1):
        raise DicomError("the image has no such frame")
    merged = dict(model)
    for groups in (items(model, _SHARED)[:1], items(model, _PER_FRAME)[frame - 1 : frame]):
        for macro in _MACROS:
            for found in groups and items(groups[0], macro)[:1]:
                merged.update(found)
    return merged


def _shape(model: Model) -> _Shape:
    photometric = word(model, "00280004")
    samples = 3 if photometric in _COLOURS else 1
    if photometric not in _COLOURS | _GREY | {"PALETTE COLOR"}:
        raise DicomError("the image does not say how its samples are meant, or in a way that nobody shows any more")
    if _between(model, "00280002", "samples per pixel", 1, 4, samples) != samples:
        raise DicomError("the image's samples per pixel do not fit its colours: export it anew")
    allocated = _between(model, "00280100", "bits allocated", 1, 64)
    stored = _between(model, "00280101", "bits stored", 1, allocated, allocated)
    high = _between(model, "00280102", "the high bit", stored - 1, allocated - 1, stored - 1)
    if allocated not in (_ALLOCATED if samples == 1 else _ALLOCATED[1:]):
        raise DicomError("the image's samples have a size that is not decoded: ask for them as they are")
    return {
        "rows": _between(model, "00280010", "rows", 1, 0xFFFF),
        "columns": _between(model, "00280011", "columns", 1, 0xFFFF),
        "samples_per_pixel": samples,
        "photometric_interpretation": photometric,
        "planar_configuration": _between(model, "00280006", "the planar configuration", 0, 1, 0) if samples > 1 else 0,
        "bits_allocated": allocated,
        "bits_stored": stored,
        "high_bit": high,
        "pixel_representation": _between(model, "00280103", "the pixel representation", 0, 1, 0),
    }


def _between(model: Model, tag: str, name: str, low: int, high: int, default: int | None = None) -> int:
    found = whole(model, tag) if tag in model else default
    if found is None or not low <= found <= high:
        raise DicomError(f"the image says nothing sensible about {name}: export it anew")
    return found


def _padding(model: Model) -> tuple[int, int] | None:
    """The stored values that are no part of the image (C.7.5.1.1.2)."""
    value = whole(model, "00280120")
    limit = whole(model, "00280121")
    if value is None:
        return None
    return (value, value) if limit is None else (min(value, limit), max(value, limit))


def _swapped(model: Model, transfer_syntax_uid: str) -> bool:
    """Whether samples of 8 bits are halves of big-endian words (PS3.5 section A.3)."""
    pixels = model.get("7FE00010")
    words = isinstance(pixels, Mapping) and pixels.get("vr") == "OW"
    return words and transfer_syntax_uid == _BIG_ENDIAN and whole(model, "00280100") == 8
