"""A trustee's shares in its vault: one secret per sealed series and deal, under a name that says which.

Owns the names and the bytes (share index, index share, pack share) behind them. A series that was dealt anew has one
share per deal; the custody document says which is asked for. Dealing and combining are `core.keys`'.
"""

from __future__ import annotations

from collections.abc import Iterable

from fiducia.core.keys.custody import Custody
from fiducia.core.keys.shares import SeriesShare
from fiducia.errors import DigestError, KeyMissingError, VaultLockedError
from fiducia.ports import Vault

_SHARE_BYTES = 32


def named_shares(custody: Custody, shares: Iterable[SeriesShare]) -> dict[str, bytes]:
    """Return a trustee's whole shares of a study as a vault keeps them. Raises: DigestError (not in the document)."""
    return {
        _name(custody.study_id, share.series, share.sealed_in)
        + "/"
        + custody.share_id(share.series, share.sealed_in, share.index).hex(): _encode(share)
        for share in shares
    }


def share_of(vault: Vault, custody: Custody, index: int, series: int, sealed_in: int) -> SeriesShare:
    """Return this trustee's share of one sealed series, as the custody document has it dealt.

    Args:
        vault: the trustee's.
        custody: of the study.
        index: the trustee's share index there.
        series: the series' number.
        sealed_in: the revision it was sealed in.

    Raises:
        KeyMissingError: never dealt here, or destroyed. VaultError: the vault cannot be read.
        DigestError: the custody document knows no such series.
    """
    name = _name(custody.study_id, series, sealed_in)
    dealt = custody.share_id(series, sealed_in, index).hex()
    try:
        return _decode(series, sealed_in, vault.get(f"{name}/{dealt}"))
    except KeyMissingError:
        share = _decode(series, sealed_in, vault.get(name))  # as it was kept when there was one deal only
        try:
            custody.check(share)
        except DigestError:
            raise KeyMissingError("the share that is here is of another deal") from None
        return share


def kept_share(vault: Vault, custody: Custody, series: int, sealed_in: int) -> SeriesShare:
    """Return whichever trustee's share of a series this vault keeps. Raises: as `share_of`."""
    for index in range(1, len(custody.trustees) + 1):
        try:
            return share_of(vault, custody, index, series, sealed_in)
        except KeyMissingError:
            continue
    raise KeyMissingError(f"series {series}: no share of it is kept here")


def forget_shares(vault: Vault, custody: Custody, index: int, series: Iterable[tuple[int, int]]) -> None:
    """Destroy a trustee's shares of one deal; absent ones are done.

    Args:
        vault: the trustee's.
        custody: the document of that deal.
        index: the trustee's share index there.
        series: numbers, each with the revision it was sealed in.

    Raises:
        VaultError: not destroyed. DigestError: the document knows no such series.
    """
    gone = []
    for number, sealed_in in series:
        name = _name(custody.study_id, number, sealed_in)
        gone.append(f"{name}/{custody.share_id(number, sealed_in, index).hex()}")
        try:
            custody.check(_decode(number, sealed_in, vault.get(name)))
        except (KeyMissingError, DigestError):
            continue
        gone.append(name)
    vault.remove(gone)


def _name(study_id: bytes, series: int, sealed_in: int) -> str:
    return f"share/{study_id.hex()}/{series}/{sealed_in}"


def _encode(share: SeriesShare) -> bytes:
    if share.pack_share is None:
        raise VaultLockedError("a trustee keeps whole shares")
    return bytes((share.index,)) + share.index_share + share.pack_share


def _decode(series: int, sealed_in: int, secret: bytes) -> SeriesShare:
    if len(secret) != 1 + 2 * _SHARE_BYTES:
        raise VaultLockedError(f"series {series}: the vault's entry is not a share; restore the vault")
    index, pack = secret[1 : 1 + _SHARE_BYTES], secret[1 + _SHARE_BYTES :]
    return SeriesShare(series, sealed_in, secret[0], index, pack)
