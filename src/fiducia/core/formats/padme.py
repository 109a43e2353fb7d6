"""Padmé: the lengths to which packs and indexes are padded.

Owns the length rule only; who pads with what is in `pack` and `index`. A padded length says at most
O(log log n) bits about the real one, at under 12 % (and for large objects far less) overhead.
Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs" (2019), section 4.
"""

from __future__ import annotations


def padme(length_bytes: int) -> int:
    """Return the padded length of an object of `length_bytes` (>= 0) bytes.

    The largest lengths keep only the bits of the mantissa that their exponent's own length allows;
    the rest is rounded up. Idempotent and monotonic.
    """
    if length_bytes < 0:
        raise ValueError("a length is not negative")
    if length_bytes < 2:
        return length_bytes
    exponent = length_bytes.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    if low_bits <= 0:
        return length_bytes
    mask = (1 << low_bits) - 1
    return (length_bytes + mask) & ~mask
