"""What a release takes beyond waiting for its block."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.benches.blocks import Answered, beyond, per_second, watched

ARRIVALS = {9: 99.0, 10: 100.0, 11: 101.0, 12: 102.5}


@pytest.mark.parametrize(
    ("asked", "answered", "block", "seconds"),
    [
        (100.2, 101.005, 11, 0.005),  # waited 0.8 s for its block, answered 5 ms after
        (100.999, 101.005, 11, 0.005),  # just in time
        (99.990, 101.005, 11, 0.015),  # came 10 ms before block 10 and missed it: those count, the block time not
        (99.2, 101.005, 11, 0.805),
        (101.0, 102.505, 12, 0.005),  # a late block is the chain's
        (101.001, 101.010, 11, 0.009),  # the observer heard of the block before the request was sent: all is ours
    ],
)
def test_only_what_is_beyond_the_block_counts(asked: float, answered: float, block: int, seconds: float) -> None:
    assert beyond(asked, answered, block, ARRIVALS) == pytest.approx(seconds)


@given(st.floats(99, 101), st.floats(0, 1), st.floats(0, 0.5))
def test_the_whole_is_the_wait_and_what_is_beyond(asked: float, late: float, more: float) -> None:
    answered = 101.0 + late
    found = beyond(asked, answered, 11, ARRIVALS)
    assert answered - asked - 1.0 - 1e-9 <= found <= answered - asked + 1e-9
    assert beyond(asked, answered + more, 11, ARRIVALS) == pytest.approx(found + more)


def test_answers_whose_blocks_were_not_seen_do_not_count() -> None:
    answers = [Answered(0.0, 1.0, 2.0, block) for block in (9, 10, 12, 13)]
    assert [each.block for each in watched(answers, ARRIVALS)] == [10, 12]


def test_the_throughput_is_that_of_busy_clients() -> None:
    answers = [Answered(0.0, 0.4, 0.5, 1), Answered(0.5, 0.9, 1.0, 2), Answered(0.0, 0.8, 1.0, 2)]
    assert per_second(answers, 2) == pytest.approx(3.0)
    assert per_second([], 16) == 0.0
