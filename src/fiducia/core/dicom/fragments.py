"""The fragments of one frame, as they lie in encapsulated Pixel Data, joined to the codestream that they are.

Source: PS3.5 annex A.4.
"""

from __future__ import annotations

from struct import Struct

from fiducia.errors import DicomError

_ITEM = Struct("<HHI")
_TAG = (0xFFFE, 0xE000)


def join(items: bytes) -> bytes:
    """Return what items (each with its 8-byte header) hold, one after the other. Raises: DicomError (no items)."""
    pieces, at = [], 0
    view = memoryview(items)
    while at < len(view):
        if len(view) - at < _ITEM.size:
            raise _no_items()
        group, element, length = _ITEM.unpack_from(view, at)
        at += _ITEM.size
        if (group, element) != _TAG or length > len(view) - at:
            raise _no_items()
        pieces.append(view[at : at + length])
        at += length
    return b"".join(pieces)


def _no_items() -> DicomError:
    return DicomError("a frame's fragments are damaged: have the instance registered anew")
