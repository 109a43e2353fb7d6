"""OpenAPI 3.1 of the broker: bodies come from the same annotations that decode them (`core.wire`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from fiducia.app.broker import metrics
from fiducia.core import wire
from fiducia.core.problems import MEDIA_TYPE
from fiducia.journeys.grants.taken import RevokeLike
from fiducia.journeys.members.carry import CarriedAct
from fiducia.records.images import HandOver, Release
from fiducia.records.ledger import GrantAct, Receipt
from fiducia.records.provenance import SignedCheckpoint, VouchAsk, Vouched
from fiducia.records.statements import (
    EmergencyKeys,
    LateEmergency,
    LookedUp,
    SignedAsk,
    SignedAskList,
    SignedCollect,
    SignedDecline,
    SignedDeposit,
    SignedDestroy,
    SignedKeeping,
    SignedLookUp,
    StalledEmergency,
    WaitingAsks,
)
from fiducia.records.typed import Access

NDJSON = "application/x-ndjson"

_ON_CHAIN = {
    "type": "object",
    "properties": {"on_chain": {"type": "boolean"}},
    "required": ["on_chain"],
    "additionalProperties": False,
}
_TEXT = {"type": "string"}
_NOTE = {"text/plain; charset=utf-8": {"schema": _TEXT}}
_ASKED = {
    "type": "object",
    "properties": {"ask_id": {"type": "string", "pattern": "^0x[0-9a-f]{64}$"}},
    "required": ["ask_id"],
    "additionalProperties": False,
}
_DECLINED = {
    "type": "object",
    "properties": {"declined": {"const": True}},
    "required": ["declined"],
    "additionalProperties": False,
}
_READY = {
    "type": "object",
    "properties": {
        "ready": {"type": "boolean"},
        "parts": {"type": "object", "additionalProperties": _TEXT},
        "why": {"type": "object", "additionalProperties": _TEXT},
    },
    "required": ["ready", "parts", "why"],
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
    bodies = {
        "/v1/grants": (wire.schema(GrantAct), wire.schema(Receipt)),
        "/v1/acts": (wire.schema(CarriedAct), wire.schema(Receipt)),
        "/v1/revocations": (wire.schema(RevokeLike), _ON_CHAIN),
        "/v1/releases": (wire.schema(Access), wire.schema(Release)),
        "/v1/hand-overs": (wire.schema(Access), wire.schema(HandOver)),
        "/v1/deposits": (wire.schema(SignedDeposit), wire.schema(SignedKeeping)),
        "/v1/collections": (wire.schema(SignedCollect), wire.schema(HandOver)),
        "/v1/destructions": (wire.schema(SignedDestroy), _TEXT),
        "/v1/look-ups": (wire.schema(SignedLookUp), wire.schema(LookedUp)),
        "/v1/emergencies": (wire.schema(StalledEmergency), wire.schema(EmergencyKeys)),
        "/v1/emergencies/shares": (wire.schema(LateEmergency), wire.schema(HandOver)),
        "/v1/asks": (wire.schema(SignedAsk), _ASKED),
        "/v1/asks/list": (wire.schema(SignedAskList), wire.schema(WaitingAsks)),
        "/v1/asks/declines": (wire.schema(SignedDecline), _DECLINED),
        "/v1/provenance": (wire.schema(VouchAsk), wire.schema(Vouched)),
    }
    for path, (asked, answered) in bodies.items():
        operation = paths[path]["post"]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": asked}}}
        operation["responses"]["200"]["content"] = {"application/json": {"schema": answered}}
    paths["/v1/destructions"]["post"]["responses"]["200"]["content"] = _NOTE
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
    _describe_log(paths)
    checkpoint = paths["/v1/checkpoints/{block}"]["get"]["responses"]["200"]
    checkpoint["content"] = {"application/json": {"schema": wire.schema(SignedCheckpoint)}}
    for methods in paths.values():
        for operation in methods.values():
            operation["responses"].pop("422", None)  # a parameter that is not in its form is a problem like others
            operation["responses"]["default"] = {
                "description": "Refused or failed.",
                "content": {MEDIA_TYPE: {"schema": _PROBLEM}},
            }


def _describe_log(paths: dict[str, Any]) -> None:
    """The log door, whose forms are C2SP's."""
    paths["/log/checkpoint"]["get"]["responses"]["200"]["content"] = _NOTE
    paths["/witness/{origin_hash}/checkpoint"]["get"]["responses"]["200"]["content"] = _NOTE
    adding = paths["/witness/add-checkpoint"]["post"]
    adding["requestBody"] = {"required": True, "content": {"text/plain": {"schema": _TEXT}}}
    adding["responses"]["200"]["content"] = _NOTE
    adding["responses"]["409"] = {
        "description": "The size of the newest checkpoint that was cosigned.",
        "content": {"text/x.tlog.size": {"schema": _TEXT}},
    }
