"""Members' events again: UNAUTHORISED_KEY (a new key of a suspended institution), UNAUTHORISED_WITHDRAWAL (of a person,
without a live ISSUER key). Votes are not in events: that they passed is the contract's word."""

from __future__ import annotations

from collections.abc import Iterator

from fiducia.core.audit.standing import has_key
from fiducia.core.finding import Finding, found_in
from fiducia.core.replay import State
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import KeyKind


def judge(state: State, event: LedgerEvent) -> Iterator[Finding]:
    """Yield what a members' event shows."""
    if isinstance(event, events.KeyPublished):
        member = state.member(event.institution)
        is_new = event.kind in tuple(KeyKind) and not state.key_end(
            event.institution, KeyKind(event.kind), event.key_hash
        )
        if is_new and member is not None and not member.active:
            yield found_in(event, "UNAUTHORISED_KEY", f"member {event.institution} was suspended")
    elif isinstance(event, events.PersonWithdrawn) and not has_key(
        state, event.institution, KeyKind.ISSUER, event.time_at
    ):
        yield found_in(event, "UNAUTHORISED_WITHDRAWAL", f"member {event.institution} had no live ISSUER key")
