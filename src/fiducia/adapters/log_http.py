"""A member's log and witness over HTTP, as `ports.LogDoor`: C2SP tlog-tiles and tlog-witness.

Answers are bounded and believed by nobody here. What is no answer of a log, or none in time, is a
LedgerUnreachableError. Source: C2SP tlog-tiles ("APIs"), tlog-witness ("HTTP Interface").
"""

from __future__ import annotations

from typing import Final

import httpx2

from fiducia.core.tlog.checkpoint import decimal
from fiducia.core.tlog.note import NOTE_MAX_BYTES
from fiducia.core.tlog.tiles import Tile
from fiducia.errors import (
    EncodingError,
    FiduciaError,
    LedgerUnreachableError,
    LogConflictError,
    NotThereError,
    ProofError,
    SignatureError,
)

SIZE_TYPE: Final = "text/x.tlog.size"
LOG, WITNESS = "/log/", "/witness/"
_ERRORS: Final[dict[int, type[FiduciaError]]] = {
    400: EncodingError,
    403: SignatureError,
    404: NotThereError,
    422: ProofError,
}
_SAID: Final = {
    400: "the member's broker does not take the request",
    403: "the witness knows no key that signed the checkpoint",
    404: "the member's broker has no such thing",
    422: "the witness finds that the checkpoint does not follow what it cosigned",
}


class HttpLogDoor:
    """Talks to one broker's log door; connections are kept."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        """Take the broker's base URL, and how long one answer may take."""
        self._client = httpx2.Client(base_url=url, timeout=timeout_s, follow_redirects=False, trust_env=False)

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint."""
        return self._ask("GET", LOG + "checkpoint")

    def tile(self, tile: Tile) -> bytes:
        """Return a tile's or a bundle's content."""
        return self._ask("GET", LOG + "tile/" + tile.path)

    def add_checkpoint(self, request: bytes) -> bytes:
        """Have a checkpoint cosigned."""
        return self._ask("POST", WITNESS + "add-checkpoint", request)

    def witnessed(self, origin_hash: bytes) -> bytes:
        """Return the newest checkpoint that was cosigned of a log."""
        return self._ask("GET", f"{WITNESS}{origin_hash.hex()}/checkpoint")

    def close(self) -> None:
        """Close kept connections."""
        self._client.close()

    def _ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        try:
            with self._client.stream(method, path, content=body or None) as response:
                answer = bytearray()
                for piece in response.iter_bytes():
                    answer += piece
                    if len(answer) > NOTE_MAX_BYTES:
                        raise LedgerUnreachableError("the log's answer is longer than any answer can be")
                if response.status_code == 200:
                    return bytes(answer)
                kind = response.headers.get("content-type", "").partition(";")[0]
                raise _refusal(response.status_code, kind, bytes(answer))
        except httpx2.HTTPError as error:
            raise LedgerUnreachableError("the member's broker does not answer; is it up?") from error


def _refusal(status: int, kind: str, answer: bytes) -> FiduciaError:
    if status == 409 and kind == SIZE_TYPE:
        try:
            return LogConflictError(size=decimal(answer.decode(errors="replace").removesuffix("\n")))
        except EncodingError:
            return LedgerUnreachableError("the witness names no size that there could be")
    if status in _ERRORS:
        return _ERRORS[status](_SAID[status])
    return LedgerUnreachableError(f"the member's broker answered with status {status}")
