"""The worker: answers questions about open files until its examiner lets go of it.

Run as `python -I -m fiducia.adapters.dicom_worker DESCRIPTOR`. Everything that reading may need is loaded first;
then the process gives up what it does not need and says how far it could; only then comes the first file.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import BinaryIO, cast

from fiducia.adapters.confined.confinement import confine
from fiducia.adapters.confined.ranges import Remote
from fiducia.adapters.dicom_worker.messages import (
    QUESTION,
    Answer,
    Ask,
    Found,
    Listed,
    Refused,
    Wanted,
    encode,
)
from fiducia.core.dicom.directory import read_directory
from fiducia.core.dicom.examination import examine
from fiducia.core.dicom.text import load_codecs
from fiducia.errors import InputError

_ODD = "reading this file needs more memory than a file may take: leave it out, and have it looked at"


class _Descriptor:
    """An open file as reading takes it: `seek` and `read` only, by its own position."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def seek(self, offset: int, /) -> int:
        self._at = offset
        return offset

    def read(self, size_bytes: int, /) -> bytes:
        piece = os.pread(self._descriptor, size_bytes, self._at)
        self._at += len(piece)
        return piece


def main() -> None:
    """Serve the examiner at the other end of the descriptor that the command line names."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=int(sys.argv[1]))
    load_codecs()
    channel.sendall(b"\1" if confine() else b"\0")
    while True:
        question, descriptors, _, _ = socket.recv_fds(channel, QUESTION.size, 1)
        if not question:
            return
        instance = _Descriptor(descriptors[0]) if descriptors else Remote(channel, _wanted)
        try:
            answer = _answer(cast(BinaryIO, instance), *QUESTION.unpack(question))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        channel.sendall(encode(answer))


def _answer(stream: BinaryIO, asked: int, size_bytes: int) -> Answer:
    try:
        if asked == Ask.DIRECTORY:
            return Listed(read_directory(stream, size_bytes))
        return Found(examine(stream, size_bytes, whole=asked == Ask.DESCRIBE))
    except InputError as error:
        return Refused(str(error))
    except (MemoryError, RecursionError):
        return Refused(_ODD)


def _wanted(offset: int, size_bytes: int) -> bytes:
    return encode(Wanted(offset, size_bytes))


if __name__ == "__main__":
    main()
