"""Ranges of an instance that has no file of its own (it is sealed, say): the confined process asks, its keeper reads.

How a process asks is each adapter's own; what comes back is the range's length and its bytes.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from struct import Struct

from fiducia.adapters.confined.process import WorkerError
from fiducia.adapters.confined.serving import exactly
from fiducia.core.dicom.window import Seekable

LENGTH = Struct(">I")
RANGE_MAX_BYTES = 32 << 20
"""No more is sent at once; reading a head asks for windows of a few KiB, and for whole values of up to 16 MiB."""


class Remote:
    """An instance in the confined process: `seek` and `read` only."""

    def __init__(self, channel: socket.socket, ask: Callable[[int, int], bytes]) -> None:
        """Take the channel. `ask`: makes a message of an offset and a length."""
        self._channel = channel
        self._ask = ask
        self._at = 0

    def seek(self, offset: int, /) -> int:
        """Go to an offset from the start."""
        self._at = offset
        return offset

    def read(self, size_bytes: int, /) -> bytes:
        """Return that many bytes, fewer only at the end."""
        self._channel.sendall(self._ask(self._at, size_bytes))
        (length,) = LENGTH.unpack(exactly(self._channel, LENGTH.size))
        piece = bytes(exactly(self._channel, length))
        self._at += len(piece)
        return piece


def range_of(stream: Seekable, offset: int, size_bytes: int) -> bytes:
    """Return what answers a confined process. Raises: WorkerError (what nobody needs); whatever `stream` raises."""
    if not 0 <= size_bytes <= RANGE_MAX_BYTES or not 0 <= offset < 1 << 62:
        raise WorkerError
    stream.seek(offset)
    pieces, left = [], size_bytes
    while left and (piece := stream.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join([LENGTH.pack(size_bytes - left), *pieces])
