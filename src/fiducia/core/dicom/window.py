"""A sliding window over a stream of known size, and a bounded view into a deflated data set.

Owns: reading only what is asked for (a 2 GiB instance costs a few KiB), and never more than promised.
Source: PS3.5 annex A.5 (the data set after group 0002 is one raw RFC 1951 stream).
"""

from __future__ import annotations

import zlib
from typing import BinaryIO, Protocol

from fiducia.errors import DicomError

WINDOW_BYTES = 16 << 10
INFLATED_MAX_BYTES = 256 << 20
_INPUT_BYTES = 64 << 10


class Seekable(Protocol):
    """What a window needs of a stream."""

    def seek(self, offset: int, /) -> int:
        """Go to an offset from the start."""
        ...

    def read(self, size_bytes: int, /) -> bytes:
        """Return up to that many bytes; none at the end."""
        ...


def cut_short(what: str = "the file") -> DicomError:
    """Return the error for anything that reaches beyond its end."""
    return DicomError(f"{what} is cut short: copy it again from where it came from")


def read_exactly(stream: Seekable, offset: int, size_bytes: int) -> bytes:
    """Return exactly that many bytes from an offset.

    Raises:
        DicomError: the stream ends before, or cannot be read.
    """
    try:
        stream.seek(offset)
        pieces = [stream.read(size_bytes)]
        missing = size_bytes - len(pieces[0])
        while missing:
            pieces.append(stream.read(missing))
            if not pieces[-1]:
                raise cut_short()
            missing -= len(pieces[-1])
    except OSError as error:
        raise DicomError("the file cannot be read to its end: check its medium") from error
    return b"".join(pieces)


class Window:
    """A buffer over part of a stream: position `p` is at `buffer[p - base]`."""

    def __init__(self, stream: Seekable, size_bytes: int) -> None:
        self._stream = stream
        self.size_bytes = size_bytes
        self.base = 0
        self.buffer = b""

    def load(self, position: int, size_bytes: int, ahead_bytes: int = WINDOW_BYTES) -> int:
        """Make [position, position + size_bytes) available and return its index in `buffer`.

        What the buffer already holds is kept, so a reader that goes forwards makes the stream go forwards
        too: an inflated stream is never read twice.

        Raises:
            DicomError: it reaches beyond the stream's size, or the stream ends before its size.
        """
        index = position - self.base
        if index >= 0 and index + size_bytes <= len(self.buffer):
            return index
        if position + size_bytes > self.size_bytes:
            raise cut_short()
        kept = self.buffer[index:] if index >= 0 else b""
        wanted = min(max(size_bytes, ahead_bytes), self.size_bytes - position) - len(kept)
        self.buffer = kept + read_exactly(self._stream, position + len(kept), wanted)
        self.base = position
        return 0


class Inflated:
    """A deflated data set as a stream: inflated piece by piece, read forwards, never held whole."""

    def __init__(self, stream: BinaryIO, start: int, size_bytes: int) -> None:
        self._stream = stream
        self._start = start
        self._end = size_bytes
        self.end = start  # where the stream ended in the file, once it was measured
        self._rewind()

    def measure(self) -> int:
        """Inflate all of it and return its size in bytes.

        Raises:
            DicomError: not a deflate stream, cut short, or larger than `INFLATED_MAX_BYTES`.
        """
        self._rewind()
        while piece := self._inflate(_INPUT_BYTES):
            self._position += len(piece)
            if self._position > INFLATED_MAX_BYTES:
                raise DicomError(
                    f"the deflated data set inflates to more than {INFLATED_MAX_BYTES >> 20} MiB:"
                    " convert it to another transfer syntax"
                )
        if not self._inflater.eof:
            raise cut_short("the deflated data set")
        self.end = self._next - len(self._inflater.unused_data)
        return self._position

    def seek(self, offset: int, /) -> int:
        """Go to an offset in the inflated data set."""
        if offset < self._position:
            self._rewind()
        while self._position < offset:
            piece = self._inflate(min(offset - self._position, _INPUT_BYTES))
            if not piece:
                break
            self._position += len(piece)
        return self._position

    def read(self, size_bytes: int, /) -> bytes:
        """Return up to that many inflated bytes; none at the end."""
        piece = self._inflate(size_bytes)
        self._position += len(piece)
        return piece

    def _rewind(self) -> None:
        self._inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._next = self._start
        self._position = 0

    def _inflate(self, size_bytes: int) -> bytes:
        """At most `size_bytes` more: zlib's max_length is what keeps a bomb from going off."""
        while size_bytes and not self._inflater.eof:
            source = self._inflater.unconsumed_tail
            if not source and self._next < self._end:
                source = read_exactly(self._stream, self._next, min(_INPUT_BYTES, self._end - self._next))
                self._next += len(source)
            try:
                piece = self._inflater.decompress(source, size_bytes)
            except zlib.error as error:
                raise DicomError("the deflated data set is damaged: copy it again from where it came from") from error
            if piece or not source:
                return piece
        return b""
