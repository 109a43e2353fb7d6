"""The browser's way to bear a session's token: a cookie that scripts cannot read, and that other sites cannot use.

Two checks stand against other sites, since a cookie goes along by itself: browsers send it from this site alone
(SameSite=Strict), and it counts only on requests that the browser says came from this very origin: `Sec-Fetch-Site`,
else `Origin`. A request that says neither is refused: so a cookie works over https and on this machine's own names,
where browsers say it, and not over plain http between machines, where it could be listened to.
Source: RFC 6265bis sections 4.1.3 and 5.6, W3C Fetch Metadata.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

_PLAIN, _SECURE = "fiducia", "__Host-fiducia"


def token_of(request: Request) -> str:
    """Return the token that a request bears, in its Authorization header or its cookie; empty without one."""
    return bearer_of(request) or (cookie_of(request) if from_here(request) else "")


def bearer_of(request: Request) -> str:
    """Return the token in a request's Authorization header; empty without one."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def cookie_of(request: Request) -> str:
    """Return the token in a request's cookie, wherever the request came from; empty without one."""
    return request.cookies.get(_name(request), "")


def from_here(request: Request) -> bool:
    """Tell whether a browser says that this very origin made a request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("origin") == f"{request.url.scheme}://{request.url.netloc}"


def keep(request: Request, response: Response, token: str, seconds: int) -> None:
    """Have the browser keep a token, for as long as its session lasts at most."""
    response.set_cookie(
        _name(request), token, max_age=seconds, path="/", secure=_secure(request), httponly=True, samesite="strict"
    )


def forget(request: Request, response: Response) -> None:
    """Have the browser forget the token."""
    response.delete_cookie(_name(request), path="/", secure=_secure(request), httponly=True, samesite="strict")


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request) -> str:
    # Only over https can the name itself promise that no other host, and no plain http, has set it.
    return _SECURE if _secure(request) else _PLAIN
