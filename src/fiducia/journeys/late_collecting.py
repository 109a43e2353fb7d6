"""Collecting keys for an emergency while the chain stalls: the custodian's word first, then the other trustees.

    1. the custodian's broker judges, journals (the patient's notice is owed from then on), hands over its own keys, and
       signs that it did
    2. where that does not open the study, the other trustees are shown its word, all at once; each judges for itself
    3. the first t good answers count, as in `collecting`

Without the custodian nothing opens: the ledger takes a late hand-over by its word alone. The same emergency may be sent
again, for as long as its request and its badges stand. Source: design section 7, ADR 35.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fiducia.core import ids
from fiducia.core.replay import State
from fiducia.core.typed_data import Domains
from fiducia.errors import KeyMissingError, LedgerError, ShareError, TrusteeError
from fiducia.journeys.at_once import AskAtOnce, ask_at_once
from fiducia.journeys.collecting import Answered, CollectKeys, OpenedSeries
from fiducia.journeys.dealing import signed_by
from fiducia.journeys.subjects import freshest
from fiducia.ports import Broker, Clock, Mirror, Store
from fiducia.records.images import Blame, HandOver
from fiducia.records.statements import EmergencyKeys, LateEmergency, StalledEmergency


@dataclass(frozen=True, slots=True)
class _Stalled:
    """A mirror as it is while the chain stalls: its newest facts are the last ones that were seen."""

    mirror: Mirror

    def catch_up(self) -> State:
        return freshest(self.mirror)

    def state(self) -> State:
        return self.mirror.state()

    def records(self, first_block: int, last_block: int) -> Iterator[tuple[int, bytes]]:
        return self.mirror.records(first_block, last_block)


class CollectInStall:
    """Collect the keys of an emergency that no chain can record yet, and open what they open.

    Example:
        ``CollectInStall(broker_of=broker_of, mirror=mirror, store=store, clock=clock, domains=domains).run(
        StalledEmergency(grant_act, access), seed)``
    """

    def __init__(
        self,
        *,
        broker_of: Callable[[int], Broker],
        mirror: Mirror,
        store: Store,
        clock: Clock,
        domains: Domains,
        blame: Callable[[Blame], object] | None = None,
        at_once: AskAtOnce = ask_at_once,
    ) -> None:
        """Take the ports; `broker_of` finds an institution's broker by its number, `blame` keeps evidence."""
        self._broker_of = broker_of
        self._at_once = at_once
        self._mirror = _Stalled(mirror)
        self._clock = clock
        self._domains = domains
        self._collect = CollectKeys(
            broker_of=broker_of,
            mirror=self._mirror,
            store=store,
            clock=clock,
            domains=domains,
            blame=blame,
            at_once=at_once,
        )

    def run(self, asked: StalledEmergency, seed: bytes) -> tuple[OpenedSeries, ...]:
        """Return the series that the request names, in their order, each proved as far as its index.

        Args:
            asked: the emergency, signed by two, and the request under it.
            seed: 32 bytes; the key pair that the request names as recipient.

        Raises:
            DeniedError: the custodian refuses, or more than n - t trustees do. SignatureError, InputError: no team, or
            terms that no ledger would take. ShareError, VerificationError, StoreCorruptError: something is not what was
            dealt, or not the custodian's word. TrusteeError: the custodian or too many others do not answer. With one
            trustee, whatever it raises. StoreError: a part failed.
        """
        custodian = self._collect.custodian_of(asked.access.request)

        def asking(trustees: tuple[int, ...]) -> Iterator[Answered]:
            keys = self._first(custodian, asked, len(trustees))
            if keys.hand_over is not None:
                yield custodian, keys.hand_over
            others = [trustee for trustee in trustees if trustee != custodian]
            if others:
                shown = LateEmergency(asked, keys.late)
                self._require_word(custodian, shown)
                yield from self._at_once({trustee: self._other(trustee, shown) for trustee in others})
            elif keys.hand_over is None:
                yield custodian, KeyMissingError("the custodian's broker hands over no keys")

        collected = self._collect.collect_from(asked.access, seed, asking)
        return self._collect.open(asked.access, collected.hand_overs, seed)

    def _first(self, custodian: int, asked: StalledEmergency, trustees: int) -> EmergencyKeys:
        """The custodian's answer; where it has none, no other trustee can be asked."""
        try:
            return self._broker_of(custodian).emergency(asked)
        except LedgerError as error:
            if trustees == 1:
                raise
            raise TrusteeError(
                f"institution {custodian}: {error}; while the chain stalls, the patient's custodian answers first: "
                "try again when it does"
            ) from error

    def _other(self, trustee: int, shown: LateEmergency) -> Callable[[], HandOver]:
        return lambda: self._broker_of(trustee).emergency_share(shown)

    def _require_word(self, custodian: int, shown: LateEmergency) -> None:
        """Others would refuse it: better to name who is at fault."""
        said, digest = shown.late, self._domains.digest(shown.late.late)
        about = ids.request_id(shown.emergency.access.request)
        if said.late.request_id != about or not signed_by(
            self._mirror, custodian, digest, said.signature, self._clock.now()
        ):
            raise ShareError(
                f"institution {custodian}: its word for the hand-over is not about it, or not signed by it"
            )
