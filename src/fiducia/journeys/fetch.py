"""Fetching: ask, collect keys, open, verify, show. Nothing is visible before all of it is proved.

    1. draw up a request under the best grant, keep it          the same command resumes the same request
    2. have it decided and recorded, collect the sealed keys, keep them (sealed) for a resume
    3. manifest -> digest equals the ledger's; keys -> equal the custody document's
    4. per series: `isOpen` again, then instances: tags before bytes, commitment before it counts
    5. publish everything at once, forget the keys

A refusal at any point destroys the kept keys and what was staged; a failed verification too. What is
merely unreachable keeps both for the next run. Source: design section 7.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fiducia.core import ids, wire
from fiducia.core.formats.context import SeriesKeys
from fiducia.core.formats.digests import IdentityHasher, header_digest
from fiducia.core.formats.entry import IndexEntry
from fiducia.core.formats.manifest import Manifest, SeriesLine
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.keys.sealing import open_shares
from fiducia.core.policy import decide, verify_access
from fiducia.core.signatures import recover
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError, InputError, KeyMissingError, StoreCorruptError, VerificationError
from fiducia.journeys.asking import DrawUpRequest, Requester
from fiducia.journeys.objects import read_custody, read_manifest, vouched_form
from fiducia.ports import (
    Broker,
    Clock,
    Destination,
    Entropy,
    Ledger,
    Mirror,
    Piece,
    Progress,
    Steps,
    Store,
    Vault,
)
from fiducia.records.images import FetchedStudy, HandOver, Release
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Access, HandOverStatement

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
    hand_over: HandOver | None = None


class FetchStudy:
    """Fetch a study or a series that was granted (or one's own).

    Example:
        ``FetchStudy(broker=broker, ledger=ledger, ...).run(FetchOrder(study_id, 0, Purpose.TREAT,
        Action.RETAIN), requester, destination)``
    """

    def __init__(
        self,
        *,
        broker: Broker,
        ledger: Ledger,
        mirror: Mirror,
        store: Store,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        domains: Domains,
        steps: Steps,
        progress: Progress,
    ) -> None:
        self._broker = broker
        self._ledger = ledger
        self._mirror = mirror
        self._store = store
        self._vault = vault
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._progress = progress
        self._draw_up = DrawUpRequest(mirror=mirror, clock=clock, entropy=entropy, domains=domains)

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
            StoreError, LedgerError, VaultError: a part failed; the same call goes on later.
        """
        name = _kept_name(order, requester, label)
        try:
            kept, release = self._keys(name, order, requester)
            fetched = self._open(kept, requester, destination)
        except (DeniedError, VerificationError, StoreCorruptError):
            self._forget(name)
            destination.discard()
            raise
        destination.publish()
        self._steps.reached("fetch.published")
        self._forget(name)
        return replace(fetched, gas_used=release.gas_used if release else 0)

    # -- keys

    def _keys(self, name: str, order: FetchOrder, requester: Requester) -> tuple[_Kept, Release | None]:
        kept = self._resume(name)
        if kept is None:
            kept = _Kept(self._draw_up.run(order.study_id, order.series, order.purpose, order.action, requester))
            self._keep(name, kept)
            self._steps.reached("fetch.asked")
        if kept.hand_over is not None:
            return kept, None
        release = self._broker.release(kept.access)
        self._steps.reached("fetch.released")
        hand_over = self._broker.hand_over(kept.access)
        self._check_hand_over(kept.access, hand_over)
        kept = _Kept(kept.access, hand_over)
        self._keep(name, kept)
        self._steps.reached("fetch.keys-kept")
        return kept, release

    def _resume(self, name: str) -> _Kept | None:
        try:
            access = wire.decode_access(self._vault.get(f"{name}/access"))
        except KeyMissingError:
            return None
        if access.request.not_after <= self._clock.now() + REASK_BEFORE_S:
            return None
        try:
            return _Kept(access, wire.decode(HandOver, self._vault.get(f"{name}/keys")))
        except KeyMissingError:
            return _Kept(access)

    def _keep(self, name: str, kept: _Kept) -> None:
        secrets = {f"{name}/access": wire.encode(kept.access)}
        if kept.hand_over is not None:
            secrets[f"{name}/keys"] = wire.encode(kept.hand_over)
        self._vault.put(secrets)

    def _forget(self, name: str) -> None:
        self._vault.remove((f"{name}/access", f"{name}/keys"))

    def _check_hand_over(self, access: Access, hand_over: HandOver) -> None:
        """The keys must be for this request and signed by a published broker: a bad one is blamed."""
        if hand_over.request_id != ids.request_id(access.request):
            raise VerificationError("the broker handed over keys for another request")
        sealed = hashlib.sha256(hand_over.sealed).digest()
        digest = self._domains.digest(HandOverStatement(hand_over.request_id, hand_over.trustee, sealed))
        key_hash = ids.key_hash(KeyKind.BROKER_SIGN, recover(digest, hand_over.signature))
        end = self._mirror.state().key_end(hand_over.trustee, KeyKind.BROKER_SIGN, key_hash)
        if self._clock.now() >= end:
            raise VerificationError(
                f"the keys are not signed by a broker that institution {hand_over.trustee} published"
            )

    # -- images

    def _open(self, kept: _Kept, requester: Requester, destination: Destination) -> FetchedStudy:
        request = kept.access.request
        study = self._mirror.state().study(request.study_id) or self._mirror.catch_up().study(request.study_id)
        revision = study.at(request.revision) if study else None
        if revision is None:
            raise InputError("no such study revision on this ledger")
        self._require_open(kept.access)
        manifest = read_manifest(self._store, revision.manifest)
        if (manifest.study_id, manifest.revision) != (request.study_id, request.revision):
            raise VerificationError("the manifest that the ledger names is of another study or revision")
        lines = [manifest.line(request.series)] if request.series else list(manifest.series)
        keys = self._open_keys(kept, requester, manifest)
        openers = [self._opener(manifest, line, keys) for line in lines]
        self._progress.start("fetching", sum(e.original_bytes for opener in openers for e in opener.entries))
        instances = size_bytes = 0
        for line, opener in zip(lines, openers, strict=True):
            self._require_open(kept.access)
            for entry in opener.entries:
                self._instance(line.number, entry, opener, destination)
                instances += 1
                size_bytes += entry.original_bytes
        self._require_open(kept.access)
        self._steps.reached("fetch.verified")
        return FetchedStudy(
            study_id=request.study_id,
            revision=request.revision,
            series=len(lines),
            instances=instances,
            size_bytes=size_bytes,
            request_id=ids.request_id(request),
        )

    def _open_keys(self, kept: _Kept, requester: Requester, manifest: Manifest) -> dict[int, SeriesKeys]:
        hand_over = kept.hand_over
        if hand_over is None:
            raise KeyMissingError("no keys were handed over")
        custody = read_custody(self._store, manifest)
        shares = open_shares(
            hand_over.sealed, seed=requester.seed, request_id=hand_over.request_id, trustee=hand_over.trustee
        )
        return {share.series: custody.combine([share]) for share in shares}

    def _opener(self, manifest: Manifest, line: SeriesLine, keys: dict[int, SeriesKeys]) -> SeriesOpener:
        if line.number not in keys:
            raise KeyMissingError(f"series {line.number}: no keys were handed over")
        with vouched_form():
            return SeriesOpener(manifest.place(line), line, keys[line.number], self._store.read)

    def _instance(self, series: int, entry: IndexEntry, opener: SeriesOpener, destination: Destination) -> None:
        if self._staged(series, entry, destination):
            self._progress.advance(entry.original_bytes)
            return
        with vouched_form():
            destination.stage(series, entry.number, self._watched(opener.instance(entry.number)))
        self._steps.reached("fetch.instance-staged")

    def _staged(self, series: int, entry: IndexEntry, destination: Destination) -> bool:
        """Tell whether an earlier run staged this very instance; a crash may have left less than that."""
        stream = destination.staged(series, entry.number)
        if stream is None:
            return False
        with stream:
            hasher = IdentityHasher(entry.transfer_syntax_uid)
            header = stream.read(entry.header_bytes)
            while piece := stream.read(1 << 20):
                hasher.update(piece)
        return header_digest(header) == entry.header_digest and hasher.digest() == entry.identity_digest

    def _watched(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            yield piece
            self._progress.advance(len(piece))

    def _require_open(self, access: Access) -> None:
        _, (is_open,) = self._ledger.are_open([access.request])
        if is_open:
            return
        facts = self._ledger.facts(access)
        decision = decide(access, facts, verify_access(self._domains, access), at=self._clock.now())
        raise DeniedError(decision.denial or "NOT_OPEN")


def _kept_name(order: FetchOrder, requester: Requester, label: str) -> str:
    parts = (
        order.study_id,
        order.series.to_bytes(4, "big"),
        bytes((order.purpose, order.action)),
        requester.signer.address,
        label.encode(),
    )
    return f"kept/fetch/{hashlib.sha256(b''.join(parts)).hexdigest()}"
