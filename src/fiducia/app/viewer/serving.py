"""Serving the viewer at /viewer/: its page to who is signed in, its files to anybody; all of them are public programs.

A path that is no file is a place inside of the viewer, and gets its page. The page and what it is told are ours.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from fiducia.app.gateway.views import Views
from fiducia.app.gateway.ways import Ways
from fiducia.app.viewer import standing
from fiducia.app.viewer.config import config_script
from fiducia.app.viewer.installed import BASE, STYLE, Viewer
from fiducia.app.viewer.policy import COMMON, PAGE_CSP, WORKER_CSP
from fiducia.app.viewer.signing_in import PATH, SigningIn
from fiducia.app.viewer.standing import Standing
from fiducia.app.web import plain_problem, problem
from fiducia.errors import FiduciaError

CONFIG = "app-config.js"
_HASHED = re.compile(r"(?:^|[./])[0-9a-f]{16}\.[a-z0-9]+$", re.ASCII)
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
_FOREVER, _ASK, _NEVER = "public, max-age=31536000, immutable", "no-cache", "no-store"


def viewer_routes(viewer: Viewer, views: Views, ways: Ways | None = None) -> list[BaseRoute]:
    """Return the viewer's routes, and those of signing in."""
    signing_in = SigningIn(views, ways)
    serving = _Serving(viewer, signing_in)
    return [
        *signing_in.routes(),
        Route(standing.PATH, Standing(views).answer),
        Route("/", _to_viewer),
        Route(BASE.rstrip("/"), _to_viewer),
        Route(BASE + "{name:path}", serving.answer),
    ]


class _Serving:
    def __init__(self, viewer: Viewer, signing_in: SigningIn) -> None:
        self._viewer = viewer
        self._signing_in = signing_in
        self._page = _page_of(viewer)

    async def answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == CONFIG:
            return _guarded(Response(config_script(), media_type=_TYPES[".js"]), _NEVER)
        if name == standing.SCRIPT:
            return _guarded(Response(standing.SCRIPT_TEXT, media_type=_TYPES[".js"]), _NEVER)
        if found := self._viewer.files.get(name):
            kind = _TYPES.get(found.suffix, "application/octet-stream")
            response = _guarded(FileResponse(found, media_type=kind), _FOREVER if _HASHED.search(name) else _ASK)
            if request.headers.get("sec-fetch-dest") == "worker":  # no page can say so of its own scripts
                response.headers["content-security-policy"] = WORKER_CSP
            response.headers["vary"] = "sec-fetch-dest"
            return response
        if "." in name.rsplit("/", 1)[-1]:
            return _guarded(plain_problem(404, "Not Found"), _NEVER)
        try:
            session = await self._signing_in.session(request)
        except FiduciaError as error:
            return _guarded(problem(error), _NEVER)
        if session is None:
            return _guarded(RedirectResponse(PATH, 303), _NEVER)
        return _guarded(Response(self._page, media_type=_TYPES[".html"]), _NEVER)


async def _to_viewer(_: Request) -> Response:
    return _guarded(RedirectResponse(BASE, 303), _NEVER)


def _guarded(response: Response, cache: str) -> Response:
    response.headers.update({**COMMON, "content-security-policy": PAGE_CSP, "cache-control": cache})
    return response


def _page_of(viewer: Viewer) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Viewer – fiducia</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="{BASE}assets/favicon.ico"><script src="{BASE}{CONFIG}"></script>'
        f'<script defer src="{BASE}{standing.SCRIPT}"></script>'
        f'<script defer src="{BASE}{viewer.main}"></script><link href="{BASE}{STYLE}" rel="stylesheet"></head>'
        "<body><noscript>The viewer needs JavaScript.</noscript>"
        '<div id="react-portal"></div><div id="root"></div></body></html>\n'
    )
