"""Makes shown greys and colours of stored samples: 8 bits, one number or three for each pixel.

Owns: the way from stored values over the modality's to what is seen: a window or table, inversion, palettes. Up to 16
bits there are few enough values to ask for each once; larger samples go through in bands.
Source: PS3.3 sections C.7.6.3.1.5, C.11.1.1, C.11.2.1.2 and C.11.2.1.3; PS3.4 section N.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fiducia.core.dicom.luts import Lut
from fiducia.core.dicom.picture import Picture
from fiducia.core.dicom.voi import VoiWindow, WindowFunction

Samples: TypeAlias = NDArray[Any]
Shown: TypeAlias = NDArray[np.uint8]
Reals: TypeAlias = NDArray[np.float64]

_BAND_PIXELS = 1 << 20


def shown(picture: Picture, samples: Samples, window: VoiWindow | None) -> Shown:
    """Return the frame as it is seen: (rows, columns), or (rows, columns, 3) for colours.

    Args:
        picture: what the samples mean.
        samples: (rows, columns) or (rows, columns, 3), RGB.
        window: what is to be seen instead of the picture's own; for grey images.
    """
    palette = picture.palette
    if picture.samples_per_pixel == 3:
        top = (1 << picture.bits_stored) - 1
        return (
            samples if samples.dtype == np.uint8 and top == 255 else _each(picture, samples, lambda x: _bytes(x / top))
        )
    if palette is not None:
        return _each(picture, samples, lambda x: np.stack([_colour(table, x) for table in palette], axis=-1))
    seen = _seen(picture, samples, window)

    def grey(stored: Reals) -> Shown:
        share = seen(_modality(picture, stored))
        return _bytes(1 - share if picture.inverse else share)

    return _each(picture, samples, grey)


def window_share(values: Reals, window: VoiWindow) -> Reals:
    """Return how much of full brightness a window gives to values, 0 to 1 (PS3.3 section C.11.2.1.2 and .3)."""
    if window.function is WindowFunction.SIGMOID:
        return 1 / (1 + np.exp(np.clip(-4 * (values - window.center) / window.width, -500, 500)))
    linear = window.function is WindowFunction.LINEAR
    center, width = (window.center - 0.5, window.width - 1) if linear else (window.center, window.width)
    if width == 0:
        return np.where(values <= center, 0.0, 1.0)
    return np.clip((values - center) / width + 0.5, 0, 1)


def _seen(picture: Picture, samples: Samples, window: VoiWindow | None) -> Callable[[Reals], Reals]:
    """What makes shares of full brightness from the modality's values."""
    window = window or next(iter(picture.windows), None)
    if window is not None:
        return lambda values: window_share(values, window)
    table = picture.voi_lut
    if table is not None:
        return lambda values: _looked_up(table, np.round(values)) / ((1 << table.bits) - 1)
    low, high = _extremes(picture, samples)
    return lambda values: np.clip((values - low) / ((high - low) or 1.0), 0, 1)


def _extremes(picture: Picture, samples: Samples) -> tuple[float, float]:
    """The modality's lowest and highest value in the frame, its padding left out; of single bits 0 and 1."""
    low, high = np.inf, -np.inf
    for stored in _present(picture, samples):
        if picture.padding is not None:
            stored = stored[(stored < picture.padding[0]) | (stored > picture.padding[1])]
        if stored.size:
            values = _modality(picture, stored)
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _present(picture: Picture, samples: Samples) -> Iterator[Reals]:
    """All stored values of a frame, each at least once."""
    if picture.bits_allocated == 1:
        yield np.array([0.0, 1.0])
    elif picture.bits_allocated <= 16:
        found = np.zeros(1 << picture.bits_allocated, bool)
        found[_patterns(samples)] = True
        yield _stored(picture, np.flatnonzero(found))
    else:
        for band in _bands(samples):
            yield _stored(picture, _patterns(band))


def _each(picture: Picture, samples: Samples, of: Callable[[Reals], Shown]) -> Shown:
    """What `of` makes of each sample's stored value."""
    if picture.bits_allocated <= 16:
        table = of(_stored(picture, np.arange(1 << picture.bits_allocated)))
        return table[_patterns(samples)]
    return np.concatenate([of(_stored(picture, _patterns(band))) for band in _bands(samples)])


def _bands(samples: Samples) -> Iterator[Samples]:
    rows = max(1, _BAND_PIXELS // samples.shape[1])
    for top in range(0, samples.shape[0], rows):
        yield samples[top : top + rows]


def _patterns(samples: Samples) -> Samples:
    """Samples as the bits that they are."""
    return samples.view(f"<u{samples.dtype.itemsize}")


def _stored(picture: Picture, patterns: Samples) -> Reals:
    """The numbers between the high bit and the lowest (PS3.5 section 8.1.1); bits elsewhere are nobody's here."""
    numbers = patterns.astype(np.int64) >> (picture.high_bit + 1 - picture.bits_stored)
    numbers &= (1 << picture.bits_stored) - 1
    if picture.pixel_representation and picture.samples_per_pixel == 1:
        sign = 1 << (picture.bits_stored - 1)
        numbers = (numbers ^ sign) - sign
    return numbers.astype(np.float64)


def _modality(picture: Picture, stored: Reals) -> Reals:
    if picture.modality_lut is not None:
        return _looked_up(picture.modality_lut, stored)
    return stored * picture.slope + picture.intercept


def _colour(table: Lut, stored: Reals) -> Shown:
    return (_looked_up(table, stored).astype(np.uint16) >> (table.bits - 8)).astype(np.uint8)


def _looked_up(table: Lut, values: Reals) -> Reals:
    entries = np.frombuffer(table.entries, "<u2").astype(np.float64)
    return entries[np.clip(values - table.first, 0, len(entries) - 1).astype(np.int64)]


def _bytes(shares: Reals) -> Shown:
    return np.round(shares * 255).astype(np.uint8)
