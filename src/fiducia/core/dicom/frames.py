"""From an image's attributes to its frames: what is promised, and where it lies.

Owns: which attributes describe pixels (PS3.3 section C.7.6.3), and that an image has the pixels it promises.
Not here: the places themselves (`pixels`).
"""

from __future__ import annotations

from fiducia.core.dicom.codec import TransferSyntax
from fiducia.core.dicom.dictionary import is_image_class
from fiducia.core.dicom.pixels import FrameTable, PixelDescription, PixelValue, frame_table
from fiducia.core.dicom.values import ByteOrder, Values, integer_of, text_of, unsigned_of
from fiducia.core.dicom.window import Window
from fiducia.core.formats.frames import FrameLayout
from fiducia.errors import DicomError

_BITS_ALLOCATED = 0x00280100
_IMAGE_SIZE = (0x00280010, 0x00280011, 0x00280002, _BITS_ALLOCATED)  # rows, columns, samples, bits


def read_frames(
    window: Window, pixels: PixelValue | None, values: Values, syntax: TransferSyntax
) -> tuple[FrameTable, PixelDescription | None]:
    """Return where the frames lie, and what the attributes say about them; neither without Pixel Data.

    Raises:
        DicomError: an image without pixels, or fewer or other pixels than its attributes promise.
    """
    if pixels is None:
        # A file that was cut between two elements is well-formed; only what is missing tells.
        if _BITS_ALLOCATED in values or is_image_class(text_of(values, 0x00080016)):
            raise DicomError(
                "the image has no pixel data: copy the file again from where it came from, it may be cut short"
            )
        return FrameTable(), None
    if pixels.encapsulated != syntax.encapsulated:
        raise DicomError("the pixel data are not written as the transfer syntax says: export the image anew")
    described = _describe(values, "big" if syntax.codec.big_endian else "little")
    table = frame_table(window, pixels, described)
    # Inside a deflated data set nothing has an offset in the file.
    return FrameTable(FrameLayout.NONE, described.frames) if syntax.deflated else table, described


def _describe(values: Values, order: ByteOrder) -> PixelDescription:
    frames = integer_of(values, 0x00280008) if text_of(values, 0x00280008) else 1
    if not frames or frames < 0:
        raise DicomError("Number of Frames (0028,0008) is not a number from 1: correct it at the source")
    rows, columns, samples, bits = (unsigned_of(values, tag, order) for tag in _IMAGE_SIZE)
    return PixelDescription(
        frames=frames,
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=bits,
        photometric=text_of(values, 0x00280004),
        extended_offsets=values.get(0x7FE00001),
        extended_lengths=values.get(0x7FE00002),
    )
