"""Identifiers and how they are derived: studies, subjects, grants, requests, keys, persons, scopes.

Nothing here is an identity: `study_id` and `subject` come from a secret-free random salt, never from a
UID, and are bound to the custodian so that nobody can take another's. Salts are arguments. Mirrors the
derivations of contracts/src. Source: design section 5, EIP-712 for grant and request ids.
"""

from __future__ import annotations

import hashlib

from fiducia.core.keccak import keccak256
from fiducia.core.typed_data import hash_struct
from fiducia.errors import EncodingError
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Grant, KeyRequest

STUDY_TAG = b"fiducia/v1/study"
SUBJECT_TAG = b"fiducia/v1/subject"

ALL_SCOPE = bytes(32)
"""The scope of every study first anchored at or before the grant's `anchored_by`."""

NO_GRANT = bytes(32)
"""The grant id of own access."""

NO_PERSON = bytes(32)
"""The person of own access."""

FUTURE_TOO = 2**64 - 1
"""`anchored_by` of a grant that includes studies not anchored yet."""

_PERSON_RANDOM_BYTES = 28
_DAY_S = 86_400


def study_id(custodian: int, salt: bytes) -> bytes:
    """Return the 32-byte id of the study that `custodian` anchors with a 32-byte `salt`. Raises: EncodingError."""
    return keccak256(STUDY_TAG + _uint32(custodian) + _exactly(salt, 32, "a study's salt"))


def subject(custodian: int, salt: bytes) -> bytes:
    """Return the 20-byte pseudonym that `custodian` enrols with a 32-byte `salt`. Raises: EncodingError."""
    return keccak256(SUBJECT_TAG + _uint32(custodian) + _exactly(salt, 32, "a subject's salt"))[:20]


def grant_id(grant: Grant) -> bytes:
    """Return a grant's 32-byte id: its EIP-712 struct hash. Raises: EncodingError."""
    return hash_struct(grant)


def request_id(request: KeyRequest) -> bytes:
    """Return a request's 32-byte id: its EIP-712 struct hash. Raises: EncodingError."""
    return hash_struct(request)


def signer_hash(signer: bytes) -> bytes:
    """Return what the chain keeps of a signer's ERC-7913 bytes: keccak256 (32 bytes)."""
    return keccak256(signer)


def key_hash(kind: KeyKind, key: bytes) -> bytes:
    """Return the hash a key is published under.

    Args:
        kind: keys that sign (REGISTRAR, ISSUER, BROKER_SIGN) are 20-byte addresses, hashed with
            keccak256; the others are raw public keys, hashed with SHA-256.
        key: the address or the raw public key.

    Raises:
        EncodingError: a signing key that is not 20 bytes, or an empty key.
    """
    if kind in (KeyKind.REGISTRAR, KeyKind.ISSUER, KeyKind.BROKER_SIGN):
        return keccak256(_exactly(key, 20, f"a {kind.name} key"))
    if not key:
        raise EncodingError(f"a {kind.name} key is empty")
    return hashlib.sha256(key).digest()


def person(institution: int, random: bytes) -> bytes:
    """Return a staff member's 32-byte pseudonym from 28 random bytes. Raises: EncodingError."""
    return _uint32(institution) + _exactly(random, _PERSON_RANDOM_BYTES, "a person's random part")


def institution_of(person_or_grantee: bytes) -> int:
    """Return the institution that a person or grantee belongs to. Raises: EncodingError."""
    return int.from_bytes(_exactly(person_or_grantee, 32, "a person")[:4], "big")


def institution_grantee(institution: int) -> bytes:
    """Return the 32-byte grantee that stands for everybody of an institution. Raises: EncodingError."""
    return _uint32(institution) + bytes(_PERSON_RANDOM_BYTES)


def is_institution(grantee: bytes) -> bool:
    """Tell whether a grantee is a whole institution rather than one person."""
    return len(grantee) == 32 and not any(grantee[4:])


def series_scope(study: bytes, series: int) -> bytes:
    """Return the scope of one series: keccak256(abi.encode(study_id, uint32 series)). Raises: EncodingError."""
    return keccak256(_exactly(study, 32, "a study_id") + _uint32(series).rjust(32, b"\0"))


def day_of(at: int) -> int:
    """Return the day (days since 1970-01-01 UTC) in which a time in UTC Unix seconds falls."""
    return at // _DAY_S


def _uint32(value: int) -> bytes:
    if not 0 <= value < 2**32:
        raise EncodingError("an institution or series number does not fit 32 bits")
    return value.to_bytes(4, "big")


def _exactly(value: bytes, size: int, what: str) -> bytes:
    if len(value) != size:
        raise EncodingError(f"{what} is {len(value)} bytes; it has {size}")
    return value
