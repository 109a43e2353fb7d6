"""How grey values become shown ones: the modality's transformation, windows, and their tables.

Owns: these records, and reading them from a DICOM JSON model. Source: PS3.3 sections C.11.1, C.11.2 and C.7.6.16.2.10.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fiducia.core.dicom.json_values import Bulk, Model, items, number, numbers, word
from fiducia.core.dicom.luts import Lut, grey_lut

_WINDOWS_MAX = 64


class WindowFunction(StrEnum):
    """How a window maps values (PS3.3 section C.11.2.1.3), by its name in DICOM."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


_BY_NAME = {function.value: function for function in WindowFunction}


@dataclass(frozen=True, slots=True)
class VoiWindow:
    """A range of values to be seen; `width` is at least 1 for LINEAR, more than 0 otherwise."""

    center: float
    width: float
    function: WindowFunction = WindowFunction.LINEAR

    @property
    def sound(self) -> bool:
        """Whether the width is one that its function knows."""
        return self.width >= 1 if self.function is WindowFunction.LINEAR else self.width > 0


def modality_of(model: Model, bulk: Bulk, *, signed: bool) -> tuple[float, float, Lut | None]:
    """Return rescale slope and intercept, and the table that stands in their place, if there is one.

    Raises:
        DicomError: the table is damaged.
    """
    sequence = items(model, "00283000")
    if sequence:
        return 1.0, 0.0, grey_lut(sequence[0], bulk, signed=signed)
    slope, intercept = number(model, "00281053"), number(model, "00281052")
    return slope or 1.0, intercept or 0.0, None


def windows_of(model: Model) -> tuple[VoiWindow, ...]:
    """Return an image's windows, without those that show nothing."""
    function = _BY_NAME.get(word(model, "00281056"), WindowFunction.LINEAR)
    pairs = zip(numbers(model, "00281050"), numbers(model, "00281051"), strict=False)
    found = [VoiWindow(center, width, function) for center, width in pairs]
    return tuple(window for window in found[:_WINDOWS_MAX] if window.sound)


def voi_lut_of(model: Model, bulk: Bulk, *, signed: bool) -> Lut | None:
    """Return an image's first VOI table. Raises: DicomError (it is damaged)."""
    sequence = items(model, "00283010")
    return grey_lut(sequence[0], bulk, signed=signed) if sequence else None
