"""Makes a JPEG or PNG of one frame, as a view wants it.

Owns: region, size, flips and the file. Source: PS3.18 section 8.3.5.1: the region is cut out, fitted into the viewport
in its own proportions, and flipped.
"""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from fiducia.adapters.dicom_pixels.decoding import samples_of
from fiducia.adapters.dicom_pixels.greys import shown
from fiducia.core.dicom.picture import Picture
from fiducia.core.dicom.view import JPEG, View, placed
from fiducia.errors import DicomError

_JPEG_SIDE_MAX = 65_500


def render(picture: Picture, frame: bytes, view: View) -> bytes:
    """Return the frame as image/jpeg or image/png, 8 bits.

    Raises:
        DicomError: it cannot be decoded, or not be written as that media type.
        InputError: the viewport's region has nothing of it.
    """
    place = placed(view.viewport, picture.rows, picture.columns)
    image = Image.fromarray(shown(picture, samples_of(picture, frame), view.window))
    if view.viewport is not None:
        image = image.resize((place.width, place.height), Image.Resampling.BILINEAR, box=place.box)
        if view.viewport.mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if view.viewport.upside_down:
            image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return _written(image, view)


def _written(image: Image.Image, view: View) -> bytes:
    written = BytesIO()
    if view.media_type != JPEG:
        image.save(written, "PNG")
    elif max(image.size) > _JPEG_SIDE_MAX:
        raise DicomError("the image is larger than a JPEG can be: ask for a viewport, or for image/png")
    else:
        image.save(written, "JPEG", quality=view.quality, subsampling=0)
    return written.getvalue()
