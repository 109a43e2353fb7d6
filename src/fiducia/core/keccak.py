"""Keccak-256 as Ethereum uses it (the padding that came before FIPS 202).

Owns the one call into the hash library; what is hashed, and why, stands in `typed_data` and `ids`.
"""

from __future__ import annotations

from Crypto.Hash import keccak


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest of `data`."""
    return keccak.new(digest_bits=256, data=data).digest()
