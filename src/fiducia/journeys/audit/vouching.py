"""A custodian signs for instances of its own studies, asked by whoever was given them.

Who asks needs no badge: knowing an instance's salt, 32 random bytes that only the sealed index has, shows that it was
opened; and what is signed says no more than the anchored manifest does to whoever knows that. The signature adds that
the custodian stands by it now.
"""

from __future__ import annotations

from fiducia.core.entries import Revision, Study
from fiducia.core.formats.manifest import SeriesLine
from fiducia.core.provenance import claim_of, verify_place
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError, InputError, ProofError
from fiducia.journeys.shared.objects import read_manifest
from fiducia.ports import Clock, Mirror, Signer, Store
from fiducia.records.ledger import StudyStatus
from fiducia.records.provenance import VouchAsk, Vouched

VOUCHED_AT_ONCE = 32
"""Instances in one ask: with paths of the largest series they stay within a broker's body."""


class VouchForInstances:
    """Sign a custodian's claims.

    Example:
        ``VouchForInstances(mirror=mirror, store=store, clock=clock, domains=domains, custodian=1,
        signer=key).run(ask)``
    """

    def __init__(
        self, *, mirror: Mirror, store: Store, clock: Clock, domains: Domains, custodian: int, signer: Signer
    ) -> None:
        self._mirror = mirror
        self._store = store
        self._clock = clock
        self._domains = domains
        self._custodian = custodian
        self._signer = signer

    def run(self, ask: VouchAsk) -> Vouched:
        """Return a signature for each instance, all of one time.

        Raises:
            InputError: no such study, revision or series here, too many at once, or a leaf that is not in the series.
            DeniedError: the study, or that revision, was withdrawn or erased.
            StoreError, VerificationError: the manifest cannot be read. LedgerError: the chain cannot be asked.
        """
        if not 1 <= len(ask.instances) <= VOUCHED_AT_ONCE:
            raise InputError(f"ask for 1 to {VOUCHED_AT_ONCE} instances at once")
        study, revision = self._revision_of(ask)
        manifest = read_manifest(self._store, revision.manifest)
        if {manifest.custodian, revision.custodian} != {self._custodian}:
            raise InputError(f"institution {revision.custodian} anchored this revision: ask its broker")
        _require_in(manifest.line(ask.series), ask)
        # Whoever asks knows the salts, so this is nobody to whom the reason must not be said.
        if study.status is not StudyStatus.ANCHORED or revision.withdrawn:
            raise DeniedError("STUDY_WITHDRAWN")
        signed_at = max(self._clock.now(), self._mirror.state().head.time_at)
        claims = (claim_of(manifest, revision.manifest, ask.series, place, signed_at) for place in ask.instances)
        return Vouched(signed_at, tuple(self._signer.sign(self._domains.digest(claim)) for claim in claims))

    def _revision_of(self, ask: VouchAsk) -> tuple[Study, Revision]:
        study = self._mirror.catch_up().study(ask.study_id)
        revision = study.at(ask.revision) if study else None
        if study is None or revision is None:
            raise InputError("no such study revision on this ledger")
        return study, revision


def _require_in(line: SeriesLine, ask: VouchAsk) -> None:
    for place in ask.instances:
        try:
            verify_place(line, place)
        except ProofError as error:
            raise InputError(f"an instance is not in series {ask.series}: {error}") from error
