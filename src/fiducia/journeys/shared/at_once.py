"""Asking several institutions at once, and taking their answers as they come.

One that is asked alone is asked in the caller's own thread. Threads of those whose answers nobody waits for any more
end by themselves; they keep no process alive.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

from fiducia.errors import FiduciaError

Answer = TypeVar("Answer")


Workers = Callable[[int], Executor]
"""Makes an executor of at most so many threads; one without threads where there may be one thread only."""
BESIDE = partial(ThreadPoolExecutor, thread_name_prefix="beside")


class AskAtOnce(Protocol):
    """A way to ask several: `ask_at_once`, or one that asks in turn where there may be one thread only."""

    def __call__(self, asked: Mapping[int, Callable[[], Answer]], /) -> Iterator[tuple[int, Answer | FiduciaError]]:
        """Have all asked, and yield their answers; see `ask_at_once`."""
        ...


def ask_at_once(asked: Mapping[int, Callable[[], Answer]]) -> Iterator[tuple[int, Answer | FiduciaError]]:
    """Yield (institution, what it answered or the error), in the order of the answers.

    Raises: what is no `FiduciaError`, where it came.
    """
    if len(asked) == 1:
        ((institution, ask),) = asked.items()
        yield institution, _answer(ask)
        return
    answers: queue.SimpleQueue[tuple[int, Answer | BaseException]] = queue.SimpleQueue()

    def run(institution: int, ask: Callable[[], Answer]) -> None:
        try:
            answers.put((institution, ask()))
        except BaseException as error:
            answers.put((institution, error))

    for institution, ask in asked.items():
        threading.Thread(target=run, args=(institution, ask), name=f"ask-{institution}", daemon=True).start()
    for _ in asked:
        institution, answer = answers.get()
        if isinstance(answer, BaseException) and not isinstance(answer, FiduciaError):
            raise answer
        yield institution, answer


def _answer(ask: Callable[[], Answer]) -> Answer | FiduciaError:
    try:
        return ask()
    except FiduciaError as error:
        return error
