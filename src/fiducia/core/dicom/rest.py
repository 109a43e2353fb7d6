"""What stands behind an image's pixels: elements, padding, or something that hides there.

Within Pixel Data that are longer than the image, or behind them.

Owns: how far that is read. It is stored like every byte; `validation` judges it. Most images end with their
pixels, and then nothing is read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fiducia.core.dicom.codec import Element
from fiducia.core.dicom.elements import REST_MAX_BYTES, Walker
from fiducia.core.dicom.pixels import PixelDescription, PixelValue
from fiducia.core.dicom.window import Inflated, Window
from fiducia.errors import DicomError

# A ZIP archive is found by its last record: 22 bytes and a comment of at most 65,535 (APPNOTE 4.3.16).
ENDING_BYTES = 22 + (64 << 10)


@dataclass(frozen=True, slots=True)
class Surplus:
    """What native Pixel Data hold beyond the image, other than one byte of padding.

    Attributes:
        size_bytes: how much it is.
        ending: its last `ENDING_BYTES`, all of it when it is shorter.
    """

    size_bytes: int = 0
    ending: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Rest:
    """What follows Pixel Data, or the deflated stream of a data set that is deflated.

    Attributes:
        size_bytes: how much it is.
        elements: its elements, when it consists of such.
        well_formed: whether it does (nothing at all is well-formed, too).
        ending: its last `ENDING_BYTES`, all of it when it is shorter; of an instance without Pixel
            Data that is not deflated, the last ones of its data set.
    """

    size_bytes: int = 0
    elements: Sequence[Element] = field(default=(), repr=False)
    well_formed: bool = True
    ending: bytes = field(default=b"", repr=False)


def read_surplus(window: Window, pixels: PixelValue | None, described: PixelDescription | None) -> Surplus:
    """Return what Pixel Data hold beyond what the attributes promise; nothing when they promise nothing."""
    if pixels is None or described is None or pixels.encapsulated or not described.frame_bits():
        return Surplus()
    size_bytes = pixels.value.length - described.image_bytes()
    if size_bytes <= 1:  # a value has an even length (PS3.5 section 7.1.1)
        return Surplus()
    end = pixels.value.offset + pixels.value.length
    return Surplus(size_bytes, _ending(window, end - size_bytes, end))


def read_rest(walker: Walker, window: Window, begin: int) -> Rest:
    """Return what follows the pixels that `walker` found; `begin`: where the data set begins.

    Raises:
        DicomError: much of something that is no data set.
    """
    if walker.pixels is None:
        return Rest(ending=_ending(window, begin, window.size_bytes))
    return _behind_pixels(walker, window)


def read_rest_of_deflated(walker: Walker, window: Window, inflated: Inflated, file: Window) -> Rest:
    """Return what follows the deflated stream, else what follows the pixels inside of it.

    Raises:
        DicomError: much of something that is no data set, behind the pixels or behind the stream.
    """
    inside = _behind_pixels(walker, window)
    after = inflated.end
    size_bytes = file.size_bytes - after
    if size_bytes <= 1:  # the stream may be padded to an even length (PS3.5 annex A.5)
        return inside
    if size_bytes > REST_MAX_BYTES:
        raise DicomError("much follows the deflated data set that is no part of it: export the instance anew")
    return Rest(size_bytes, inside.elements, False, _ending(file, after, file.size_bytes))


def _behind_pixels(walker: Walker, window: Window) -> Rest:
    elements, pixels = walker.rest(), walker.pixels
    if pixels is None or elements == []:
        return Rest()
    after = pixels.value.offset + pixels.value.length
    ending = _ending(window, after, window.size_bytes)
    return Rest(window.size_bytes - after, elements or (), elements is not None, ending)


def _ending(window: Window, begin: int, end: int) -> bytes:
    size_bytes = min(end - begin, ENDING_BYTES)
    index = window.load(end - size_bytes, size_bytes, size_bytes)
    return window.buffer[index : index + size_bytes]
