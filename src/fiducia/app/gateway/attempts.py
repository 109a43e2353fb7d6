"""How often somebody may try to sign in, and how many at once.

Counted per address, in memory: a restart forgives; none is logged. Sign-ins have threads of their own, so that a
provider, or a ledger, that lets them wait does not keep those who look at images waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, Unpack

from anyio import CapacityLimiter, to_thread
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from fiducia.errors import LimitError

PER_MINUTE = 60
"""Of one address: a ward behind one is let in at the begin of a shift, a guess at 100 bits is not."""


AT_ONCE = 16

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")


class Attempts:
    """Counts and refuses."""

    def __init__(self, per_minute: int = PER_MINUTE) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerMinute(per_minute)
        self._threads = CapacityLimiter(AT_ONCE)

    def admit(self, request: Request) -> None:
        """Count one attempt. Raises: LimitError."""
        address = request.client.host if request.client else "local"
        if not self._limiter.hit(self._limit, "sign-in", address):
            raise LimitError("too many attempts to sign in from this address; wait a minute")

    async def run(self, act: Callable[[Unpack[_Arguments]], _Result], *arguments: *_Arguments) -> _Result:
        """Act in one of the threads for signing in; return what it returns."""
        return await to_thread.run_sync(act, *arguments, limiter=self._threads)
