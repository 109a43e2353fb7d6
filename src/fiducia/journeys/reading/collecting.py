"""Collecting keys: a signed request goes in, the opened series of a study come out.

    1. the custodian's broker decides the request and has it recorded
    2. all trustees whom the revision's custody document names are asked at once; each asks the ledger itself
    3. the first t good answers count; each share is, before it counts, its trustee's own, by signature and by digest
    4. manifest -> digest equals the ledger's; keys -> equal the custody document's; index -> the manifest's root

Of n trustees, n - t may be down, refuse, or hand over what they were not dealt: those are named, and the evidence is
kept (`blame`). More that refuse are a refusal; more that do not answer are waited for by asking again. Whether the
release still stands is the caller's to ask, before and while it reads. Source: design section 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from fiducia.core import ids
from fiducia.core.entries import Revision, Study
from fiducia.core.formats.context import SeriesKeys
from fiducia.core.formats.manifest import Manifest, SeriesLine
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.keys.custody import Custody
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.rules import Action
from fiducia.core.typed_data import Domains
from fiducia.errors import (
    DeniedError,
    FiduciaError,
    InputError,
    KeyMissingError,
    ShareError,
    TrusteeError,
    VerificationError,
)
from fiducia.journeys.shared.at_once import AskAtOnce, ask_at_once
from fiducia.journeys.shared.objects import read_custody, read_manifest, vouched_form
from fiducia.journeys.shared.still_open import when_final
from fiducia.journeys.trustees.blame import OpenHandOver, at_fault
from fiducia.journeys.trustees.dealing import told
from fiducia.ports import Broker, Clock, Mirror, Store
from fiducia.records.images import Blame, HandOver, Release
from fiducia.records.typed import Access, KeyRequest

Answered = tuple[int, HandOver | FiduciaError]
"""A trustee, and what it handed over or why it did not."""


@dataclass(frozen=True, slots=True)
class OpenedSeries:
    """A series' number, and its reader; with the keys of a METADATA request it reads the index alone."""

    number: int
    opener: SeriesOpener


@dataclass(frozen=True, slots=True)
class Collected:
    """What t trustees handed over, the shares in it, and whom to blame for what does not count."""

    hand_overs: tuple[HandOver, ...]
    shares: tuple[SeriesShare, ...] = field(repr=False)
    blamed: tuple[Blame, ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """The public documents of what a request names."""

    manifest: Manifest
    custody: Custody
    lines: tuple[SeriesLine, ...]


class CollectKeys:
    """Have a request recorded, collect its keys, open what they open.

    Example:
        ``CollectKeys(broker_of=broker_of, mirror=mirror, store=store, clock=clock, domains=domains).run(access, seed)``
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
        self._mirror = mirror
        self._store = store
        self._clock = clock
        self._open_hand_over = OpenHandOver(mirror=mirror, clock=clock, domains=domains)
        self._blame = blame

    def run(self, access: Access, seed: bytes) -> tuple[OpenedSeries, ...]:
        """Do all of it.

        Args:
            access: the signed request.
            seed: 32 bytes; the key pair that it names as recipient.

        Raises:
            DeniedError: refused. VerificationError, StoreCorruptError: something is not what the ledger vouches for.
            TrusteeError: too few trustees answered. StoreError, LedgerError: a part failed.
        """
        self.release(access)
        asked = self._asked(access.request)
        return self._open(asked, self._collect(access, asked, seed).shares)

    def release(self, access: Access) -> Release:
        """Have the request decided and recorded. Raises: DeniedError, LedgerError, InputError (unknown revision)."""
        study, _ = self._revision(access.request)
        return self._broker_of(study.custodian).release(access)

    def collect(self, access: Access, seed: bytes) -> Collected:
        """Return what t trustees hand over for a recorded request, each checked, signed and its own.

        Raises:
            DeniedError: more than n - t trustees refuse. ShareError: more than that handed over what they should not.
            TrusteeError: fewer than t answered, though they might. With one trustee, whatever it raises.
        """
        return self._collect(access, self._asked(access.request), seed)

    def custodian_of(self, request: KeyRequest) -> int:
        """Return whose broker decides a request. Raises: InputError (unknown revision), LedgerError."""
        return self._revision(request)[0].custodian

    def collect_from(
        self, access: Access, seed: bytes, asking: Callable[[tuple[int, ...]], Iterable[Answered]]
    ) -> Collected:
        """As `collect`, with another way to ask: gets the trustees, yields (trustee, answer or error) as they come."""
        asked = self._asked(access.request)
        return self._take(access, asked, seed, asking(asked.custody.trustees))

    def open(self, access: Access, hand_overs: Sequence[HandOver], seed: bytes) -> tuple[OpenedSeries, ...]:
        """Return the series that a request names, in their order, each proved as far as its index.

        A trustee's key may have been replaced since: it counts as of when the release was recorded.
        """
        asked = self._asked(access.request)
        recorded = self._mirror.state().release(ids.request_id(access.request))
        found: list[SeriesShare] = []
        for handed in hand_overs:
            shares = self._shares(access, asked, handed.trustee, handed, seed, recorded.time_at if recorded else None)
            if isinstance(shares, Blame):
                raise at_fault(shares)
            found += shares
        return self._open(asked, found)

    # -- asking

    def _collect(self, access: Access, asked: _Asked, seed: bytes) -> Collected:
        trustees = asked.custody.trustees
        return self._take(
            access, asked, seed, self._at_once({trustee: self._asking(trustee, access) for trustee in trustees})
        )

    def _take(self, access: Access, asked: _Asked, seed: bytes, answers: Iterable[Answered]) -> Collected:
        """Take answers until t are good; those that come later are not waited for."""
        custody = asked.custody
        spare = len(custody.trustees) - custody.threshold
        hand_overs: list[HandOver] = []
        shares: list[SeriesShare] = []
        blamed: list[Blame] = []
        failed: dict[int, FiduciaError] = {}
        for trustee, answer in answers:
            if isinstance(answer, FiduciaError):
                failed[trustee] = answer
                if sum(isinstance(error, DeniedError) for error in failed.values()) > spare:
                    raise next(error for error in failed.values() if isinstance(error, DeniedError))
                continue
            opened = self._shares(access, asked, trustee, answer, seed)
            if isinstance(opened, Blame):
                blamed.append(opened)
                failed[trustee] = at_fault(opened)
                if self._blame is not None:
                    self._blame(opened)
                if len(blamed) > spare:
                    raise failed[trustee]
                continue
            hand_overs.append(answer)
            shares += opened
            if len(hand_overs) == custody.threshold:
                return Collected(tuple(hand_overs), tuple(shares), tuple(blamed))
        if len(custody.trustees) == 1:
            raise failed.popitem()[1]
        raise TrusteeError(
            f"{len(hand_overs)} of the {custody.threshold} trustees that it takes handed their shares over; "
            f"{told(failed)}; try again when they answer"
        )

    def _asking(self, trustee: int, access: Access) -> Callable[[], HandOver]:
        def ask() -> HandOver:
            broker = self._broker_of(trustee)
            return when_final(self._clock, lambda: broker.hand_over(access))

        return ask

    def _shares(
        self, access: Access, asked: _Asked, trustee: int, handed: HandOver, seed: bytes, at: int | None = None
    ) -> tuple[SeriesShare, ...] | Blame:
        """What a trustee handed over, when it is what was dealt to it and asked for; else what is wrong."""
        opened = self._open_hand_over.run(ids.request_id(access.request), trustee, handed, seed, at)
        if isinstance(opened, Blame):
            return opened
        wanted = [(line.number, line.sealed_in) for line in asked.lines]
        index = asked.custody.share_index(trustee) if trustee in asked.custody.trustees else 0
        with_packs = access.request.action != Action.METADATA
        try:
            if [(share.series, share.sealed_in) for share in opened] != wanted:
                raise ShareError("not the series that were asked for")
            for share in opened:
                if share.index != index:
                    raise ShareError("another trustee's share")
                if with_packs and share.pack_share is None:
                    raise ShareError(f"series {share.series}: the pack's share is missing")
                asked.custody.check(share)
        except VerificationError as error:
            return self._open_hand_over.blame(trustee, handed, str(error))
        return opened

    # -- opening

    def _asked(self, request: KeyRequest) -> _Asked:
        _, revision = self._revision(request)
        manifest = read_manifest(self._store, revision.manifest)
        if (manifest.study_id, manifest.revision) != (request.study_id, request.revision):
            raise VerificationError("the manifest that the ledger names is of another study or revision")
        lines = (manifest.line(request.series),) if request.series else tuple(manifest.series)
        return _Asked(manifest, read_custody(self._store, manifest), lines)

    def _revision(self, request: KeyRequest) -> tuple[Study, Revision]:
        for state in (self._mirror.state, self._mirror.catch_up):
            study = state().study(request.study_id)
            revision = study.at(request.revision) if study else None
            if study is not None and revision is not None:
                return study, revision
        raise InputError("no such study revision on this ledger")

    def _open(self, asked: _Asked, shares: Sequence[SeriesShare]) -> tuple[OpenedSeries, ...]:
        by_series: dict[int, list[SeriesShare]] = {}
        for share in shares:
            by_series.setdefault(share.series, []).append(share)
        keys = {number: asked.custody.combine(found) for number, found in by_series.items()}
        return tuple(OpenedSeries(line.number, self._opener(asked.manifest, line, keys)) for line in asked.lines)

    def _opener(self, manifest: Manifest, line: SeriesLine, keys: dict[int, SeriesKeys]) -> SeriesOpener:
        if line.number not in keys:
            raise KeyMissingError(f"series {line.number}: no keys were handed over")
        with vouched_form():
            return SeriesOpener(manifest.place(line), line, keys[line.number], self._store.read)
