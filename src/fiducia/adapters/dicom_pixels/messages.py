"""What passes between whoever asks for pixels and the worker: one frame and what to do with it, one answer.

A question is its two lengths, MessagePack of an `Ask`, and the frame. An answer is a byte, its length, and either
exactly the bytes asked for or a refusal's text. The worker may have been taken over by what it decoded: its answer's
length is looked at before a byte of it is read, and nothing of it is parsed.

But for one question: how an instance's file is to be converted (`Outline`). It has no frame; the worker asks for the
ranges of the file that it needs, and its answer is MessagePack, decoded into exactly these types, of passages.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum

import msgspec

from fiducia.core.dicom.passages import Passage
from fiducia.core.dicom.picture import Picture
from fiducia.core.dicom.view import View

QUESTION = struct.Struct(">IQ")
ANSWER = struct.Struct(">BQ")
WANTED = struct.Struct(">QI")
REFUSAL_MAX_BYTES = 2000
OUTLINE_MAX_BYTES = 192 << 20
"""Above what the values of an instance and the ranges of 4,000,000 frames take, or what was deflated."""

_MESSAGE_MAX = 400


class Answered(IntEnum):
    """What an answer is."""

    REFUSED = 0
    DONE = 1
    WANTED = 2  # a range of the instance: an offset and a length


class Ask(msgspec.Struct, tag="frame", frozen=True):
    """Decode this picture's frame; or show it, if there is a view."""

    picture: Picture
    view: View | None = None


class Outline(msgspec.Struct, tag="outline", frozen=True):
    """Say how an instance's file of this size is converted."""

    size_bytes: int


_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Ask | Outline] = msgspec.msgpack.Decoder(Ask | Outline)
_PASSAGES = msgspec.msgpack.Decoder(tuple[Passage, ...])


def question(ask: Ask | Outline, frame: bytes = b"") -> bytes:
    """Return a question but for its frame."""
    body = _ENCODER.encode(ask)
    return QUESTION.pack(len(body), len(frame)) + body


def decode(body: bytes | bytearray) -> Ask | Outline:
    """Return what is asked. Raises: msgspec.DecodeError."""
    return _DECODER.decode(body)


def encode_passages(passages: Sequence[Passage]) -> bytes:
    """Return the answer to `Outline`."""
    return _ENCODER.encode(passages)


def decode_passages(body: bytes | bytearray) -> tuple[Passage, ...]:
    """Return what answers `Outline`. Raises: msgspec.DecodeError (not what a worker sends)."""
    return _PASSAGES.decode(body)


def wanted(offset: int, size_bytes: int) -> bytes:
    """Return the message that asks for a range of the instance."""
    return ANSWER.pack(Answered.WANTED, WANTED.size) + WANTED.pack(offset, size_bytes)


def refusal(message: str) -> bytes:
    """Return the answer that refuses."""
    text = message.encode()[:REFUSAL_MAX_BYTES]
    return ANSWER.pack(Answered.REFUSED, len(text)) + text


def refusal_text(text: bytes | bytearray) -> str:
    """Return a refusal as it may be shown: one line, of printable characters."""
    return "".join(letter for letter in text.decode("utf-8", "replace")[:_MESSAGE_MAX] if letter.isprintable())
