"""How servers log: a line of JSON for each event on the standard error stream, or words where a person watches.

What is never in a line (identities, UIDs, keys, bodies, addresses) is for those who log to leave out.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import orjson
import structlog


def set_up_logs() -> None:
    """Set it up for this process; once, before anything is logged."""
    watched = sys.stderr.isatty()
    written = structlog.dev.ConsoleRenderer() if watched else structlog.processors.JSONRenderer(serializer=_json)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            written,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _json(event: Any, default: Callable[[Any], Any]) -> str:
    return orjson.dumps(event, default=default).decode()
