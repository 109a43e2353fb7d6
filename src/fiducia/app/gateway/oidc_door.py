"""The routes of signing in with a hospital's account.

The browser is led to the provider by a page and not by a redirection of the form, so that the form's policy need not
name the provider. Back at the callback, which the standard gives the code and the state in its URL, everything is
answered by a redirection, whatever came: that URL is shown to nobody, stays in no history, and is not logged. The
sign-in's own cookie is sent along from the provider's site (SameSite=Lax); the session's is not (Strict): it is used
first from a page of ours, /sign-in/done.
"""

from __future__ import annotations

import html
from urllib.parse import parse_qs

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fiducia.app.gateway.attempts import Attempts
from fiducia.app.gateway.cookies import from_here, keep
from fiducia.app.gateway.views import Views
from fiducia.app.gateway.ways import AGAIN_PATH, CALLBACK_PATH, DONE_PATH, OIDC_PATH, TOLD, told_of
from fiducia.app.viewer.installed import BASE
from fiducia.app.viewer.signing_in import PATH, guarded, page
from fiducia.app.web import plain_problem, small_body
from fiducia.core import rules
from fiducia.errors import FiduciaError, InputError, VerificationError
from fiducia.journeys.sign_in.oidc_sign_in import AT_PROVIDER_S, OidcSignIn, ProviderAnswer
from fiducia.journeys.sign_in.sign_in import SignedIn

_FORM_BYTES = 256
_ANSWER_CHARACTERS = 4096
_log = structlog.get_logger("fiducia.gateway")


class OidcDoor:
    """Leads to the provider, and takes what comes back."""

    def __init__(self, oidc: OidcSignIn, views: Views, attempts: Attempts) -> None:
        self._oidc = oidc
        self._views = views
        self._attempts = attempts

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route(OIDC_PATH, self.begin, methods=["POST"]),
            Route(CALLBACK_PATH, self.callback, methods=["GET"]),
            Route(DONE_PATH, self.done, methods=["GET"]),
            Route(AGAIN_PATH + "/{why}", self.again, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Response:
        """`POST /sign-in/oidc`: the form's purpose."""
        if not from_here(request):  # or another site could begin what it then hopes to finish
            return guarded(plain_problem(403, "Forbidden"))
        try:
            self._attempts.admit(request)
            purpose = rules.purpose(_purpose_in(await small_body(request, _FORM_BYTES)))
            redirect_uri = f"{request.url.scheme}://{request.url.netloc}{CALLBACK_PATH}"
            begun = await self._attempts.run(self._oidc.begin, purpose, redirect_uri)
        except FiduciaError as error:
            return _to_again(error)
        response = page(f'<p><a href="{html.escape(begun.url)}">Go on at your hospital\'s sign-in</a></p>')
        response.headers["refresh"] = f"0;url={begun.url}"
        response.set_cookie(
            _name(request),
            begun.handle,
            max_age=AT_PROVIDER_S,
            path="/",
            secure=_secure(request),
            httponly=True,
            samesite="lax",
        )
        return response

    async def callback(self, request: Request) -> Response:
        """`GET /sign-in/callback`: where the provider leads back to."""
        try:
            self._attempts.admit(request)
            answer = _answer_in(request)
            done = await self._attempts.run(self._oidc.finish, request.cookies.get(_name(request), ""), answer)
            response = await self._signed_in(request, done)
        except FiduciaError as error:
            if isinstance(error, VerificationError):  # our own words, which name nobody: the operator needs them
                _log.warning("sign-in", why=str(error))
            response = _to_again(error)
        response.delete_cookie(_name(request), path="/", secure=_secure(request), httponly=True, samesite="lax")
        return response

    async def done(self, _: Request) -> Response:
        """`GET /sign-in/done`: from here on the session's cookie goes along."""
        response = page(f'<p>You are signed in. <a href="{BASE}">Open the viewer</a></p>')
        response.headers["refresh"] = f"0;url={BASE}"
        return response

    async def again(self, request: Request) -> Response:
        """`GET /sign-in/again/WHY`."""
        told = TOLD.get(request.path_params["why"], TOLD["again"])
        return page(f'<p role="alert">{html.escape(told)}</p><p><a href="{PATH}">Sign in</a></p>')

    async def _signed_in(self, request: Request, done: SignedIn) -> Response:
        response = guarded(RedirectResponse(DONE_PATH, 303))
        keep(request, response, done.token, await self._attempts.run(self._views.left_s, done.session))
        return response


def _to_again(error: FiduciaError) -> Response:
    return guarded(RedirectResponse(f"{AGAIN_PATH}/{told_of(error)}", 303))


def _answer_in(request: Request) -> ProviderAnswer:
    """What the URL brings; each parameter once, or it could be read in two ways. Raises: InputError."""
    names = ("state", "code", "iss", "error")
    values = [request.query_params.getlist(name) for name in names]
    if any(len(each) > 1 or len("".join(each)) > _ANSWER_CHARACTERS for each in values):
        raise InputError("the answer of your hospital's sign-in cannot be read")
    state, code, issuer, error = ("".join(each) for each in values)
    return ProviderAnswer(state, code, issuer, error)


def _purpose_in(body: bytes) -> str:
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=2).get("purpose", [""])[0]
    except ValueError:
        return ""


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request) -> str:
    return "__Host-fiducia-sign-in" if _secure(request) else "fiducia-sign-in"
