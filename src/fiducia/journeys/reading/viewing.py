"""Viewing: what one signed-in person may see, as long as the ledger says so.

    refresh     what live grants offer under METADATA is requested, in one batch; indexes only
    open        a study's pixels are requested when somebody opens it
    check       every held release is looked at when a block comes; what is not open loses its keys at once
    read        only what is held, was asked about a moment ago, and is in the journal before the first byte is sent

Keys are in memory only, in what `Held` opens, and go when it does. A ledger that cannot be asked opens nothing.
Source: design sections 5 (`isOpen`) and 7.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from fiducia.core import wire
from fiducia.core.offers import Offer, offers_to
from fiducia.core.replay import State
from fiducia.core.rules import Action
from fiducia.errors import DeniedError, FiduciaError, InputError, LedgerStaleError
from fiducia.journeys.reading.asking import Requester
from fiducia.journeys.reading.opening import Held, Opening, OpenOffers
from fiducia.journeys.shared.still_open import CATCH_UP_S
from fiducia.ports import Clock, Mirror
from fiducia.records.images import JournalEntry

READ = "gateway_read"
UNCHECKED_MAX_S = 5.0
"""How long ago the ledger may have been asked; after that nothing is read before it answers again."""
REFUSED_S, TROUBLED_S = 60.0, 5.0
"""How long an offer that was refused, or could not be opened, is not asked for again at a refresh."""
SAME_BLOCK_S = 5.0
"""How long a refusal counts for whoever opens the same again; no longer than its block is the newest."""

Noted = Callable[[], None]
"""Waits until what was noted is in the journal. Raises: JournalError."""


@dataclass(frozen=True, slots=True)
class ReadNote:
    """What the journal says of a read; numbers as the ledger has them, 0 for all.

    Attributes:
        what: such as "search", "metadata", "frames".
        series, instance: which.
        count: how many instances or frames.
    """

    what: str
    series: int = 0
    instance: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: str
    block: int
    until: float


class Viewing:
    """One person's view. Safe for threads.

    Example:
        ``viewing.refresh(); [held.offer for held in viewing.listed()]; viewing.opened(study_id)``
    """

    def __init__(
        self,
        *,
        requester: Callable[[], Requester],
        purpose: int,
        open_offers: OpenOffers,
        mirror: Mirror,
        write_down: Callable[[Sequence[JournalEntry]], Noted],
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the ports.

        Args:
            requester: who asks, with a badge; under another key once the gateway's was replaced.
            purpose: as chosen at sign-in.
            write_down: begins to append to the journal; opening takes about as long as syncing a disk, and goes on.
            open_offers, mirror, clock, monotonic: the ports.
        """
        badge = requester().badge
        if badge is None:
            raise InputError("who views has a badge")
        self._person = badge.badge.person
        self._requester = requester
        self._purpose = purpose
        self._open_offers = open_offers
        self._mirror = mirror
        self._write_down = write_down
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asking = threading.Lock()  # one batch at a time: two readers of a study ask for it once
        self._held: dict[int, dict[Offer, Held]] = {Action.METADATA: {}, Action.VIEW: {}}
        self._replaced: list[Held] = []  # by a newer revision; somebody may still be reading them
        self._checked_at = monotonic()
        self._over = False
        self._ended = 0
        self._refused: dict[tuple[int, Offer], _Refusal] = {}  # by action; only where `_asking` is held
        self._not_before: dict[Offer, float] = {}  # of offers that a refresh leaves alone for a while
        self._offered: dict[int, tuple[tuple[int, int], tuple[Offer, ...]]] = {}  # by action: as of when, and what

    # -- what there is

    def refresh(self) -> tuple[FiduciaError, ...]:
        """Request the indexes of what is offered and not held yet; return what could not be opened now."""
        state, now = self._mirror.state(), self._monotonic()
        self._not_before = {offer: until for offer, until in self._not_before.items() if now < until}
        offers = [offer for offer in self._offers(state, Action.METADATA) if offer not in self._not_before]
        opening = self._ask(state, offers, Action.METADATA)
        self._not_before |= {offer: now + REFUSED_S for offer, _ in opening.refused}
        self._not_before |= {offer: now + TROUBLED_S for offer, _ in opening.troubled}
        return tuple(error for _, error in opening.troubled)

    def renew(self) -> None:
        """Open anew what is held and was sealed to a gateway key that was replaced.

        Who reads meanwhile reads on: what was opened before is kept until it closes.
        """
        state = self._mirror.state()
        for action in self._held:
            with self._lock:
                held = set(self._held[action])
            self._ask(state, [offer for offer in self._offers(state, action) if offer in held], action)

    @property
    def renewed(self) -> bool:
        """Whether all that is held was sealed to the gateway's present key."""
        seed = self._requester().seed
        with self._lock:
            return all(each.sealed_to(seed) for mine in self._held.values() for each in mine.values())

    @property
    def ended(self) -> int:
        """How many releases ended so far that were held: a number that rises tells a page to look again."""
        return self._ended

    def listed(self) -> tuple[Held, ...]:
        """Return what is held under METADATA, ordered by study and series."""
        return self._of(Action.METADATA)

    def opened(self, study_id: bytes) -> tuple[Held, ...]:
        """Return what may be seen of a study, pixels too, requesting it first where that was not done.

        Raises:
            DeniedError: no grant lets this person view it. LedgerError, StoreError, ...: it cannot be opened now.
        """
        state = self._mirror.state()
        offers = [offer for offer in self._offers(state, Action.VIEW) if offer.study_id == study_id]
        opening = self._ask(state, offers, Action.VIEW)
        held = tuple(each for each in self._of(Action.VIEW) if each.offer.study_id == study_id)
        if held:
            return held
        for _, error in opening.troubled:
            raise error
        raise DeniedError(opening.refused[0][1] if opening.refused else "ACTION")

    def _offers(self, state: State, action: int) -> tuple[Offer, ...]:
        """What is offered now; looked for once for each block and second, however many frames are asked for."""
        now = self._clock.now()
        known = self._offered.get(action)
        if known is None or known[0] != (state.head.number, now):
            offers = offers_to(state, self._person, self._purpose, action, now)
            known = self._offered[action] = ((state.head.number, now), offers)
        return known[1]

    def _of(self, action: int) -> tuple[Held, ...]:
        with self._lock:
            found = [each for each in self._held[action].values() if not each.gone.is_set()]
        return tuple(sorted(found, key=lambda each: (each.offer.study_id, each.offer.series)))

    def _ask(self, state: State, offers: Sequence[Offer], action: int) -> Opening:
        """Open what is not held; a newer revision takes the place of an older one."""
        if not self._missing(offers, action):
            return Opening()  # without waiting for somebody who opens something else
        with self._asking:
            missing = self._missing(offers, action)
            known = self._refusals(state, action, missing)
            wanted = [offer for offer in missing if offer not in known]
            opening = self._open_offers.run(state, wanted, self._purpose, action, self._requester())
            opened_at = self._monotonic()
            until = opened_at + SAME_BLOCK_S
            for offer, reason in opening.refused:
                self._refused[action, offer] = _Refusal(reason, state.head.number, until)
            with self._lock:
                if self._over:
                    return Opening()
                for held in opening.held:
                    self._replace(action, replace(held, opened_at=opened_at))
        return replace(opening, refused=(*opening.refused, *known.items()))

    def _refusals(self, state: State, action: int, offers: Sequence[Offer]) -> dict[Offer, str]:
        """What was refused a moment ago, and nothing happened on the ledger since; the rest is forgotten."""
        block, now = state.head.number, self._monotonic()
        self._refused = {key: no for key, no in self._refused.items() if no.block == block and now < no.until}
        return {offer: self._refused[action, offer].reason for offer in offers if (action, offer) in self._refused}

    def _missing(self, offers: Sequence[Offer], action: int) -> list[Offer]:
        seed = self._requester().seed
        with self._lock:
            if self._over:
                raise DeniedError("SIGNED_OUT")
            held = self._held[action]
            return [offer for offer in offers if offer not in held or not held[offer].sealed_to(seed)]

    def _replace(self, action: int, held: Held) -> None:
        same = (held.offer.study_id, held.offer.series)
        mine = self._held[action]
        for offer in [offer for offer in mine if (offer.study_id, offer.series) == same]:
            self._replaced.append(mine.pop(offer))
        mine[held.offer] = held

    # -- whether it still stands

    def check(self, state: State) -> None:
        """Let go of what is not open any more; `state` was read a moment ago, and answers as the ledger's `isOpen`.

        What was opened a moment ago is left to the next look where a state has not seen its release yet.
        """
        now, looked_at = max(state.head.time_at, self._clock.now()), self._monotonic()
        self._drop(
            each
            for each in self._all()
            if not state.is_open(each.request, now)
            and (state.release(each.request_id) is not None or looked_at - each.opened_at > CATCH_UP_S)
        )
        self._checked_at = self._monotonic()

    def close(self) -> None:
        """Let go of everything, for good."""
        with self._lock:
            self._over = True
        self._drop(self._all())

    def _all(self) -> list[Held]:
        with self._lock:
            return [*self._replaced, *(each for mine in self._held.values() for each in mine.values())]

    def _drop(self, gone: Iterable[Held]) -> None:
        for each in gone:
            each.gone.set()
            with self._lock:
                self._ended += 1
                self._replaced = [other for other in self._replaced if other is not each]
                for mine in self._held.values():
                    if mine.get(each.offer) is each:
                        del mine[each.offer]

    # -- reading

    def require(self, held: Held) -> None:
        """Say whether a piece may be read now; asked again and again while a long answer is sent.

        Raises:
            DeniedError: it is not open any more. LedgerStaleError: the ledger was not heard of for too long.
        """
        if held.gone.is_set():
            raise DeniedError("NOT_OPEN")
        if self._monotonic() - self._checked_at > UNCHECKED_MAX_S:
            raise LedgerStaleError(
                "the ledger cannot be asked whether this is still open: nothing is read until it can"
            )

    def note(self, reads: Sequence[tuple[Held, ReadNote]]) -> Noted:
        """Begin to journal reads, all in one durable write. Raises: as `require`.

        Returns:
            what waits until they are in the journal; call it before anything is sent. Raises: JournalError.
        """
        for held, _ in reads:
            self.require(held)
        now = self._clock.now()
        entries = [JournalEntry(READ, now, held.request_id, wire.encode(note).decode()) for held, note in reads]
        return self._write_down(entries)
