from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.context import SeriesKeys, SeriesPlace
from fiducia.errors import EncodingError

places = st.builds(
    SeriesPlace, st.binary(min_size=32, max_size=32), st.integers(1, 2**16 - 1), st.integers(1, 2**32 - 1)
)


def contexts(place: SeriesPlace) -> list[bytes]:
    return [
        place.index_context(),
        place.padding_info(),
        *(place.instance_context(number) for number in (1, 2, 2**32 - 1)),
    ]


@given(places, places)
def test_no_two_places_share_a_context(one: SeriesPlace, other: SeriesPlace) -> None:
    every = contexts(one) + (contexts(other) if one != other else [])
    assert len(set(every)) == len(every)
    assert not any(a != b and b.startswith(a) for a in every for b in every)


@pytest.mark.parametrize(
    ("study_id", "sealed_in", "series"),
    [
        (b"s" * 31, 1, 1),
        (b"s" * 33, 1, 1),
        (b"s" * 32, 0, 1),
        (b"s" * 32, 2**16, 1),
        (b"s" * 32, 1, 0),
        (b"s" * 32, 1, 2**32),
    ],
)
def test_places_out_of_range_are_refused(study_id: bytes, sealed_in: int, series: int) -> None:
    with pytest.raises(EncodingError):
        SeriesPlace(study_id, sealed_in, series)


@pytest.mark.parametrize("instance", [0, -1, 2**32])
def test_instance_numbers_out_of_range_are_refused(instance: int) -> None:
    with pytest.raises(EncodingError):
        SeriesPlace(bytes(32), 1, 1).instance_context(instance)


def test_keys_never_show() -> None:
    assert "k" * 4 not in repr(SeriesKeys(b"k" * 32, b"k" * 32)).replace("_key", "")
    assert repr(b"k" * 32) not in repr(SeriesKeys(b"k" * 32, b"k" * 32))
    for keys in ((b"k" * 31, None), (b"k" * 32, b"k" * 33), (b"", None), (b"k" * 32, b"")):
        with pytest.raises(EncodingError):
            SeriesKeys(*keys)
