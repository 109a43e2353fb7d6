"""Moving an archive's shares under other published keys, or another KEM: dealt anew to the same trustees.

A share at rest is under its trustee's vault key alone, so a trustee that rotates its BROKER_KEM key touches none. But
whoever recorded deposits on their way opens them once the key of before, or its KEM, falls; t of them open a study's
keys. Dealing anew gives every trustee another share, sealed to the key that it has published now, and has the ones of
before destroyed: fewer than t recorded deposits of before open nothing, also together with new ones. Packs, indexes and
their keys stay what they are. Where t deposits of one study were recorded, only fresh keys help (`rekeying`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fiducia.core.entries import Study
from fiducia.core.formats.manifest import Manifest
from fiducia.core.keys.custody import Custody
from fiducia.core.replay import State
from fiducia.errors import FiduciaError, InputError
from fiducia.journeys.custody.moving_custody import MoveCustody
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.shared.subjects import known_study
from fiducia.ports import Clock, Mirror, Signer, Store
from fiducia.records.ledger import KeyKind, StudyStatus

AT_ONCE = 8
"""How many studies go over at a time: each waits for its own revisions to be final."""


@dataclass(frozen=True, slots=True)
class RefreshedStudy:
    """What one study took.

    Attributes:
        study_id: which.
        revision: the one that holds now.
        shares: how many were dealt, of all series to all trustees.
        objects_changed: packs and indexes that the newest manifest names and the one of before did not.
        waiting: trustees that have yet to attest that their shares of before are destroyed.
    """

    study_id: bytes
    revision: int
    shares: int
    objects_changed: int
    waiting: tuple[int, ...]


class RefreshShares:
    """Deal a custodian's studies anew where a trustee has replaced the key that its shares were sealed to.

    Example:
        ``for done in refresh.run_all(refresh.due(), registrar): ...``
    """

    def __init__(self, *, move: MoveCustody, mirror: Mirror, store: Store, clock: Clock, custodian: int) -> None:
        self._move = move
        self._mirror = mirror
        self._store = store
        self._clock = clock
        self._custodian = custodian

    def due(self) -> Iterator[bytes]:
        """Yield studies whose shares were dealt before a trustee published its present BROKER_KEM key.

        Studies that one share opens are left out: there the share is the key. Raises: StoreError, LedgerError.
        """
        state = self._mirror.catch_up()
        for study in state.studies():
            if study.custodian == self._custodian and self._is_due(state, study):
                yield study.study_id

    def run(self, study_id: bytes, registrar: Signer) -> RefreshedStudy:
        """Deal one anew, or finish what was interrupted.

        Args:
            study_id: 32 bytes.
            registrar: a REGISTRAR key that the custodian published.

        Raises:
            InputError: one share opens this study. And what `MoveCustody.run` raises; the same call goes on later.
        """
        before, custody = self._documents(known_study(self._mirror.catch_up(), study_id))
        if custody.threshold == 1:
            raise InputError("one share opens this study, and is its key: `fiducia study rekey` gives it fresh keys")
        moved = self._move.run(study_id, custody.rule, registrar, anew=True)
        after, _ = self._documents(known_study(self._mirror.catch_up(), study_id))
        return RefreshedStudy(
            study_id=study_id,
            revision=moved.revision,
            shares=len(after.series) * len(custody.trustees),
            objects_changed=len(_objects(after) - _objects(before)),
            waiting=moved.waiting,
        )

    def run_all(
        self, study_ids: Iterable[bytes], registrar: Signer, at_once: int = AT_ONCE
    ) -> Iterator[RefreshedStudy | FiduciaError]:
        """Deal many anew, several at a time; yield what came of each, in their order."""

        def one(study_id: bytes) -> RefreshedStudy | FiduciaError:
            try:
                return self.run(study_id, registrar)
            except FiduciaError as error:
                return error  # one study's trustees must not keep the others waiting

        with ThreadPoolExecutor(at_once, thread_name_prefix="refresh") as threads:
            yield from threads.map(one, study_ids)

    def _is_due(self, state: State, study: Study) -> bool:
        if study.status != StudyStatus.ANCHORED or study.revisions[-1].withdrawn:
            return False
        manifest, custody = self._documents(study)
        if custody.threshold == 1 or custody.moves_to not in (None, custody.rule):
            return False  # the latter is somebody's move, which they finish
        if custody.moves_to is not None:
            return True
        replaced_at = self._replaced_at(state, custody)
        earlier = [each for each in study.revisions if each.anchored_at <= replaced_at]
        if not earlier:
            return False
        dealt = read_custody(self._store, read_manifest(self._store, earlier[-1].manifest))
        return any(
            dealt.knows(line.number, line.sealed_in)
            and dealt.share_id(line.number, line.sealed_in, 1) == custody.share_id(line.number, line.sealed_in, 1)
            for line in manifest.series
        )

    def _replaced_at(self, state: State, custody: Custody) -> int:
        """When the trustee that did so last replaced the key that deposits are sealed to; 0 when none ever did."""
        now, found = self._clock.now(), [0]
        for trustee in custody.trustees:
            present, every = state.key(trustee, KeyKind.BROKER_KEM, now), state.keys(trustee, KeyKind.BROKER_KEM)
            if trustee != self._custodian and present is not None and len(every) > 1:
                found.append(present.published_at)
        return max(found)

    def _documents(self, study: Study) -> tuple[Manifest, Custody]:
        manifest = read_manifest(self._store, study.manifest)
        return manifest, read_custody(self._store, manifest)


def _objects(manifest: Manifest) -> set[str]:
    return {cid for line in manifest.series for cid in (line.pack_cid, line.index_cid)}
