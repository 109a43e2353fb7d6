"""Notices: a custodian tells its patients of every grant that they did not give themselves.

What is owed comes from the ledger (`core.notices`) and from hand-overs during a stall that the ledger does not show
yet; what was delivered or deferred, from the custodian's journal. Nothing else is kept, so nothing can be forgotten.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from fiducia.core import ids, wire
from fiducia.core.notices import OwedNotice, notice_of, owed
from fiducia.core.rules import YEAR_S, Notice
from fiducia.errors import InputError
from fiducia.journeys.shared.subjects import freshest
from fiducia.ports import Clock, Journal, Mirror
from fiducia.records.images import JournalEntry
from fiducia.records.statements import LateHandOver

DELIVERED = "notice_delivered"
DEFERRED = "notice_deferred"
HANDED_OVER_LATE = "late_handed_over"
"""Kinds in the journal, each about a grant_id; the last is about a request_id, its body a `LateHandOver`."""


class Standing(enum.Enum):
    """How a notice stands."""

    OWED = "owed"
    DEFERRED = "deferred"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class ListedNotice:
    """A notice, and how it stands; `at` is when it was delivered, or until when it is deferred (0: owed)."""

    notice: OwedNotice
    standing: Standing
    at: int = 0


class Notices:
    """List, deliver and defer the notices of one custodian.

    Example:
        ``Notices(mirror=mirror, journal=journal, clock=clock, custodian=1).run()``
    """

    def __init__(self, *, mirror: Mirror, journal: Journal, clock: Clock, custodian: int) -> None:
        self._mirror = mirror
        self._journal = journal
        self._clock = clock
        self._custodian = custodian

    def run(self) -> tuple[ListedNotice, ...]:
        """Return every notice about the custodian's patients, with the last facts seen when the chain is away.

        Raises: JournalError, LedgerInconsistencyError, VaultError.
        """
        delivered = {entry.subject_id: entry.at for entry in self._journal.entries(DELIVERED)}
        deferred = {entry.subject_id: int(entry.body) for entry in self._journal.entries(DEFERRED)}
        return tuple(self._listed(notice, delivered, deferred) for notice in self._owed())

    def for_patient(self, subject: bytes) -> tuple[ListedNotice, ...]:
        """Return what one patient is told: what was delivered, and what may not be deferred. Raises as `run`."""
        return tuple(
            listed
            for listed in self.run()
            if listed.notice.subject == subject
            and (listed.standing is Standing.DELIVERED or listed.notice.when is not Notice.DEFERRABLE)
        )

    def deliver(self, grant_id: bytes) -> ListedNotice:
        """Note durably that the patient was told. Again has no effect.

        Raises:
            InputError: no such notice is owed here. JournalError: not noted.
        """
        listed = self._find(grant_id)
        if listed.standing is Standing.DELIVERED:
            return listed
        now = self._clock.now()
        self._journal.append([JournalEntry(DELIVERED, now, grant_id)])
        return ListedNotice(listed.notice, Standing.DELIVERED, now)

    def defer(self, grant_id: bytes, until: int) -> ListedNotice:
        """Note durably that the patient is told later, where the basis lets that be.

        Args:
            grant_id: a grant on basis LAW.
            until: UTC Unix seconds, within a year; from then on the notice is owed again.

        Raises:
            InputError: no such notice, delivered already, another basis, or another time. JournalError: not noted.
        """
        listed = self._find(grant_id)
        if listed.notice.when is not Notice.DEFERRABLE:
            raise InputError(f"a notice of a grant on basis {listed.notice.basis.name} is not deferred")
        if listed.standing is Standing.DELIVERED:
            raise InputError("this notice was delivered already")
        now = self._clock.now()
        if not now < until <= now + YEAR_S:
            raise InputError("a notice is deferred to a time in the future, at most a year ahead")
        self._journal.append([JournalEntry(DEFERRED, now, grant_id, str(until))])
        return ListedNotice(listed.notice, Standing.DEFERRED, until)

    def _find(self, grant_id: bytes) -> ListedNotice:
        found = next((listed for listed in self.run() if listed.notice.grant_id == grant_id), None)
        if found is None:
            raise InputError("no notice of that grant is owed by this hospital; see `fiducia notice list`")
        return found

    def _owed(self) -> Iterator[OwedNotice]:
        state = freshest(self._mirror)
        yield from owed(state, self._custodian)
        seen: set[bytes] = set()
        for entry in self._journal.entries(HANDED_OVER_LATE):
            late = wire.decode(LateHandOver, entry.body.encode())
            grant_id = ids.grant_id(late.grant.grant)
            known = state.grant(grant_id)
            if grant_id not in seen and (known is None or known.grant is None):
                seen.add(grant_id)
                notice = notice_of(late.grant.grant, grant_id, late.handed_over_at)
                assert notice is not None  # none but emergencies are handed over so
                yield notice

    def _listed(self, notice: OwedNotice, delivered: dict[bytes, int], deferred: dict[bytes, int]) -> ListedNotice:
        if notice.grant_id in delivered:
            return ListedNotice(notice, Standing.DELIVERED, delivered[notice.grant_id])
        until = deferred.get(notice.grant_id, 0)
        if until > self._clock.now():
            return ListedNotice(notice, Standing.DEFERRED, until)
        return ListedNotice(notice, Standing.OWED)
