"""Telling an open page that something it shows may be over, so that it stops showing it.

The page's own script listens (server-sent events); told so, it asks for its studies, and leaves where one is not there
any more: what it had decoded goes with it. Nothing is told but that it is time to look. Source: HTML, section 9.2.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from fiducia.app.gateway.cookies import token_of
from fiducia.app.gateway.views import Views
from fiducia.app.viewer.installed import BASE
from fiducia.app.web import plain_problem
from fiducia.errors import FiduciaError

PATH, SCRIPT = BASE + "standing", "standing.js"
LOOK_EVERY_S = 0.5
_QUIET_LOOKS = 30  # so that proxies and we notice who went away
_LOOK, _QUIET = b"event: look\ndata:\n\n", b": \n\n"

SCRIPT_TEXT = """"use strict";
(() => {
  const uids = () => (new URLSearchParams(location.search).getAll("StudyInstanceUIDs").join(",") || "")
    .split(",").filter(uid => /^[0-9.]+$/.test(uid));
  const headers = {Accept: "application/dicom+json"};
  const look = async () => {
    for (const uid of uids()) {
      const answer = await fetch(`/dicomweb/studies/${uid}/series?limit=1`, {headers});
      if (answer.status === 401 || answer.status === 404) { location.replace("BASE"); return; }
    }
  };
  new EventSource("PATH").addEventListener("look", look);
})();
""".replace("BASE", BASE).replace("PATH", PATH)


class Standing:
    """The route that tells."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def answer(self, request: Request) -> Response:
        """`GET /viewer/standing`, for who is signed in."""
        token = token_of(request)

        async def ended() -> int | None:
            return await to_thread.run_sync(self._views.ended, token)

        try:
            if not token or await ended() is None:
                return plain_problem(401, "Unauthorized")
        except FiduciaError:
            return plain_problem(503, "Service Unavailable")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(told(ended), headers=headers, media_type="text/event-stream")


async def told(ended: Callable[[], Awaitable[int | None]]) -> AsyncIterator[bytes]:
    """Yield an event each time that more has ended, and a last one when nobody is signed in any more."""
    seen, quiet = await ended(), 0
    yield _QUIET
    while seen is not None:
        await anyio.sleep(LOOK_EVERY_S)
        try:
            now = await ended()
        except FiduciaError:
            now = None  # it cannot be told: let the page ask, which says why
        quiet += 1
        if now != seen or quiet == _QUIET_LOOKS:
            yield _LOOK if now != seen else _QUIET
            quiet = 0
        seen = now
