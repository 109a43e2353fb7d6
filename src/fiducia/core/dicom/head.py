"""What one read of an instance's head gives: who and what it is, its attributes, where its frames lie.

Owns the values only; `part10.read_head` makes them. Frame ranges are offsets from the start of the file,
so that one frame is one byte range of a pack. Source: PS3.5 section 8 and annex A.4, PS3.18 annex F.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from fiducia.core.dicom.elements import Element
from fiducia.core.dicom.json_model import to_json
from fiducia.records.images import InstanceInfo


class FrameLayout(IntEnum):
    """What the ranges of a frame table are."""

    NONE = 0  # no pixel data, or a deflated data set, in which nothing can be addressed
    FRAMES = 1  # one range per frame: exactly the frame's bytes
    ITEMS = 2  # one range per frame: its fragments as items, each with its 8-byte header (FFFE,E000)
    WHOLE = 3  # one range for all frames: the native value, or all fragments as items


@dataclass(frozen=True, slots=True)
class FrameTable:
    """Where the frames lie.

    Attributes:
        layout: what each range is.
        frames: the number of frames that the instance declares; 0 without pixel data.
        offsets: ascending, from the start of the file.
        lengths: in bytes, one for each offset.
    """

    layout: FrameLayout = FrameLayout.NONE
    frames: int = 0
    offsets: Sequence[int] = ()
    lengths: Sequence[int] = ()

    def __len__(self) -> int:
        """Return the number of ranges."""
        return len(self.offsets)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield (offset, length) of each range."""
        return zip(self.offsets, self.lengths, strict=True)


@dataclass(frozen=True, slots=True)
class InstanceHead:
    """One instance without its pixels.

    Attributes:
        info: what the journeys compare and keep.
        series_number: Series Number, when it is there and a number.
        instance_number: Instance Number, likewise.
        frames: where the frames lie.
        meta_differs: the file meta information names another SOP instance than the data set does. This
            happens in published data; the data set counts.
        elements: the top-level elements before Pixel Data.
        big_endian: the byte order of binary values.
    """

    info: InstanceInfo
    series_number: int | None
    instance_number: int | None
    frames: FrameTable
    meta_differs: bool
    elements: tuple[Element, ...] = field(repr=False)
    big_endian: bool = False

    def dicom_json(self) -> bytes:
        """Return the DICOM JSON model (UTF-8): private elements kept, bulk and pixel data left out.

        Never fails on a head that was read: what does not follow its value representation stands as
        text or as UN with its bytes.
        """
        return to_json(self.elements, big_endian=self.big_endian)
