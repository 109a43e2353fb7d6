"""What a release took beyond waiting for its block. Pure.

A request that comes at any time of a block waits for the next one: that wait is the chain's. Everything else
is ours: what happens after the block arrived, and, when a request came too late for the next block because it
was still being decided, all the time from its coming to that block. So a request may take one block time for
nothing, and what is beyond that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answered:
    """One release and its hand-over; seconds of a clock that all processes share.

    Attributes:
        asked: the request was sent.
        released: the release was answered.
        handed_over: the sealed keys were here.
        block: the number of the block that recorded it.
    """

    asked: float
    released: float
    handed_over: float
    block: int


def beyond(asked: float, answered: float, block: int, arrivals: Mapping[int, float]) -> float:
    """Return seconds beyond the wait for a block; at most one block time counts as waiting.

    Args:
        asked: when the request was sent.
        answered: when the answer was here.
        block: which block recorded it.
        arrivals: when each block arrived, as an observer saw it.
    """
    arrived = arrivals[block]
    wait = min(arrived - asked, arrived - arrivals[block - 1])
    return answered - asked - max(wait, 0.0)


def watched(answers: Sequence[Answered], arrivals: Mapping[int, float]) -> list[Answered]:
    """Return the answers whose block, and the one before, were seen to arrive."""
    return [each for each in answers if each.block in arrivals and each.block - 1 in arrivals]


def per_second(answers: Sequence[Answered], clients: int) -> float:
    """Return how many a second so many clients get through, each asking again as soon as it was answered."""
    busy_s = sum(each.handed_over - each.asked for each in answers)
    return clients * len(answers) / busy_s if busy_s else 0.0
