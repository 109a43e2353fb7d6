"""Health: alive is not ready, and ready names each part, and why it is not.

Each part is asked with a deadline of its own, so that one that hangs is named rather than waited for; it is not asked
again before it has answered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

from fiducia.app.broker.parts import BrokerParts
from fiducia.errors import FiduciaError

DEADLINE_S = 3.0
OK = "ok"


@dataclass(frozen=True, slots=True)
class Health:
    """What was found: each part's state ("ok", an error's slug, or "timeout"), and in words why some are not ok."""

    parts: dict[str, str]
    why: dict[str, str]

    @property
    def ready(self) -> bool:
        """Whether a release could be made now."""
        return all(state == OK for state in self.parts.values())


class HealthChecks:
    """Asks chain, store, vault, journal and log whether a release could be made now."""

    def __init__(self, parts: BrokerParts, log: Callable[[], None]) -> None:
        self._checks: dict[str, Callable[[], object]] = {
            "chain": parts.ledger.head,
            "store": parts.store.health,
            "vault": lambda: parts.vault.names("broker/"),
            "journal": parts.journal.health,
            "standing": parts.catch_up.require,
            "log": log,
        }
        self._pool = ThreadPoolExecutor(max_workers=2 * len(self._checks), thread_name_prefix="health")
        self._lock = threading.Lock()
        self._asked: dict[str, Future[object]] = {}

    def ask(self) -> Health:
        """Ask every part."""
        found = Health({}, {})
        for name, future in {name: self._ask(name) for name in self._checks}.items():
            try:
                future.result(timeout=DEADLINE_S)
                found.parts[name] = OK
            except FiduciaError as error:
                found.parts[name], found.why[name] = error.slug, str(error)
            except FutureTimeoutError:
                found.parts[name], found.why[name] = "timeout", f"it hangs: no answer within {DEADLINE_S:g} s"
        return found

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, name: str) -> Future[object]:
        with self._lock:
            asked = self._asked.get(name)
            if asked is None or asked.done():
                asked = self._asked[name] = self._pool.submit(self._checks[name])
            return asked
