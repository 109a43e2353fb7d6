"""The broker's log door: tiles and checkpoint as C2SP tlog-tiles lays them out, and the witness of tlog-witness.

Everything here is for everybody and says nothing about anybody: leaves are salted commitments. Statuses of the witness
are those that its specification prescribes.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from fiducia.app.broker.limits import Gate
from fiducia.app.broker.parts import BrokerParts
from fiducia.app.web import plain_problem
from fiducia.core.tlog.tiles import tile_named
from fiducia.errors import LogConflictError, ProofError

NOTE = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"
SIZE = "text/x.tlog.size"


class LogRoutes:
    """One method per route; each runs one journey."""

    def __init__(self, parts: BrokerParts, gate: Gate) -> None:
        self._log = parts.log
        self._gate = gate

    def mount(self, app: FastAPI) -> None:
        """Add the routes."""
        app.get(
            "/log/checkpoint",
            summary="The newest checkpoint of this member's journal, a signed note; its tiles are beside it.",
        )(self.checkpoint)
        # OpenAPI has no words for a name of several segments; C2SP tlog-tiles has.
        app.get("/log/tile/{name:path}", include_in_schema=False)(self.tile)
        app.post("/witness/add-checkpoint", summary="Cosign another member's checkpoint.")(self.add_checkpoint)
        app.get("/witness/{origin_hash}/checkpoint", summary="The newest checkpoint cosigned of a log.")(self.witnessed)

    async def checkpoint(self) -> Response:
        """Return the newest checkpoint."""
        return Response(await run_in_threadpool(self._log.show.checkpoint), media_type=NOTE)

    async def tile(self, name: str) -> Response:
        """Return a tile."""
        found = await run_in_threadpool(self._log.show.tile, tile_named(name))
        return Response(found, media_type=OCTETS)

    async def add_checkpoint(self, request: Request) -> Response:
        """Cosign a checkpoint that follows the last one."""
        body = await self._gate.body(request)
        try:
            lines = await run_in_threadpool(self._log.witness.run, body)
        except LogConflictError as conflict:
            return Response(f"{conflict.size}\n", 409, media_type=SIZE)
        except ProofError as error:
            return plain_problem(422, str(error))
        return Response(lines, media_type=NOTE)

    async def witnessed(self, origin_hash: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:
        """Return the newest checkpoint that was cosigned here."""
        found = await run_in_threadpool(self._log.witness.newest, bytes.fromhex(origin_hash))
        return Response(found, media_type=NOTE)
