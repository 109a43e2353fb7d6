"""An instance's file as one in Explicit VR Little Endian: the same instance, whatever it is written in.

Owns: what changes on the way, and nothing else does (PS3.18 section 8.7.3; PS3.5 annexes A and 8.2):
1. group 0002, which is this software's; group lengths, which are retired, and the preamble.
2. Pixel Data in fragments become native. Colours that were compressed become RGB, by pixel; the attributes say so.
   Offset tables go. Icons are images, too. What says that an image was once compressed with loss stays.
3. What is no element behind the pixels goes.
Native Pixel Data keep their samples, planes and surplus; private elements and values that break a rule are kept.
Not here: writing (`explicit`), decoding, whether it is safe: it reads what nobody vouches for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import orjson

from fiducia.core.dicom.codec import EXPLICIT_LITTLE, UNDEFINED, Bulk, Element, Fragments, transfer_syntax
from fiducia.core.dicom.codings import coding_of
from fiducia.core.dicom.explicit import Writer, Written, chosen, is_signed
from fiducia.core.dicom.file_meta import file_head
from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.json_model import to_json
from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.passages import Coded, Passage, carry_out, require_bounded_file
from fiducia.core.dicom.picture import Picture, coded_picture_of, require_bounded
from fiducia.core.dicom.pixels import PIXEL_DATA, FrameTable, PixelDescription, frame_table, read_pixels
from fiducia.core.dicom.window import Inflated, Window
from fiducia.core.formats.frames import FrameLayout, pack_ranges
from fiducia.errors import DicomError

EXPLICIT = "1.2.840.10008.1.2.1"
INFLATED_MAX_BYTES = 128 << 20
"""What was deflated has no ranges that could be copied: it is held whole."""

_PHOTOMETRIC, _PLANAR, _INTEGER_PIXELS = 0x00280004, 0x00280006, 0x7FE00010
_TABLES = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003})  # extended offsets, lengths, and their total


def outlined(stream: BinaryIO, size_bytes: int) -> list[Passage]:
    """Return an instance's file in Explicit VR Little Endian, as passages.

    Args:
        stream: the file, seekable, at any position.
        size_bytes: its size.

    Raises:
        DicomError: it cannot be read, is not decoded, or is too large; the message says which.
    """
    require_bounded_file(size_bytes)
    head = read_head(stream, size_bytes)
    info = head.info
    writer = Writer(big_endian=head.big_endian, signed=is_signed(head.elements))
    decoded = _Decoded(stream, size_bytes, info.transfer_syntax_uid)
    writer.elements(decoded.up_to_pixels(head))
    if head.pixels is not None and not head.pixels.encapsulated:
        vr = chosen(head.pixels.vr, signed=False)
        writer.copied(head.pixels.tag, vr, head.pixels.value, _word_bytes(head, vr))
    writer.elements(decoded.outside(head.rest.elements))
    passages = writer.passages(file_head(info.sop_class_uid, info.sop_instance_uid, EXPLICIT))
    made = sum(each.size_bytes for each in passages)
    require_bounded_file(made)
    return _inflated(passages, made, stream, info.header_bytes, size_bytes) if head.deflated else passages


class _Decoded:
    """Puts decoded frames where elements have fragments."""

    def __init__(self, stream: BinaryIO, size_bytes: int, transfer_syntax_uid: str) -> None:
        self._window = Window(stream, size_bytes)
        self._uid = transfer_syntax_uid
        self._encapsulated = transfer_syntax(transfer_syntax_uid).encapsulated

    def up_to_pixels(self, head: InstanceHead) -> list[Written]:
        """Return an instance's elements, Pixel Data among them if these are in fragments. Raises: DicomError."""
        elements = self.outside(head.elements)
        if head.pixels is None or not head.pixels.encapsulated:
            return elements
        return self._image(head.elements, elements, head.pixels.tag, head.frames)

    def outside(self, elements: Sequence[Element]) -> list[Written]:
        """Return elements with the icons in their items decoded. Raises: DicomError."""
        return [
            (tag, vr, [self._item(item) for item in value] if isinstance(value, list) else value)
            for tag, vr, value in elements
        ]

    def _item(self, elements: Sequence[Element]) -> list[Written]:
        outside = self.outside(elements)
        for tag, _, value in elements:
            if isinstance(value, Fragments):
                return self._image(elements, outside, tag, self._icon(tag, value))
        return outside

    def _icon(self, tag: int, place: Bulk) -> FrameTable:
        if not self._encapsulated:
            raise DicomError(
                "the pixel data of an icon are not written as the transfer syntax says: ask for it as it is"
            )
        pixels = read_pixels(self._window, tag, place.offset, UNDEFINED, EXPLICIT_LITTLE)
        return frame_table(self._window, pixels, PixelDescription(1, 0, 0, 0, 0, ""))

    def _image(
        self, described_by: Sequence[Element], elements: Sequence[Written], tag: int, table: FrameTable
    ) -> list[Written]:
        """An image's elements, and its frames, with what says how they are meant."""
        model = orjson.loads(to_json([each for each in described_by if each[0] >> 16 == 0x0028]))
        picture = coded_picture_of(model, self._uid)
        _require_native(picture, tag, table)
        changed: dict[int, Written] = {each[0]: each for each in elements if each[0] not in _TABLES}
        if picture.decoded_photometric != picture.photometric_interpretation:
            changed[_PHOTOMETRIC] = (_PHOTOMETRIC, "CS", picture.decoded_photometric.encode("ascii"))
        if picture.samples_per_pixel > 1:
            changed[_PLANAR] = (_PLANAR, "US", b"\0\0")
        coded = Coded(picture, table.layout, pack_ranges(table, 0, self._window.size_bytes))
        changed[tag] = (tag, "OB" if picture.bits_allocated <= 8 else "OW", coded)
        return [changed[each] for each in sorted(changed)]


def _require_native(picture: Picture, tag: int, table: FrameTable) -> None:
    """Return when frames can be decoded, as far as that is known before. Raises: DicomError."""
    coding_of(picture.transfer_syntax_uid)
    require_bounded(picture, b"")
    if tag != _INTEGER_PIXELS:
        raise DicomError("floating-point pixels in fragments are not decoded: ask for the instance as it is")
    if table.layout not in (FrameLayout.FRAMES, FrameLayout.ITEMS):
        raise DicomError("the frames of this instance cannot be told apart: ask for it as it is")
    if picture.bits_allocated == 1 and table.frames > 1 and picture.rows * picture.columns % 8:
        raise DicomError("frames of single bits that do not fill bytes are not joined: ask for the instance as it is")


def _word_bytes(head: InstanceHead, vr: str) -> int:
    """How large the words of native Pixel Data are, as decoding has it: as samples, but two of 8 bits in OW."""
    if head.pixels is None or head.described is None:
        return 1
    if head.pixels.tag != _INTEGER_PIXELS:
        return 4 if head.pixels.tag == min(PIXEL_DATA) else 8
    bits = head.described.bits_allocated
    if bits == 8:
        return 2 if vr == "OW" else 1
    return bits // 8 if bits in (16, 32, 64) else 1


def _inflated(passages: Sequence[Passage], made: int, stream: BinaryIO, begin: int, size_bytes: int) -> list[Passage]:
    """The passages of a deflated data set with the bytes themselves: its ranges are ranges of nothing that there is."""
    if made > INFLATED_MAX_BYTES:
        raise DicomError(
            f"a deflated instance that inflates to more than {INFLATED_MAX_BYTES >> 20} MiB is not converted:"
            " ask for it as it is"
        )
    inflated = Inflated(stream, begin, size_bytes)
    return [Passage(b"".join(carry_out(passages, inflated, made, _no_decoder)))]


def _no_decoder(picture: Picture, frame: bytes) -> bytes:
    raise DicomError("a deflated data set has no coded frames")
