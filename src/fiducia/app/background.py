"""Work that goes on beside a door: the same again and again, and its troubles told once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from fiducia.errors import FiduciaError


def repeat(act: Callable[[], object], stop: threading.Event, every_s: float, *, room: str, what: str) -> None:
    """Act until told to stop; what it raises is logged by its kind, when that changes.

    Args:
        act: what to do each time.
        stop: ends it.
        every_s: the pause before each time.
        room: which logger tells.
        what: the log's event, such as "following".
    """
    log, trouble = structlog.get_logger(room), ""
    while not stop.wait(every_s):
        try:
            act()
            now = ""
        except FiduciaError as error:
            now = error.slug
        if now != trouble:
            log.warning(what, trouble=now or "over")
            trouble = now
