"""Running a broker: uvicorn on one address, and one thread that follows the chain and relays revokes."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from fiducia.app.broker.application import Lifespan, create_app
from fiducia.app.broker.limits import Limits
from fiducia.app.broker.parts import BrokerParts
from fiducia.errors import FiduciaError

FOLLOW_EVERY_S = 1.0
CONNECTIONS = 512

_log = structlog.get_logger("fiducia.broker")


def serve(parts: BrokerParts, *, host: str, port: int, limits: Limits | None = None) -> None:
    """Serve until a signal says stop. Blocks."""
    app = create_app(parts, limits=limits, lifespan=following(parts))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # an access log would hold addresses and paths
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run()


def following(parts: BrokerParts, every_s: float = FOLLOW_EVERY_S) -> Lifespan:
    """Return the background work: see new blocks, and relay what was taken while the chain was away."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=_follow, args=(parts, stop, every_s), name="follow", daemon=True)
        thread.start()
        yield
        stop.set()
        thread.join(timeout=5)

    return lifespan


def _follow(parts: BrokerParts, stop: threading.Event, every_s: float) -> None:
    trouble = ""
    while not stop.wait(every_s):
        try:
            parts.mirror.catch_up()
            parts.relay_taken.run()
            now = ""
        except FiduciaError as error:
            now = error.slug
        if now != trouble:
            _log.warning("following", trouble=now or "over")
            trouble = now
