"""Callers that want the same kind of thing at the same time, joined into one request.

`Joiner` owns no thread: the first caller of a group leads it and asks for all; the others wait for their answer.
A group that leads while an earlier one is under way stays open until that one is done, so joining costs
nobody time: whoever would have waited anyhow waits together. `Company` says who is about to ask. Neither knows what
is asked.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class _Group(Generic[Question, Answer]):
    """One request in the making: its questions, then its answers or its error."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.answers: Sequence[Answer] = ()
        self.error: BaseException | None = None
        self.done = threading.Event()


class Joiner(Generic[Question, Answer]):
    """Turns a function that answers many questions into one that many threads ask one by one.

    Args:
        ask: answers a group, one answer per question, in order; an error is raised in every caller.
        at_most: a group's size.
        at_once: how many groups may be under way.
        gather: called by a leader first: waits for company.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Question]], Sequence[Answer]],
        *,
        at_most: int,
        at_once: int = 1,
        gather: Callable[[], None] = lambda: None,
    ) -> None:
        self._ask = ask
        self._at_most = at_most
        self._turns = threading.Semaphore(at_once)
        self._gather = gather
        self._lock = threading.Lock()
        self._open: _Group[Question, Answer] | None = None

    def __call__(self, question: Question) -> Answer:
        """Return the answer to one question, asked together with whatever others ask now."""
        with self._lock:
            leads = self._open is None
            group = self._open or _Group()
            place = len(group.questions)
            group.questions.append(question)
            self._open = group if len(group.questions) < self._at_most else None
        if leads:
            self._lead(group)
        else:
            group.done.wait()
        if group.error is not None:
            if not leads and not isinstance(group.error, Exception):
                return self(question)  # the leader alone was interrupted
            raise group.error
        return group.answers[place]

    def _lead(self, group: _Group[Question, Answer]) -> None:
        try:
            self._gather()
            with self._turns:
                with self._lock:
                    if self._open is group:
                        self._open = None
                group.answers = self._ask(group.questions)
        except BaseException as error:  # the others must wake up, whatever happened; each raises it again
            group.error = error
        finally:
            with self._lock:
                if self._open is group:  # interrupted before its turn came
                    self._open = None
            group.done.set()


class Company:
    """Who is on the way to a `Joiner`, so that its leaders wait for them and for nobody else."""

    def __init__(self) -> None:
        self._coming = 0
        self._arrived = threading.Condition()

    @contextlib.contextmanager
    def coming(self) -> Iterator[None]:
        """Be on the way for as long as the block lasts."""
        with self._arrived:
            self._coming += 1
        try:
            yield
        finally:
            with self._arrived:
                self._coming -= 1
                self._arrived.notify_all()

    def wait(self, at_most_s: float) -> None:
        """Wait until nobody is on the way, for so long at most; alone, this takes no time."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._coming == 0, timeout=at_most_s)
