"""What every route of the gateway shares: who asks, in which thread it runs, and how a body is streamed.

A handler is a plain function that runs in a thread and returns an answer; what it raises becomes a problem. Bodies are
generators: a few mebibytes of them are made before the status is sent, so that what fails by then is told, and most
bodies leave in one piece; what fails later cuts the connection, so that nobody takes a part for the whole. Nothing of
a request is logged but its route, the status and the time it took.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fiducia.app.gateway.accept import Accept, parse_accept
from fiducia.app.gateway.catalogue import Catalogue
from fiducia.app.gateway.cookies import token_of
from fiducia.app.gateway.parts import GatewayParts
from fiducia.app.web import plain_problem, problem
from fiducia.errors import FiduciaError, StoreError
from fiducia.journeys.reading.viewing import Noted

SERVICE = "/dicomweb"
AHEAD_BYTES = 4 << 20
"""How much of a body is made before its status is sent."""
_THREADS = 40
_ALWAYS = (
    (b"cache-control", b"no-store"),  # what is shown must end when the grant does
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),  # should a browser open it
)
_log = structlog.get_logger("fiducia.gateway")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, by one person.

    Attributes:
        catalogue: what they may see.
        path: what the URL names: study, series, instance, frames, ...
        query: the query's names and values, decoded.
        accept: what they accept.
        base: the service's URL, without a slash at its end.
    """

    catalogue: Catalogue
    path: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    accept: Accept
    base: str


Handler = Callable[[Asked], Response]


class Handling:
    """Makes routes of handlers."""

    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts
        self._threads = ThreadPoolExecutor(_THREADS, "gateway")

    def route(self, path: str, handler: Handler, *, newest: bool = False) -> Route:
        """Return a route; `newest`: what was granted since the last search is requested first."""
        answer = partial(self._answer, handler=handler, newest=newest)
        return Route(path, _Endpoint(path, answer, self._threads), methods=["GET"])

    def _answer(self, request: Request, handler: Handler, newest: bool) -> Response:
        try:
            catalogue = self._parts.views.catalogue(token_of(request), newest=newest)
            if catalogue is None:
                return plain_problem(401, "Unauthorized", {"www-authenticate": "Bearer"})
            asked = Asked(
                catalogue,
                request.path_params,
                tuple(request.query_params.multi_items()),
                parse_accept(request.headers.get("accept"), request.query_params.get("accept")),
                str(request.base_url).rstrip("/") + SERVICE,
            )
            return handler(asked)
        except StoreError:  # also a missing object: the client named nothing wrongly
            return plain_problem(503, "the images cannot be read now", {"retry-after": "5"})
        except FiduciaError as error:
            return problem(error)


class _Endpoint:
    """One route as an ASGI application.

    What Starlette puts around a function costs more than the rest of routing, and what AnyIO puts around a thread is
    a good part of what a frame takes.
    """

    def __init__(self, name: str, answer: Callable[[Request], Response], threads: Executor) -> None:
        self._name = name
        self._answer = answer
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        response = await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, Request(scope))
        response.raw_headers.extend(_ALWAYS)
        milliseconds = round((time.perf_counter() - begun) * 1000, 1)
        try:
            await response(scope, receive, send)
        finally:  # after it, so that nobody waits for a line that is written for others
            _log.info("answered", route=self._name, status=response.status_code, ms=milliseconds)


def not_acceptable() -> Response:
    """Return the answer to a client that takes nothing of what there is."""
    return plain_problem(406, "none of the media types and transfer syntaxes that are accepted can be sent")


def streamed(noted: Noted, pieces: Iterator[bytes], content_type: str) -> Response:
    """Return an answer whose body comes piece by piece, once it is `noted` in the journal that it is read.

    Raises:
        JournalError: nothing is sent. What making the first pieces raises.
    """
    made: list[bytes] = []
    size_bytes = 0
    for piece in pieces:
        made.append(piece)
        size_bytes += len(piece)
        if size_bytes > AHEAD_BYTES:
            noted()
            return StreamingResponse(_told(itertools.chain(made, pieces)), headers={"content-type": content_type})
    noted()
    return Response(b"".join(made), headers={"content-type": content_type})


def _told(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Log why a body was cut short, by its kind."""
    try:
        yield from pieces
    except FiduciaError as error:
        _log.warning("cut", why=error.slug)
        raise
