"""WADO-RS: frames, as they are stored or decoded; a frame is a byte range of its pack. Source: PS3.18 section 10.4."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from starlette.responses import Response

from fiducia.app.gateway.catalogue import NOT_THERE, Target, attributes_of
from fiducia.app.gateway.handling import Asked, not_acceptable, streamed
from fiducia.app.gateway.media import Choice, choose_pixels
from fiducia.app.gateway.multipart import Multipart
from fiducia.app.gateway.parts import GatewayParts
from fiducia.app.gateway.retrieve import Part, framed, note, only, opened
from fiducia.core.dicom.bulk import place_of
from fiducia.core.dicom.codec import transfer_syntax
from fiducia.core.dicom.codings import is_decoded
from fiducia.core.dicom.fragments import join
from fiducia.core.dicom.picture import Picture, picture_of
from fiducia.core.formats.frames import FrameLayout
from fiducia.errors import DicomError, InputError, NotThereError
from fiducia.journeys.reading.viewing import Viewing

FRAMES_MAX = 10_000
BULK_MAX_BYTES = 64 << 20
_LIST = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*", re.ASCII)
_BIG_ENDIAN = "1.2.840.10008.1.2.2"


class Framing:
    """The handlers that send frames."""

    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts

    def frames(self, asked: Asked) -> Response:
        """`.../instances/{instance}/frames/{frames}`: some frames, in the order in which they are named."""
        target = only(opened(asked))
        return self._send(asked, target, frames_of(asked.path["frames"], target))

    def pixel_data(self, asked: Asked) -> Response:
        """`.../instances/{instance}/pixeldata`: all frames."""
        target = only(opened(asked))
        return self._send(asked, target, range(1, target.entry.frame_count + 1))

    def _send(self, asked: Asked, target: Target, numbers: Iterable[int]) -> Response:
        numbers = list(numbers)
        if not numbers:
            raise NotThereError(NOT_THERE)
        stored = target.entry.transfer_syntax_uid
        choice = choose_pixels(asked.accept, stored, single=len(numbers) == 1, decodable=is_decoded(stored))
        if choice is None:
            return not_acceptable()
        noted = note(asked.catalogue.viewing, "frames", [target], len(numbers))
        if not choice.multipart:
            return streamed(
                noted, self._frame(asked.catalogue.viewing, target, numbers[0], choice), choice.content_type
            )
        frame = Multipart(self._parts.boundary(), choice.media_type)
        parts = (
            Part(
                choice.content_type,
                f"{asked.base}/{target.path}/frames/{number}",
                self._frame(asked.catalogue.viewing, target, number, choice),
            )
            for number in numbers
        )
        return streamed(noted, framed(frame, parts), frame.content_type)

    def _frame(self, viewing: Viewing, target: Target, number: int, choice: Choice) -> Iterator[bytes]:
        viewing.require(target.series.held)
        coded = coded_frame(target, number)
        yield coded if choice.as_stored else self._parts.pixels.decode(picture(target, number), coded)


def frames_of(text: str, target: Target) -> list[int]:
    """Return the frames that a URL names. Raises: InputError (no list of numbers), NotThereError (no such frame)."""
    if not _LIST.fullmatch(text):
        raise InputError("frames are named by numbers from 1, with commas between them")
    numbers = [int(number) for number in text.split(",")]
    if len(numbers) > FRAMES_MAX:
        raise InputError(f"at most {FRAMES_MAX} frames can be asked for at once")
    if not all(1 <= number <= target.entry.frame_count for number in numbers):
        raise NotThereError(NOT_THERE)
    return numbers


def coded_frame(target: Target, number: int) -> bytes:
    """Return one frame's bytes as its transfer syntax codes them, read alone where they lie alone.

    Raises:
        DicomError: they cannot be told from the others'. DecryptionError, StoreError: they cannot be read.
    """
    entry, opener = target.entry, target.series.opener
    encapsulated = transfer_syntax(entry.transfer_syntax_uid).encapsulated
    if entry.frame_layout in (FrameLayout.FRAMES, FrameLayout.ITEMS):
        data = opener.read_instance(entry.number, *opener.frame_range(entry.number, number))
        return join(data) if entry.frame_layout is FrameLayout.ITEMS else data
    if entry.frame_layout is FrameLayout.WHOLE and (not encapsulated or entry.frame_count == 1):
        ((offset, length),) = opener.frame_table(entry.number).ranges
        data = opener.read_instance(entry.number, offset, length)
        return join(data) if encapsulated else _slice_of(data, number, picture(target, number))
    raise DicomError("the frames of this instance cannot be told apart: retrieve the instance")


def picture(target: Target, number: int) -> Picture:
    """Return what showing a frame takes. Raises: DicomError (no image), DecryptionError, StoreError."""
    entry, opener = target.entry, target.series.opener

    def bulk(uri: str) -> bytes:
        found = place_of(uri)
        if found is None or found[1] > BULK_MAX_BYTES:
            raise DicomError("a value of this image is too large to show it")
        return opener.read_instance(entry.number, *found)

    model = attributes_of(opener.dicom_json(entry.number))
    if entry.transfer_syntax_uid == _BIG_ENDIAN:
        model["7FE00010"] = {"vr": _pixels_vr(target)}  # bytes or words: samples of 8 bits lie otherwise in words
    return picture_of(model, entry.transfer_syntax_uid, frame=number, bulk=bulk)


def _pixels_vr(target: Target) -> str:
    """The representation of native Pixel Data, which the index does not have: as it stands before the value."""
    opener, number = target.series.opener, target.entry.number
    for offset, _ in opener.frame_table(number):
        return opener.read_instance(number, offset - 8, 2).decode("latin_1")
    return "OB"


def _slice_of(data: bytes, number: int, shape: Picture) -> bytes:
    """Cut a frame out of native pixels whose frames begin and end within bytes (single-bit images)."""
    bits = shape.rows * shape.columns * shape.samples_per_pixel * shape.bits_allocated
    begin = (number - 1) * bits
    if begin + bits > 8 * len(data):
        raise DicomError("there are fewer pixels than frames")
    window = int.from_bytes(data[begin // 8 : (begin + bits + 7) // 8], "little") >> begin % 8
    return (window & ((1 << bits) - 1)).to_bytes((bits + 7) // 8, "little")
