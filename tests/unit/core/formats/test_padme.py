from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.padme import padme


def as_published(length: int) -> int:
    """Algorithm 1 of the PURBs paper, as it stands there."""
    exponent = math.floor(math.log2(length))
    bits = math.floor(math.log2(exponent)) + 1
    mask = (1 << (exponent - bits)) - 1
    return (length + mask) & ~mask


@given(st.integers(2, 1 << 40))
def test_it_is_the_published_function(length: int) -> None:
    assert padme(length) == as_published(length)


@given(st.integers(0, 1 << 60))
def test_it_grows_by_less_than_an_eighth_is_idempotent_and_monotonic(length: int) -> None:
    padded = padme(length)
    assert length <= padded <= length * 1.12 + 1
    assert padme(padded) == padded
    assert padme(length + 1) >= padded


def test_few_lengths_are_left() -> None:
    assert len({padme(length) for length in range(1 << 16, (1 << 17) + 1)}) == 33


@pytest.mark.parametrize(
    ("length", "padded"), [(0, 0), (1, 1), (8, 8), (9, 10), (1000, 1024), (157_800_000, 159_383_552)]
)
def test_known_lengths(length: int, padded: int) -> None:
    assert padme(length) == padded


def test_no_negative_lengths() -> None:
    with pytest.raises(ValueError, match="negative"):
        padme(-1)
