"""What passes between an examiner and its worker: one question about one instance, one answer.

A question is one byte and the instance's size. An open file comes beside it as a descriptor; without one the instance
has no file of its own (it is sealed, say), and the worker asks for the ranges that it needs. What the worker sends is
its length and MessagePack, decoded into exactly these types: it may have been taken over by what it read, so nothing
that it sends is run, and nothing longer than `ANSWER_MAX_BYTES` is taken. Source: MessagePack specification; unix(7),
SCM_RIGHTS.
"""

from __future__ import annotations

import struct
from enum import IntEnum

import msgspec

from fiducia.core.dicom.examination import Examined

QUESTION = struct.Struct(">BQ")
LENGTH = struct.Struct(">I")
ANSWER_MAX_BYTES = 192 << 20
"""Above what 16 MiB of values as JSON, and the frame table of a 4,000,000-frame instance, take."""

_MESSAGE_MAX = 400


class Ask(IntEnum):
    """What is asked of a file."""

    SORT = 1  # who and what it is
    DESCRIBE = 2  # with its attributes and frame table
    DIRECTORY = 3  # to which files a media directory refers


class Wanted(msgspec.Struct, tag="wanted", frozen=True):
    """The worker needs this range: the examiner sends so many bytes, fewer only at the end, with their length."""

    offset: int
    size_bytes: int


class Found(msgspec.Struct, tag="found", frozen=True):
    """The file could be read."""

    examined: Examined


class Listed(msgspec.Struct, tag="listed", frozen=True):
    """The media directory could be read."""

    file_ids: tuple[tuple[str, ...], ...]


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """The file is refused, and what to do."""

    message: str

    def text(self) -> str:
        """Return the message as it may be shown: one line, of printable characters."""
        return "".join(letter for letter in self.message[:_MESSAGE_MAX] if letter.isprintable())


Answer = Found | Listed | Refused
Message = Answer | Wanted

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(answer: Message) -> bytes:
    """Return an answer with its length before it."""
    body = _ENCODER.encode(answer)
    return LENGTH.pack(len(body)) + body


def decode(body: bytes | bytearray) -> Message:
    """Return an answer, or what it takes. Raises: msgspec.DecodeError (not what a worker sends)."""
    return _DECODER.decode(body)
