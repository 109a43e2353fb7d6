"""The custody document: who holds shares of a study's keys, and the digests by which a share is known.

Owns its JSON (RFC 8785, public, written before the manifest that names its digest), the domain-separated
share digests, dealing a series' keys to the trustees and combining them again, checked. Source:
docs/formats.md, "Custody document".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from fiducia.core.formats.canonical import Fields, canonical_json, parse_canonical, parse_hex, to_hex
from fiducia.core.formats.context import U16_MAX, U32_MAX, SeriesKeys, SeriesPlace
from fiducia.core.keys.shares import SHARES_MAX, SeriesShare, combine, deal, randomness_bytes
from fiducia.errors import DigestError, EncodingError, KeyMissingError

CUSTODY_MAX_BYTES = 1 << 20
_FORMAT = "fiducia/v1/custody"
_SHARE_TAG = b"fiducia/v1/share/"

ShareKind: TypeAlias = Literal[b"index/", b"pack/"]


@dataclass(frozen=True, slots=True)
class CustodyRule:
    """By which keys are dealt.

    Attributes:
        threshold: how many shares open a key (t).
        trustees: institution numbers, each once; the first gets share 1, and so on (n of them).
    """

    threshold: int
    trustees: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(set(self.trustees)) == len(self.trustees) <= SHARES_MAX:
            raise EncodingError("there are 1 to 255 trustees, each once")
        if not 1 <= self.threshold <= len(self.trustees):
            raise EncodingError("a threshold is at least 1, and at most the number of trustees")

    @property
    def acknowledged(self) -> int:
        """How many must hold their shares before a study is anchored: one more than it takes, where there are more."""
        return min(self.threshold + 1, len(self.trustees))


@dataclass(frozen=True, slots=True)
class SeriesCustody:
    """The digests of one sealed series' shares, in the order of the trustees; 32 bytes each."""

    number: int
    sealed_in: int
    index_digests: tuple[bytes, ...]
    pack_digests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Custody:
    """A study's custody.

    Attributes:
        study_id: 32 bytes.
        threshold: how many shares open a key (t).
        trustees: institution numbers; the first holds share index 1, and so on (n of them).
        series: one entry per series of the manifest, ascending by number.
        moves_to: by which the keys are about to be dealt anew: the custodian's broker may collect shares for that.
    """

    study_id: bytes
    threshold: int
    trustees: tuple[int, ...]
    series: tuple[SeriesCustody, ...]
    moves_to: CustodyRule | None = None

    def to_bytes(self) -> bytes:
        """Return the canonical JSON. Raises: EncodingError (out of range, or over 1 MiB)."""
        document: dict[str, Any] = {
            "format": _FORMAT,
            "study_id": to_hex(self.study_id),
            "threshold": self.threshold,
            "trustees": list(self.trustees),
            "series": [_series_to_json(series) for series in self.series],
        }
        if self.moves_to is not None:
            document["moves_to"] = {
                "threshold": self.moves_to.threshold,
                "trustees": list(self.moves_to.trustees),
            }
        data = canonical_json(document)
        _parse(data)  # nothing is written that would not be read back
        return data

    def share_index(self, trustee: int) -> int:
        """Return the share index of an institution. Raises: EncodingError (not a trustee here)."""
        if trustee not in self.trustees:
            raise EncodingError(f"institution {trustee} is not a trustee of this study")
        return self.trustees.index(trustee) + 1

    @property
    def rule(self) -> CustodyRule:
        """By which its keys are dealt, and those of later revisions."""
        return CustodyRule(self.threshold, self.trustees)

    def opened_by(self, institution: int) -> bool:
        """Tell whether an institution opens the keys with its own share alone."""
        return self.threshold == 1 and institution in self.trustees

    def knows(self, number: int, sealed_in: int) -> bool:
        """Tell whether it has the digests of a series as sealed in a revision."""
        return any((series.number, series.sealed_in) == (number, sealed_in) for series in self.series)

    def share_id(self, number: int, sealed_in: int, index: int) -> bytes:
        """Return what tells a trustee's share of one deal from those of others: its index share's digest.

        Raises:
            DigestError: the series is not in here, or the index is nobody's.
        """
        series = self._series(number, sealed_in)
        if not 1 <= index <= len(self.trustees):
            raise DigestError(f"series {number}: share {index} is of no trustee")
        return series.index_digests[index - 1]

    def check(self, share: SeriesShare) -> None:
        """Check a share against its digests.

        Raises:
            DigestError: it is not the share that was dealt; names the series and the share index.
        """
        series = self._series(share.series, share.sealed_in)
        what = f"series {share.series}: share {share.index}"
        if share.index > len(self.trustees):
            raise DigestError(f"{what} is of no trustee")
        place = SeriesPlace(self.study_id, share.sealed_in, share.series)
        values: list[tuple[ShareKind, bytes, tuple[bytes, ...]]] = [
            (b"index/", share.index_share, series.index_digests)
        ]
        if share.pack_share is not None:
            values.append((b"pack/", share.pack_share, series.pack_digests))
        for kind, value, digests in values:
            if not hmac.compare_digest(share_digest(place, kind, share.index, value), digests[share.index - 1]):
                raise DigestError(f"{what} is not the one that was dealt")

    def combine(self, shares: Sequence[SeriesShare]) -> SeriesKeys:
        """Return one series' keys from shares of at least t trustees, each checked first.

        The pack_key is None unless every share that is used has its part.

        Raises:
            DigestError: a share that was not dealt.
            KeyMissingError: fewer than t different shares.
            EncodingError: shares of different series.
        """
        if len({(share.series, share.sealed_in) for share in shares}) > 1:
            raise EncodingError("these shares are of different series")
        for share in shares:
            self.check(share)
        chosen = sorted({share.index: share for share in shares}.items())[: self.threshold]
        if len(chosen) < self.threshold:
            raise KeyMissingError(f"{len(chosen)} of the {self.threshold} shares needed are here")
        packs = {index: share.pack_share for index, share in chosen if share.pack_share is not None}
        index_key = combine({index: share.index_share for index, share in chosen})
        return SeriesKeys(index_key, combine(packs) if len(packs) == len(chosen) else None)

    def _series(self, number: int, sealed_in: int) -> SeriesCustody:
        for series in self.series:
            if (series.number, series.sealed_in) == (number, sealed_in):
                return series
        raise DigestError(f"series {number}: the custody document knows no keys sealed in revision {sealed_in}")


def deal_series(
    place: SeriesPlace, keys: SeriesKeys, *, threshold: int, holders: int, randomness: bytes
) -> tuple[SeriesCustody, tuple[SeriesShare, ...]]:
    """Deal both keys of a series.

    Args:
        place: the series.
        keys: both keys.
        threshold: t.
        holders: n, the number of trustees.
        randomness: 64 * (t - 1) uniformly random bytes (none for t = 1).

    Returns:
        The custody document's entry, and one share per trustee in their order.

    Raises:
        EncodingError: the pack_key is missing, or an argument is out of range.
    """
    if keys.pack_key is None:
        raise EncodingError("only whole keys can be dealt")
    if len(randomness) != deal_randomness_bytes(threshold):
        raise EncodingError(f"dealing with threshold {threshold} takes {deal_randomness_bytes(threshold)} random bytes")
    half = randomness_bytes(threshold)
    indexes = deal(keys.index_key, threshold=threshold, holders=holders, randomness=randomness[:half])
    packs = deal(keys.pack_key, threshold=threshold, holders=holders, randomness=randomness[half:])
    shares = tuple(
        SeriesShare(place.series, place.sealed_in, x, index_share, pack_share)
        for x, (index_share, pack_share) in enumerate(zip(indexes, packs, strict=True), 1)
    )
    entry = SeriesCustody(
        number=place.series,
        sealed_in=place.sealed_in,
        index_digests=tuple(share_digest(place, b"index/", x, share) for x, share in enumerate(indexes, 1)),
        pack_digests=tuple(share_digest(place, b"pack/", x, share) for x, share in enumerate(packs, 1)),
    )
    return entry, shares


def deal_randomness_bytes(threshold: int) -> int:
    """Return how many random bytes `deal_series` needs for one series."""
    return 2 * randomness_bytes(threshold)


def share_digest(place: SeriesPlace, kind: ShareKind, index: int, share: bytes) -> bytes:
    """Return the digest by which a share is known: SHA-256 over tag, kind, place, index and share.

    `kind` is b"index/" or b"pack/"; `index` the share index; `share` 32 bytes.
    """
    numbers = place.sealed_in.to_bytes(2, "big") + place.series.to_bytes(4, "big") + bytes((index,))
    return hashlib.sha256(_SHARE_TAG + kind + place.study_id + numbers + share).digest()


def custody_digest(data: bytes) -> bytes:
    """Return SHA-256 of the custody document's bytes: what the manifest names, and its CID's digest."""
    return hashlib.sha256(data).digest()


def parse_custody(data: bytes, digest: bytes) -> Custody:
    """Read the custody document that a manifest names.

    Raises:
        DigestError: these are other bytes.
        EncodingError: they are not a custody document.
    """
    if custody_digest(data) != digest:
        raise DigestError("the custody document is not the one that the manifest names")
    return _parse(data)


def _parse(data: bytes) -> Custody:
    what = "the custody document"
    fields = Fields(parse_canonical(data, what=what, max_bytes=CUSTODY_MAX_BYTES), what)
    fields.constant("format", _FORMAT)
    trustees = _trustees(fields, what)
    custody = Custody(
        study_id=fields.hex_bytes("study_id", 32),
        threshold=fields.integer("threshold", 1, len(trustees)),
        trustees=trustees,
        series=tuple(_series_from_json(series, len(trustees)) for series in fields.items("series")),
        moves_to=_rule_from_json(fields.optional("moves_to")),
    )
    fields.close()
    numbers = [series.number for series in custody.series]
    if not numbers or numbers != sorted(set(numbers)):
        raise EncodingError(f"{what}: its series are not one or more in ascending order")
    return custody


def _trustees(fields: Fields, what: str) -> tuple[int, ...]:
    trustees = tuple(fields.items("trustees"))
    if any(type(trustee) is not int or not 1 <= trustee <= U32_MAX for trustee in trustees):
        raise EncodingError(f"{what}: a trustee is an institution's number")
    if not 1 <= len(trustees) <= SHARES_MAX or len(set(trustees)) != len(trustees):
        raise EncodingError(f"{what}: there are 1 to 255 trustees, each once")
    return trustees


def _rule_from_json(value: object) -> CustodyRule | None:
    if value is None:
        return None
    what = "the custody that a study moves to"
    fields = Fields(value, what)
    trustees = _trustees(fields, what)
    rule = CustodyRule(fields.integer("threshold", 1, len(trustees)), trustees)
    fields.close()
    return rule


def _series_to_json(series: SeriesCustody) -> dict[str, Any]:
    return {
        "number": series.number,
        "sealed_in": series.sealed_in,
        "index_digests": [to_hex(digest) for digest in series.index_digests],
        "pack_digests": [to_hex(digest) for digest in series.pack_digests],
    }


def _series_from_json(value: object, holders: int) -> SeriesCustody:
    fields = Fields(value, "a series' custody")
    series = SeriesCustody(
        number=fields.integer("number", 1, U32_MAX),
        sealed_in=fields.integer("sealed_in", 1, U16_MAX),
        index_digests=_digests(fields.items("index_digests"), holders),
        pack_digests=_digests(fields.items("pack_digests"), holders),
    )
    fields.close()
    return series


def _digests(items: list[Any], holders: int) -> tuple[bytes, ...]:
    if len(items) != holders or not all(isinstance(item, str) for item in items):
        raise EncodingError("a series' custody has one digest per trustee and kind")
    return tuple(parse_hex(item, 32, what="a share digest") for item in items)
