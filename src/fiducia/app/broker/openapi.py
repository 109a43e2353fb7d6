"""OpenAPI 3.1 of the broker: bodies come from the same annotations that decode them (`core.wire`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from fiducia.app.broker import metrics
from fiducia.core import wire
from fiducia.core.problems import MEDIA_TYPE
from fiducia.records.images import HandOver, Release
from fiducia.records.ledger import GrantAct, Receipt, RevokeAct, RevokeAllAct
from fiducia.records.typed import Access

NDJSON = "application/x-ndjson"

_ON_CHAIN = {
    "type": "object",
    "properties": {"on_chain": {"type": "boolean"}},
    "required": ["on_chain"],
    "additionalProperties": False,
}
_TEXT = {"type": "string"}
_READY = {
    "type": "object",
    "properties": {"ready": {"type": "boolean"}, "parts": {"type": "object", "additionalProperties": _TEXT}},
    "required": ["ready", "parts"],
    "additionalProperties": False,
}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457; `reason` is there for a denial.",
    "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT, "reason": _TEXT},
    "required": ["type", "title", "status"],
}


def documented(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return what replaces `app.openapi`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            _describe(schema["paths"])
            schema.pop("components", None)  # the framework's own form of an error, which no answer has
            app.openapi_schema = schema
        return app.openapi_schema

    return openapi


def _describe(paths: dict[str, Any]) -> None:
    revokes = {"oneOf": [wire.schema(RevokeAct), wire.schema(RevokeAllAct)]}
    bodies = {
        "/v1/grants": (wire.schema(GrantAct), wire.schema(Receipt)),
        "/v1/revocations": (revokes, _ON_CHAIN),
        "/v1/releases": (wire.schema(Access), wire.schema(Release)),
        "/v1/hand-overs": (wire.schema(Access), wire.schema(HandOver)),
    }
    for path, (asked, answered) in bodies.items():
        operation = paths[path]["post"]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": asked}}}
        operation["responses"]["200"]["content"] = {"application/json": {"schema": answered}}
    paths["/v1/revocations"]["post"]["responses"]["202"] = {
        "description": "Taken and denied from now on; relayed once the chain answers.",
        "content": {"application/json": {"schema": _ON_CHAIN}},
    }
    ready = paths["/readyz"]["get"]["responses"]
    ready["200"]["content"] = {"application/json": {"schema": _READY}}
    ready["503"] = {"description": "A part is not ready.", "content": {"application/json": {"schema": _READY}}}
    paths["/metrics"]["get"]["responses"]["200"]["content"] = {metrics.MEDIA_TYPE: {"schema": _TEXT}}
    events = paths["/v1/events"]["get"]["responses"]["200"]
    events["content"] = {NDJSON: {"schema": _TEXT}}
    events["headers"] = {"Fiducia-Next-Block": {"schema": {"type": "integer"}, "required": True}}
    for methods in paths.values():
        for operation in methods.values():
            operation["responses"].pop("422", None)  # a parameter that is not in its form is a problem like others
            operation["responses"]["default"] = {
                "description": "Refused or failed.",
                "content": {MEDIA_TYPE: {"schema": _PROBLEM}},
            }
