"""Shares of keys: t-of-n Shamir over each 32-byte key; t = n = 1 is the plain case of the same code.

Owns dealing and combining. Which share is whose, and the digests that tell a good share from a bad one,
are in `custody`: Shamir itself gives a wrong secret without a word. The field arithmetic is pycryptodome's
(GF(2^128), two halves under one index); randomness is an argument, because the random coefficients of its
`split` are replaced by t - 1 random shares through which `combine` interpolates the others: the same
distribution. Source: Shamir, "How to Share a Secret" (1979); docs/formats.md, "Shares".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from Crypto.Protocol.SecretSharing import Shamir

from fiducia.core.formats.context import U16_MAX, U32_MAX
from fiducia.errors import EncodingError

SECRET_BYTES = 32
SHARES_MAX = 255
_HALF = SECRET_BYTES // 2


@dataclass(frozen=True, slots=True)
class SeriesShare:
    """One trustee's shares of one sealed series' keys; their values never show in a repr.

    Attributes:
        series: series number.
        sealed_in: the revision in which these keys' objects were sealed.
        index: the trustee's share index, its position (from 1) in the custody document.
        index_share: 32 bytes of the index_key's sharing.
        pack_share: 32 bytes of the pack_key's; None where only metadata is released.
    """

    series: int
    sealed_in: int
    index: int
    index_share: bytes = field(repr=False)
    pack_share: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not (1 <= self.series <= U32_MAX and 1 <= self.sealed_in <= U16_MAX and 1 <= self.index <= SHARES_MAX):
            raise EncodingError("a share's series, sealed_in or index is out of range")
        if any(len(share) != SECRET_BYTES for share in (self.index_share, self.pack_share) if share is not None):
            raise EncodingError("a share is 32 bytes")

    def metadata_only(self) -> SeriesShare:
        """Return it without the pack's share, for a release of metadata."""
        return SeriesShare(self.series, self.sealed_in, self.index, self.index_share)


def randomness_bytes(threshold: int) -> int:
    """Return how many random bytes `deal` needs for one secret."""
    return (threshold - 1) * SECRET_BYTES


def deal(secret: bytes, *, threshold: int, holders: int, randomness: bytes) -> tuple[bytes, ...]:
    """Deal a secret to `holders`, any `threshold` of whom can combine it.

    Args:
        secret: 32 bytes.
        threshold: t, from 1.
        holders: n, from t to 255.
        randomness: 32 * (t - 1) uniformly random bytes, never used twice.

    Returns:
        The shares of indexes 1 to n, 32 bytes each.

    Raises:
        EncodingError: an argument of another length or range.
    """
    if len(secret) != SECRET_BYTES or not 1 <= threshold <= holders <= SHARES_MAX:
        raise EncodingError("a secret is 32 bytes, and 1 <= threshold <= holders <= 255")
    if len(randomness) != randomness_bytes(threshold):
        raise EncodingError(f"dealing with threshold {threshold} takes {randomness_bytes(threshold)} random bytes")
    # t points fix the polynomial: the secret at 0 and t - 1 random values at 1 .. t - 1.
    points = {0: secret}
    for index in range(1, threshold):
        points[index] = randomness[(index - 1) * SECRET_BYTES : index * SECRET_BYTES]
    return tuple(points[x] if 0 < x < threshold else _at(points, x) for x in range(1, holders + 1))


def combine(shares: Mapping[int, bytes]) -> bytes:
    """Return the secret of exactly t shares, by index.

    The result is wrong without an error when a share is: check them against the custody document first.

    Raises:
        EncodingError: no shares, or one of another index or length.
    """
    if not shares or any(not 1 <= x <= SHARES_MAX or len(y) != SECRET_BYTES for x, y in shares.items()):
        raise EncodingError("shares are 32 bytes each under indexes 1 to 255")
    return _at(dict(shares), 0)


def _at(points: Mapping[int, bytes], x: int) -> bytes:
    """Evaluate at x the polynomial through `points`: `combine` evaluates at 0, so every index moves by x."""
    halves = [[(index ^ x, value[i : i + _HALF]) for index, value in points.items()] for i in (0, _HALF)]
    return b"".join(Shamir.combine(half, ssss=False) for half in halves)
