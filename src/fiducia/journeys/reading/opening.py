"""Opening what is offered: many requests in one go, so that the broker records them in one transaction.

What is refused is left out, and what cannot be read is counted: one bad study hides no other.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from fiducia.core import ids
from fiducia.core.offers import Offer
from fiducia.core.replay import State
from fiducia.errors import DeniedError, FiduciaError
from fiducia.journeys.reading.asking import DrawUpRequest, Requester
from fiducia.journeys.reading.collecting import CollectKeys, OpenedSeries
from fiducia.journeys.shared.at_once import Workers
from fiducia.records.typed import KeyRequest

AT_ONCE = 32
_THREADS = partial(ThreadPoolExecutor, thread_name_prefix="open")


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A release whose keys are in memory, for as long as `gone` is not set.

    Attributes:
        offer: what was asked for.
        request: as the ledger recorded it.
        request_id: 32 bytes.
        series: what it opens.
        opened_at: when it was opened, by the reader's own clock.
        seed: the secret of the key pair that the keys were sealed to; never shown.
        gone: set once the ledger said that it is not open any more; whoever reads stops at its next piece.
    """

    offer: Offer
    request: KeyRequest
    request_id: bytes
    series: tuple[OpenedSeries, ...] = field(repr=False)
    opened_at: float = 0.0
    seed: bytes = field(default=b"", repr=False)
    gone: threading.Event = field(default_factory=threading.Event, repr=False)

    def sealed_to(self, seed: bytes) -> bool:
        """Tell whether its keys were sealed to that key pair."""
        return self.seed == seed


@dataclass(frozen=True, slots=True)
class Opening:
    """What came of a batch.

    Attributes:
        held: what was opened.
        refused: offers that the ledger or the custodian refused, with the reason.
        troubled: offers that could not be opened now, with the error.
    """

    held: tuple[Held, ...] = ()
    refused: tuple[tuple[Offer, str], ...] = ()
    troubled: tuple[tuple[Offer, FiduciaError], ...] = ()


class OpenOffers:
    """Request and open several offers at once.

    Example:
        ``OpenOffers(draw_up=draw_up, collect=collect).run(state, offers, Purpose.TREAT, Action.METADATA, requester)``
    """

    def __init__(
        self,
        *,
        draw_up: DrawUpRequest,
        collect: CollectKeys,
        workers: Workers = _THREADS,
    ) -> None:
        self._draw_up = draw_up
        self._collect = collect
        self._workers = workers

    def run(self, state: State, offers: Sequence[Offer], purpose: int, action: int, requester: Requester) -> Opening:
        """Return what was opened and what was not; waits for one block, not for one per offer."""
        if not offers:
            return Opening()
        with self._workers(min(AT_ONCE, len(offers))) as threads:
            done = list(threads.map(lambda offer: self._open(state, offer, purpose, action, requester), offers))
        return Opening(
            held=tuple(each for each in done if isinstance(each, Held)),
            refused=tuple(
                (offer, each.reason) for offer, each in zip(offers, done, strict=True) if isinstance(each, DeniedError)
            ),
            troubled=tuple(
                (offer, each)
                for offer, each in zip(offers, done, strict=True)
                if isinstance(each, FiduciaError) and not isinstance(each, DeniedError)
            ),
        )

    def _open(self, state: State, offer: Offer, purpose: int, action: int, requester: Requester) -> Held | FiduciaError:
        try:
            access = self._draw_up.draw(state, offer.study_id, offer.series, purpose, action, requester)
            series = self._collect.run(access, requester.seed)
        except FiduciaError as error:
            return error
        return Held(offer, access.request, ids.request_id(access.request), series, seed=requester.seed)
