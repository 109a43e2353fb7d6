"""Running an institution's gateway, and one thread that follows the ledger for everybody, until a signal says stop."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from fiducia.app.background import repeat
from fiducia.app.gateway.application import create_app
from fiducia.app.gateway.parts import GatewayParts
from fiducia.app.web import listening

FOLLOW_EVERY_S = 0.25
"""Often enough that a revoke ends what is read within the time of a block."""
CONNECTIONS = 256
STOP_S = 5.0


def serve(parts: GatewayParts, host: str, port: int) -> None:
    """Serve until a signal says stop. Blocks. Raises: ConfigError, OSError (the port is taken)."""
    with following(parts):
        listening(create_app(parts), host, port, connections=CONNECTIONS).run()


@contextlib.contextmanager
def following(parts: GatewayParts) -> Iterator[None]:
    """Follow the ledger for as long as this lasts; afterwards nothing is held any more."""
    stop = threading.Event()

    def follow() -> None:
        repeat(parts.views.follow, stop, FOLLOW_EVERY_S, room="fiducia.gateway", what="following")

    thread = threading.Thread(target=follow, name="follow", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_S)
        parts.views.close()
