"""Collecting a study's keys as its custodian, on the word of its newest revision that they are dealt anew.

All trustees are asked at once (`giving_up`); as many good answers count as are asked for, t at least. The keys of every
series come together in this process's memory: nothing smaller is given up.
"""

from __future__ import annotations

from collections.abc import Callable

from fiducia.core.formats.context import SeriesKeys
from fiducia.core.formats.manifest import Manifest
from fiducia.core.keys.custody import Custody
from fiducia.core.keys.kem import KemKey
from fiducia.core.keys.sealing import key_hash
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.typed_data import Domains, hash_struct
from fiducia.errors import DeniedError, FiduciaError, ShareError, TrusteeError, VerificationError
from fiducia.journeys.shared.at_once import AskAtOnce, ask_at_once
from fiducia.journeys.shared.still_open import when_final
from fiducia.journeys.trustees.blame import OpenHandOver, at_fault
from fiducia.journeys.trustees.dealing import told
from fiducia.ports import Broker, Clock, Mirror, Signer
from fiducia.records.images import Blame, HandOver
from fiducia.records.statements import Collect, SignedCollect


class GatherKeys:
    """Collect what trustees give up, and combine it.

    Example:
        ``GatherKeys(broker_of=broker_of, mirror=mirror, clock=clock, domains=domains, signer=broker_sign,
        seed=broker_kem.seed, custodian=1).run(manifest, custody, answers=2)``
    """

    def __init__(
        self,
        *,
        broker_of: Callable[[int], Broker],
        mirror: Mirror,
        clock: Clock,
        domains: Domains,
        signer: Signer,
        seed: bytes,
        custodian: int,
        at_once: AskAtOnce = ask_at_once,
    ) -> None:
        """Take the ports; `signer` and `seed` are the custodian's BROKER_SIGN key and its BROKER_KEM key's seed."""
        self._broker_of = broker_of
        self._clock = clock
        self._domains = domains
        self._signer = signer
        self._kem = KemKey.from_seed(seed)
        self._custodian = custodian
        self._at_once = at_once
        self._open_hand_over = OpenHandOver(mirror=mirror, clock=clock, domains=domains)

    def run(self, manifest: Manifest, custody: Custody, *, answers: int) -> dict[int, SeriesKeys]:
        """Return the keys by series.

        Args:
            manifest: of the newest revision.
            custody: its custody document, which says that the keys move.
            answers: how many trustees must give good shares; t at least.

        Raises:
            DeniedError: too many refuse. ShareError: too many handed over what they should not. TrusteeError: too few
            answered; the same call goes on later. LedgerError.
        """
        spare = len(custody.trustees) - answers
        found: list[SeriesShare] = []
        failed: dict[int, FiduciaError] = {}
        good = 0
        for trustee, answer in self._at_once({each: self._asking(manifest, each) for each in custody.trustees}):
            shares = answer if isinstance(answer, FiduciaError) else self._opened(manifest, custody, trustee, answer)
            if isinstance(shares, FiduciaError):
                failed[trustee] = shares
                continue
            found += shares
            good += 1
            if good == answers:
                return {
                    line.number: custody.combine([share for share in found if share.series == line.number])
                    for line in manifest.series
                }
        for kind in (DeniedError, ShareError):
            errors = [error for error in failed.values() if isinstance(error, kind)]
            if len(errors) > spare:
                raise errors[0]
        raise TrusteeError(
            f"{good} of the {answers} trustees that it takes gave their shares; {told(failed)}; "
            "the same command goes on when they answer"
        )

    def _collect(self, manifest: Manifest, trustee: int) -> Collect:
        recipient = key_hash(self._kem.public)
        return Collect(manifest.study_id, manifest.revision, self._custodian, trustee, recipient)

    def _asking(self, manifest: Manifest, trustee: int) -> Callable[[], HandOver]:
        collect = self._collect(manifest, trustee)
        signed = SignedCollect(collect, self._signer.sign(self._domains.digest(collect)))
        return lambda: when_final(self._clock, lambda: self._broker_of(trustee).collect(signed))

    def _opened(
        self, manifest: Manifest, custody: Custody, trustee: int, handed: HandOver
    ) -> tuple[SeriesShare, ...] | ShareError:
        request_id = hash_struct(self._collect(manifest, trustee))
        opened = self._open_hand_over.run(request_id, trustee, handed, self._kem.seed)
        if isinstance(opened, Blame):
            return at_fault(opened)
        wanted = [(line.number, line.sealed_in) for line in manifest.series]
        index = custody.share_index(trustee)
        try:
            for share in opened:
                custody.check(share)
        except VerificationError as error:
            return at_fault(self._open_hand_over.blame(trustee, handed, str(error)))
        if [(share.series, share.sealed_in) for share in opened] != wanted or any(
            share.index != index or share.pack_share is None for share in opened
        ):
            return at_fault(self._open_hand_over.blame(trustee, handed, "not its own whole shares of every series"))
        return opened
