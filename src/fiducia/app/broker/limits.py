"""What a broker takes at most: bytes and seconds per body, requests per minute and caller.

Counting is per process and in memory: a restart forgives. The caller is the address that connected, or
the subject that a grant is for; neither is logged.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from fiducia.errors import InputError, LimitError, TooLargeError


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of one broker.

    Attributes:
        body_bytes: a request body's length; the largest act is a few kilobytes.
        body_s: how long a body may take to arrive.
        grants_per_minute: relayed grants for one subject.
        requests_per_minute: everything else, for one address.
        events_per_answer: blocks scanned for one answer of `/v1/events`.
    """

    body_bytes: int = 64 * 1024
    body_s: float = 10.0
    grants_per_minute: int = 60
    requests_per_minute: int = 6000
    blocks_per_answer: int = 1000


class Gate:
    """Counts and refuses."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._grants = RateLimitItemPerMinute(limits.grants_per_minute)
        self._requests = RateLimitItemPerMinute(limits.requests_per_minute)

    def admit(self, request: Request) -> None:
        """Count one request of an address. Raises: LimitError."""
        address = request.client.host if request.client else "local"
        if not self._limiter.hit(self._requests, "request", address):
            raise LimitError("too many requests from this address; wait a minute")

    def admit_grant(self, subject: bytes) -> None:
        """Count one grant of a subject. Raises: LimitError."""
        if not self._limiter.hit(self._grants, "grant", subject.hex()):
            raise LimitError("too many grants for this patient; wait a minute")

    async def body(self, request: Request) -> bytes:
        """Read a body within its limits.

        Raises:
            TooLargeError: too long. InputError: it took too long to arrive.
        """
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.body_s):
                async for piece in request.stream():
                    body += piece
                    if len(body) > self.limits.body_bytes:
                        raise TooLargeError(f"a request body has at most {self.limits.body_bytes} bytes")
        except TimeoutError:
            raise InputError("the request body took too long to arrive; send it again") from None
        return bytes(body)
