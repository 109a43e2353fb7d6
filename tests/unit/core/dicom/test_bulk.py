"""Places of bulk values: one form, written and read."""

from __future__ import annotations

import pytest

from fiducia.core.dicom.bulk import bulk_uri, place_of


@pytest.mark.parametrize("place", [(0, 0), (1234, 5678), (10**15 - 1, 10**15 - 1)])
def test_what_is_written_is_read(place: tuple[int, int]) -> None:
    assert place_of(bulk_uri(*place)) == place


@pytest.mark.parametrize(
    "uri",
    ["", "1-2", "bulkdata/", "bulkdata/1", "bulkdata/-1-2", "bulkdata/1-2/", "/bulkdata/1-2", f"bulkdata/1-{10**15}"],
)
def test_anything_else_is_no_place(uri: str) -> None:
    assert place_of(uri) is None


def test_digits_are_ascii() -> None:
    assert place_of("bulkdata/\N{ARABIC-INDIC DIGIT ONE}-2") is None
