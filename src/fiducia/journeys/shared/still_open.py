"""Whether a recorded release still stands, asked of the ledger itself, and patience with an endpoint that is behind.

A release is final where it was recorded before another endpoint, or another member's, has seen its block. That is
no refusal: it is asked for again, for a while. What stands against a release is a refusal at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fiducia.core.decision import VerifiedAccess
from fiducia.core.policy import decide
from fiducia.errors import LedgerNotFinalError
from fiducia.ports import Clock, Ledger
from fiducia.records.ledger import Facts
from fiducia.records.typed import Access

CATCH_UP_S = 5.0
"""How long what is final in one place may be unknown in another."""
PAUSE_S = 0.1
_LOOKS = 3

Asked = TypeVar("Asked")


def objection(ledger: Ledger, access: Access, verified: VerifiedAccess, now: int) -> tuple[str, Facts] | None:
    """Return why a recorded release does not stand, with the facts that say so; nothing when it does.

    Args:
        ledger: which is asked.
        access: what was recorded.
        verified: who signed it, from `verify_access`.
        now: this machine's UTC Unix seconds; time is judged by the later of it and the block's.

    Raises:
        LedgerNotFinalError: nothing stands against it, but the ledger does not show it (yet).
    """
    for _ in range(_LOOKS):
        head, (is_open,) = ledger.are_open([access.request])
        if is_open and max(head.time_at, now) < access.request.not_after:
            return None
        facts = ledger.facts(access)
        decision = decide(access, facts, verified, at=now)
        if not decision.allowed:
            return decision.denial, facts
        if not facts.request_recorded_at:
            raise LedgerNotFinalError("the release is not recorded in a final block yet; ask again")
        if facts.head.number <= head.number:
            break  # the same block, or an older one, has the release: it lapsed, or what it rested on did
    return "NOT_OPEN", facts


def when_final(clock: Clock, ask: Callable[[], Asked]) -> Asked:
    """Ask, and again while the answer is that a release is not final there yet.

    Raises:
        LedgerNotFinalError: it still was not after `CATCH_UP_S`. And what `ask` raises.
    """
    for _ in range(round(CATCH_UP_S / PAUSE_S)):
        try:
            return ask()
        except LedgerNotFinalError:
            clock.pause(PAUSE_S)
    return ask()
