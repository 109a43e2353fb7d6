"""An instance that is stored in some other way, as a client wants it: its file in Explicit VR Little Endian.

Owns: which instances that is tried with, and the stored file as it is read for that: in ranges, out of ciphertext.
"""

from __future__ import annotations

from collections.abc import Iterator

from fiducia.app.gateway.catalogue import Target
from fiducia.core.dicom.codec import transfer_syntax
from fiducia.core.dicom.codings import is_decoded
from fiducia.core.dicom.passages import CONVERTED_MAX_BYTES
from fiducia.core.formats.entry import IndexEntry
from fiducia.core.formats.frames import FrameLayout
from fiducia.ports import Pixels

AHEAD_BYTES = 1 << 18


def can_convert(entry: IndexEntry) -> bool:
    """Tell whether an instance can be converted, as far as its index entry says; a decoder may still fail."""
    if not is_decoded(entry.transfer_syntax_uid) or entry.original_bytes > CONVERTED_MAX_BYTES:
        return False
    untold = entry.frame_layout is FrameLayout.WHOLE and entry.frame_count > 1  # which fragments are a frame's
    return not (untold and transfer_syntax(entry.transfer_syntax_uid).encapsulated)


def converted(pixels: Pixels, target: Target) -> Iterator[bytes]:
    """Return an instance's file in Explicit VR Little Endian, in pieces.

    Every byte that it is made of was verified, but not the instance as a whole.

    Raises:
        DicomError: it cannot be converted; told here, unless it is a later frame that cannot be decoded.
        DecryptionError, StoreError: it cannot be read.
    """
    return pixels.convert(_Stored(target), target.entry.original_bytes)


class _Stored:
    """An instance's file, seekable; reads a little ahead, since heads are read in small steps."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._at = 0
        self._begin, self._block = 0, b""

    def seek(self, offset: int, /) -> int:
        self._at = offset
        return offset

    def read(self, size_bytes: int, /) -> bytes:
        size_bytes = max(0, min(size_bytes, self._target.entry.original_bytes - self._at))
        piece = self._piece(size_bytes) if size_bytes else b""
        self._at += len(piece)
        return piece

    def _piece(self, size_bytes: int) -> bytes:
        index = self._at - self._begin
        if not 0 <= index <= len(self._block) - size_bytes:
            entry = self._target.entry
            ahead = min(max(size_bytes, AHEAD_BYTES), entry.original_bytes - self._at)
            block = self._target.series.opener.read_instance(entry.number, self._at, ahead)
            if size_bytes >= AHEAD_BYTES:
                return block  # nothing of it would be read twice
            self._begin, self._block, index = self._at, block, 0
        return self._block[index : index + size_bytes]
