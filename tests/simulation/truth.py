"""The chain's events as the checker reads them: a second, plain opinion on what was open when.

Written from the design, section 5, not from `core.policy` or `core.replay`, which are among what is checked. It knows
only what the simulated worlds do: grants of patients (basis CONSENT), badges, keys that do not end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import singledispatchmethod

from fiducia.core.keccak import keccak256
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.typed import Grant, StaffAccess
from tests.simulation.history import Block, Happened

_ALL_STUDIES = bytes(32)


@dataclass(frozen=True, slots=True)
class _Given:
    grant: Grant
    expiry_at: int


@dataclass(slots=True)
class Ledger:
    """What the chain holds after some block."""

    grants: dict[bytes, _Given] = field(default_factory=dict)
    revoked: set[bytes] = field(default_factory=set)
    epochs: dict[bytes, int] = field(default_factory=dict)
    restricted: set[bytes] = field(default_factory=set)
    anchored: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    revisions: dict[bytes, int] = field(default_factory=dict)
    gone: set[tuple[bytes, int]] = field(default_factory=set)
    persons_gone: set[bytes] = field(default_factory=set)
    badge_epochs: dict[int, int] = field(default_factory=dict)
    recorded: dict[bytes, int] = field(default_factory=dict)
    gateways: set[tuple[int, bytes]] = field(default_factory=set)

    @singledispatchmethod
    def see(self, event: LedgerEvent) -> None:
        """Take an event."""

    @see.register
    def _(self, event: events.GrantGiven) -> None:
        self.grants.setdefault(event.grant_id, _Given(event.grant, event.expiry_at))

    @see.register
    def _(self, event: events.GrantRevoked) -> None:
        self.revoked.add(event.grant_id)

    @see.register
    def _(self, event: events.SubjectEnrolled) -> None:
        self.epochs[event.subject] = 1

    @see.register
    def _(self, event: events.EpochRaised) -> None:
        self.epochs[event.subject] = event.epoch

    @see.register
    def _(self, event: events.SubjectRestricted) -> None:
        self.restricted.add(event.subject)

    @see.register
    def _(self, event: events.RestrictionLifted) -> None:
        self.restricted.discard(event.subject)

    @see.register
    def _(self, event: events.StudyAnchored) -> None:
        self.anchored[event.study_id] = event.subject, event.time_at
        self.revisions[event.study_id] = 1

    @see.register
    def _(self, event: events.StudyRevised) -> None:
        self.revisions[event.study_id] = event.revision

    @see.register
    def _(self, event: events.StudyWithdrawn) -> None:
        self.gone.add((event.study_id, event.revision))

    @see.register
    def _(self, event: events.StudyErased) -> None:
        self.gone.add((event.study_id, 0))

    @see.register
    def _(self, event: events.PersonWithdrawn) -> None:
        self.persons_gone.add(event.person)

    @see.register
    def _(self, event: events.BadgeEpochRaised) -> None:
        self.badge_epochs[event.institution] = event.epoch

    @see.register
    def _(self, event: events.ReleaseRecorded) -> None:
        self.recorded[event.request_id] = event.lapse_at

    @see.register
    def _(self, event: events.KeyPublished) -> None:
        self.gateways.add((event.institution, event.key_hash))

    def copy(self) -> Ledger:
        """Return one that goes on by itself."""
        return Ledger(*(type(getattr(self, name))(getattr(self, name)) for name in self.__slots__))

    def objection(self, access: StaffAccess, request_id: bytes, time: int) -> str:
        """Return why nobody may have what a request asks for at a time, or an empty text."""
        request, grant, badge = access.request, access.grant, access.badge.badge
        given = self.grants.get(request.grant_id)
        subject, anchored_at = self.anchored.get(request.study_id, (b"", 0))
        objections = {
            "not recorded": request_id not in self.recorded,
            "lapsed": time >= self.recorded.get(request_id, 0),
            "not granted": given is None or given.grant != grant,
            "revoked": request.grant_id in self.revoked,
            "revoked with all others": grant.epoch != self.epochs.get(grant.subject),
            "processing is restricted": grant.subject in self.restricted,
            "granted for later or earlier": given is None or not grant.not_before <= time < given.expiry_at,
            "another patient's": subject != grant.subject,
            "out of scope": not _covers(grant, request.study_id, request.series, anchored_at),
            "granted to somebody else": grant.grantee not in (request.person, request.person[:4] + bytes(28)),
            "another purpose": not grant.purposes >> request.purpose & 1,
            "another action": not grant.actions >> request.action & 1,
            "an unknown revision": not 1 <= request.revision <= self.revisions.get(request.study_id, 0),
            "withdrawn": not {(request.study_id, 0), (request.study_id, request.revision)}.isdisjoint(self.gone),
            "another person's badge": badge.person != request.person,
            "the person was withdrawn": request.person in self.persons_gone,
            "the badge ended": badge.epoch != self.badge_epochs.get(badge.institution, 1) or time >= badge.not_after,
            "not the institution's gateway": (badge.institution, request.recipient) not in self.gateways,
        }
        return next((why for why, stands in objections.items() if stands), "")


def _covers(grant: Grant, study_id: bytes, series: int, anchored_at: int) -> bool:
    if grant.scope == _ALL_STUDIES:
        return anchored_at <= grant.anchored_by
    return grant.scope == study_id or (series > 0 and grant.scope == keccak256(study_id + series.to_bytes(32, "big")))


class Truth:
    """The chain's states in their order, with where in a history each began."""

    def __init__(self, history: Iterable[Happened]) -> None:
        self._states: list[tuple[int, int, Ledger]] = [(-1, 0, Ledger())]
        for block in history:
            if isinstance(block, Block):
                state = self._states[-1][2]
                if block.events:
                    state = state.copy()
                    for event in block.events:
                        state.see(event)
                self._states.append((block.at, block.time_at, state))

    @property
    def end(self) -> Ledger:
        """What the chain holds at last."""
        return self._states[-1][2]

    def _between(self, since: int, until: int) -> Sequence[tuple[int, Ledger]]:
        """The states that held at some moment from a time on, and up to a place in the history; with their times."""
        seen = [(time_at, state) for at, time_at, state in self._states if at < until]
        first = max((place for place, (time_at, _) in enumerate(seen) if time_at <= since), default=0)
        return seen[first:]

    def objection(self, access: StaffAccess, request_id: bytes, since: int, until: int) -> str:
        """Return why what a request asks for was not open at any moment of a stretch, or an empty text.

        Args:
            access: what was asked for.
            request_id: its id.
            since: the stretch's begin, UTC Unix seconds.
            until: its end, as a place in the history.
        """
        why = ""
        for time_at, state in reversed(self._between(since, until)):
            found = state.objection(access, request_id, max(time_at, since))
            if not found:
                return ""
            why = why or found
        return why
