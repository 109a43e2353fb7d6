"""Key pairs that lists of shares are sealed to, and the KEMs there are.

A published key says by its length which KEM it is of; a secret says it by the two bytes before its seed, which the
first KEM's lacks. Both are hybrids: a post-quantum KEM and a curve, broken only when both are.
Source: RFC 9180; draft-ietf-hpke-pq (0x647a: X-Wing, 0x0051: ML-KEM-1024 and P-384); docs/formats.md, "Sealed keys".
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
    MLKEM1024PrivateKey,
    MLKEM1024PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    MLKEM1024P384PrivateKey,
    MLKEM1024P384PublicKey,
    Suite,
)

from fiducia.errors import EncodingError

SEED_BYTES = 32
_D_AND_Z = 64
_P384_BYTES = 48
_POINT = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)

PrivateKey = MLKEM768X25519PrivateKey | MLKEM1024P384PrivateKey
PublicKey = MLKEM768X25519PublicKey | MLKEM1024P384PublicKey


class Kem(enum.Enum):
    """A KEM, by its number at IANA."""

    MLKEM768_X25519 = 0x647A
    MLKEM1024_P384 = 0x0051

    @cached_property
    def suite(self) -> Suite:
        """The HPKE suite; KDF and AEAD are the same for all."""
        kem = KEM.MLKEM768_X25519 if self is Kem.MLKEM768_X25519 else KEM.MLKEM1024_P384
        return Suite(kem, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

    @property
    def mlkem_public_bytes(self) -> int:
        """How long the post-quantum half of a public key is; it comes first."""
        return 1184 if self is Kem.MLKEM768_X25519 else 1568

    @property
    def public_bytes(self) -> int:
        """How long a public key is: what tells KEMs apart on the ledger."""
        return self.mlkem_public_bytes + (32 if self is Kem.MLKEM768_X25519 else 1 + 2 * _P384_BYTES)

    @property
    def envelope_bytes(self) -> int:
        """How much longer a sealed list is than the list: encapsulated key and tag."""
        return (1120 if self is Kem.MLKEM768_X25519 else 1665) + 16


def new_secret(kem: Kem, seed: bytes) -> bytes:
    """Return a key pair's whole secret as vaults keep it: 32 bytes of the first KEM, 34 of others.

    Args:
        kem: which.
        seed: 32 random bytes.
    """
    return seed if kem is Kem.MLKEM768_X25519 else kem.value.to_bytes(2, "big") + seed


def kem_of_secret(secret: bytes) -> Kem:
    """Return which KEM a secret is for. Raises: EncodingError (no secret)."""
    if len(secret) == SEED_BYTES:
        return Kem.MLKEM768_X25519
    if len(secret) == 2 + SEED_BYTES and secret[:2] == Kem.MLKEM1024_P384.value.to_bytes(2, "big"):
        return Kem.MLKEM1024_P384
    raise EncodingError("a key pair's secret is a seed of 32 bytes, after the KEM's number where it is not the first")


def kem_of_public(public: bytes) -> Kem:
    """Return which KEM a published key is of, by its length. Raises: EncodingError."""
    for kem in Kem:
        if len(public) == kem.public_bytes:
            return kem
    raise EncodingError("a public key is 1216 bytes (ML-KEM-768 and X25519) or 1665 (ML-KEM-1024 and P-384)")


def private_key(secret: bytes) -> PrivateKey:
    """Return the private key. Raises: EncodingError (no secret)."""
    kem, seed = kem_of_secret(secret), secret[-SEED_BYTES:]
    if kem is Kem.MLKEM768_X25519:
        return MLKEM768X25519PrivateKey(*_first(seed))
    return MLKEM1024P384PrivateKey(*_second(seed))


def public_key(public: bytes) -> PublicKey:
    """Return a published key. Raises: EncodingError (none)."""
    kem = kem_of_public(public)
    mlkem, curve = public[: kem.mlkem_public_bytes], public[kem.mlkem_public_bytes :]
    try:
        if kem is Kem.MLKEM768_X25519:
            return MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(mlkem), X25519PublicKey.from_public_bytes(curve)
            )
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), curve)
        return MLKEM1024P384PublicKey(MLKEM1024PublicKey.from_public_bytes(mlkem), point)
    except ValueError as error:
        raise EncodingError("this is not an ML-KEM public key, or not with a point of its curve") from error


@dataclass(frozen=True, slots=True)
class KemKey:
    """A recipient's key pair.

    Attributes:
        seed: the whole secret, as `new_secret` makes it: it is what a vault keeps.
        public: the ML-KEM key and the curve's; see `Kem.public_bytes`.
    """

    seed: bytes = field(repr=False)
    public: bytes = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> KemKey:
        """Derive the pair, always the same from one secret.

        Raises:
            EncodingError: no secret.
        """
        if kem_of_secret(seed) is Kem.MLKEM768_X25519:
            mlkem, x25519 = _first(seed)
            return cls(seed, mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())
        strong, p384 = _second(seed[-SEED_BYTES:])
        return cls(seed, strong.public_key().public_bytes_raw() + p384.public_key().public_bytes(*_POINT))

    @property
    def kem(self) -> Kem:
        """Which KEM it is of."""
        return kem_of_secret(self.seed)


def _first(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(_D_AND_Z + 32)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:_D_AND_Z]),
        X25519PrivateKey.from_private_bytes(expanded[_D_AND_Z:]),
    )


def _second(seed: bytes) -> tuple[MLKEM1024PrivateKey, ec.EllipticCurvePrivateKey]:
    expanded = hashlib.shake_256(seed).digest(_D_AND_Z + _P384_BYTES)
    scalar = int.from_bytes(expanded[_D_AND_Z:], "big")
    try:  # one seed in about 2^190 gives a scalar that is 0 or not below the curve's order
        p384 = ec.derive_private_key(scalar, ec.SECP384R1())
    except ValueError as error:
        raise EncodingError("this seed gives no key: draw another one") from error
    return MLKEM1024PrivateKey.from_seed_bytes(expanded[:_D_AND_Z]), p384
