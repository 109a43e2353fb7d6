"""Asking about things one after the other, some ahead of whoever uses the answers.

For questions that another process answers: it works while the answers before are used here. Order stays, memory is
that of the few answers that are ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

from fiducia.journeys.shared.at_once import Workers

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")
AHEAD = partial(ThreadPoolExecutor, thread_name_prefix="ahead")


def asked_ahead(
    ask: Callable[[Thing], Answer], things: Iterable[Thing], *, workers: Workers = AHEAD
) -> Generator[tuple[Thing, Callable[[], Answer]]]:
    """Yield each thing in order, with what gives its answer or raises what asking raised.

    Close the iterator when some of it is left: then nothing more is asked, and what is being asked is waited for.

    Args:
        ask: safe to be called from another thread.
        things: taken from this thread, at most two ahead.
        workers: makes the thread that asks.
    """
    source = iter(things)
    with workers(1) as threads:
        waiting: deque[tuple[Thing, Future[Answer]]] = deque()
        try:
            for thing in islice(source, 2):
                waiting.append((thing, threads.submit(ask, thing)))
            while waiting:
                thing, answer = waiting.popleft()
                yield thing, answer.result
                waiting.extend((each, threads.submit(ask, each)) for each in islice(source, 1))
        finally:
            for _, answer in waiting:
                answer.cancel()
