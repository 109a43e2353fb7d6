"""The broker's routes for emergencies and access requests; as in `routes`, each decodes, runs one journey, encodes."""

from __future__ import annotations

import orjson
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from fiducia.app.broker.limits import Gate
from fiducia.app.broker.parts import BrokerParts
from fiducia.core import wire
from fiducia.records.images import HandOver
from fiducia.records.statements import (
    LateEmergency,
    LookedUp,
    SignedAsk,
    SignedAskList,
    SignedDecline,
    SignedLookUp,
    StalledEmergency,
)

JSON = "application/json"


class AskingRoutes:
    """Looking patients up, handing over while the chain stalls, asking for access and answering."""

    def __init__(self, parts: BrokerParts, gate: Gate) -> None:
        self._asking = parts.asking
        self._gate = gate

    def mount(self, app: FastAPI) -> None:
        """Add the routes."""
        app.post("/v1/look-ups", summary="Tell an emergency team which subject a patient ID is.")(self.look_ups)
        app.post("/v1/emergencies", summary="Hand over to an emergency team while the chain stalls.")(self.emergencies)
        app.post("/v1/emergencies/shares", summary="The same as another trustee, on the custodian's word.")(self.shares)
        app.post("/v1/asks", summary="Keep an access request for this hospital's patient.")(self.asks)
        app.post("/v1/asks/list", summary="Show the patient's side who asked.")(self.list_asks)
        app.post("/v1/asks/declines", summary="Drop an access request that the patient's side declines.")(self.declines)

    async def look_ups(self, request: Request) -> Response:
        """Look a patient up."""
        asked = wire.decode(SignedLookUp, await self._gate.body(request))
        return Response(wire.encode(await run_in_threadpool(self._look_up, asked)), media_type=JSON)

    async def emergencies(self, request: Request) -> Response:
        """Hand keys over although the chain cannot record it, and say so in the custodian's name."""
        asked = wire.decode(StalledEmergency, await self._gate.body(request))
        keys = await run_in_threadpool(self._asking.hand_over.run, asked)
        return Response(wire.encode(keys), media_type=JSON)

    async def shares(self, request: Request) -> Response:
        """Hand this trustee's keys over on the custodian's word."""
        shown = wire.decode(LateEmergency, await self._gate.body(request))
        return Response(wire.encode(await run_in_threadpool(self._share, shown)), media_type=JSON)

    async def asks(self, request: Request) -> Response:
        """Keep an ask."""
        signed = wire.decode(SignedAsk, await self._gate.body(request))
        ask_id = await run_in_threadpool(self._asking.asks.take, signed)
        return Response(orjson.dumps({"ask_id": "0x" + ask_id.hex()}), media_type=JSON)

    async def list_asks(self, request: Request) -> Response:
        """List asks."""
        asked = wire.decode(SignedAskList, await self._gate.body(request))
        return Response(wire.encode(await run_in_threadpool(self._asking.asks.list, asked)), media_type=JSON)

    async def declines(self, request: Request) -> Response:
        """Decline an ask."""
        signed = wire.decode(SignedDecline, await self._gate.body(request))
        await run_in_threadpool(self._asking.asks.decline, signed)
        return Response(orjson.dumps({"declined": True}), media_type=JSON)

    def _share(self, shown: LateEmergency) -> HandOver:
        """Count the persons once the team is proved, and before anything is decided for it."""
        return self._asking.hand_over.share(shown, self._gate.admit_emergency)

    def _look_up(self, asked: SignedLookUp) -> LookedUp:
        """Count the team once it is verified and before anything is looked up, whether or not the patient is known."""
        team = self._asking.look_up.verify(asked)
        self._gate.admit_look_up(team)
        return self._asking.look_up.answer(asked, team)
