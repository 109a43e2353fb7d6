"""Keeping the log: a checkpoint every few seconds, cosigned by whoever answers, the newest one anchored now and then.

Owns when, and what `/readyz` says of it. Witnesses and a chain that do not answer are no trouble of the log's: it goes
on, and the next round asks again. A checkpoint that cannot be signed is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from fiducia.app.broker.parts import LogParts
from fiducia.errors import FiduciaError, JournalError, LedgerError, LogConflictError

CHECKPOINT_EVERY_S = 5.0
ANCHOR_EVERY_S, ANCHOR_AGAIN_S = 3600.0, 300.0


class LogKeeper:
    """One broker's keeper. `run` is called by one thread.

    Args:
        log: the journeys.
        anchor_every_s: how long at least from one anchor to the next; the first is as soon as there is an entry.
        monotonic: a clock for that.
    """

    def __init__(
        self, log: LogParts, anchor_every_s: float = ANCHOR_EVERY_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._anchor_every_s = anchor_every_s
        self._monotonic = monotonic
        self._anchor_at = 0.0
        self._why = ""
        self.size, self.witnesses, self.anchored = 0, 0, 0

    def begin(self) -> None:
        """Before anybody is served: find out whether the journal still is what was signed; `health` tells."""
        try:
            self.size = self._log.sign.run().size
        except LogConflictError:
            return
        except FiduciaError as error:
            self._why = str(error)

    def run(self) -> None:
        """Sign, collect, anchor. Raises: JournalError, ConfigError (told by `health`, too)."""
        try:
            kept = self._log.sign.run()
            self.size = kept.size
            self.witnesses = len(self._log.collect.run(kept))
            self._why = ""
        except LogConflictError:
            return  # another broker of this member was faster: the next round goes on from what it signed
        except FiduciaError as error:
            self._why = str(error)
            raise
        self._anchor()

    def health(self) -> None:
        """Return when the last checkpoint could be signed. Raises: JournalError."""
        if self._why:
            raise JournalError(self._why)

    def _anchor(self) -> None:
        now = self._monotonic()
        if now < self._anchor_at:
            return
        # What was sent to a chain that stalls may still be included: not one more at every round.
        self._anchor_at = now + ANCHOR_AGAIN_S
        try:
            done = self._log.anchor.run()
        except LedgerError:
            return
        if done is None:
            self._anchor_at = now
        else:
            self._anchor_at, self.anchored = now + self._anchor_every_s, self.size
