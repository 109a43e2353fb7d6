"""The broker's routes under /v1."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import FastAPI, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from fiducia.app.broker.limits import Gate
from fiducia.app.broker.openapi import NDJSON
from fiducia.app.broker.parts import BrokerParts
from fiducia.core import wire
from fiducia.core.formats.canonical import parse_hex
from fiducia.core.formats.cid import cid_of_digest
from fiducia.core.formats.manifest import MANIFEST_MAX_BYTES
from fiducia.errors import EncodingError, StoreCorruptError
from fiducia.records.ledger import Act, GrantAct, RevokeAct, RevokeAllAct

JSON = "application/json"


class Routes:
    """One method per route; each decodes, runs one journey, encodes."""

    def __init__(self, parts: BrokerParts, gate: Gate) -> None:
        self._parts = parts
        self._gate = gate

    def mount(self, app: FastAPI) -> None:
        """Add the routes."""
        app.post("/v1/grants", summary="Relay a signed grant of this hospital's patient.")(self.grants)
        app.post("/v1/revocations", summary="Take a signed revoke, from anyone; 202 while the chain is away.")(
            self.revocations
        )
        app.post("/v1/releases", summary="Decide a request and record it.")(self.releases)
        app.post("/v1/hand-overs", summary="Hand over sealed keys of an open release.")(self.hand_overs)
        app.get("/v1/manifests/{digest}", summary="A public manifest by its digest on chain.")(self.manifest)
        app.get("/v1/events", summary="Ledger events from a block on, one JSON record a line.")(self.events)

    async def grants(self, request: Request) -> Response:
        """Relay a grant."""
        act = _only(await self._act(request), GrantAct)
        self._gate.admit_grant(act.grant.subject)
        receipt = await run_in_threadpool(self._parts.relay_grant.run, act)
        return Response(wire.encode(receipt), media_type=JSON)

    async def revocations(self, request: Request) -> Response:
        """Take a revoke."""
        act = await self._act(request)
        if not isinstance(act, RevokeAct | RevokeAllAct):
            raise EncodingError("this door takes revoke_act and revoke_all_act")
        on_chain = await run_in_threadpool(self._parts.take_revoke.run, act)
        return Response(orjson.dumps({"on_chain": on_chain}), 200 if on_chain else 202, media_type=JSON)

    async def releases(self, request: Request) -> Response:
        """Record a release."""
        access = wire.decode_access(await self._gate.body(request))
        release = await run_in_threadpool(self._parts.record_release.run, access)
        return Response(wire.encode(release), media_type=JSON)

    async def hand_overs(self, request: Request) -> Response:
        """Hand over keys."""
        access = wire.decode_access(await self._gate.body(request))
        hand_over = await run_in_threadpool(self._parts.hand_over.run, access)
        return Response(wire.encode(hand_over), media_type=JSON)

    async def manifest(self, digest: Annotated[str, Path(pattern="^0x[0-9a-f]{64}$")]) -> Response:
        """Return a manifest's bytes; whoever reads them compares the digest."""
        cid = cid_of_digest(parse_hex(digest, 32, what="a manifest's digest"))
        return Response(await run_in_threadpool(self._read_manifest, cid), media_type=JSON)

    async def events(self, from_block: Annotated[int, Query(ge=0, lt=2**63)] = 0) -> Response:
        """Return events of a bounded stretch of blocks, and where the next one begins."""
        lines, following = await run_in_threadpool(self._read_events, from_block)
        headers = {"Fiducia-Next-Block": str(following)}
        return Response(b"".join(line + b"\n" for line in lines), media_type=NDJSON, headers=headers)

    async def _act(self, request: Request) -> Act:
        return wire.decode_act(await self._gate.body(request))

    def _read_manifest(self, cid: str) -> bytes:
        size = self._parts.store.size(cid)
        if size > MANIFEST_MAX_BYTES:
            raise StoreCorruptError("the store's object is longer than any manifest can be")
        return self._parts.store.read(cid, 0, size)

    def _read_events(self, from_block: int) -> tuple[list[bytes], int]:
        first = max(from_block, self._parts.first_block)
        head = self._parts.ledger.head().number
        last = min(head, first + self._gate.limits.blocks_per_answer - 1)
        if last < first:
            return [], first
        return [wire.encode(event) for event in self._parts.ledger.events(first, last)], last + 1


def _only(act: Act, kind: type[GrantAct]) -> GrantAct:
    if not isinstance(act, kind):
        raise EncodingError("this door takes grant_act")
    return act
