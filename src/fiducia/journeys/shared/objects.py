"""Public documents in the store: manifests and custody documents, found by the digest that vouches for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fiducia.core.formats.cid import cid_of_digest, raw_cid
from fiducia.core.formats.manifest import MANIFEST_MAX_BYTES, Manifest, parse_manifest
from fiducia.core.keys.custody import CUSTODY_MAX_BYTES, Custody, parse_custody
from fiducia.errors import DigestError, EncodingError, VerificationError
from fiducia.ports import Store


def put_document(store: Store, data: bytes) -> str:
    """Store a document of at most 1 MiB as one raw block; returns its CID. Raises: StoreError."""
    cid = raw_cid(data)
    store.put(lambda: cid, (data,))
    return cid


def read_manifest(store: Store, digest: bytes) -> Manifest:
    """Read the manifest whose SHA-256 the ledger holds. Raises: StoreError, VerificationError."""
    with vouched_form():
        return parse_manifest(read_document(store, digest, MANIFEST_MAX_BYTES, "manifest"), digest)


def read_custody(store: Store, manifest: Manifest) -> Custody:
    """Read the custody document that a manifest names. Raises: StoreError, VerificationError."""
    with vouched_form():
        return read_custody_document(store, manifest.study_id, manifest.custody)


def read_custody_document(store: Store, study_id: bytes, digest: bytes) -> Custody:
    """Read a study's custody document by its SHA-256. Raises: StoreError, DigestError, EncodingError (its form)."""
    custody = parse_custody(read_document(store, digest, CUSTODY_MAX_BYTES, "custody document"), digest)
    if custody.study_id != study_id:
        raise DigestError("the custody document is of another study than the manifest")
    return custody


@contextlib.contextmanager
def vouched_form() -> Iterator[None]:
    """Turn a bad form into a failed verification: its digest is anchored, so the custodian made it so."""
    try:
        yield
    except EncodingError as error:
        raise VerificationError(f"what the ledger vouches for is malformed: {error}") from error


def read_document(store: Store, digest: bytes, limit_bytes: int, what: str) -> bytes:
    """Read a document by its digest, which nobody has compared yet. Raises: StoreError, DigestError (too long)."""
    cid = cid_of_digest(digest)
    size = store.size(cid)
    if size > limit_bytes:
        raise DigestError(f"the store's {what} is longer than any {what} can be")
    return store.read(cid, 0, size)
