"""Asking about things one after the other, some ahead of whoever uses the answers.

For questions that another process answers: it works while the answers before are used here. Order stays, memory is
that of the few questions that are ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")
AHEAD = 8
"""How many are asked ahead: enough for a process to find the next question when it has answered one."""


def asked_ahead(
    ask: Callable[[Thing], Callable[[], Answer]], things: Iterable[Thing]
) -> Iterator[tuple[Thing, Callable[[], Answer]]]:
    """Yield each thing in order, with what waits for its answer, or raises why there is none.

    Args:
        ask: asks, does not wait, and returns what does.
        things: taken at most `AHEAD` ahead.
    """
    asked: deque[tuple[Thing, Callable[[], Answer]]] = deque()
    for thing in things:
        asked.append((thing, ask(thing)))
        if len(asked) > AHEAD:
            yield asked.popleft()
    while asked:
        yield asked.popleft()
