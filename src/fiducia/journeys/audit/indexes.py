"""Opening a study's indexes, and no more: to prove its instances.

Whoever was granted the study asks for its keys, for METADATA where the grant allows it; the custodian has a share of
its own, which is enough where one share is.
"""

from __future__ import annotations

from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.rules import Action
from fiducia.errors import InputError
from fiducia.journeys.audit.prove_instances import OpenedStudy
from fiducia.journeys.reading.asking import DrawUpRequest, Requester
from fiducia.journeys.reading.collecting import CollectKeys, OpenedSeries
from fiducia.journeys.shared.objects import read_custody, read_manifest, vouched_form
from fiducia.journeys.trustees.shares import kept_share
from fiducia.ports import Mirror, Store, Vault
from fiducia.records.typed import OwnAccess

ACTIONS = (Action.METADATA, Action.VIEW, Action.RETAIN)
"""What an index may be opened under, the least first."""


class OpenGranted:
    """Open indexes under a request: a release is recorded, as when the images are fetched.

    Example:
        ``OpenGranted(draw_up=draw_up, collect=collect).run(study_id, 0, Purpose.TREAT, requester)``
    """

    def __init__(self, *, draw_up: DrawUpRequest, collect: CollectKeys) -> None:
        self._draw_up = draw_up
        self._collect = collect

    def run(self, study_id: bytes, series: int, purpose: int, requester: Requester) -> OpenedStudy:
        """Return a study's series, or one of them. Raises: as `CollectKeys.run`; InputError (no such study)."""
        for action in ACTIONS:
            access = self._draw_up.run(study_id, series, purpose, action, requester)
            if isinstance(access, OwnAccess) or access.grant.actions >> action & 1:
                break
        opened = self._collect.run(access, requester.seed)
        return OpenedStudy(study_id, access.request.revision, opened)


class OpenKept:
    """Open indexes as their custodian, with its own share.

    Example:
        ``OpenKept(mirror=mirror, store=store, vault=vault).run(study_id, 0)``
    """

    def __init__(self, *, mirror: Mirror, store: Store, vault: Vault) -> None:
        self._mirror = mirror
        self._store = store
        self._vault = vault

    def run(self, study_id: bytes, series: int) -> OpenedStudy:
        """Return the newest revision's series (0), or one of them.

        Raises:
            InputError: no such study or series. KeyMissingError: no share here, or one is not enough.
            StoreError, VerificationError, VaultError.
        """
        study = self._mirror.catch_up().study(study_id)
        if study is None:
            raise InputError("no such study on this ledger; see `fiducia study list`")
        manifest = read_manifest(self._store, study.manifest)
        custody = read_custody(self._store, manifest)
        opened = []
        for line in [manifest.line(series)] if series else manifest.series:
            keys = custody.combine([kept_share(self._vault, custody, line.number, line.sealed_in)])
            with vouched_form():
                opener = SeriesOpener(manifest.place(line), line, keys, self._store.read)
            opened.append(OpenedSeries(line.number, opener))
        return OpenedStudy(study_id, manifest.revision, tuple(opened))
