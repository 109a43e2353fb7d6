"""Steps that end the process at a chosen point, as a crash would: how crash safety is tried from outside.

Owns the form of a fault ("point" or "point:count") and the end by SIGKILL, which no handler softens. Without a
fault it is silent. Set through FIDUCIA_STOP_AT (`app.settings`) by tests and the demo, never in operation.
"""

from __future__ import annotations

import os
import re
import signal
import threading

from fiducia.errors import ConfigError

_FORM = re.compile(r"([a-z][a-z0-9.-]{0,63})(?::([1-9][0-9]{0,5}))?")


class FaultSteps:
    """A `Steps` that kills its own process when a point was reached the given number of times."""

    def __init__(self, fault: str | None = None) -> None:
        """Take a fault such as "fetch.instance-staged:3", or None for silence. Raises: ConfigError."""
        match = _FORM.fullmatch(fault) if fault else None
        if fault and match is None:
            raise ConfigError("a fault is a point's name, or name:count")
        self._point = match[1] if match else None
        self._left = int(match[2] or 1) if match else 0
        self._lock = threading.Lock()

    def reached(self, point: str) -> None:
        """Note a point; see `fiducia.ports.Steps.reached`."""
        if point != self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
