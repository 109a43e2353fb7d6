"""What every HTTP door has in common: how it listens, and how it says no (RFC 9457; the text is `core.problems`')."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from fiducia.core.problems import MEDIA_TYPE, to_problem
from fiducia.errors import FiduciaError, LimitError, TooLargeError


def listening(app: ASGIApp, host: str, port: int, *, connections: int) -> uvicorn.Server:
    """Return a server that says nothing of who asks, and takes so many connections at once."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # an access log would hold addresses, paths and UIDs
        server_header=False,
        limit_concurrency=connections,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


async def small_body(request: Request, most_bytes: int) -> bytes:
    """Read a body that is small. Raises: TooLargeError."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most_bytes:
            raise TooLargeError(f"a request body has at most {most_bytes} bytes here")
    return bytes(body)


def problem(error: FiduciaError) -> Response:
    """Return the answer to an error that was raised on purpose."""
    wait_s = error.retry_after_s if isinstance(error, LimitError) else None
    headers = {"Retry-After": str(wait_s)} if wait_s is not None else None
    return Response(to_problem(error), error.status, headers=headers, media_type=MEDIA_TYPE)


def plain_problem(status: int, title: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem that has no type of ours: an unknown path, a wrong method, a defect."""
    body = {"type": "about:blank", "title": title, "status": status}
    return Response(orjson.dumps(body), status, headers=headers, media_type=MEDIA_TYPE)
