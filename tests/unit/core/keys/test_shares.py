from __future__ import annotations

from itertools import combinations

import pytest
from Crypto.Protocol.SecretSharing import Shamir
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducia.core.keys.shares import SeriesShare, combine, deal, randomness_bytes
from fiducia.errors import EncodingError
from tests.vectors.material import material

SECRET = material("secret")
secrets = st.binary(min_size=32, max_size=32)
schemes = st.integers(1, 4).flatmap(lambda t: st.tuples(st.just(t), st.integers(t, 6)))


@settings(max_examples=25)
@given(secret=secrets, scheme=schemes, data=st.data())
def test_any_t_shares_give_the_secret(secret: bytes, scheme: tuple[int, int], data: st.DataObject) -> None:
    threshold, holders = scheme
    randomness = data.draw(st.binary(min_size=32 * (threshold - 1), max_size=32 * (threshold - 1)))
    shares = deal(secret, threshold=threshold, holders=holders, randomness=randomness)
    for chosen in combinations(range(1, holders + 1), threshold):
        assert combine({index: shares[index - 1] for index in chosen}) == secret


def test_one_of_one_is_the_key_through_the_same_code() -> None:
    assert deal(SECRET, threshold=1, holders=1, randomness=b"") == (SECRET,)
    assert combine({1: SECRET}) == SECRET


@settings(max_examples=10)
@given(secret=secrets)
def test_pycryptodomes_own_shares_combine(secret: bytes) -> None:
    halves = [Shamir.split(3, 5, secret[i : i + 16], ssss=False) for i in (0, 16)]
    shares = {first[0]: first[1] + second[1] for first, second in zip(*halves, strict=True)}
    assert combine({index: shares[index] for index in (5, 1, 4)}) == secret


def test_fewer_than_t_shares_say_nothing() -> None:
    """For every other secret there is randomness under which one of two shares is the same."""
    share = deal(SECRET, threshold=2, holders=2, randomness=material("randomness"))[0]
    assert deal(material("other"), threshold=2, holders=2, randomness=share)[0] == share


def test_a_wrong_share_gives_a_wrong_secret_without_a_word() -> None:
    """Why shares are checked against the custody document first."""
    shares = deal(SECRET, threshold=2, holders=3, randomness=material("randomness"))
    assert combine({1: shares[0], 2: shares[2]}) != SECRET


@pytest.mark.parametrize(
    ("secret", "threshold", "holders", "randomness"),
    [
        (b"s" * 31, 1, 1, b""),
        (b"s" * 33, 1, 1, b""),
        (SECRET, 0, 1, b""),
        (SECRET, 2, 1, bytes(32)),
        (SECRET, 1, 256, b""),
        (SECRET, 2, 2, b""),
        (SECRET, 2, 2, bytes(31)),
        (SECRET, 1, 1, bytes(32)),
    ],
)
def test_dealing_out_of_range_is_refused(secret: bytes, threshold: int, holders: int, randomness: bytes) -> None:
    with pytest.raises(EncodingError):
        deal(secret, threshold=threshold, holders=holders, randomness=randomness)


@pytest.mark.parametrize("shares", [{}, {0: SECRET}, {256: SECRET}, {1: SECRET[:-1]}])
def test_combining_out_of_range_is_refused(shares: dict[int, bytes]) -> None:
    with pytest.raises(EncodingError):
        combine(shares)


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 1, 1, SECRET),
        (1, 0, 1, SECRET),
        (1, 2**16, 1, SECRET),
        (1, 1, 0, SECRET),
        (1, 1, 256, SECRET),
        (1, 1, 1, b""),
        (1, 1, 1, SECRET, b""),
        (1, 1, 1, SECRET, SECRET + b"x"),
    ],
)
def test_series_shares_out_of_range_are_refused(arguments: tuple[int, int, int, bytes]) -> None:
    with pytest.raises(EncodingError):
        SeriesShare(*arguments)


def test_shares_never_show_and_can_leave_the_images_out() -> None:
    share = SeriesShare(1, 2, 3, b"i" * 32, b"p" * 32)
    assert "iiii" not in repr(share)
    assert "pppp" not in repr(share)
    assert share.metadata_only() == SeriesShare(1, 2, 3, b"i" * 32)
    assert (randomness_bytes(1), randomness_bytes(3)) == (0, 64)
