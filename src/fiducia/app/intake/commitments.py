"""Storage commitment: what was asked and is not answered yet, and the thread that decides and reports.

A report is one answer about all instances of a transaction: it is sent once each is decided. Instances that wait keep
it waiting, for a while. Everything is in memory: a restart forgets it, and whoever asked asks again, as PS3.4 expects.
Source: PS3.4 annex J.3, table J.3-2; failure reasons PS3.3 section C.14.1.1.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

import structlog

from fiducia.app.background import repeat
from fiducia.core.dicom.commitment import CommitmentRequest
from fiducia.errors import LimitError
from fiducia.journeys.studies.commitment import Standing, TellStanding

CHECK_EVERY_S = 1.0
KEEP_S = 24 * 3600
PENDING_MAX = 1000
REFERENCES_MAX = 500_000
TRY_AGAIN_S, TRY_AGAIN_MAX_S = 5.0, 300.0
_log = structlog.get_logger("fiducia.intake")


class Reason(IntEnum):
    """Why an instance is not committed."""

    PROCESSING_FAILURE = 0x0110  # it still waits: ask again
    NO_SUCH_INSTANCE = 0x0112


@dataclass(slots=True)
class Pending:
    """One transaction.

    Attributes:
        peer: who asked, by AE title.
        asked: the transaction's UID, and SOP classes by instance.
        association: through which it was asked.
        until: when what waits is given up, in seconds of the monotonic clock.
        decided: why each decided instance is not committed, or None when it is.
        try_at: not sent before this; `wait_s` later than the last try.
        forget_at: given up then.
    """

    peer: str
    asked: CommitmentRequest
    association: object
    until: float
    decided: dict[str, Reason | None] = field(default_factory=dict)
    try_at: float = 0.0
    wait_s: float = 0.0
    forget_at: float = 0.0

    def undecided(self) -> Collection[str]:
        """Return what is not decided."""
        return self.asked.references.keys() - self.decided.keys()


class Sent(IntEnum):
    """What became of a report."""

    TAKEN = 1
    NOT_NOW = 2
    NEVER = 3  # the association it was asked through is gone, and nobody said where else


class Send(Protocol):
    """Sends a report."""

    def __call__(self, pending: Pending) -> Sent:
        """Send it; never raises."""
        ...


class Commitments:
    """What was asked and is not answered. One thread decides (`serve`), any may ask."""

    def __init__(self, *, tell: TellStanding, send: Send, wait_s: float) -> None:
        self._tell = tell
        self._send = send
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, str], Pending] = {}

    def ask(self, peer: str, asked: CommitmentRequest, association: object) -> None:
        """Take a request; the same transaction again is answered once, through the newer association.

        Raises:
            LimitError: too many are pending.
        """
        with self._lock:
            place = (peer, asked.transaction_uid)
            others = [each for key, each in self._pending.items() if key != place]
            count = sum(len(each.asked.references) for each in others)
            if len(others) >= PENDING_MAX or count + len(asked.references) > REFERENCES_MAX:
                raise LimitError("too many storage commitments are pending: ask again later")
            self._pending[place] = Pending(peer, asked, association, time.monotonic() + self._wait_s)

    def __len__(self) -> int:
        with self._lock:
            return len(self._pending)

    def check(self) -> None:
        """Decide what can be decided, and report what is. Raises: VaultError."""
        with self._lock:
            pending = dict(self._pending)
        uids = {uid for each in pending.values() for uid in each.undecided()}
        standings = self._tell.run(uids) if uids else {}
        for place, each in pending.items():
            _decide(each, standings)
            if not each.undecided() and self._is_done(each):
                with self._lock:
                    if self._pending.get(place) is each:  # it may have been asked again meanwhile
                        del self._pending[place]

    def serve(self, stop: threading.Event) -> None:
        """Check again and again until told to stop."""
        repeat(self.check, stop, CHECK_EVERY_S, room="fiducia.intake", what="committing")

    def _is_done(self, pending: Pending) -> bool:
        now = time.monotonic()
        pending.forget_at = pending.forget_at or now + KEEP_S
        if now < pending.try_at:
            return False
        sent = self._send(pending)
        if sent is Sent.NOT_NOW and now < pending.forget_at:
            pending.wait_s = min(2 * pending.wait_s or TRY_AGAIN_S, TRY_AGAIN_MAX_S)
            pending.try_at = now + pending.wait_s
            return False
        failed = sum(reason is not None for reason in pending.decided.values())
        _log.info("committed", instances=len(pending.decided) - failed, failed=failed, told=sent is Sent.TAKEN)
        return True


def _decide(pending: Pending, standings: Mapping[str, Standing]) -> None:
    late = time.monotonic() >= pending.until
    for uid in pending.undecided():
        standing = standings[uid]
        if standing is Standing.ANCHORED:
            pending.decided[uid] = None
        elif standing is not Standing.WAITING:
            pending.decided[uid] = Reason.NO_SUCH_INSTANCE
        elif late:
            pending.decided[uid] = Reason.PROCESSING_FAILURE
