"""The broker's routes as a trustee; as in `routes`, each decodes, runs one journey, encodes."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import FastAPI, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from fiducia.app.broker.limits import Gate
from fiducia.app.broker.parts import BrokerParts
from fiducia.core import wire
from fiducia.records.statements import SignedCollect, SignedDeposit, SignedDestroy

JSON = "application/json"
NOTE = "text/plain; charset=utf-8"


class TrusteeRoutes:
    """Keeping shares, giving them to a custodian that moves them, destroying them."""

    def __init__(self, parts: BrokerParts, gate: Gate) -> None:
        self._trustee = parts.trustee
        self._gate = gate

    def mount(self, app: FastAPI) -> None:
        """Add the routes."""
        app.post("/v1/deposits", summary="Keep shares as their trustee, and sign that they are kept.")(self.deposits)
        app.get("/v1/deposits/waiting/{trustee}", summary="Whether shares wait here for a trustee.")(self.waiting)
        app.post("/v1/collections", summary="Give shares to a custodian that deals them anew.")(self.collections)
        app.post("/v1/destructions", summary="Destroy shares that were dealt anew, and attest it.")(self.destructions)

    async def deposits(self, request: Request) -> Response:
        """Keep shares."""
        signed = wire.decode(SignedDeposit, await self._gate.body(request, self._gate.limits.deposit_bytes))
        with self._gate.deposit(signed.deposit.custodian):
            kept = await run_in_threadpool(self._trustee.keep.run, signed)
        return Response(wire.encode(kept), media_type=JSON)

    async def waiting(self, trustee: Annotated[int, Path(ge=1, lt=1 << 32)]) -> Response:
        """Tell a trustee whether something sealed to it waits here: before it forgets a key, and to anybody."""
        waits = await run_in_threadpool(self._trustee.deliver_rest.keeps_for, trustee)
        return Response(orjson.dumps({"waiting": waits}), media_type=JSON)

    async def collections(self, request: Request) -> Response:
        """Give shares up to their custodian."""
        signed = wire.decode(SignedCollect, await self._gate.body(request))
        with self._gate.collection(signed.collect.custodian):
            given = await run_in_threadpool(self._trustee.give_up.collect, signed)
        return Response(wire.encode(given), media_type=JSON)

    async def destructions(self, request: Request) -> Response:
        """Destroy shares."""
        signed = wire.decode(SignedDestroy, await self._gate.body(request))
        return Response(bytes(await run_in_threadpool(self._trustee.give_up.destroy, signed)), media_type=NOTE)
