"""Shares of the recovery key: k open, k - 1 do not, and a share that is wrong is named."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from fiducia.core.copies.shares import combine_recovery, deal_recovery, share_from_text, share_to_text
from fiducia.core.keys.kem import KemKey
from fiducia.errors import EncodingError, InputError
from fiducia.records.copies import RecoveryKey, RecoveryShare

SEED = bytes(range(32))


def dealt(threshold: int = 2, holders: int = 3) -> tuple[RecoveryKey, tuple[RecoveryShare, ...]]:
    return deal_recovery(
        SEED,
        home_id=b"h" * 16,
        signer=b"s" * 32,
        threshold=threshold,
        holders=holders,
        randomness=bytes(range(100, 100 + 32 * (threshold - 1))),
    )


def test_any_k_open_and_the_home_keeps_the_public_half() -> None:
    recovery, shares = dealt()
    assert recovery.public == KemKey.from_seed(SEED).public
    for some in itertools.permutations(shares, 2):
        assert combine_recovery(some) == SEED
    assert combine_recovery(shares) == SEED


@pytest.mark.parametrize(("threshold", "holders"), [(2, 3), (3, 5), (5, 5)])
def test_with_one_less_it_says_how_many_are_missing(threshold: int, holders: int) -> None:
    _, shares = dealt(threshold, holders)
    with pytest.raises(InputError, match=f"{threshold - 1} of the {threshold} shares"):
        combine_recovery(shares[: threshold - 1])
    with pytest.raises(InputError, match=f"{threshold - 1} of the {threshold} shares"):
        combine_recovery([shares[0], *list(shares[: threshold - 1])])


def test_without_any_it_says_what_to_give() -> None:
    with pytest.raises(InputError, match="--share"):
        combine_recovery([])


def test_shares_of_different_keys_and_wrong_ones_are_refused() -> None:
    _, shares = dealt()
    other = replace(shares[1], recovery=bytes(32))
    with pytest.raises(InputError, match="different"):
        combine_recovery([shares[0], other])
    wrong = replace(shares[1], share=bytes(32))
    with pytest.raises(InputError, match="wrong"):
        combine_recovery([shares[0], wrong])


def test_a_share_file_reads_back() -> None:
    for share in dealt()[1]:
        assert share_from_text(share_to_text(share).encode()) == share


def test_a_share_that_was_mistyped_anywhere_is_refused() -> None:
    body = json.loads(share_to_text(dealt()[1][0]))
    for name, value in body.items():
        other = value + 1 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")
        with pytest.raises(EncodingError):
            share_from_text(json.dumps({**body, name: other}).encode())
        with pytest.raises(EncodingError):
            share_from_text(json.dumps({key: each for key, each in body.items() if key != name}).encode())
    with pytest.raises(EncodingError):
        share_from_text(json.dumps({**body, "more": 1}).encode())


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_share_is_refused(text: bytes) -> None:
    with pytest.raises(EncodingError):
        share_from_text(text)


def test_a_share_never_shows() -> None:
    assert dealt()[1][0].share.hex() not in repr(dealt()[1][0])
    assert str(dealt()[1][0].share) not in repr(dealt()[1][0])
