"""STOW-RS: a PACS or a modality's gateway posts instances; each is durable in the spool before it is answered for.

Bodies are streamed: from the socket through the parser into the sealing, a piece at a time, so an instance of any
size costs a few pieces of memory. Who sends must bear the door's token. Nothing of a request is logged but the route,
the status and the time it took. Source: PS3.18 section 10.5.
"""

from __future__ import annotations

import contextlib
import hmac
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import structlog
from anyio import from_thread, to_thread
from anyio.streams.memory import MemoryObjectReceiveStream
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fiducia.app.intake.answer import MEDIA_TYPE, Failure, Stored
from fiducia.app.intake.data_set import INSTANCE_MAX_BYTES, PIECES_AHEAD, GoneError, TooLargeError
from fiducia.app.intake.multipart import Mark, MediaTypeError, boundary_of, parts
from fiducia.app.intake.parts import IntakeParts
from fiducia.app.web import plain_problem, problem
from fiducia.errors import DicomError, EncodingError, FiduciaError
from fiducia.journeys.intake.receive import SetAsideError

INSTANCES_MAX = 50_000
_log = structlog.get_logger("fiducia.intake")


def create_app(door: IntakeParts, lifespan: Any = None, *, gateway: str = "") -> Starlette:
    """Build the application of one custodian's DICOMweb door; `gateway`: where senders find what they sent."""
    routes = _Routes(door, gateway)
    return Starlette(
        routes=[
            Route("/studies", routes.store, methods=["POST"]),
            Route("/studies/{study}", routes.store, methods=["POST"]),
            Route("/healthz", routes.healthz),
            Route("/readyz", routes.readyz),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _defect},
        lifespan=lifespan,
    )


class _Routes:
    def __init__(self, door: IntakeParts, gateway: str) -> None:
        self._door = door
        self._gateway = gateway
        self._expected = f"Bearer {door.token}".encode()

    async def healthz(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        try:
            await to_thread.run_sync(self._door.ready)
        except FiduciaError as error:
            return JSONResponse({"ready": False, "parts": {"spool": error.slug}}, 503)
        return JSONResponse({"ready": True, "parts": {"spool": "ok"}})

    async def store(self, request: Request) -> Response:
        """Take the instances of one request."""
        begun = time.perf_counter()
        answer = await self._store(request)
        answer.headers["cache-control"] = "no-store"
        milliseconds = round((time.perf_counter() - begun) * 1000, 1)
        _log.info("answered", route="/studies", status=answer.status_code, ms=milliseconds)
        return answer

    async def _store(self, request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._expected):
            return plain_problem(401, "Unauthorized", {"www-authenticate": "Bearer"})
        stored = Stored(self._gateway)
        try:
            boundary = boundary_of(request.headers.get("content-type", ""))
            await self._take_all(parts(request.stream(), boundary), request.path_params.get("study", ""), stored)
        except MediaTypeError as error:
            return plain_problem(415, str(error))
        except EncodingError as error:
            return plain_problem(400, str(error))
        except ClientDisconnect:
            return plain_problem(400, "the sender went away")
        except FiduciaError as error:
            return problem(error)
        if not stored.taken and not stored.failed:
            return plain_problem(400, "the body has no instance")
        return Response(stored.to_json(), stored.status(), media_type=MEDIA_TYPE)

    async def _take_all(self, found: AsyncIterator[Mark | bytes], study: str, stored: Stored) -> None:
        count = 0
        async for _ in found:  # a part's beginning; the rest of it is taken inside
            count += 1
            if count > INSTANCES_MAX:
                raise EncodingError(f"a request holds at most {INSTANCES_MAX} instances: send several")
            await self._take(found, study, stored)

    async def _take(self, found: AsyncIterator[Mark | bytes], study: str, stored: Stored) -> None:
        """Take one part, in a thread that the pieces are handed to as they come."""
        trouble: list[Exception] = []
        give, get = anyio.create_memory_object_stream[Mark | bytes](PIECES_AHEAD)

        async def feed() -> None:
            async with give:
                try:
                    async for piece in found:
                        with contextlib.suppress(anyio.BrokenResourceError):  # nobody wants more of it: read past it
                            await give.send(piece)
                        if piece is Mark.END:
                            return
                except (EncodingError, ClientDisconnect) as error:
                    trouble.append(error)

        async with anyio.create_task_group() as group:
            group.start_soon(feed)
            try:
                await to_thread.run_sync(self._receive, get, study, stored)
            except FiduciaError as error:
                trouble.append(error)
                group.cancel_scope.cancel()
            get.close()
        if trouble:
            raise trouble[0]

    def _receive(self, get: MemoryObjectReceiveStream[Mark | bytes], study: str, stored: Stored) -> None:
        try:
            kept = self._door.receive.run(_pieces(get), door="stow", study_instance_uid=study)
        except SetAsideError as error:
            stored.failed.append((error.spooled.examined.info, Failure.SET_ASIDE))
        except GoneError:
            pass  # what is wrong with the request is told by whoever reads it
        except TooLargeError:
            stored.failed.append((None, Failure.OUT_OF_RESOURCES))
        except DicomError:
            stored.failed.append((None, Failure.CANNOT_UNDERSTAND))
        else:
            stored.taken.append(kept.examined.info)


def _pieces(get: MemoryObjectReceiveStream[Mark | bytes]) -> Iterator[bytes]:
    size_bytes = 0
    while True:
        try:
            piece = from_thread.run(get.receive)
        except anyio.EndOfStream:
            raise GoneError("the instance was cut short while it was sent") from None
        if isinstance(piece, Mark):
            return
        size_bytes += len(piece)
        if size_bytes > INSTANCE_MAX_BYTES:
            raise TooLargeError("the instance is larger than this door takes")
        yield piece


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return plain_problem(error.status_code, error.detail, error.headers)


async def _defect(_: Request, error: Exception) -> Response:
    # A defect of ours: its kind is logged, its text (which may quote a request) is not.
    _log.error("defect", kind=type(error).__name__)
    return plain_problem(500, "Internal Server Error")
