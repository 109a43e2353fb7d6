"""The gateway's routes: QIDO-RS and WADO-RS under /dicomweb. Source: PS3.18 tables 10.4.1-1 and 10.6.1-1."""

from __future__ import annotations

from typing import Any

import structlog
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from fiducia.app.gateway.attempts import Attempts
from fiducia.app.gateway.frames import Framing
from fiducia.app.gateway.handling import SERVICE, Handler, Handling
from fiducia.app.gateway.oidc_door import OidcDoor
from fiducia.app.gateway.parts import GatewayParts
from fiducia.app.gateway.passkey_door import PasskeyDoor
from fiducia.app.gateway.rendered import Rendering
from fiducia.app.gateway.retrieve import Retrieving
from fiducia.app.gateway.search import search_instances, search_series, search_studies
from fiducia.app.gateway.ways import ways_of
from fiducia.app.viewer.serving import viewer_routes
from fiducia.app.web import plain_problem
from fiducia.errors import FiduciaError

_log = structlog.get_logger("fiducia.gateway")
_STUDY = "/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"
_FRAMES = _INSTANCE + "/frames/{frames}"


def create_app(parts: GatewayParts, lifespan: Any = None) -> Starlette:
    """Build the application of one institution's gateway."""
    retrieving, framing, rendering = Retrieving(parts), Framing(parts), Rendering(parts)
    searches: dict[str, Handler] = {
        "/studies": search_studies,
        "/series": search_series,
        "/instances": search_instances,
        _STUDY + "/series": search_series,
        _STUDY + "/instances": search_instances,
        _SERIES + "/instances": search_instances,
    }
    reads: dict[str, Handler] = {
        _FRAMES: framing.frames,  # first: routes are tried one after the other, and viewers ask for frames
        **dict.fromkeys((_STUDY, _SERIES, _INSTANCE), retrieving.instances),
        **{level + "/metadata": retrieving.metadata for level in (_STUDY, _SERIES, _INSTANCE)},
        **{level + "/rendered": rendering.rendered for level in (_STUDY, _SERIES, _INSTANCE, _FRAMES)},
        **{level + "/thumbnail": rendering.thumbnail for level in (_STUDY, _SERIES, _INSTANCE, _FRAMES)},
        _INSTANCE + "/bulkdata/{place}": retrieving.bulk,
        _INSTANCE + "/pixeldata": framing.pixel_data,
    }
    handling = Handling(parts)
    routes = [handling.route(path, handler) for path, handler in reads.items()]
    routes += [handling.route(path, handler, newest=True) for path, handler in searches.items()]
    more = _of_browsers(parts)
    own = [Route("/healthz", _healthz), Route("/readyz", _Ready(parts).answer)]
    return Starlette(
        routes=[Mount(SERVICE, routes=routes), *own, *more],
        exception_handlers={HTTPException: _http_error, Exception: _defect},
        lifespan=lifespan,
    )


def _of_browsers(parts: GatewayParts) -> list[BaseRoute]:
    """The viewer, and the ways to sign in to it."""
    if parts.viewer is None:
        return []
    attempts = Attempts()
    doors: list[Route] = []
    if parts.oidc is not None:
        doors += OidcDoor(parts.oidc, parts.views, attempts).routes()
    if parts.passkeys is not None:
        doors += PasskeyDoor(parts.passkeys, parts.views, attempts).routes()
    ways = ways_of(oidc=parts.oidc is not None, passkeys=parts.passkeys is not None)
    return [*doors, *viewer_routes(parts.viewer, parts.views, ways)]


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


class _Ready:
    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts

    async def answer(self, _: Request) -> Response:
        try:
            await to_thread.run_sync(self._parts.ready)
        except FiduciaError as error:
            return JSONResponse({"ready": False, "why": error.slug}, 503)
        return JSONResponse({"ready": True})


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return plain_problem(error.status_code, error.detail, error.headers)


async def _defect(_: Request, error: Exception) -> Response:
    # A defect of ours: its kind is logged, its text (which may quote a request) is not.
    _log.error("defect", kind=type(error).__name__)
    return plain_problem(500, "Internal Server Error")
