"""Opening canary studies out of a restored home: the proof that a copy is worth something, before it is needed.

Each study's manifest is the one that the ledger holds, its shares are the restored vaults', every instance is read and
compared with its commitment. Nothing of it is kept. A member that is one trustee of several holds too few shares to
open its studies alone: then those it has are compared with the custody document.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from fiducia.core.formats.manifest import Manifest, SeriesLine
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.keys.custody import Custody
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.replay import State
from fiducia.errors import InputError, KeyMissingError, VerificationError
from fiducia.journeys.shared.objects import read_custody, read_manifest, vouched_form
from fiducia.journeys.trustees.shares import share_of
from fiducia.ports import Mirror, Store, Studies, Vault
from fiducia.records.copies import Canary
from fiducia.records.ledger import StudyStatus


class OpenCanaries:
    """Open studies with what a restored home holds.

    Example:
        ``OpenCanaries(mirror=mirror, store=store, vaults=[vault], studies=[studies]).run(newest=3)``
    """

    def __init__(self, *, mirror: Mirror, store: Store, vaults: Sequence[Vault], studies: Sequence[Studies]) -> None:
        self._mirror = mirror
        self._store = store
        self._vaults = vaults
        self._studies = studies

    def run(self, study_ids: Sequence[bytes] = (), *, newest: int = 1) -> tuple[Canary, ...]:
        """Open studies.

        Args:
            study_ids: which; the newest ones of the restored directory when empty.
            newest: how many of those.

        Raises:
            InputError: there is nothing to open. KeyMissingError: a study has no share in the copy.
            VerificationError, StoreError: something is not what the ledger vouches for, or cannot be read.
        """
        state = self._mirror.catch_up()
        chosen = list(study_ids) or self._newest(state, newest)
        if not chosen:
            raise InputError("the copy holds no study that could be opened: name a canary with --study")
        return tuple(self._open(state, study_id) for study_id in chosen)

    def _newest(self, state: State, count: int) -> list[bytes]:
        known = [entry.study_id for studies in self._studies for entry in studies.all()]
        anchored = [study for study in map(state.study, known) if study and study.status is StudyStatus.ANCHORED]
        return [study.study_id for study in sorted(anchored, key=lambda study: -study.anchored_at)[:count]]

    def _open(self, state: State, study_id: bytes) -> Canary:
        study = state.study(study_id)
        if study is None:
            raise InputError("no such study on this ledger")
        manifest = read_manifest(self._store, study.manifest)
        if (manifest.study_id, manifest.revision) != (study_id, study.revision):
            raise VerificationError("the manifest that the ledger names is of another study or revision")
        custody = read_custody(self._store, manifest)
        held = [(line, self._shares(custody, line)) for line in manifest.series]
        shares = min(len(found) for _, found in held)
        if not shares:
            raise KeyMissingError("a canary study has no share in this copy")
        for _, found in held:
            for share in found:
                custody.check(share)
        opened = shares >= custody.threshold
        instances = sum(self._series(manifest, line, custody, found) for line, found in held) if opened else 0
        return Canary(study_id, study.revision, len(held), instances, shares, opened)

    def _shares(self, custody: Custody, line: SeriesLine) -> list[SeriesShare]:
        """Return every share of a series that is in the restored vaults, whichever trustee's they are."""
        found = {}
        for vault, index in product(self._vaults, range(1, len(custody.trustees) + 1)):
            try:
                share = share_of(vault, custody, index, line.number, line.sealed_in)
            except KeyMissingError:
                continue
            found[share.index] = share
        return list(found.values())

    def _series(self, manifest: Manifest, line: SeriesLine, custody: Custody, shares: Sequence[SeriesShare]) -> int:
        """Read every instance of a series; its opener compares each with the root that the manifest holds."""
        with vouched_form():
            opener = SeriesOpener(manifest.place(line), line, custody.combine(shares), self._store.read)
            for entry in opener.entries:
                for _ in opener.instance(entry.number):
                    pass
            return len(opener.entries)
