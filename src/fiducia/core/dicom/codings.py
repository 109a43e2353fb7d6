"""How pixels are coded, by transfer syntax, and which of these codings fiducia decodes.

Owns: the table of transfer syntaxes as far as pixels go. Source: PS3.5 section 10 and annex A, PS3.6 table A-1.
"""

from __future__ import annotations

from enum import Enum

from fiducia.errors import DicomError


class Coding(Enum):
    """How the bytes of one frame are to be read."""

    NATIVE = "native"
    NATIVE_BIG_ENDIAN = "native, big endian"
    DEFLATED = "deflated"  # the frame alone (RFC 1951); native once it is inflated
    RLE = "RLE"
    JPEG = "JPEG"  # baseline and extended: lossy
    JPEG_LOSSLESS = "JPEG Lossless"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"

    @property
    def compressed(self) -> bool:
        """Whether pixels, not only bytes, are coded: then colours come out converted."""
        return self not in (Coding.NATIVE, Coding.NATIVE_BIG_ENDIAN, Coding.DEFLATED)


_ROOT = "1.2.840.10008.1.2"
_CODINGS = {
    _ROOT: Coding.NATIVE,
    f"{_ROOT}.1": Coding.NATIVE,
    f"{_ROOT}.1.98": Coding.NATIVE,  # encapsulated, but not compressed
    f"{_ROOT}.1.99": Coding.NATIVE,  # the data set is deflated: whoever reads the frame has inflated it
    f"{_ROOT}.2": Coding.NATIVE_BIG_ENDIAN,
    f"{_ROOT}.8.1": Coding.DEFLATED,
    f"{_ROOT}.5": Coding.RLE,
    f"{_ROOT}.4.50": Coding.JPEG,
    f"{_ROOT}.4.51": Coding.JPEG,
    f"{_ROOT}.4.57": Coding.JPEG_LOSSLESS,
    f"{_ROOT}.4.70": Coding.JPEG_LOSSLESS,
    f"{_ROOT}.4.80": Coding.JPEG_LS,
    f"{_ROOT}.4.81": Coding.JPEG_LS,
    f"{_ROOT}.4.90": Coding.JPEG_2000,
    f"{_ROOT}.4.91": Coding.JPEG_2000,
    f"{_ROOT}.4.201": Coding.JPEG_2000,  # High-Throughput JPEG 2000
    f"{_ROOT}.4.202": Coding.JPEG_2000,
    f"{_ROOT}.4.203": Coding.JPEG_2000,
}
_VIDEO = frozenset(f"{_ROOT}.4.{number}{part}" for number in range(100, 109) for part in ("", ".1"))
_JPEG_XL = frozenset(f"{_ROOT}.4.{number}" for number in (110, 111, 112))


def coding_of(transfer_syntax_uid: str) -> Coding:
    """Return how the pixels of a transfer syntax are coded.

    Raises:
        DicomError: fiducia does not decode it; the message says what it is.
    """
    found = _CODINGS.get(transfer_syntax_uid)
    if found is not None:
        return found
    if transfer_syntax_uid in _VIDEO:
        raise DicomError(
            "these pixels are a video (MPEG or HEVC): no single frame of it is decoded; ask for it as it is"
        )
    if transfer_syntax_uid in _JPEG_XL:
        raise DicomError("these pixels are JPEG XL, which is not decoded: ask for them as they are")
    raise DicomError("the transfer syntax of these pixels is not decoded: ask for them as they are")


def is_decoded(transfer_syntax_uid: str) -> bool:
    """Tell whether fiducia decodes the pixels of a transfer syntax."""
    return transfer_syntax_uid in _CODINGS
