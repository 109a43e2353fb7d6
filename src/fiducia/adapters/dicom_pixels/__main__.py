"""The worker: decodes and shows frames, and outlines conversions, until whoever asks lets go of it.

Run as `python -I -m fiducia.adapters.dicom_pixels DESCRIPTOR`. Every decoder and writer is used once first, since
much is only loaded then (`warming`); then the process gives up what it does not need; only then comes a frame.
"""

from __future__ import annotations

import socket
import sys
from typing import BinaryIO, cast

from fiducia.adapters.confined.confinement import confine
from fiducia.adapters.confined.ranges import Remote
from fiducia.adapters.confined.serving import exactly
from fiducia.adapters.dicom_pixels.decoding import decode
from fiducia.adapters.dicom_pixels.messages import (
    ANSWER,
    OUTLINE_MAX_BYTES,
    QUESTION,
    Answered,
    Ask,
    Outline,
    encode_passages,
    refusal,
    wanted,
)
from fiducia.adapters.dicom_pixels.messages import decode as decode_ask
from fiducia.adapters.dicom_pixels.rendering import render
from fiducia.adapters.dicom_pixels.warming import warm
from fiducia.core.dicom.conversion import outlined
from fiducia.errors import DicomError, InputError

MEMORY_BYTES = 3 << 30
"""Above what decoding takes: JPEG 2000 of 8 bits is 32 bits a sample in between, and there are three copies of it."""
CPU_S = 3600

_ODD = "decoding this frame takes more memory than a frame may take: ask for it as it is"


def main() -> None:
    """Serve whoever is at the other end of the descriptor that the command line names."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=int(sys.argv[1]))
    warm()
    channel.sendall(b"\1" if confine(memory_bytes=MEMORY_BYTES, cpu_s=CPU_S) else b"\0")
    while True:
        ask_bytes, frame_bytes = QUESTION.unpack(exactly(channel, QUESTION.size))
        ask = decode_ask(exactly(channel, ask_bytes))
        _answer(channel, ask, bytes(exactly(channel, frame_bytes)))


def _answer(channel: socket.socket, ask: Ask | Outline, frame: bytes) -> None:
    try:
        done = _done(channel, ask, frame)
    except InputError as error:
        channel.sendall(refusal(str(error)))
    except (MemoryError, RecursionError):
        channel.sendall(refusal(_ODD))
    else:
        channel.sendall(ANSWER.pack(Answered.DONE, len(done)))
        channel.sendall(done)


def _done(channel: socket.socket, ask: Ask | Outline, frame: bytes) -> bytes:
    if isinstance(ask, Ask):
        return decode(ask.picture, frame) if ask.view is None else render(ask.picture, frame, ask.view)
    done = encode_passages(outlined(cast(BinaryIO, Remote(channel, wanted)), ask.size_bytes))
    if len(done) > OUTLINE_MAX_BYTES:
        raise DicomError("this instance has too many values to be converted: ask for it as it is")
    return done


if __name__ == "__main__":
    main()
