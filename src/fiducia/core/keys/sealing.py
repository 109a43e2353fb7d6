"""Lists of shares sealed to one recipient: what leaves a trustee at a hand-over, and what reaches it at a deposit.

Owns the plaintext of a sealed list and its HPKE envelope; key pairs and KEMs are `kem`'s. The trustee's signature over
the result is `core.typed_data`'s; shares are dealt in `shares`.
Source: RFC 9180 base mode, KDF HKDF-SHA256, AEAD AES-256-GCM; docs/formats.md, "Sealed keys".
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag

from fiducia.core.formats.context import U32_MAX
from fiducia.core.keys.kem import SEED_BYTES, Kem, kem_of_public, kem_of_secret, private_key, public_key
from fiducia.core.keys.shares import SHARES_MAX, SeriesShare
from fiducia.errors import DecryptionError, EncodingError

PUBLIC_KEY_BYTES = Kem.MLKEM768_X25519.public_bytes
ENVELOPE_BYTES = Kem.MLKEM768_X25519.envelope_bytes
SEALED_MAX_BYTES = 1 << 20
SEALED_KEY_BYTES = ENVELOPE_BYTES + SEED_BYTES
"""How long a single sealed key is (`seal_key`), which is of the first KEM only."""

_HAND_OVER, _DEPOSIT = b"fiducia/v1/hand-over", b"fiducia/v1/deposit"
_VERSION = 1
_HEAD = struct.Struct(">BBI")
_ITEM = struct.Struct(">IHB32s")
_INDEX_ONLY, _INDEX_AND_PACK = 1, 3


def key_hash(public: bytes) -> bytes:
    """Return SHA-256 of a public key: the `recipient` of a request, the key hash on chain.

    Raises:
        EncodingError: not a public key.
    """
    public_key(public)
    return hashlib.sha256(public).digest()


def seal_shares(shares: Sequence[SeriesShare], *, recipient: bytes, request_id: bytes, trustee: int) -> bytes:
    """Seal one trustee's shares for one request to its recipient.

    Args:
        shares: one per series, ascending by series, all of the trustee's one share index.
        recipient: the public key, which says of which KEM it is.
        request_id: 32 bytes; with `trustee` it binds the list to this hand-over.
        trustee: the trustee's institution number.

    Returns:
        The encapsulated key and the ciphertext: `Kem.envelope_bytes` and the list.

    Raises:
        EncodingError: a malformed key, id or list. Side effect: draws from the operating system's generator.
    """
    return _seal(shares, recipient, _info(request_id, trustee))


def open_shares(sealed: bytes, *, seed: bytes, request_id: bytes, trustee: int) -> tuple[SeriesShare, ...]:
    """Open a sealed list; check each share against the custody document before using it.

    Raises:
        DecryptionError: sealed to another key, for another request or by another trustee, or altered.
        EncodingError: a seed of another length, or a list that is not well-formed.
    """
    return _open(sealed, seed, _info(request_id, trustee), "another recipient, request or trustee")


def seal_deposit(
    shares: Sequence[SeriesShare], *, recipient: bytes, study_id: bytes, custody: bytes, trustee: int
) -> bytes:
    """Seal the shares that a trustee is to keep to its broker.

    Args:
        shares: one per series, ascending by series, all of the trustee's one share index.
        recipient: its BROKER_KEM key.
        study_id: 32 bytes.
        custody: SHA-256 of the custody document; with study and trustee it binds the list to this deposit.
        trustee: its institution number.

    Returns and raises: as `seal_shares`.
    """
    return _seal(shares, recipient, _deposit_info(study_id, custody, trustee))


def open_deposit(
    sealed: bytes, *, seed: bytes, study_id: bytes, custody: bytes, trustee: int
) -> tuple[SeriesShare, ...]:
    """Open a deposit as its trustee; check each share against the custody document. Raises: as `open_shares`."""
    return _open(sealed, seed, _deposit_info(study_id, custody, trustee), "another trustee, study or custody")


def _seal(shares: Sequence[SeriesShare], recipient: bytes, info: bytes) -> bytes:
    plaintext = _encode(shares)
    if kem_of_public(recipient).envelope_bytes + len(plaintext) > SEALED_MAX_BYTES:
        raise EncodingError("too many series for one sealed list")
    try:
        return kem_of_public(recipient).suite.encrypt(plaintext, public_key(recipient), info=info)
    except ValueError as error:
        raise EncodingError("this public key cannot be sealed to") from error


def _open(sealed: bytes, seed: bytes, info: bytes, other: str) -> tuple[SeriesShare, ...]:
    kem = kem_of_secret(seed)
    if not kem.envelope_bytes < len(sealed) <= SEALED_MAX_BYTES:
        raise DecryptionError("this is not a sealed list of keys: its length is wrong")
    try:
        plaintext = kem.suite.decrypt(sealed, private_key(seed), info=info)
    except (InvalidTag, ValueError):
        raise DecryptionError(f"the sealed keys do not open: altered, or for {other}") from None
    return _decode(plaintext)


def _info(request_id: bytes, trustee: int) -> bytes:
    if len(request_id) != 32 or not 1 <= trustee <= U32_MAX:
        raise EncodingError("a request_id is 32 bytes and a trustee an institution's number")
    return _HAND_OVER + request_id + trustee.to_bytes(4, "big")


def _deposit_info(study_id: bytes, custody: bytes, trustee: int) -> bytes:
    if len(study_id) != 32 or len(custody) != 32 or not 1 <= trustee <= U32_MAX:
        raise EncodingError("a study_id and a custody digest are 32 bytes, a trustee an institution's number")
    return _DEPOSIT + study_id + custody + trustee.to_bytes(4, "big")


def _encode(shares: Sequence[SeriesShare]) -> bytes:
    indexes = {share.index for share in shares}
    if len(indexes) != 1:
        raise EncodingError("a sealed list holds shares, all of one trustee")
    out = [_HEAD.pack(_VERSION, indexes.pop(), len(shares))]
    for share in shares:
        kinds = _INDEX_ONLY if share.pack_share is None else _INDEX_AND_PACK
        out.append(_ITEM.pack(share.series, share.sealed_in, kinds, share.index_share))
        out.append(share.pack_share or b"")
    plaintext = b"".join(out)
    _decode(plaintext)  # nothing is sealed that would not be read back
    return plaintext


def _decode(plaintext: bytes) -> tuple[SeriesShare, ...]:
    try:
        version, index, count = _HEAD.unpack_from(plaintext)
        if version != _VERSION or not 1 <= index <= SHARES_MAX or not count:
            raise EncodingError("the sealed list is of an unknown version, or empty")
        shares: list[SeriesShare] = []
        at = _HEAD.size
        while at < len(plaintext):
            series, sealed_in, kinds, index_share = _ITEM.unpack_from(plaintext, at)
            at += _ITEM.size
            pack_share = None
            if kinds == _INDEX_AND_PACK:
                pack_share = plaintext[at : at + 32]
                at += 32
            elif kinds != _INDEX_ONLY:
                raise EncodingError("the sealed list holds an unknown kind of key")
            shares.append(SeriesShare(series, sealed_in, index, index_share, pack_share))
    except struct.error as error:
        raise EncodingError("the sealed list is cut short") from error
    numbers = [share.series for share in shares]
    if len(shares) != count or numbers != sorted(set(numbers)):
        raise EncodingError("the sealed list's series are not as many as it says, once each and ascending")
    return tuple(shares)


def seal_key(key: bytes, *, recipient: bytes, info: bytes) -> bytes:
    """Seal one 32-byte key to a public key; `info` binds it to its use. Returns `SEALED_KEY_BYTES` bytes.

    Raises:
        EncodingError: a malformed key. Side effect: draws from the operating system's generator.
    """
    if len(key) != SEED_BYTES:
        raise EncodingError("a key to be sealed is 32 bytes")
    if len(recipient) != PUBLIC_KEY_BYTES:
        raise EncodingError("a single key is sealed to a key of 1216 bytes: ML-KEM-768 and X25519")
    try:
        return Kem.MLKEM768_X25519.suite.encrypt(key, public_key(recipient), info=info)
    except ValueError as error:
        raise EncodingError("this public key cannot be sealed to") from error


def open_key(sealed: bytes, *, seed: bytes, info: bytes) -> bytes:
    """Open a key that was sealed with `seal_key`.

    Raises:
        DecryptionError: sealed to another key or for another use, or altered. EncodingError: a seed of another length.
    """
    key = private_key(seed)
    if len(sealed) != SEALED_KEY_BYTES:
        raise DecryptionError("this is not a sealed key: its length is wrong")
    try:
        return kem_of_secret(seed).suite.decrypt(sealed, key, info=info)
    except (InvalidTag, ValueError):
        raise DecryptionError("the sealed key does not open: altered, or sealed to another key") from None
