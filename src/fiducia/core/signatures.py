"""secp256k1 signatures over EIP-712 digests: recover who signed, and sign.

One decision has one signature encoding: exactly 65 bytes r ‖ s ‖ v, r and s in range, s in the lower
half, v 27 or 28. Everything else is refused before any curve arithmetic, so nothing can be signed twice
over by re-encoding. Nothing is ever keyed on signature bytes. libsecp256k1 (through coincurve) does the
arithmetic: its RFC 6979 nonces need no randomness here. Source: SEC 1, EIP-2, EIP-712.
"""

from __future__ import annotations

import coincurve

from fiducia.core.keccak import keccak256
from fiducia.errors import EncodingError, SignatureError

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The order of secp256k1's group (SEC 2, section 2.4.1)."""

SIGNATURE_BYTES = 65

_HALF_ORDER = ORDER // 2
_V_OFFSET = 27
# OpenZeppelin's SignatureChecker and ours agree: an EOA signer is its 20 address bytes (ERC-7913).
_ADDRESS_BYTES = 20


def recover(digest: bytes, signature: bytes) -> bytes:
    """Return the 20-byte address whose key signed a 32-byte digest.

    Raises:
        SignatureError: the signature is not in its one accepted form, or belongs to no key.
    """
    if len(digest) != 32:
        raise SignatureError("a digest has 32 bytes")
    recovery_id = _check_form(signature)
    try:
        public = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes([recovery_id]), digest, hasher=None
        )
    except ValueError as error:
        raise SignatureError("the signature belongs to no key") from error
    return _address(public)


def recover_or_none(digest: bytes, signature: bytes) -> bytes | None:
    """Return the signer's address, or None for a signature that `recover` refuses."""
    try:
        return recover(digest, signature)
    except SignatureError:
        return None


def verify(digest: bytes, signature: bytes, address: bytes) -> None:
    """Return when `address` (20 bytes) signed the digest. Raises: SignatureError."""
    if recover(digest, signature) != address:
        raise SignatureError("the signature is by somebody else")


class EoaKey:
    """A secp256k1 private key that signs digests; fits `ports.Signer`. Never prints its secret."""

    __slots__ = ("_address", "_key")

    def __init__(self, secret: bytes) -> None:
        """Take a 32-byte private key in 1..n-1. Raises: EncodingError."""
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < ORDER:
            raise EncodingError("a signing key is 32 bytes that encode a number between 1 and the group's order")
        self._key = coincurve.PrivateKey(secret)
        self._address = _address(self._key.public_key)

    @property
    def address(self) -> bytes:
        """The 20-byte address."""
        return self._address

    def sign(self, digest: bytes) -> bytes:
        """Return the 65-byte signature (r, low s, v in 27..28) over a 32-byte digest. Raises: EncodingError."""
        if len(digest) != 32:
            raise EncodingError("a digest has 32 bytes")
        # libsecp256k1 signs with the lower of the two s, so `recover` accepts every signature made here.
        compact = self._key.sign_recoverable(digest, hasher=None)
        return compact[:64] + bytes([compact[64] + _V_OFFSET])

    def __repr__(self) -> str:
        return f"EoaKey(0x{self._address.hex()})"


def _check_form(signature: bytes) -> int:
    """Return the recovery id of a signature in its one accepted form."""
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError("a signature has 65 bytes")
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:64], "big")
    if not 0 < r < ORDER or not 0 < s <= _HALF_ORDER:
        raise SignatureError("the signature is not canonical: r out of range, or s not in the lower half")
    recovery_id = signature[64] - _V_OFFSET
    if recovery_id not in (0, 1):
        raise SignatureError("the signature is not canonical: v is 27 or 28")
    return recovery_id


def _address(public: coincurve.PublicKey) -> bytes:
    return keccak256(public.format(compressed=False)[1:])[-_ADDRESS_BYTES:]
