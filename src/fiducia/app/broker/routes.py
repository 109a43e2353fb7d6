"""The broker's routes under /v1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import orjson
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from fiducia.app.broker.limits import Gate
from fiducia.app.broker.openapi import NDJSON
from fiducia.app.broker.parts import BrokerParts
from fiducia.core import wire
from fiducia.core.formats.canonical import parse_hex
from fiducia.core.formats.cid import cid_of_digest
from fiducia.core.formats.manifest import MANIFEST_MAX_BYTES
from fiducia.core.wire_types import tag_of
from fiducia.errors import EncodingError, StoreCorruptError
from fiducia.journeys.grants.taken import TAKEN_KINDS, RevokeLike
from fiducia.journeys.members.carry import CARRIED, CarriedAct, takes_away
from fiducia.records.ledger import Act, GrantAct

JSON = "application/json"

TAKING_AT_ONCE, RELAYING_AT_ONCE = 8, 64
"""Threads of their own for revokes: whatever else waits for the chain, a revoke is verified, journalled and denied from
then on without waiting for a block, not even for another revoke's."""

WAITING_AT_ONCE = 256
"""Threads of their own for grants, acts and releases, each of which waits for its block: together they share blocks,
and nothing that needs no block (hand-overs, manifests, events) waits behind them."""


class Routes:
    """One method per route; each decodes, runs one journey, encodes."""

    def __init__(self, parts: BrokerParts, gate: Gate) -> None:
        self._parts = parts
        self._gate = gate
        self._taking, self._relaying = CapacityLimiter(TAKING_AT_ONCE), CapacityLimiter(RELAYING_AT_ONCE)
        self._waiting = CapacityLimiter(WAITING_AT_ONCE)

    def mount(self, app: FastAPI) -> None:
        """Add the routes."""
        app.post("/v1/grants", summary="Relay a signed grant of this hospital's patient.")(self.grants)
        app.post("/v1/acts", summary="Carry a signed act about this hospital's patient.")(self.acts)
        app.post(
            "/v1/revocations", summary="Take a signed revoke or restriction, from anyone; 202 while the chain is away."
        )(self.revocations)
        app.post("/v1/releases", summary="Decide a request and record it.")(self.releases)
        app.post("/v1/hand-overs", summary="Hand over sealed keys of an open release.")(self.hand_overs)
        app.get("/v1/manifests/{digest}", summary="A public manifest by its digest on chain.")(self.manifest)
        app.get("/v1/events", summary="Ledger events from a block on, one JSON record a line.")(self.events)

    async def grants(self, request: Request) -> Response:
        """Relay a grant."""
        act = await self._act(request)
        if not isinstance(act, GrantAct):
            raise _not_taken((GrantAct,))
        self._gate.admit_grant(act.grant.subject)
        receipt = await to_thread.run_sync(self._parts.relay_grant.run, act, limiter=self._waiting)
        return Response(wire.encode(receipt), media_type=JSON)

    async def acts(self, request: Request) -> Response:
        """Carry an act; how much is asked for a patient keeps nobody from taking something away."""
        act = await self._act(request)
        if not isinstance(act, CarriedAct):
            raise _not_taken(CARRIED)
        subject = await run_in_threadpool(self._parts.carry_act.concerned, act)
        if not takes_away(act):
            self._gate.admit_act(subject)
        receipt = await to_thread.run_sync(self._parts.carry_act.run, act, limiter=self._waiting)
        self._gate.count_act(subject)
        return Response(wire.encode(receipt), media_type=JSON)

    async def revocations(self, request: Request) -> Response:
        """Take a revoke or a restriction."""
        act = await self._act(request)
        if not isinstance(act, RevokeLike):
            raise _not_taken(TAKEN_KINDS)
        await to_thread.run_sync(self._parts.take_revoke.take, act, limiter=self._taking)
        on_chain = await to_thread.run_sync(self._parts.take_revoke.relay, act, limiter=self._relaying)
        return Response(orjson.dumps({"on_chain": on_chain}), 200 if on_chain else 202, media_type=JSON)

    async def releases(self, request: Request) -> Response:
        """Record a release."""
        access = wire.decode_access(await self._gate.body(request))
        with self._gate.release(access):
            release = await to_thread.run_sync(self._parts.record_release.run, access, limiter=self._waiting)
        return Response(wire.encode(release), media_type=JSON)

    async def hand_overs(self, request: Request) -> Response:
        """Hand over keys."""
        access = wire.decode_access(await self._gate.body(request))
        with self._gate.hand_over(access):
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


def _not_taken(kinds: Sequence[type]) -> EncodingError:
    return EncodingError("this door takes " + ", ".join(map(tag_of, kinds)))
