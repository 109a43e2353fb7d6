"""What the bench prints: medians, spreads, percentiles, ratios, gates, and a noisy machine named as such."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.benches.measure import (
    Gate,
    Row,
    Series,
    median,
    noise,
    percentile,
    ratio_row,
    ratios,
    shown,
    skipped,
    spread,
    table,
    ungated,
)

VALUES = st.lists(st.floats(0.001, 1000), min_size=1, max_size=50)


@pytest.mark.parametrize(
    ("values", "wide"), [([3.0], 0.0), ([2.0, 2.0, 2.0], 0.0), ([1.0, 2.0, 3.0, 4.0, 5.0], 2 / 3), ([0.0, 0.0], 0.0)]
)
def test_the_spread_is_the_middle_half_beside_the_median(values: list[float], wide: float) -> None:
    assert spread(values) == pytest.approx(wide)


@given(VALUES, st.floats(0.1, 1000))
def test_the_spread_has_no_unit(values: list[float], factor: float) -> None:
    assert spread([value * factor for value in values]) == pytest.approx(spread(values), abs=1e-9)


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1), (0.1, 1), (98.5, 99)])
def test_a_percentile_is_the_nearest_rank(percent: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


@given(VALUES, st.floats(0.1, 100))
def test_a_percentile_is_exceeded_by_no_more_than_it_says(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value > found for value in values) <= len(values) * (1 - percent / 100) + 1e-9


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_takes_values_and_a_percentage(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


def test_a_ratio_is_of_the_same_repetition() -> None:
    """A machine that became ten times slower half-way changes times, not ratios."""
    limit, ours = Series("limit", "s", (1.0, 10.0, 10.0)), Series("fiducia", "s", (2.0, 20.0, 20.0))
    assert ratios(limit.values, ours.values) == [0.5, 0.5, 0.5]
    assert ratio_row("row", limit, ours).value == 0.5
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("gate", "value", "verdict"),
    [
        (Gate(">=", 0.45), 0.45, "held"),
        (Gate(">=", 0.45), 0.4499, "MISSED"),
        (Gate("<=", 20), 20.0, "held"),
        (Gate("<=", 20), 20.1, "MISSED"),
        (Gate("<=", 20), None, "skipped"),
        (None, 1.0, ""),
    ],
)
def test_a_gate_is_held_or_missed(gate: Gate | None, value: float | None, verdict: str) -> None:
    assert Row("row", "x", value, gate).verdict == verdict


@pytest.mark.parametrize(("unit", "verdict"), [("x", ""), ("ms", ""), ("gas", "MISSED"), ("MB", "MISSED")])
def test_a_quick_run_judges_no_times(unit: str, verdict: str) -> None:
    assert ungated(Row("row", unit, 21.0, Gate("<=", 20))).verdict == verdict


def test_a_machine_is_noisy_when_its_calibration_spreads() -> None:
    quiet, loud = Series("hashing", "ms", (10.0, 10.1, 10.2, 10.0)), Series("disk", "ms", (10.0, 14.0, 20.0, 9.0))
    assert noise([quiet]) == ""
    assert noise([quiet, loud]).startswith("disk spreads ")
    assert "hashing" not in noise([quiet, loud])


@pytest.mark.parametrize(
    ("value", "text"), [(123464.0, "123,464"), (0.6641, "0.664"), (2.0, "2"), (1587.4, "1,587"), (38.64, "38.6")]
)
def test_values_are_shown_with_what_matters(value: float, text: str) -> None:
    assert shown(value) == text


def test_the_table_says_everything() -> None:
    ours, limit = Series("fiducia", "s", (1.0, 1.0, 2.0)), Series("limit", "s", (0.5,) * 3)
    rows = [ratio_row("register", limit, ours, Gate(">=", 0.45, design=0.6), "158 MB"), skipped("Kubo", "none here")]
    assert table(rows) == [
        ("register", "0.5 x", ">= 0.45 (design 0.6)", "held", "fiducia 1 s ± 25 %; limit 0.5 s ± 0 %; 158 MB"),
        ("Kubo", "", "", "skipped", "skipped: none here"),
    ]


def test_json_has_the_raw_values() -> None:
    row = ratio_row("register", Series("limit", "s", (1.0, 3.0)), Series("fiducia", "s", (2.0, 4.0)), Gate(">=", 0.45))
    found = json.loads(json.dumps(row.to_json()))
    assert found["verdict"] == "held"
    assert found["value"] == median([0.5, 0.75])
    assert [series["values"] for series in found["raw"]] == [[2.0, 4.0], [1.0, 3.0]]
    assert {"median", "spread", "unit", "name"} <= set(found["raw"][0])
