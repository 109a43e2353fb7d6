"""Pixels decoded in their caller's own process: for tests, and for images that the caller made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, cast

from fiducia.adapters.dicom_pixels.decoding import decode
from fiducia.adapters.dicom_pixels.rendering import render
from fiducia.core.dicom.conversion import outlined
from fiducia.core.dicom.passages import carry_out, require_sound_passages
from fiducia.core.dicom.picture import Picture
from fiducia.core.dicom.view import View
from fiducia.core.dicom.window import Seekable


class DirectPixels:
    """`Pixels` without a wall; same duties otherwise."""

    def decode(self, picture: Picture, frame: bytes) -> bytes:
        """Return the native frame; see `fiducia.ports.Pixels`."""
        return decode(picture, frame)

    def render(self, picture: Picture, frame: bytes, view: View) -> bytes:
        """Return the frame as it is seen; see `fiducia.ports.Pixels`."""
        return render(picture, frame, view)

    def convert(self, stream: Seekable, size_bytes: int) -> Iterator[bytes]:
        """Return the instance's file in Explicit VR Little Endian; see `fiducia.ports.Pixels`."""
        passages = require_sound_passages(outlined(cast(BinaryIO, stream), size_bytes), size_bytes)
        return carry_out(passages, stream, size_bytes, self.decode)
