"""Errors as RFC 9457 problems, and back: both ends of a broker's door share one table.

A problem's type is ``urn:fiducia:problem:<slug>``; `reason` is there for a denial. No body, identity or
key of a request is ever repeated in one. Source: RFC 9457.
"""

from __future__ import annotations

from typing import Any

import orjson

from fiducia import errors
from fiducia.errors import DeniedError, FiduciaError, LedgerUnreachableError

MEDIA_TYPE = "application/problem+json"

_TYPE = "urn:fiducia:problem:"


def to_problem(error: FiduciaError) -> bytes:
    """Return the problem document (JSON, UTF-8) of an error that was raised on purpose."""
    body: dict[str, Any] = {
        "type": _TYPE + error.slug,
        "title": type(error).__name__,
        "status": error.status,
        "detail": str(error),
    }
    if isinstance(error, DeniedError):
        body["reason"] = error.reason
    return orjson.dumps(body)


def from_problem(body: bytes, status: int) -> FiduciaError:
    """Return the error that a problem document tells of; what is no problem of ours tells of no broker."""
    try:
        value = orjson.loads(body)
        kind = _KINDS[value["type"].removeprefix(_TYPE)]
        detail = str(value["detail"])[:500]
        if issubclass(kind, DeniedError):
            return DeniedError(str(value["reason"])[:64], detail)
        return kind(detail)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return LedgerUnreachableError(f"the broker answered with status {status} and no reason")


def _kinds(root: type[FiduciaError]) -> dict[str, type[FiduciaError]]:
    found = {root("").slug: root}
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            found.update(_kinds(kind))
    return found


_KINDS = _kinds(FiduciaError)
