"""Collecting keys for an emergency while the chain stalls: the custodian's word first, then the other trustees.

    1. the custodian's broker judges, journals (the patient's notice is owed from then on), hands over its own keys, and
       signs that it did
    2. where that does not open the study, the other trustees are shown its word, all at once; each judges for itself
    3. the first t good answers count, as in `collecting`

Without the custodian nothing opens: the ledger takes a late hand-over by its word alone. The same emergency may be sent
again, for as long as its request and its badges stand. Source: design section 7, ADR 35.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from fiducia.core import ids
from fiducia.core.typed_data import Domains
from fiducia.errors import KeyMissingError, LedgerError, ShareError, TrusteeError
from fiducia.journeys.reading.collecting import Answered, Collected, CollectKeys, OpenedSeries
from fiducia.journeys.shared.at_once import AskAtOnce, ask_at_once
from fiducia.journeys.shared.subjects import LastSeen
from fiducia.journeys.trustees.dealing import signed_by
from fiducia.ports import Broker, Clock, Mirror, Store
from fiducia.records.images import Blame, HandOver
from fiducia.records.statements import EmergencyKeys, LateEmergency, StalledEmergency
from fiducia.records.typed import StaffAccess


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
        self._mirror = LastSeen(mirror)
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
        return self.open(asked.access, self.collect(asked, seed).hand_overs, seed)

    def collect(self, asked: StalledEmergency, seed: bytes) -> Collected:
        """Return what the custodian and as many others as it takes hand over, each checked; errors as `run`'s."""
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

        return self._collect.collect_from(asked.access, seed, asking)

    def open(self, access: StaffAccess, hand_overs: Sequence[HandOver], seed: bytes) -> tuple[OpenedSeries, ...]:
        """Return the series that a request names, in their order, each proved as far as its index."""
        return self._collect.open(access, hand_overs, seed)

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
