"""The published cases of Cobblestone-256, through every interface of the container."""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from fiducia.core.formats.container import HEADER_BYTES, OpenedStream, Opener, Outlet, Sealer
from fiducia.errors import DecryptionError, EncodingError

FILE = Path(__file__).resolve().parents[5] / "shared/data/vectors/c2sp_chunked_encryption_aes_256_gcm_test.json"
CASES: list[dict[str, Any]] = (
    [case for group in json.loads(FILE.read_bytes())["testGroups"] for case in group["tests"]] if FILE.is_file() else []
)
REFUSED = (DecryptionError, EncodingError)

pytestmark = pytest.mark.skipif(not CASES, reason="the published vectors of ../shared are not here")


def named(*, valid: bool = False, flag: str = "") -> pytest.MarkDecorator:
    chosen = [case for case in CASES if (case["result"] == "valid") == valid and (not flag or flag in case["flags"])]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: f"{case['tcId']}-{case['comment']}")


class Message:
    """A case's message, and how far it was read."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.sealed = zlib.decompress(bytes.fromhex(case["ct"]))
        self.key, self.context = bytes.fromhex(case["key"]), bytes.fromhex(case["ctx"])
        self.read_to = 0

    def read(self, offset: int, length: int) -> bytes:
        self.read_to = max(self.read_to, offset + length)
        return self.sealed[offset : offset + length]

    def open(self) -> Opener:
        return Opener(self.key, self.context, len(self.sealed), self.read)


def drain(stream: OpenedStream, into: bytearray) -> None:
    for view in stream:
        into += view


def read_all(message: Message) -> bytes:
    opener = message.open()
    return opener.read(0, opener.length)


def test_all_cases_are_here() -> None:
    assert len(CASES) == 35
    assert {case["result"] for case in CASES} == {"valid", "invalid"}


@named(valid=True)
def test_valid_messages_open(case: dict[str, Any]) -> None:
    message = Message(case)
    opener = message.open()
    streamed = b"".join(bytes(view) for view in opener.stream())
    assert (len(streamed), hashlib.sha512(streamed).hexdigest()) == (case["msgLength"], case["msgSha512"])
    assert opener.read(0, opener.length) == streamed
    assert opener.authenticate_length() == case["msgLength"]
    for offset in range(0, opener.length, 99_991):
        size = min(40_000, opener.length - offset)
        assert opener.read(offset, size) == streamed[offset : offset + size]


@named(valid=True)
def test_valid_messages_are_sealed_again_to_the_same_bytes(case: dict[str, Any]) -> None:
    message = Message(case)
    outlet = Outlet()
    sealer = Sealer(message.key, message.context, message.sealed[:24], outlet)
    out = bytearray()
    for piece in message.open().stream():
        for view in sealer.update(piece):
            out += view
    for view in sealer.finish():
        out += view
    assert out + outlet.flush() == message.sealed


@named(valid=False)
def test_invalid_messages_are_refused_by_the_stream(case: dict[str, Any]) -> None:
    prefix = bytearray()
    message = Message(case)
    try:
        stream = message.open().stream(buffer=memoryview(bytearray(16384)))
    except REFUSED:
        return  # a header or a length that cannot be: nothing was handed on
    with pytest.raises(DecryptionError):
        drain(stream, prefix)
    assert len(prefix) == case.get("msgLength", 0), "chunk by chunk, the valid prefix and no more"
    assert hashlib.sha512(prefix).hexdigest() == case.get("msgSha512", hashlib.sha512().hexdigest())
    with pytest.raises(DecryptionError):
        next(stream)


@named(valid=False)
def test_invalid_messages_are_refused_by_random_access(case: dict[str, Any]) -> None:
    with pytest.raises(REFUSED):
        read_all(Message(case))


@named(valid=False)
def test_lengths_authenticate_only_by_the_last_chunk(case: dict[str, Any]) -> None:
    if "ValidFinalChunk" in case["flags"]:
        Message(case).open().authenticate_length()
        return
    with pytest.raises(REFUSED):
        Message(case).open().authenticate_length()


@named(flag="HeaderFailure")
def test_header_failures_come_before_any_chunk(case: dict[str, Any]) -> None:
    message = Message(case)
    with pytest.raises(REFUSED):
        message.open()
    assert message.read_to <= HEADER_BYTES
