"""What one transaction must tell together: an end of power ends grants, an emergency owes a review.

Source: contracts/src/interfaces, "follows".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fiducia.core.finding import Finding, found_in
from fiducia.core.replay import State
from fiducia.core.rules import Basis
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import StudyStatus

_Awaited = tuple[type[LedgerEvent], bytes]
"""An event's kind, and the subject, study or grant that it must name."""


@dataclass(slots=True)
class Consequences:
    """What the transaction under way still has to tell, and the event that owes it."""

    _awaited: dict[_Awaited, LedgerEvent] = field(default_factory=dict)

    def missing(self, event: LedgerEvent | None) -> Iterator[Finding]:
        """Yield what was not told before the next transaction's event, or the end (None)."""
        for (kind, name), owing in list(self._awaited.items()):
            if event is not None and event.transaction_hash == owing.transaction_hash:
                continue
            del self._awaited[kind, name]
            detail = f"{type(owing).__name__} without the {kind.__name__} that belongs to it"
            is_subject = kind is events.EpochRaised
            yield found_in(
                owing,
                "CONSEQUENCE_MISSING",
                detail,
                about=b"" if is_subject else name,
                subject=name if is_subject else b"",
                study_id=name if kind is events.StudyWithdrawn else b"",
            )

    def explains(self, event: LedgerEvent) -> bool:
        """Tell whether an event takes away only what the event before it ended; that one says who did it."""
        follows = isinstance(event, events.EpochRaised | events.StudyWithdrawn)
        return follows and _named(event) in self._awaited

    def note(self, state: State, event: LedgerEvent) -> None:
        """Note what an event that was just applied settles, and what it owes."""
        self._awaited.pop(_named(event), None)
        if isinstance(event, events.RepresentativeDismissed | events.SubjectRecovered):
            self._awaited[events.EpochRaised, event.subject] = event
        elif isinstance(event, events.ErasureRequested):
            study = state.study(event.study_id)
            if study is not None and study.status == StudyStatus.ANCHORED:
                self._awaited[events.StudyWithdrawn, event.study_id] = event
        elif isinstance(event, events.GrantGiven) and event.grant.basis == Basis.EMERGENCY:
            self._awaited[events.ReviewOwed, event.grant_id] = event


def _named(event: LedgerEvent) -> _Awaited:
    if isinstance(event, events.EpochRaised):
        return type(event), event.subject
    if isinstance(event, events.StudyWithdrawn):
        return type(event), event.study_id
    return type(event), event.grant_id if isinstance(event, events.ReviewOwed) else b""
