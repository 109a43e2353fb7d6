"""Running a broker: uvicorn on one address, a thread that follows the chain and tells it what it missed, another that
keeps the log, and one that re-keys where a policy says so."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from fiducia.app.background import repeat
from fiducia.app.broker.application import Lifespan, create_app
from fiducia.app.broker.limits import Limits
from fiducia.app.broker.log_keeping import CHECKPOINT_EVERY_S, LogKeeper
from fiducia.app.broker.parts import BrokerParts
from fiducia.app.web import listening

FOLLOW_EVERY_S = 1.0
REKEY_EVERY_S = 2.0
CONNECTIONS = 512


def serve(parts: BrokerParts, *, host: str, port: int, limits: Limits | None = None) -> None:
    """Serve until a signal says stop. Blocks."""
    keeper = LogKeeper(parts.log)
    keeper.begin()
    app = create_app(parts, limits=limits, lifespan=following(parts, keeper), keeper=keeper)
    listening(app, host, port, connections=CONNECTIONS).run()


def following(
    parts: BrokerParts, keeper: LogKeeper, every_s: float = FOLLOW_EVERY_S, keep_every_s: float = CHECKPOINT_EVERY_S
) -> Lifespan:
    """Return the background work: see new blocks, tell the chain what was done while it was away, keep the log."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = threading.Event()
        follow = partial(repeat, partial(_follow, parts), stop, every_s, room="fiducia.broker", what="following")
        keep = partial(repeat, keeper.run, stop, keep_every_s, room="fiducia.broker", what="keeping the log")
        acts = {"follow": follow, "log": keep}
        if parts.rekey is not None:
            acts["rekey"] = partial(
                repeat, parts.rekey.run, stop, REKEY_EVERY_S, room="fiducia.broker", what="re-keying"
            )
        threads = [threading.Thread(target=act, name=name, daemon=True) for name, act in acts.items()]
        for thread in threads:
            thread.start()
        yield
        stop.set()
        for thread in threads:
            thread.join(timeout=5)

    return lifespan


def _follow(parts: BrokerParts) -> None:
    parts.mirror.catch_up()
    parts.catch_up.run()
    parts.relay_taken.run()
    parts.asking.record_late.run()
    parts.trustee.deliver_rest.run()
    parts.trustee.tell_destroy.run()
