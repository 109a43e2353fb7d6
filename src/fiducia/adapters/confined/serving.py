"""The confined process's own side of the channel."""

from __future__ import annotations

import socket
import sys

_READ_BYTES = 1 << 20


def exactly(channel: socket.socket, size_bytes: int) -> bytearray:
    """Return exactly that many bytes; the process ends when whoever keeps it is gone."""
    received = bytearray()
    while len(received) < size_bytes:
        piece = channel.recv(min(size_bytes - len(received), _READ_BYTES))
        if not piece:
            sys.exit()
        received += piece
    return received
