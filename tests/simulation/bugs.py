"""Bugs planted into one member's code, each small and of the kind that happens: the simulation must find every one.

A bug is a `House` that does one thing wrong. `tests/simulation/test_bugs.py` says within how many seeds each is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

from fiducia.adapters.memory.vault import MemoryVault
from fiducia.core.replay import State
from fiducia.core.rules import Purpose
from fiducia.errors import LedgerNotFinalError, VaultError
from fiducia.journeys.grants.revoke import TakeRevoke
from fiducia.journeys.grants.taken import RevokeLike, Taken, key_of
from fiducia.journeys.reading.asking import Requester
from fiducia.journeys.reading.opening import Held
from fiducia.journeys.reading.release import HandOverKeys
from fiducia.journeys.reading.viewing import Noted, ReadNote, Viewing
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import Act, Head, Receipt
from fiducia.records.typed import Access, KeyRequest
from tests.simulation.house import House
from tests.support.consortium import begin_to_append


class _Other:
    """A port that does some things otherwise, and all else as the one behind it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _with(house: House, journey: type[Any], **changed: Any) -> Any:
    """Return a broker's journey with some of its ports exchanged."""
    ports = {
        "ledger": house.ledger,
        "mirror": house.mirror,
        "journal": house.journal,
        "taken": house.taken,
        "clock": house.clock,
        "domains": house.domains,
        "steps": house.steps,
    }
    return journey(**{**ports, **changed})


class _SaysYes(_Other):
    def are_open(self, requests: Sequence[KeyRequest]) -> tuple[Head, tuple[bool, ...]]:
        return self._inner.head(), tuple(True for _ in requests)


class AsksNobody(House):
    """Hands keys over without asking the chain."""

    @cached_property
    def hand_over(self) -> HandOverKeys:
        """See `House.hand_over`."""
        found: HandOverKeys = _with(self, HandOverKeys, ledger=_SaysYes(self.ledger), seal=self.seal)
        return found


class _Forgets(_Other):
    def append(self, entries: Sequence[JournalEntry]) -> None:
        self._inner.health()


class JournalsNoHandOver(House):
    """Hands keys over, and does not journal it."""

    @cached_property
    def hand_over(self) -> HandOverKeys:
        """See `House.hand_over`."""
        found: HandOverKeys = _with(self, HandOverKeys, journal=_Forgets(self.journal), seal=self.seal)
        return found


class _NotesNothing(TakeRevoke):
    def take(self, act: RevokeLike) -> None:
        self._check(act)
        if not self._taken.holds(act):
            self._taken._take(key_of(act), act)


class RevokesInMemory(House):
    """Acknowledges a revoke that only its process knows of."""

    @cached_property
    def take_revoke(self) -> TakeRevoke:
        """See `House.take_revoke`."""
        found: TakeRevoke = _with(self, _NotesNothing)
        return found


class _Deaf(Taken):
    def denial(self, access: Access) -> str:
        return ""


class WaitsForTheChain(House):
    """Acknowledges a revoke and denies it only once the chain shows it."""

    @cached_property
    def taken(self) -> Taken:
        """See `Consortium.taken`."""
        return _Deaf(self.journal)


class _NeverLetsGo(Viewing):
    def check(self, state: State) -> None:
        self._checked_at = self._monotonic()


class _ReadsFirst(Viewing):
    def note(self, reads: Sequence[tuple[Held, ReadNote]]) -> Noted:
        for held, _ in reads:
            self.require(held)
        return lambda: None


def _viewing(house: House, kind: type[Viewing], requester: Requester) -> Viewing:
    return kind(
        requester=lambda: requester,
        purpose=Purpose.TREAT,
        open_offers=house.open_offers,
        mirror=house.mirror,
        write_down=partial(begin_to_append, house.workers(1), house.gateway_journal),
        clock=house.clock,
        monotonic=lambda: float(house.clock.now()),
    )


class KeepsOpen(House):
    """Its gateway goes on with what was revoked."""

    def viewing(self, *given: Any, **named: Any) -> Viewing:
        """See `Consortium.viewing`."""
        return _viewing(self, _NeverLetsGo, named["requester"])


class ReadsUnnoted(House):
    """Its gateway sends what it reads before the journal has it."""

    def viewing(self, *given: Any, **named: Any) -> Viewing:
        """See `Consortium.viewing`."""
        return _viewing(self, _ReadsFirst, named["requester"])


class _Hopes(_Other):
    def submit(self, act: Act) -> Receipt:
        try:
            receipt: Receipt = self._inner.submit(act)
        except LedgerNotFinalError:
            receipt = Receipt(bytes(32), self._inner.head(), 0, ())
        return receipt


class AnchorsInHope(House):
    """Says that a study is registered once its transaction was sent."""

    @property
    def register(self) -> Any:
        """See `Consortium.register`."""
        ledger = self.ledger
        vars(self)["ledger"] = _Hopes(ledger)
        try:
            return super().register
        finally:
            vars(self)["ledger"] = ledger


class ForgetsShares(House):
    """Acknowledges a deposit, and loses what it was given when its process ends."""

    shares: MemoryVault

    def _on_disk(self) -> None:
        super()._on_disk()
        self.shares = MemoryVault()
        self.vault = self.disk.holding(self.shares, ("put", "remove"), VaultError)

    def begin_broker(self) -> None:
        """See `House.begin_broker`."""
        if not self.broker_process.alive:
            self.shares.remove(self.shares.names("share/"))
        super().begin_broker()


class CutsItsLog(House):
    """Loses the newest entry of its journal when its broker begins again."""

    def begin_broker(self) -> None:
        """See `House.begin_broker`."""
        if not self.broker_process.alive:
            for kept in (self.journal._entries, self.journal._salts, self.journal._leaves):
                del kept[-1:]
        super().begin_broker()


BUGS: tuple[type[House], ...] = (
    AsksNobody,
    JournalsNoHandOver,
    RevokesInMemory,
    WaitsForTheChain,
    KeepsOpen,
    ReadsUnnoted,
    AnchorsInHope,
    ForgetsShares,
    CutsItsLog,
)
