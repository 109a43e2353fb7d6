"""Decodes one frame: the only place in fiducia where pixels are taken out of their coding.

Owns: which decoder reads which coding, and the native form of what it gives. Decoders are pydicom's plugins over
OpenJPEG, CharLS, GDCM and pylibjpeg-rle, and Pillow for lossy JPEG. Source: PS3.5 section 8 and annexes A, D and G.
Not here: whether it is safe. Frames are decoded by native code; only a confined process may be asked to.
"""

from __future__ import annotations

import logging
import warnings
import zlib
from io import BytesIO
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import UID, JPEGLosslessSV1

from fiducia.core.dicom.codestream import require_fitting
from fiducia.core.dicom.codings import Coding
from fiducia.core.dicom.picture import Picture, require_bounded
from fiducia.errors import DicomError

Samples: TypeAlias = NDArray[Any]

_PLUGINS = {
    Coding.RLE: "pylibjpeg",  # pylibjpeg-rle
    Coding.JPEG_LOSSLESS: "gdcm",
    Coding.JPEG_LS: "pyjpegls",
    Coding.JPEG_2000: "pylibjpeg",  # pylibjpeg-openjpeg
}
_DESCRIBED = (
    "rows",
    "columns",
    "samples_per_pixel",
    "photometric_interpretation",
    "planar_configuration",
    "bits_allocated",
    "bits_stored",
    "pixel_representation",
)
_BAND_PIXELS = 1 << 20

logging.getLogger("pydicom").addHandler(logging.NullHandler())  # what it would say of a frame is nobody's to read
Image.MAX_IMAGE_PIXELS = None  # sizes are checked before Pillow sees them


def decode(picture: Picture, frame: bytes) -> bytes:
    """Return the native little-endian frame, colour-by-pixel.

    Raises:
        DicomError: it cannot be decoded; the message says why.
    """
    require_bounded(picture, frame)
    if not picture.coding.compressed:
        return _native(picture, frame)
    samples = _decoded(picture, frame)
    return samples.astype(samples.dtype.newbyteorder("<"), copy=False).tobytes()


def samples_of(picture: Picture, frame: bytes) -> Samples:
    """Return the decoded samples as (rows, columns) or (rows, columns, 3); of colours as RGB, of 1 bit as 0 and 1.

    Raises:
        DicomError: it cannot be decoded.
    """
    require_bounded(picture, frame)
    if picture.coding.compressed:
        return _decoded(picture, frame)
    data = _native(picture, frame)
    if picture.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, "u1"), count=picture.rows * picture.columns, bitorder="little")
        return bits.reshape(picture.rows, picture.columns)
    samples = np.frombuffer(data, _dtype(picture))
    if picture.photometric_interpretation == "YBR_FULL_422":
        samples = _unshared(samples)
    shaped = _shaped(picture, samples)
    return _rgb(shaped.copy()) if picture.photometric_interpretation.startswith("YBR_FULL") else shaped


def _dtype(picture: Picture) -> np.dtype[Any]:
    kind = "i" if picture.pixel_representation else "u"
    return np.dtype(f"<{kind}{max(1, picture.bits_allocated // 8)}")


def _shaped(picture: Picture, samples: Samples) -> Samples:
    size = (picture.rows, picture.columns)
    return samples.reshape(*size, 3) if picture.samples_per_pixel == 3 else samples.reshape(size)


# -- native


def _native(picture: Picture, frame: bytes) -> bytes:
    """Native bytes as little endian and by pixel; the same samples otherwise."""
    data = _inflated(picture, frame) if picture.coding is Coding.DEFLATED else frame
    expected = picture.decoded_bytes
    if not expected <= len(data) <= expected + 1:  # an odd frame may have its padding
        raise DicomError("the frame has another length than the image's attributes say: copy it again")
    if picture.swapped and len(data) % 2:
        raise DicomError("a frame of odd length in big-endian words is not decoded: export the image anew")
    big_endian = picture.coding is Coding.NATIVE_BIG_ENDIAN
    width = 2 if picture.swapped else max(1, picture.bits_allocated // 8)
    if big_endian and width > 1:
        data = np.frombuffer(data, f"u{width}", count=-(-expected // width)).byteswap().tobytes()
    data = data[:expected]
    if picture.planar_configuration and picture.photometric_interpretation != "YBR_FULL_422":
        planes = np.frombuffer(data, f"u{picture.bits_allocated // 8}").reshape(3, -1)
        return planes.T.tobytes()
    return data


def _inflated(picture: Picture, frame: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        return inflater.decompress(frame, picture.decoded_bytes + 2)
    except zlib.error as error:
        raise DicomError("the deflated frame is damaged: copy it again") from error


def _unshared(samples: Samples) -> Samples:
    """Y1 Y2 Cb Cr as Y1 Cb Cr Y2 Cb Cr (PS3.3 section C.7.6.3.1.2)."""
    shared = samples.reshape(-1, 4)
    return shared[:, [0, 2, 3, 1, 2, 3]].reshape(-1)


# -- compressed


def _decoded(picture: Picture, frame: bytes) -> Samples:
    """Samples of a compressed frame, in the picture's own type; colours as RGB."""
    declared = require_fitting(picture, frame)
    plain_jpeg = picture.coding is Coding.JPEG and declared is not None and declared.bits <= 8
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            samples = _by_pillow(picture, frame) if plain_jpeg else _by_plugin(picture, frame)
    except (MemoryError, RecursionError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # whatever foreign decoders raise; the panic of one in Rust is no Exception
        raise DicomError("the frame cannot be decoded: it is damaged, or not what its attributes say") from error
    if samples.size != picture.rows * picture.columns * picture.samples_per_pixel:
        raise DicomError("the frame cannot be decoded: it has another size than its attributes say")
    return _shaped(picture, samples).astype(_dtype(picture), copy=False)


def _by_pillow(picture: Picture, frame: bytes) -> Samples:
    """Lossy JPEG of 8 bits. Its colours are what the codestream says of them (JFIF, Adobe), else the attributes."""
    with Image.open(BytesIO(frame), formats=("JPEG",)) as image:
        marked = "jfif" in image.info or "adobe_transform" in image.info
        if image.mode == "RGB" and picture.photometric_interpretation == "RGB" and not marked:
            image.draft("YCbCr", image.size)  # the samples as they are: here they are RGB
        untransformed = image.info.get("adobe_transform") == 0 and "YBR" in picture.photometric_interpretation
        if image.mode not in ("L", "RGB", "YCbCr"):
            raise DicomError("the coded frame's colours are not decoded")
        samples = np.asarray(image)
    return _rgb(samples.copy()) if untransformed else samples


def _by_plugin(picture: Picture, frame: bytes) -> Samples:
    extended = picture.coding is Coding.JPEG  # of 12 bits; GDCM reads the process from the codestream itself
    coding = Coding.JPEG_LOSSLESS if extended else picture.coding
    decoder = get_decoder(JPEGLosslessSV1 if extended else UID(picture.transfer_syntax_uid))
    described: dict[str, Any] = {name: getattr(picture, name) for name in _DESCRIBED}
    described["number_of_frames"] = 1
    samples, meta = decoder.as_array(
        encapsulate([frame], has_bot=False),
        index=0,
        raw=True,
        decoding_plugin=_PLUGINS[coding],
        **described,
    )
    return _rgb(samples) if str(meta["photometric_interpretation"]).startswith("YBR_FULL") else samples


def _rgb(samples: Samples) -> Samples:
    """YCbCr samples (rows, columns, 3) as RGB, in their place; by bands, since it takes several times the memory."""
    rows = max(1, _BAND_PIXELS // samples.shape[1])
    for top in range(0, samples.shape[0], rows):
        band = samples[top : top + rows]
        samples[top : top + rows] = convert_color_space(band, "YBR_FULL", "RGB")
    return samples
