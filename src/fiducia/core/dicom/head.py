"""What one read of an instance's head gives: who and what it is, its attributes, where its frames lie.

Owns the value only; `part10.read_head` makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fiducia.core.dicom.codec import Element
from fiducia.core.dicom.json_model import to_json
from fiducia.core.dicom.pixels import FrameTable, PixelDescription, PixelValue
from fiducia.core.dicom.rest import Rest, Surplus
from fiducia.records.images import InstanceInfo


@dataclass(frozen=True, slots=True)
class InstanceHead:
    """One instance without its pixels.

    Attributes:
        info: what the journeys compare and keep.
        series_number: Series Number, when it is there and a number.
        instance_number: Instance Number, likewise.
        frames: where the frames lie, as offsets from the start of the file.
        meta_differs: the file meta information names another SOP instance than the data set does. This
            happens in published data; the data set counts.
        elements: the top-level elements before Pixel Data.
        big_endian: the byte order of their binary values.
        deflated: their places are not places in the file.
        beginning: the file's first 1024 bytes: the preamble is its first 128.
        meta: the elements of group 0002.
        pixels: where Pixel Data are, when there are any.
        described: what the attributes say about them.
        surplus: what they hold beyond that.
        rest: what follows them.
        depth: of the deepest sequence item; 0 without sequences.
    """

    info: InstanceInfo
    series_number: int | None
    instance_number: int | None
    frames: FrameTable
    meta_differs: bool
    elements: Sequence[Element] = field(repr=False)
    big_endian: bool = False
    deflated: bool = False
    beginning: bytes = field(default=b"", repr=False)
    meta: Sequence[Element] = field(default=(), repr=False)
    pixels: PixelValue | None = None
    described: PixelDescription | None = None
    surplus: Surplus = field(default_factory=Surplus)
    rest: Rest = field(default_factory=Rest)
    depth: int = 0

    def dicom_json(self) -> bytes:
        """Return the DICOM JSON model (UTF-8): private elements kept, bulk values named, pixel data left out.

        Never fails on a head that was read.
        """
        return to_json(self.elements, big_endian=self.big_endian, deflated=self.deflated)
