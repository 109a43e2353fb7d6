"""The routes of signing in with a passkey, of making one known, and the one script that both pages load.

The script speaks JSON in wire form (`core.wire`). What it is told when something fails is our own text. Nothing here is
answered to another site's pages (`cookies.from_here`), and the origin that the authenticator signed is checked again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fiducia.app.gateway.attempts import Attempts
from fiducia.app.gateway.cookies import from_here, keep
from fiducia.app.gateway.views import Views
from fiducia.app.gateway.ways import NEW_PATH, PASSKEY_PATH, SCRIPT_PATH, TOLD, told_of
from fiducia.app.viewer.installed import BASE
from fiducia.app.viewer.signing_in import PATH, guarded, page
from fiducia.app.web import plain_problem, small_body
from fiducia.core import rules, wire
from fiducia.core.passkey_sign_in import Answer, Place
from fiducia.errors import DeniedError, FiduciaError, InputError
from fiducia.journeys.sign_in.passkey_sign_in import PasskeySignIn

_BODY_BYTES = 32 * 1024
_SCRIPT = Path(__file__).with_name("passkey.js")
_NEW = (
    '<form id="new"><label for="code">The code that your institution gave you</label>'
    '<input id="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required autofocus>'
    '<button>Register a passkey</button></form><p id="told" role="status"></p>'
    f'<script src="{SCRIPT_PATH}" defer></script><noscript>This needs JavaScript.</noscript>'
)

_Asked = TypeVar("_Asked")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Begin a sign-in for a purpose, by name."""

    purpose: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer of navigator.credentials.get."""

    handle: str
    credential_id: bytes
    authenticator_data: bytes
    client_data: bytes
    signature: bytes
    user_handle: bytes


@dataclass(frozen=True, slots=True)
class Typed:
    """Begin to make a passkey, with a code."""

    code: str


@dataclass(frozen=True, slots=True)
class Made:
    """The answer of navigator.credentials.create."""

    handle: str
    authenticator_data: bytes
    client_data: bytes


class PasskeyDoor:
    """Asks for passkeys, and takes their answers."""

    def __init__(self, passkeys: PasskeySignIn, views: Views, attempts: Attempts) -> None:
        self._passkeys = passkeys
        self._views = views
        self._attempts = attempts
        self._script = _SCRIPT.read_bytes()

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route(SCRIPT_PATH, self.script, methods=["GET"]),
            Route(NEW_PATH, self.page, methods=["GET"]),
            Route(PASSKEY_PATH + "/ask", self._endpoint(Wanted, self.ask), methods=["POST"]),
            Route(PASSKEY_PATH, self._endpoint(Answered, self.sign_in), methods=["POST"]),
            Route(NEW_PATH + "/ask", self._endpoint(Typed, self.ask_to_make), methods=["POST"]),
            Route(NEW_PATH, self._endpoint(Made, self.keep), methods=["POST"]),
        ]

    async def script(self, _: Request) -> Response:
        """`GET /sign-in/passkey.js`."""
        return guarded(Response(self._script, media_type="text/javascript"))

    async def page(self, _: Request) -> Response:
        """`GET /sign-in/passkey/new`."""
        return page(_NEW, scripted=True)

    async def ask(self, request: Request, wanted: Wanted) -> Response:
        """`POST /sign-in/passkey/ask`: what to sign."""
        asked = self._passkeys.begin(rules.purpose(wanted.purpose))
        return _told({"handle": asked.handle, "challenge": _hex(asked.challenge), "host": _place(request).host})

    async def sign_in(self, request: Request, answered: Answered) -> Response:
        """`POST /sign-in/passkey`: who signed is signed in."""
        answer = Answer(
            answered.credential_id,
            answered.authenticator_data,
            answered.client_data,
            answered.signature,
            answered.user_handle,
        )
        done = await self._attempts.run(self._passkeys.finish, answered.handle, _place(request), answer)
        response = _told({"next": BASE})
        keep(request, response, done.token, await self._attempts.run(self._views.left_s, done.session))
        return response

    async def ask_to_make(self, request: Request, typed: Typed) -> Response:
        """`POST /sign-in/passkey/new/ask`: what to make a passkey with."""
        asked = await self._attempts.run(self._passkeys.begin_making, typed.code)
        return _told(
            {
                "handle": asked.handle,
                "challenge": _hex(asked.challenge),
                "host": _place(request).host,
                "name": asked.profile,
                "user": _hex(asked.user_handle),
            }
        )

    async def keep(self, request: Request, made: Made) -> Response:
        """`POST /sign-in/passkey/new`: the passkey is known from now on."""
        await self._attempts.run(
            self._passkeys.finish_making, made.handle, _place(request), made.authenticator_data, made.client_data
        )
        return _told({"next": PATH})

    def _endpoint(
        self, kind: type[_Asked], handler: Callable[[Request, _Asked], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if not from_here(request):
                return guarded(plain_problem(403, "Forbidden"))
            try:
                self._attempts.admit(request)
                return await handler(request, wire.decode(kind, await small_body(request, _BODY_BYTES)))
            except FiduciaError as error:
                return _told({"told": _words_of(error)}, error.status)

        return answer


def _words_of(error: FiduciaError) -> str:
    """What the page says; an InputError of passkeys, and a refusal, say it themselves."""
    if isinstance(error, InputError | DeniedError):
        return str(error)
    return TOLD[told_of(error)]


def _place(request: Request) -> Place:
    return Place(f"{request.url.scheme}://{request.url.netloc}", request.url.hostname or "")


def _hex(content: bytes) -> str:
    return "0x" + content.hex()


def _told(body: dict[str, str], status: int = 200) -> Response:
    return guarded(Response(orjson.dumps(body), status, media_type="application/json"))
