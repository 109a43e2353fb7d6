"""Lists of keys sealed to one recipient: what leaves a trustee at a hand-over.

Owns the hybrid post-quantum key pair (from a 32-byte seed), the plaintext of a sealed list and its HPKE
envelope. The trustee's signature over the result is `core.typed_data`'s; shares are dealt in `shares`.
Source: RFC 9180 base mode, KEM 0x647a (X-Wing: ML-KEM-768 and X25519), KDF HKDF-SHA256, AEAD AES-256-GCM;
docs/formats.md, "Sealed keys".
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from fiducia.core.formats.context import U32_MAX
from fiducia.core.keys.shares import SHARES_MAX, SeriesShare
from fiducia.errors import DecryptionError, EncodingError

SEED_BYTES = 32
PUBLIC_KEY_BYTES = 1216
ENVELOPE_BYTES = 1120 + 16
SEALED_MAX_BYTES = 1 << 20

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MLKEM_PUBLIC_BYTES = 1184
_INFO = b"fiducia/v1/hand-over"
_VERSION = 1
_HEAD = struct.Struct(">BBI")
_ITEM = struct.Struct(">IHB32s")
_INDEX_ONLY, _INDEX_AND_PACK = 1, 3


@dataclass(frozen=True, slots=True)
class KemKey:
    """A recipient's key pair.

    Attributes:
        seed: 32 random bytes, the whole secret: it is what a vault keeps.
        public: 1216 bytes, the ML-KEM-768 key and the X25519 key.
    """

    seed: bytes = field(repr=False)
    public: bytes = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> KemKey:
        """Derive the pair, always the same from one seed.

        Raises:
            EncodingError: a seed of another length.
        """
        mlkem, x25519 = _private_halves(seed)
        return cls(seed, mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())


def key_hash(public: bytes) -> bytes:
    """Return SHA-256 of a public key's 1216 bytes: the `recipient` of a request, the key hash on chain.

    Raises:
        EncodingError: not a public key.
    """
    _public_key(public)
    return hashlib.sha256(public).digest()


def seal_shares(shares: Sequence[SeriesShare], *, recipient: bytes, request_id: bytes, trustee: int) -> bytes:
    """Seal one trustee's shares for one request to its recipient.

    Args:
        shares: one per series, ascending by series, all of the trustee's one share index.
        recipient: the public key, 1216 bytes.
        request_id: 32 bytes; with `trustee` it binds the list to this hand-over.
        trustee: the trustee's institution number.

    Returns:
        The encapsulated key and the ciphertext: 1136 bytes and the list.

    Raises:
        EncodingError: a malformed key, id or list. Side effect: draws from the operating system's generator.
    """
    plaintext = _encode(shares)
    try:
        return _SUITE.encrypt(plaintext, _public_key(recipient), info=_info(request_id, trustee))
    except ValueError as error:
        raise EncodingError("this public key cannot be sealed to") from error


def open_shares(sealed: bytes, *, seed: bytes, request_id: bytes, trustee: int) -> tuple[SeriesShare, ...]:
    """Open a sealed list; check each share against the custody document before using it.

    Raises:
        DecryptionError: sealed to another key, for another request or by another trustee, or altered.
        EncodingError: a seed of another length, or a list that is not well-formed.
    """
    if not ENVELOPE_BYTES < len(sealed) <= SEALED_MAX_BYTES:
        raise DecryptionError("this is not a sealed list of keys: its length is wrong")
    key = MLKEM768X25519PrivateKey(*_private_halves(seed))
    try:
        plaintext = _SUITE.decrypt(sealed, key, info=_info(request_id, trustee))
    except (InvalidTag, ValueError):
        what = "the sealed keys do not open: altered, or for another recipient, request or trustee"
        raise DecryptionError(what) from None
    return _decode(plaintext)


def _info(request_id: bytes, trustee: int) -> bytes:
    if len(request_id) != 32 or not 1 <= trustee <= U32_MAX:
        raise EncodingError("a request_id is 32 bytes and a trustee an institution's number")
    return _INFO + request_id + trustee.to_bytes(4, "big")


def _private_halves(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    if len(seed) != SEED_BYTES:
        raise EncodingError("a key pair's seed is 32 bytes")
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


def _public_key(raw: bytes) -> MLKEM768X25519PublicKey:
    if len(raw) != PUBLIC_KEY_BYTES:
        raise EncodingError("a public key is 1216 bytes: ML-KEM-768 and X25519")
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC_BYTES])
    except ValueError as error:
        raise EncodingError("this is not an ML-KEM-768 public key") from error
    return MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC_BYTES:]))


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
    if ENVELOPE_BYTES + len(plaintext) > SEALED_MAX_BYTES:
        raise EncodingError("too many series for one sealed list")
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
