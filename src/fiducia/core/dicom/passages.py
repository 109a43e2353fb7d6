"""A file that is to be made of another one, told as passages: what is new, what is copied, what is decoded.

Whoever reads a file that nobody vouches for says with passages what the new file is; whoever has the file's bytes
carries them out, with no more in memory than a piece or a frame, and looks first whether they can be true.
Not here: which passages a conversion takes (`conversion`), decoding.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from fiducia.core.dicom.codings import is_decoded
from fiducia.core.dicom.fragments import join
from fiducia.core.dicom.picture import FRAME_MAX_BYTES, Picture
from fiducia.core.dicom.window import Seekable, read_exactly
from fiducia.core.formats.frames import RANGE_BYTES, FrameLayout, unpack_ranges
from fiducia.errors import DicomError, EncodingError

CONVERTED_MAX_BYTES = 2 << 30
"""No file is converted that is larger, before or after: many readers take lengths for signed numbers of 32 bits."""

PIECE_BYTES = 1 << 20
_WORDS = {2: "H", 4: "I", 8: "Q"}
_FRAME_LAYOUTS = (FrameLayout.FRAMES, FrameLayout.ITEMS)

Decode = Callable[[Picture, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Coded:
    """Frames to be decoded, one after the other.

    Attributes:
        picture: what decoding each of them takes.
        layout: a `FrameLayout`'s number: one range is one frame, bare or as items.
        ranges: where they lie, as `formats.frames` packs them.
    """

    picture: Picture
    layout: int
    ranges: bytes = field(repr=False)

    @property
    def frames(self) -> int:
        """Return how many there are."""
        return len(self.ranges) // RANGE_BYTES

    @property
    def size_bytes(self) -> int:
        """Return how long they are decoded. Raises: DicomError (not decoded)."""
        return self.frames * self.picture.decoded_bytes


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of the new file: its new bytes, then a range of the old file, then frames of it.

    Attributes:
        new: as they are.
        offset, length: of the range, from the start of the old file.
        word_bytes: the bytes of each word of this size are turned around; 1 leaves them.
        coded: frames.
    """

    new: bytes = field(default=b"", repr=False)
    offset: int = 0
    length: int = 0
    word_bytes: int = 1
    coded: Coded | None = None

    @property
    def size_bytes(self) -> int:
        """Return how long it is in the new file. Raises: DicomError (its frames are not decoded)."""
        return len(self.new) + self.length + (self.coded.size_bytes if self.coded else 0)


def require_bounded_file(size_bytes: int) -> None:
    """Return when a file may be converted, or be what comes of it. Raises: DicomError (it is too large)."""
    if size_bytes > CONVERTED_MAX_BYTES:
        raise DicomError(
            f"an instance of more than {CONVERTED_MAX_BYTES >> 20} MiB, as it is or converted, is not converted:"
            " ask for it as it is, or for its frames"
        )


def require_sound_passages(passages: Sequence[Passage], size_bytes: int) -> Sequence[Passage]:
    """Return passages that can be of a file of that size.

    Raises:
        DicomError: they cannot, or what they make is too large.
    """
    made = 0
    for each in passages:
        if not _is_sound(each, size_bytes):
            raise DicomError("what was read from this instance cannot be true: leave it out, and have it looked at")
        made += each.size_bytes
    require_bounded_file(made)
    return passages


def _is_sound(passage: Passage, size_bytes: int) -> bool:
    inside = 0 <= passage.offset <= size_bytes and 0 <= passage.length <= size_bytes - passage.offset
    if not inside or passage.word_bytes not in (1, *_WORDS):
        return False
    coded = passage.coded
    if coded is None:
        return True
    if coded.layout not in _FRAME_LAYOUTS or len(coded.ranges) % RANGE_BYTES:
        return False
    if not is_decoded(coded.picture.transfer_syntax_uid) or coded.picture.decoded_bytes <= 0:
        return False
    if coded.picture.palette or coded.picture.modality_lut or coded.picture.voi_lut or coded.picture.windows:
        return False  # decoding takes none of them, and the picture goes with every frame
    try:
        return all(length <= FRAME_MAX_BYTES for _, length in unpack_ranges(coded.ranges, 0, size_bytes))
    except EncodingError:
        return False


def carry_out(passages: Sequence[Passage], stream: Seekable, size_bytes: int, decode: Decode) -> Iterator[bytes]:
    """Return the new file, piece by piece; the image's first frame is decoded before this returns.

    So what is not decodable at all is known before the first byte is anywhere. A later frame may still fail.

    Args:
        passages: sound ones.
        stream: the old file.
        size_bytes: its size.
        decode: as `ports.Pixels.decode`.

    Raises:
        DicomError: a frame cannot be decoded. Whatever `stream` and `decode` raise.
    """
    images = [each.coded for each in passages if each.coded is not None and each.coded.frames]
    if not images:
        return _pieces(passages, stream, size_bytes, decode)
    image = images[-1].picture  # icons come before it
    held = [next(_decoded(images[-1], stream, size_bytes, decode))]

    def decode_rest(picture: Picture, frame: bytes) -> bytes:
        return held.pop() if held and picture is image else decode(picture, frame)

    return _pieces(passages, stream, size_bytes, decode_rest)


def _pieces(passages: Sequence[Passage], stream: Seekable, size_bytes: int, decode: Decode) -> Iterator[bytes]:
    for passage in passages:
        if passage.new:
            yield from _sliced(passage.new)
        for at in range(passage.offset, passage.offset + passage.length, PIECE_BYTES):
            piece = read_exactly(stream, at, min(PIECE_BYTES, passage.offset + passage.length - at))
            yield turned(piece, passage.word_bytes)
        for frame in _decoded(passage.coded, stream, size_bytes, decode) if passage.coded else ():
            yield from _sliced(frame)


def _decoded(coded: Coded, stream: Seekable, size_bytes: int, decode: Decode) -> Iterator[bytes]:
    for offset, length in unpack_ranges(coded.ranges, 0, size_bytes):
        data = read_exactly(stream, offset, length)
        yield decode(coded.picture, join(data) if coded.layout == FrameLayout.ITEMS else data)


def _sliced(data: bytes) -> Iterator[bytes]:
    if len(data) <= PIECE_BYTES:
        yield data
        return
    for at in range(0, len(data), PIECE_BYTES):
        yield data[at : at + PIECE_BYTES]


def turned(data: bytes, word_bytes: int) -> bytes:
    """Return words with their bytes the other way round; what is left over behind the last whole one stays."""
    if word_bytes == 1:
        return data
    whole = len(data) - len(data) % word_bytes
    words = array(_WORDS[word_bytes], data[:whole])
    words.byteswap()
    return words.tobytes() + data[whole:]
