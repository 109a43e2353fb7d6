"""Telling the ledger, when it is back, of what was handed over while it stalled.

    record:  the grant first, then the late record signed by the custodian's broker; again and again until the ledger
             shows it

The custodian's broker tells at once. A trustee keeps the custodian's signed word with what it handed over, and tells
by itself what the ledger does not show some minutes after it is back: the contract takes that word from anyone, so a
custodian that never comes back hides nothing. Told twice is told once. A late record opens nothing; audits report it,
and what was never recorded stands in these journals. Source: design section 7.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from fiducia.core import ids, wire
from fiducia.core.rules import REVIEW_WITHIN_S
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError, InputError, LedgerError
from fiducia.journeys.patients.notices import HANDED_OVER_LATE
from fiducia.journeys.shared.following import Following
from fiducia.journeys.stalls.late_checks import STALLED_S
from fiducia.ports import Clock, Journal, Ledger, Mirror, Signer, Steps
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import GrantAct, RecordLateAct
from fiducia.records.statements import LateEmergency, LateHandOver
from fiducia.records.typed import Grant, Late, StaffAccess

SHARE_HANDED_OVER_LATE = "late_share_handed_over"
"""A trustee's hand-over during a stall, about a request_id; its body is a `LateEmergency`. No notice is owed for it
here: that is the custodian's."""

RECORDED = "late_recorded"
REFUSED = "late_refused"
"""The chain will never take it; the journal's body says why."""

TRUSTEE_WAITS_S = 600
"""How long after the chain is back a trustee leaves the record to the custodian's broker."""


@dataclass(frozen=True, slots=True)
class Untold:
    """A hand-over that the ledger does not show yet.

    `signature` is the custodian's under `late`; empty where this broker is the custodian's and signs when it tells.
    """

    grant: GrantAct
    access: StaffAccess
    late: Late
    signature: bytes = b""


class LateHandOvers:
    """Hand-overs that the ledger does not show yet. Thread-safe; the journal is all that it rests on."""

    def __init__(self, journal: Journal) -> None:
        """Read the journal. Raises: JournalError."""
        self._lock = threading.Lock()
        self._following = Following(journal, HANDED_OVER_LATE, SHARE_HANDED_OVER_LATE, RECORDED, REFUSED)
        self._settled: set[bytes] = set()
        self._waiting: dict[bytes, Untold] = {}
        self._back_at: dict[bytes, int] = {}
        self.waiting()

    def waiting(self) -> tuple[tuple[bytes, Untold], ...]:
        """Return (request_id, hand-over) of all that wait, oldest first, whichever broker made them.

        Raises: JournalError.
        """
        with self._lock:
            for entry in self._following.news():
                if entry.kind in (RECORDED, REFUSED):
                    self._settled.add(entry.subject_id)
                    self._waiting.pop(entry.subject_id, None)
                    self._back_at.pop(entry.subject_id, None)
                elif entry.subject_id not in self._settled:
                    self._waiting.setdefault(entry.subject_id, _untold(entry))
            return tuple(self._waiting.items())

    def back_for(self, request_id: bytes, now: int) -> int:
        """Return for how many seconds the chain has been back, counted from the first call; a restart begins anew."""
        with self._lock:
            return now - self._back_at.setdefault(request_id, now)


def _untold(entry: JournalEntry) -> Untold:
    if entry.kind == HANDED_OVER_LATE:
        own = wire.decode(LateHandOver, entry.body.encode())
        return Untold(own.grant, own.access, Late(entry.subject_id, own.handed_over_at))
    shown = wire.decode(LateEmergency, entry.body.encode())
    return Untold(shown.emergency.grant, shown.emergency.access, shown.late.late, shown.late.signature)


class RecordLate:
    """Tell the ledger of hand-overs during a stall; run again and again by the broker.

    Example:
        ``RecordLate(ledger=ledger, mirror=mirror, journal=journal, late=late, clock=clock, domains=domains,
        steps=steps, signer=broker_sign).run()``
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        mirror: Mirror,
        journal: Journal,
        late: LateHandOvers,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        signer: Signer,
    ) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._journal = journal
        self._late = late
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._signer = signer

    def run(self) -> int:
        """Try each waiting hand-over once; returns how many still wait. Raises: JournalError, VaultError."""
        return sum(not self._record(request_id, untold) for request_id, untold in self._late.waiting())

    def _record(self, request_id: bytes, untold: Untold) -> bool:
        """One that the chain refuses must not keep the others waiting."""
        try:
            return self._tell(request_id, untold)
        except LedgerError:
            return False
        except (InputError, DeniedError) as error:
            return self._settle(request_id, REFUSED, error.reason if isinstance(error, DeniedError) else error.slug)

    def _tell(self, request_id: bytes, untold: Untold) -> bool:
        state, grant, late = self._mirror.catch_up(), untold.grant.grant, untold.late
        if any(state.recorded(request_id)):
            return self._settle(request_id, RECORDED)
        if state.head.time_at < late.handed_over_at:
            return False  # to the chain it has not happened yet
        if untold.signature and not self._is_ours_to_tell(request_id, grant, state.head.time_at):
            return False
        if state.grant(ids.grant_id(grant)) is None:
            try:
                self._ledger.submit(untold.grant)
            except InputError:
                # In its window the badges of today are judged, and one may have ended; afterwards those of then.
                if max(self._clock.now(), state.head.time_at) < grant.not_after + STALLED_S:
                    return False
                raise
            self._steps.reached("late.granted")
        signature = untold.signature or self._signer.sign(self._domains.digest(late))
        self._ledger.submit(RecordLateAct(untold.access, late, signature))
        self._steps.reached("late.recorded")
        return self._settle(request_id, RECORDED)

    def _is_ours_to_tell(self, request_id: bytes, grant: Grant, chain_at: int) -> bool:
        """Tell whether the custodian had its time, or there is none left: past the review the ledger takes nothing."""
        waited_s = self._late.back_for(request_id, self._clock.now())
        return waited_s >= TRUSTEE_WAITS_S or chain_at >= grant.not_before + REVIEW_WITHIN_S - TRUSTEE_WAITS_S

    def _settle(self, request_id: bytes, kind: str, why: str = "") -> bool:
        """Note once how it ended: journal first, so that a crash has it told again rather than forgotten."""
        self._journal.append([JournalEntry(kind, self._clock.now(), request_id, why)])
        self._steps.reached("late.noted")
        return True
