"""Uses every decoder and writer once, so that nothing is left to be loaded when there are no more files.

Decoders load modules, tables and libraries when they are first used; behind the wall that would fail.
"""

from __future__ import annotations

from base64 import b64decode

from fiducia.adapters.dicom_pixels.decoding import decode
from fiducia.adapters.dicom_pixels.rendering import render
from fiducia.core.dicom.dictionary import implicit_vr, is_image_class
from fiducia.core.dicom.picture import Picture
from fiducia.core.dicom.text import load_codecs
from fiducia.core.dicom.view import JPEG, PNG, View, Viewport
from fiducia.core.dicom.voi import VoiWindow, WindowFunction

# Black frames of 2 by 2 samples of 8 bits, by transfer syntax.
_BLACK = {
    "1.2.840.10008.1.2.4.70": "/9j/xAAVAAEBAAAAAAAAAAAAAAAAAAAACP/DAAsIAAIAAgEAEQD/2gAIAQAABgAAn8D/2Q==",
    "1.2.840.10008.1.2.4.80": (
        "/9j/6AAgU1BJRkYAAgAAAQAAAAIAAAACCggGAQAAASwAAAEs/+gACAAAAAH/2P/3AAsIAAIAAgEBEQD/2gAIAQEAAAAA8P/Z"
    ),
    "1.2.840.10008.1.2.4.90": (
        "/0//UQApAAAAAAACAAAAAgAAAAAAAAAAAAAAAgAAAAIAAAAAAAAAAAABBwEB/1IADAAAAAEAAAQEAAH/XAAEQED/ZAAlAAFDcmVhdGVkIGJ5"
        "IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAAATAAH/k9+AEAiQ/9k="
    ),
}
_RLE = bytes([1, 0, 0, 0, 64]) + bytes(59) + bytes([0xFD, 0])  # one segment: four times 0
_COLOURS = Picture("1.2.840.10008.1.2.1", 2, 2, 3, "YBR_FULL")
_GREYS = Picture("1.2.840.10008.1.2.1", 2, 2)


def warm() -> None:
    """Decode and write one small frame of every kind, look up every kind of name.

    Raises: whatever is wrong with what is installed.
    """
    load_codecs()
    implicit_vr(0x00080016)
    is_image_class("1.2.840.10008.5.1.4.1.1.2")
    black = {uid: b64decode(coded) for uid, coded in _BLACK.items()} | {"1.2.840.10008.1.2.5": _RLE}
    for transfer_syntax_uid, coded in black.items():
        if decode(Picture(transfer_syntax_uid, 2, 2), coded) != bytes(4):
            raise RuntimeError("a decoder does not decode what it should")
    window = VoiWindow(1, 2, WindowFunction.SIGMOID)
    for media_type in (JPEG, PNG):
        view = View(media_type, window=window, viewport=Viewport(3, 3, mirrored=True, upside_down=True))
        render(_COLOURS, bytes(12), view)
        render(_GREYS, bytes(4), view)
    decode(Picture("1.2.840.10008.1.2.4.50", 3, 3), render(_GREYS, bytes(4), View(JPEG, viewport=Viewport(3, 3))))
