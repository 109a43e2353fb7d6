"""Fetching in an emergency while the chain stalls, all in one go: draw up, sign, keep, collect, prove, show.

    1. the last facts seen -> an EMERGENCY grant for the study or series, shown in words; both persons sign
    2. the first of them signs the request; both are kept: the same command sends the same emergency again
    3. collect (`late_collecting`), prove each index, stage every instance (`writing`)
    4. publish everything at once, forget the emergency

What is kept are signatures: keys are in memory only, and each run asks the brokers anew, so nobody reads after the
emergency's end what was not written before it. Whatever ends a run takes what was staged with it, but for a crash: the
next run proves that again. The brokers owe the ledger the hand-over; the patient's notice and the review follow from
it. Source: design section 7, ADR 35.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from fiducia.core import ids, wire
from fiducia.core.emergencies import require_no_overdue, require_team
from fiducia.core.entries import Study
from fiducia.core.replay import State
from fiducia.core.rules import Action, Basis
from fiducia.core.typed_data import Domains
from fiducia.core.wording import describe, with_terms
from fiducia.errors import (
    DeniedError,
    EncodingError,
    InputError,
    KeyMissingError,
    LedgerError,
    LedgerStaleError,
)
from fiducia.journeys.grants.drafting import DraftGrant
from fiducia.journeys.grants.emergency import emergency_order, require_hours
from fiducia.journeys.grants.grant import Show
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.reading.asking import DrawUpRequest, Requester
from fiducia.journeys.reading.collecting import Collected
from fiducia.journeys.reading.fetch import REASK_BEFORE_S
from fiducia.journeys.reading.writing import WriteSeries
from fiducia.journeys.shared.at_once import AskAtOnce, ask_at_once
from fiducia.journeys.shared.subjects import LastSeen, known_study
from fiducia.journeys.stalls.late_checks import NOT_STALLED, STALLED_S, decide_as_given
from fiducia.journeys.stalls.late_collecting import CollectInStall
from fiducia.journeys.trustees.blame import KeptBlames
from fiducia.ports import Broker, Clock, Destination, Entropy, Mirror, Progress, Steps, Store, Vault
from fiducia.records.images import FetchedStudy
from fiducia.records.ledger import GrantAct
from fiducia.records.statements import StalledEmergency
from fiducia.records.typed import Grant, StaffAccess

Team = tuple[Approver, Approver]


@dataclass(frozen=True, slots=True)
class StallOrder:
    """What to fetch in an emergency: a study (series 0) or one series, and how many hours the emergency lasts."""

    study_id: bytes
    series: int
    hours: int


@dataclass(frozen=True, slots=True)
class FetchedInStall:
    """What was written, and the emergency that the ledger is still to be told of."""

    fetched: FetchedStudy
    grant: Grant


class FetchInStall:
    """Fetch a study or a series for an emergency's two persons while no chain can record it.

    Example:
        ``FetchInStall(broker_of=broker_of, mirror=mirror, ...).run(StallOrder(study_id, 0, 8), (clinician, nurse),
        requester, destination, show=print)``
    """

    def __init__(
        self,
        *,
        broker_of: Callable[[int], Broker],
        mirror: Mirror,
        store: Store,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        domains: Domains,
        steps: Steps,
        progress: Progress,
        at_once: AskAtOnce = ask_at_once,
    ) -> None:
        """Take the ports; `broker_of` finds an institution's broker by its number."""
        self._mirror = mirror
        self._seen = LastSeen(mirror)
        self._vault = vault
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._draft = DraftGrant(mirror=self._seen, vault=vault, clock=clock, entropy=entropy)
        self._draw_up = DrawUpRequest(mirror=self._seen, clock=clock, entropy=entropy, domains=domains)
        self._write = WriteSeries(steps=steps, progress=progress)
        self._collect = CollectInStall(
            broker_of=broker_of,
            mirror=mirror,
            store=store,
            clock=clock,
            domains=domains,
            blame=KeptBlames(vault).keep,
            at_once=at_once,
        )

    def run(
        self,
        order: StallOrder,
        team: Team,
        requester: Requester,
        destination: Destination,
        *,
        show: Show = lambda words: None,
    ) -> FetchedInStall:
        """Draw up, collect, verify and publish.

        Args:
            order: what, and for how long.
            team: two different persons of one institution whose roles may use ETREAT.
            requester: the first of them, and the seed of the key that the answers are sealed to.
            destination: where instances go.
            show: gets the words that are signed.

        Raises:
            DeniedError: NOT_STALLED (the chain answers: open the emergency and fetch as usual), REVIEW_OVERDUE, or why
            brokers refuse. InputError, SignatureError: no such study, no such terms, or not a team; nothing was sent.
            VerificationError, StoreCorruptError: something is not what was dealt or vouched for. LedgerError: no facts
            here to draw it up from. StoreError, LedgerError, VaultError, TrusteeError: a part failed; the same call
            sends the same emergency again.
        """
        require_hours(order.hours)
        state, study = self._facts(order.study_id)
        name = _kept_name(order, team, requester)
        asked = self._resume(name, state, study, team, requester)
        if asked is None:
            asked = self._sign(self._drawn_up(order, state, study, team, show), order, state, study, team, requester)
            self._vault.put({name: wire.encode(asked)})
        else:
            show(_words(asked.grant.grant, order))
        self._steps.reached("late-fetch.kept")
        return self._run(name, asked, requester, destination)

    def _run(
        self, name: str, asked: StalledEmergency, requester: Requester, destination: Destination
    ) -> FetchedInStall:
        try:
            collected = self._collected(name, asked, requester)
            fetched = self._written(asked.access, collected, requester, destination)
            destination.publish()
        except BaseException as error:
            destination.discard()
            # Where a trustee sees no stall yet, the custodian may have handed over: that emergency goes on.
            if isinstance(error, DeniedError) and error.reason != NOT_STALLED:
                self._forget(name)
            raise
        self._steps.reached("late-fetch.published")
        self._forget(name)
        return FetchedInStall(fetched, asked.grant.grant)

    def _forget(self, name: str) -> None:
        self._vault.remove((name,))

    # -- drawing up

    def _facts(self, study_id: bytes) -> tuple[State, Study]:
        """The last facts seen, and the study in them."""
        away: LedgerError | None = None
        try:
            state = self._mirror.catch_up()
        except LedgerError as error:
            away, state = error, self._mirror.state()
        if away is not None and state.study(study_id) is None:
            raise LedgerStaleError(
                f"the chain gives no new block, and no study up to block {state.head.number}, the last one seen here, "
                "has this id: look at the id, or go where the ledger was read since"
            ) from away
        return state, known_study(state, study_id)

    def _drawn_up(self, order: StallOrder, state: State, study: Study, team: Team, show: Show) -> Grant:
        """The emergency's terms, shown."""
        require_no_overdue(state, team[0].institution, self._clock.now())
        begins = self._begins(team)
        terms = emergency_order(team[0].institution, study.subject, study.study_id, order.hours, begins, order.series)
        grant = self._draft.run(terms, Basis.EMERGENCY)
        words = _words(grant, order)
        show(words)
        return with_terms(grant, words)

    def _begins(self, team: Team) -> int:
        """A moment ago, so that it has begun by the clock of a broker that is behind; no earlier than both badges."""
        badges = [each.badge.badge.not_before for each in team if each.badge is not None]
        return max(self._clock.now() - STALLED_S, *badges) if badges else self._clock.now()

    def _sign(
        self, grant: Grant, order: StallOrder, state: State, study: Study, team: Team, requester: Requester
    ) -> StalledEmergency:
        """Both approve, the first asks; refused here is what every broker would refuse."""
        approvals = tuple(each.approve(self._domains, grant) for each in team)
        for at in (grant.not_before, self._clock.now()):
            require_team(self._domains, state, grant, approvals, at)
        access = self._draw_up.under(grant, study, order.series, Action.RETAIN, requester)
        return StalledEmergency(GrantAct(grant, approvals), access)

    def _resume(
        self, name: str, state: State, study: Study, team: Team, requester: Requester
    ) -> StalledEmergency | None:
        """The emergency that an earlier run kept, while it would be sent just so."""
        try:
            kept = self._vault.get(name)
            asked = wire.decode(StalledEmergency, kept, limit_bytes=len(kept))
        except (KeyMissingError, EncodingError):  # nothing, or as an earlier version kept it
            return None
        access, subject = asked.access, state.subject(study.subject)
        fits = (
            access.request.not_after > self._clock.now() + REASK_BEFORE_S
            and access.request.revision == study.revision
            and requester.seed_of(access.request.recipient) is not None
            and [each.credential for each in asked.grant.approvals] == [each.badge for each in team]
            and subject is not None
            and subject.epoch == access.grant.epoch
        )
        return asked if fits else None

    # -- images

    def _collected(self, name: str, asked: StalledEmergency, requester: Requester) -> Collected:
        """What opens the study; an emergency that its custodian calls unusable is not sent again."""
        try:
            collected = self._collect.collect(asked, requester.require_seed_of(asked.access.request.recipient))
        except InputError:
            self._forget(name)
            raise
        self._steps.reached("late-fetch.collected")
        return collected

    def _written(
        self, access: StaffAccess, collected: Collected, requester: Requester, destination: Destination
    ) -> FetchedStudy:
        request = access.request
        opened = self._collect.open(access, collected.hand_overs, requester.require_seed_of(request.recipient))

        def require_open() -> None:
            decide_as_given(self._domains, self._seen.catch_up(), access, self._clock.now()).require()

        written = self._write.run(opened, destination, require_open)
        return FetchedStudy(
            study_id=request.study_id,
            revision=request.revision,
            series=written.series,
            instances=written.instances,
            size_bytes=written.size_bytes,
            request_id=ids.request_id(request),
            blamed=collected.blamed,
        )


def _words(grant: Grant, order: StallOrder) -> str:
    return describe(grant, study_id=order.study_id, series=order.series)


def _kept_name(order: StallOrder, team: Team, requester: Requester) -> str:
    parts = (
        order.study_id,
        order.series.to_bytes(4, "big"),
        order.hours.to_bytes(1, "big"),
        team[1].person,
        requester.signer.address,
    )
    return f"kept/emergency/{hashlib.sha256(b''.join(parts)).hexdigest()}"
