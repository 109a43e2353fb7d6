"""The page where a person with a browser signs in: a form, and what else the gateway has (`app.gateway.ways`).

What is typed is the token of `fiducia gateway sign-in`. It travels in a form's body and in a cookie, never in a URL.
The session is the same one: it ends when it ends, and signing out here ends it everywhere.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from urllib.parse import parse_qs

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fiducia.app.gateway.cookies import cookie_of, forget, from_here, keep
from fiducia.app.gateway.views import Views
from fiducia.app.gateway.ways import Ways
from fiducia.app.viewer.installed import BASE
from fiducia.app.viewer.policy import COMMON
from fiducia.app.web import plain_problem, problem
from fiducia.errors import FiduciaError
from fiducia.journeys.sign_in.sign_in import Session

PATH, OUT_PATH = "/sign-in", "/sign-out"
BODY_MAX_BYTES = 1024
_TOKEN = re.compile(r"[0-9a-f]{64}", re.ASCII)
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem;color:#123;background:#fff}"
    "label{display:block}input{width:100%;box-sizing:border-box}"
    "input,button,select{font:inherit;padding:.5rem;margin:.25rem 0}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_CSP = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_FORM = (
    f'<form method="post" action="{PATH}"><label for="token">The token of <code>fiducia gateway sign-in</code></label>'
    '<input id="token" name="token" type="password" autocomplete="off" spellcheck="false" required autofocus>'
    "<button>Sign in</button></form>"
)
_SIGNED_IN = (
    '<p>You are signed in as <b>{name}</b>.</p><p><a href="{viewer}">Open the viewer</a></p>'
    '<form method="post" action="{out}"><button>Sign out</button></form>'
)


class SigningIn:
    """The routes of signing in and out."""

    def __init__(self, views: Views, ways: Ways | None = None) -> None:
        self._views = views
        self._form = (ways.html if ways else "") + _FORM
        self._scripted = ways is not None and ways.scripted

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route(PATH, self.page, methods=["GET"]),
            Route(PATH, self.sign_in, methods=["POST"]),
            Route(OUT_PATH, self.sign_out, methods=["POST"]),
        ]

    async def session(self, request: Request) -> Session | None:
        """Return the session of a browser's cookie, or None."""
        token = cookie_of(request)
        return await to_thread.run_sync(self._views.session, token) if token else None

    async def page(self, request: Request) -> Response:
        """`GET /sign-in`."""
        try:
            session = await self.session(request)
        except FiduciaError as error:
            return guarded(problem(error))
        if session is None:
            return page(self._form, scripted=self._scripted)
        return page(_SIGNED_IN.format(name=html.escape(session.profile), viewer=BASE, out=OUT_PATH))

    async def sign_in(self, request: Request) -> Response:
        """`POST /sign-in`: the body is the form's."""
        if not from_here(request):  # or another site could sign its visitors in as somebody else
            return guarded(plain_problem(403, "Forbidden"))
        body = await _body_of(request)
        if body is None:
            return guarded(plain_problem(413, "Content Too Large"))
        token = _token_in(body)
        try:
            session = await to_thread.run_sync(self._views.session, token) if token else None
            if session is None:
                told = "<p>This token signs nobody in: it was mistyped, or its session is over.</p>"
                return page(told + self._form, 403, scripted=self._scripted)
            response = guarded(RedirectResponse(BASE, 303))
            keep(request, response, token, self._views.left_s(session))
            return response
        except FiduciaError as error:
            return guarded(problem(error))

    async def sign_out(self, request: Request) -> Response:
        """`POST /sign-out`: the session is over, wherever its token is used."""
        if not from_here(request):
            return guarded(plain_problem(403, "Forbidden"))
        try:
            await to_thread.run_sync(self._views.end, cookie_of(request))
        except FiduciaError as error:
            return guarded(problem(error))
        response = guarded(RedirectResponse(PATH, 303))
        forget(request, response)
        return response


def page(body: str, status: int = 200, *, scripted: bool = False) -> Response:
    """Return a page of signing in; `scripted`: it may run and ask what this origin serves."""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in – fiducia</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>fiducia</h1>{body}</body></html>\n"
    )
    return guarded(Response(text, status, media_type="text/html"), scripted=scripted)


def guarded(response: Response, *, scripted: bool = False) -> Response:
    """Return an answer with the walls around it."""
    policy = _CSP + ("; script-src 'self'; connect-src 'self'" if scripted else "")
    response.headers.update({**COMMON, "content-security-policy": policy, "cache-control": "no-store"})
    return response


async def _body_of(request: Request) -> bytes | None:
    """A small body, or None when it is larger than a token's form."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_MAX_BYTES:
            return None
    return body


def _token_in(body: bytes) -> str:
    """The token in a form's body; empty when there is none of its form."""
    try:
        values = parse_qs(body.decode("ascii"), max_num_fields=4).get("token", [""])
    except ValueError:
        return ""
    token = values[0].strip()
    return token if _TOKEN.fullmatch(token) else ""
