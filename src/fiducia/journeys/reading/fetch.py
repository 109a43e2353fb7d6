"""Fetching: ask, collect keys, open, verify, show. Nothing is visible before all of it is proved.

    1. draw up a request under the best grant, keep it          the same command resumes the same request
    2. have it decided and recorded, collect the sealed keys (`collecting`), keep them (sealed) for a resume
    3. open them, and prove each index
    4. per series: `isOpen` again, then instances (`writing`)
    5. publish everything at once, forget the keys

A refusal at any point destroys the kept keys and what was staged; a failed verification too. What is
merely unreachable keeps both for the next run. A resumed request that is refused is drawn up anew, once: something
may have been granted since. Source: design section 7.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from fiducia.core import ids, wire
from fiducia.core.policy import verify_access
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError, EncodingError, KeyMissingError, StoreCorruptError, VerificationError
from fiducia.journeys.reading.asking import DrawUpRequest, Requester
from fiducia.journeys.reading.collecting import Collected, CollectKeys
from fiducia.journeys.reading.writing import WriteSeries
from fiducia.journeys.shared.at_once import AskAtOnce, ask_at_once
from fiducia.journeys.shared.still_open import objection, when_final
from fiducia.journeys.trustees.blame import KeptBlames
from fiducia.ports import (
    Broker,
    Clock,
    Destination,
    Entropy,
    Ledger,
    Mirror,
    Progress,
    Steps,
    Store,
    Vault,
)
from fiducia.records.images import Blame, FetchedStudy, HandOver, HandOvers, Release
from fiducia.records.typed import Access

REASK_BEFORE_S = 60
"""A kept request with less time left than this is not resumed."""


@dataclass(frozen=True, slots=True)
class FetchOrder:
    """What to fetch: a study (series 0) or one series, for a purpose and action of `core.rules`."""

    study_id: bytes
    series: int
    purpose: int
    action: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a resume needs, as it lies in the vault."""

    access: Access
    hand_overs: tuple[HandOver, ...] = ()


class FetchStudy:
    """Fetch a study or a series that was granted (or one's own).

    Example:
        ``FetchStudy(broker_of=broker_of, ledger=ledger, ...).run(FetchOrder(study_id, 0, Purpose.TREAT,
        Action.RETAIN), requester, destination)``
    """

    def __init__(
        self,
        *,
        broker_of: Callable[[int], Broker],
        ledger: Ledger,
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
        self._ledger = ledger
        self._mirror = mirror
        self._vault = vault
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._write = WriteSeries(steps=steps, progress=progress)
        self._draw_up = DrawUpRequest(mirror=mirror, clock=clock, entropy=entropy, domains=domains)
        self._collect = CollectKeys(
            broker_of=broker_of,
            mirror=mirror,
            store=store,
            clock=clock,
            domains=domains,
            blame=KeptBlames(vault).keep,
            at_once=at_once,
        )

    def run(
        self, order: FetchOrder, requester: Requester, destination: Destination, *, label: str = ""
    ) -> FetchedStudy:
        """Fetch, verify and publish.

        Args:
            order: what and what for.
            requester: whose badge or signer asks, and the seed of the key that the answer is sealed to.
            destination: where instances go.
            label: tells apart fetches of the same order that go to different places.

        Raises:
            DeniedError: refused; kept keys and staged instances are gone. VerificationError,
            StoreCorruptError: something is not what the ledger vouches for; nothing was published.
            StoreError, LedgerError, VaultError, TrusteeError: a part failed; the same call goes on later.
        """
        name = _kept_name(order, requester, label)
        kept = self._resume(name, requester)
        if kept is not None:
            # What was asked for then may be over, and be granted anew since: that is asked for as by a first call.
            with contextlib.suppress(DeniedError):
                return self._run(name, kept, requester, destination)
        return self._run(name, self._ask(name, order, requester), requester, destination)

    def _run(self, name: str, kept: _Kept, requester: Requester, destination: Destination) -> FetchedStudy:
        try:
            kept, release, blamed = self._keys(name, kept, requester)
            fetched = self._open(kept, requester, destination)
        except (DeniedError, VerificationError, StoreCorruptError):
            self._forget(name)
            destination.discard()
            raise
        destination.publish()
        self._steps.reached("fetch.published")
        self._forget(name)
        return replace(fetched, gas_used=release.gas_used if release else 0, blamed=blamed)

    # -- keys

    def _ask(self, name: str, order: FetchOrder, requester: Requester) -> _Kept:
        kept = _Kept(self._draw_up.run(order.study_id, order.series, order.purpose, order.action, requester))
        self._forget(name)  # keys of an earlier request must not stand beside this one
        self._keep(name, kept)
        self._steps.reached("fetch.asked")
        return kept

    def _keys(self, name: str, kept: _Kept, requester: Requester) -> tuple[_Kept, Release | None, tuple[Blame, ...]]:
        if kept.hand_overs:
            return kept, None, ()
        release = self._collect.release(kept.access)
        self._steps.reached("fetch.released")
        collected: Collected = self._collect.collect(
            kept.access, requester.require_seed_of(kept.access.request.recipient)
        )
        kept = _Kept(kept.access, collected.hand_overs)
        self._keep(name, kept)
        self._steps.reached("fetch.keys-kept")
        return kept, release, collected.blamed

    def _resume(self, name: str, requester: Requester) -> _Kept | None:
        try:
            access = wire.decode_access(self._vault.get(f"{name}/access"))
        except KeyMissingError:
            return None
        if access.request.not_after <= self._clock.now() + REASK_BEFORE_S or self._is_superseded(access):
            return None
        if requester.seed_of(access.request.recipient) is None:
            return None  # sealed to a key that was replaced and forgotten
        try:
            sealed = self._vault.get(f"{name}/keys")
            return _Kept(access, wire.decode(HandOvers, sealed, limit_bytes=len(sealed)).hand_overs)
        except (KeyMissingError, EncodingError):  # not there yet, or as an earlier version kept it: ask again
            return _Kept(access)

    def _is_superseded(self, access: Access) -> bool:
        """A revision since may have more images, or its keys at other trustees: then the request is drawn up anew."""
        for state in (self._mirror.state, self._mirror.catch_up):
            study = state().study(access.request.study_id)
            if study is not None and study.revision > access.request.revision:
                return True
        return False

    def _keep(self, name: str, kept: _Kept) -> None:
        secrets = {f"{name}/access": wire.encode(kept.access)}
        if kept.hand_overs:
            secrets[f"{name}/keys"] = wire.encode(HandOvers(kept.hand_overs))
        self._vault.put(secrets)

    def _forget(self, name: str) -> None:
        self._vault.remove((f"{name}/access", f"{name}/keys"))

    # -- images

    def _open(self, kept: _Kept, requester: Requester, destination: Destination) -> FetchedStudy:
        access = kept.access
        if not kept.hand_overs:
            raise KeyMissingError("no keys were handed over")
        self._require_open(access)
        opened = self._collect.open(access, kept.hand_overs, requester.require_seed_of(access.request.recipient))
        written = self._write.run(opened, destination, lambda: self._require_open(access))
        return FetchedStudy(
            study_id=access.request.study_id,
            revision=access.request.revision,
            series=written.series,
            instances=written.instances,
            size_bytes=written.size_bytes,
            request_id=ids.request_id(access.request),
        )

    def _require_open(self, access: Access) -> None:
        verified = verify_access(self._domains, access)
        against = when_final(self._clock, lambda: objection(self._ledger, access, verified, self._clock.now()))
        if against:
            raise DeniedError(against[0])


def _kept_name(order: FetchOrder, requester: Requester, label: str) -> str:
    parts = (
        order.study_id,
        order.series.to_bytes(4, "big"),
        bytes((order.purpose, order.action)),
        requester.signer.address,
        label.encode(),
    )
    return f"kept/fetch/{hashlib.sha256(b''.join(parts)).hexdigest()}"
