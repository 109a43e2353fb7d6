"""The broker's routes for proofs; as in `routes`, each decodes, runs one journey, encodes."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from fiducia.app.broker.limits import Gate
from fiducia.app.broker.parts import BrokerParts
from fiducia.core import wire
from fiducia.records.provenance import VouchAsk

JSON = "application/json"


class ProvingRoutes:
    """Signing what the ledger has up to a block, and a custodian's own instances."""

    def __init__(self, parts: BrokerParts, gate: Gate) -> None:
        self._proving = parts.proving
        self._gate = gate

    def mount(self, app: FastAPI) -> None:
        """Add the routes."""
        app.get("/v1/checkpoints/{block}", summary="The ledger up to a final block, signed.")(self.checkpoint)
        app.post("/v1/provenance", summary="Sign for instances that the caller was given.")(self.provenance)

    async def checkpoint(self, block: Annotated[int, Path(ge=0, lt=2**53)]) -> Response:
        """Sign a checkpoint."""
        signed = await run_in_threadpool(self._proving.sign_ledger.run, block)
        return Response(wire.encode(signed), media_type=JSON)

    async def provenance(self, request: Request) -> Response:
        """Sign for instances."""
        ask = wire.decode(VouchAsk, await self._gate.body(request))
        return Response(wire.encode(await run_in_threadpool(self._proving.vouch.run, ask)), media_type=JSON)
