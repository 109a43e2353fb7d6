"""Health: alive is not ready, and ready names each part.

Each part is asked with a deadline of its own, so that one that hangs is named rather than waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

from fiducia.app.broker.parts import BrokerParts
from fiducia.errors import FiduciaError

DEADLINE_S = 3.0


class Health:
    """Asks chain, store, vault and journal whether a release could be made now."""

    def __init__(self, parts: BrokerParts) -> None:
        self._checks: dict[str, Callable[[], object]] = {
            "chain": parts.ledger.head,
            "store": parts.store.health,
            "vault": lambda: parts.vault.names("broker/"),
            "journal": parts.journal.health,
        }
        self._pool = ThreadPoolExecutor(max_workers=2 * len(self._checks), thread_name_prefix="health")

    def parts(self) -> dict[str, str]:
        """Return each part's state: "ok", an error's slug, or "timeout"."""
        asked = {name: self._pool.submit(check) for name, check in self._checks.items()}
        states = {}
        for name, future in asked.items():
            try:
                future.result(timeout=DEADLINE_S)
                states[name] = "ok"
            except FiduciaError as error:
                states[name] = error.slug
            except FutureTimeoutError:
                states[name] = "timeout"
        return states

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
