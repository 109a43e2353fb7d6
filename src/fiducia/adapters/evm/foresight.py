"""What `record` would say, asked along with the facts that a release is decided from.

A broker asks for the facts, decides, journals, and then has the release recorded; asking the ledger's own
`check` in the first of these requests saves one request and one wait for the chain. A note is a forecast, and
nothing rests on it: a transaction that the ledger refuses after all is found out by its receipt. Notes are
short-lived; those outstanding also say how many releases are about to be recorded, so that they go together.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from fiducia.adapters.evm import acts
from fiducia.adapters.evm.chain import Chain, Question
from fiducia.core import ids
from fiducia.core.decision import Reason
from fiducia.records.typed import StaffAccess

_GOOD_FOR_S = 0.25
_KEPT_AT_MOST = 1024


class Foresight:
    """Notes about releases that nothing stood against a moment ago. Safe for threads."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._changed = threading.Condition()
        self._noted_at: dict[StaffAccess, float] = {}

    def questions(self, access: StaffAccess) -> tuple[Question, Question]:
        """Return what to ask: whether the release is recorded already, and what stands against recording it."""
        return (
            self._chain.view("Releases", "releaseOf", ids.request_id(access.request)),
            self._chain.view("Releases", "check", acts.evidence_of(access)),
        )

    def note(self, access: StaffAccess, answers: list[tuple[Any, ...]]) -> None:
        """Remember the answers when nothing stands against recording."""
        (release,), (reason,) = answers
        if release[0] or reason != Reason.NONE:
            return
        now = time.monotonic()
        with self._changed:
            self._forget_old(now)
            if len(self._noted_at) < _KEPT_AT_MOST:
                self._noted_at[access] = now

    def take(self, access: StaffAccess) -> bool:
        """Tell whether nothing stood against recording a moment ago; the note is used up."""
        with self._changed:
            noted_at = self._noted_at.pop(access, None)
            self._changed.notify_all()
        return noted_at is not None and time.monotonic() - noted_at < _GOOD_FOR_S

    def wait_for_company(self, at_most_s: float) -> None:
        """Wait until nobody else who may record is still on the way, for so long at most."""
        with self._changed:
            self._forget_old(time.monotonic())
            self._changed.wait_for(lambda: not self._noted_at, timeout=at_most_s)

    def _forget_old(self, now: float) -> None:
        # Insertion is in the order of time: the first that is good ends the search.
        for access, noted_at in list(self._noted_at.items()):
            if now - noted_at < _GOOD_FOR_S:
                break
            del self._noted_at[access]
