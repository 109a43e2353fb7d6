"""A trustee's shares in its vault: one secret per sealed series, under a name that says which.

Owns the names and the 64 bytes (index share, pack share) behind them. Dealing and combining are
`core.keys`'.
"""

from __future__ import annotations

from collections.abc import Iterable

from fiducia.core.keys.shares import SeriesShare
from fiducia.errors import VaultLockedError
from fiducia.ports import Vault

_SHARE_BYTES = 32


def deposit(vault: Vault, study_id: bytes, shares: Iterable[SeriesShare]) -> None:
    """Keep a study's shares, all or none, durable when this returns. Raises: VaultError."""
    vault.put({_name(study_id, share.series, share.sealed_in): _encode(share) for share in shares})


def share_of(vault: Vault, study_id: bytes, series: int, sealed_in: int) -> SeriesShare:
    """Return this trustee's share of one sealed series.

    Raises:
        KeyMissingError: never dealt here, or destroyed. VaultError: the vault cannot be read.
    """
    secret = vault.get(_name(study_id, series, sealed_in))
    if len(secret) != 1 + 2 * _SHARE_BYTES:
        raise VaultLockedError(f"series {series}: the vault's entry is not a share; restore the vault")
    index, pack = secret[1 : 1 + _SHARE_BYTES], secret[1 + _SHARE_BYTES :]
    return SeriesShare(series, sealed_in, secret[0], index, pack)


def _name(study_id: bytes, series: int, sealed_in: int) -> str:
    return f"share/{study_id.hex()}/{series}/{sealed_in}"


def _encode(share: SeriesShare) -> bytes:
    if share.pack_share is None:
        raise VaultLockedError("a trustee keeps whole shares")
    return bytes((share.index,)) + share.index_share + share.pack_share
