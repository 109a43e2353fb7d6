"""Shares of the recovery key: each a small JSON file for one person, with a checksum; k of them give the seed.

Owns that form, dealing and combining. A copy can be opened by whoever brings k shares and by nobody else; the home
itself keeps the public key alone. Source: docs/formats.md, "Copies"; the arithmetic is `core.keys.shares`'.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

import orjson

from fiducia.core.copies.contents import HOME_ID_BYTES
from fiducia.core.formats.canonical import Fields, canonical_json, to_hex
from fiducia.core.keys.kem import KemKey
from fiducia.core.keys.sealing import key_hash
from fiducia.core.keys.shares import SHARES_MAX, combine, deal, randomness_bytes
from fiducia.errors import EncodingError, InputError
from fiducia.records.copies import RecoveryKey, RecoveryShare

SHARE_MAX_BYTES = 4096
_FORMAT = "fiducia/v1/recovery-share"
_CHECK_BYTES = 8


def deal_recovery(
    seed: bytes, *, home_id: bytes, signer: bytes, threshold: int, holders: int, randomness: bytes
) -> tuple[RecoveryKey, tuple[RecoveryShare, ...]]:
    """Make a recovery key of a random seed and deal its shares.

    Args:
        seed: 32 random bytes; not kept.
        home_id: 16 bytes.
        signer: the public key that signs the home's copies.
        threshold: how many shares open a copy (k).
        holders: how many there are (n).
        randomness: 32 * (k - 1) random bytes.

    Raises:
        EncodingError: an argument of another length or range.
    """
    public = KemKey.from_seed(seed).public
    shares = deal(seed, threshold=threshold, holders=holders, randomness=randomness)
    recovery = key_hash(public)
    dealt = (
        RecoveryShare(home_id, index, threshold, holders, share, recovery, signer)
        for index, share in enumerate(shares, 1)
    )
    return RecoveryKey(home_id, public, signer, threshold, holders), tuple(dealt)


def deal_recovery_bytes(threshold: int) -> int:
    """Return how many random bytes `deal_recovery` takes."""
    return randomness_bytes(threshold)


def combine_recovery(shares: Sequence[RecoveryShare]) -> bytes:
    """Return the recovery key's seed.

    Raises:
        InputError: too few shares, of different keys, or not what they say.
    """
    if not shares:
        raise InputError("opening a copy takes shares of the recovery key: give each with --share FILE")
    first = shares[0]
    if any(
        (each.home_id, each.recovery, each.signer) != (first.home_id, first.recovery, first.signer) for each in shares
    ):
        raise InputError("these shares are of different recovery keys")
    chosen = sorted({each.index: each.share for each in shares}.items())[: first.threshold]
    if len(chosen) < first.threshold:
        raise InputError(
            f"{len(chosen)} of the {first.threshold} shares that open a copy are here: bring {first.threshold} of the"
            f" {first.holders} that were given out"
        )
    seed = combine(dict(chosen))
    if key_hash(KemKey.from_seed(seed).public) != first.recovery:
        raise InputError("these shares do not make the recovery key that they name: one of them is wrong")
    return seed


def share_to_text(share: RecoveryShare) -> str:
    """Return a share's file: JSON for people to keep apart."""
    return json.dumps({**_fields(share), "check": to_hex(_check(share))}, indent=2) + "\n"


def share_from_text(text: bytes) -> RecoveryShare:
    """Read a share's file. Raises: EncodingError (not a share, or mistyped)."""
    what = "a share of the recovery key"
    try:
        value = orjson.loads(text)  # refuses deep nesting by itself, where json would lean on the stack
    except ValueError:
        raise EncodingError(f"this is not {what}") from None
    fields = Fields(value, what)
    fields.constant("format", _FORMAT)
    holders = fields.integer("holders", 1, SHARES_MAX)
    share = RecoveryShare(
        home_id=fields.hex_bytes("home_id", HOME_ID_BYTES),
        index=fields.integer("share", 1, holders),
        threshold=fields.integer("threshold", 1, holders),
        holders=holders,
        share=fields.hex_bytes("secret", 32),
        recovery=fields.hex_bytes("recovery", 32),
        signer=fields.hex_bytes("signer", 32),
    )
    check = fields.hex_bytes("check", _CHECK_BYTES)
    fields.close()
    if not hmac.compare_digest(check, _check(share)):
        raise EncodingError(f"share {share.index} of the recovery key was mistyped or altered: its check does not hold")
    return share


def _fields(share: RecoveryShare) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "home_id": to_hex(share.home_id),
        "share": share.index,
        "threshold": share.threshold,
        "holders": share.holders,
        "secret": to_hex(share.share),
        "recovery": to_hex(share.recovery),
        "signer": to_hex(share.signer),
    }


def _check(share: RecoveryShare) -> bytes:
    return hashlib.sha256(canonical_json(_fields(share))).digest()[:_CHECK_BYTES]
