"""Sealing what leaves a trustee: its shares of the series that a request names, for the request's recipient alone.

Whether they may leave is not decided here: `release` asks the ledger first, `stalls.late` decides while
the ledger cannot be asked.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from fiducia.core import ids
from fiducia.core.formats.manifest import Manifest
from fiducia.core.keys.custody import Custody
from fiducia.core.keys.sealing import seal_shares
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.rules import Action
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError, InputError, KeyMissingError
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.trustees.shares import share_of
from fiducia.ports import Mirror, Signer, Store, Vault
from fiducia.records.images import HandOver
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Access, HandOverStatement, OwnAccess

MANIFESTS_KEPT = 256


class SealKeys:
    """Seal and sign one trustee's shares.

    Example:
        ``SealKeys(mirror=mirror, store=store, vault=vault, domains=domains, trustee=1, signer=key).run(access)``
    """

    def __init__(
        self, *, mirror: Mirror, store: Store, vault: Vault, domains: Domains, trustee: int, signer: Signer
    ) -> None:
        self._mirror = mirror
        self._vault = vault
        self._domains = domains
        self._trustee = trustee
        self._signer = signer
        self._documents = _Documents(store)

    def run(self, access: Access) -> HandOver:
        """Return the shares of the series that the request names, sealed to its recipient.

        Raises:
            DeniedError: no such study or recipient. KeyMissingError: no share here. InputError: a recipient key that
            is not the one the request names. StoreError, LedgerError: a part cannot be read.
        """
        recipient = self._recipient(access)
        shares = self._shares(access)
        request_id = ids.request_id(access.request)
        sealed = seal_shares(shares, recipient=recipient, request_id=request_id, trustee=self._trustee)
        statement = HandOverStatement(request_id, self._trustee, hashlib.sha256(sealed).digest())
        return HandOver(request_id, self._trustee, sealed, self._signer.sign(self._domains.digest(statement)))

    def is_trustee(self, access: Access) -> bool:
        """Tell whether this institution is a trustee of the revision that a request names.

        Raises: DeniedError (no such study), StoreError, LedgerError.
        """
        _, custody = self._documents.of(self._digest(access.request.study_id, access.request.revision))
        return self._trustee in custody.trustees

    def _recipient(self, access: Access) -> bytes:
        wanted = access.request.recipient
        if isinstance(access, OwnAccess):
            if hashlib.sha256(access.recipient_key).digest() != wanted:
                raise InputError("the recipient key is not the one that the request names")
            return access.recipient_key
        institution = access.badge.badge.institution
        for state in (self._mirror.state, self._mirror.catch_up):
            for key in state().keys(institution, KeyKind.GATEWAY):
                if key.key_hash == wanted:
                    return key.key
        raise DeniedError("RECIPIENT_UNPUBLISHED")

    def _shares(self, access: Access) -> list[SeriesShare]:
        request = access.request
        manifest, custody = self._documents.of(self._digest(request.study_id, request.revision))
        if self._trustee not in custody.trustees:
            raise KeyMissingError("this institution is no trustee of the study")
        index = custody.share_index(self._trustee)
        lines = [manifest.line(request.series)] if request.series else manifest.series
        shares = [share_of(self._vault, custody, index, line.number, line.sealed_in) for line in lines]
        if request.action == Action.METADATA:
            return [share.metadata_only() for share in shares]
        return shares

    def _digest(self, study_id: bytes, revision: int) -> bytes:
        for state in (self._mirror.state, self._mirror.catch_up):
            study = state().study(study_id)
            found = study.at(revision) if study else None
            if found is not None:
                return found.manifest
        raise DeniedError("STUDY_UNKNOWN")


class _Documents:
    """Manifests with their custody documents, by digest, read once: a digest's content never changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[Manifest, Custody]] = OrderedDict()

    def of(self, digest: bytes) -> tuple[Manifest, Custody]:
        with self._lock:
            known = self._kept.get(digest)
        if known is None:
            manifest = read_manifest(self._store, digest)
            known = manifest, read_custody(self._store, manifest)
            with self._lock:
                self._kept[digest] = known
                while len(self._kept) > MANIFESTS_KEPT:
                    self._kept.popitem(last=False)
        return known
