"""Problem answers (RFC 9457); what stands in them is `core.problems`'."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.responses import Response

from fiducia.core.problems import MEDIA_TYPE, to_problem
from fiducia.errors import FiduciaError


def problem(error: FiduciaError) -> Response:
    """Return the answer to an error that was raised on purpose."""
    return Response(to_problem(error), error.status, media_type=MEDIA_TYPE)


def plain_problem(status: int, title: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem that has no type of ours: an unknown path, a wrong method, a defect."""
    body = {"type": "about:blank", "title": title, "status": status}
    return Response(orjson.dumps(body), status, headers=headers, media_type=MEDIA_TYPE)
