"""Joining changes how questions travel, never their answers."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from fiducia.adapters.evm.joining import Joiner


class Squares:
    """Answers when it is let; remembers the groups."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go = threading.Event()
        self.error: BaseException | None = None

    def __call__(self, questions: Sequence[int]) -> list[int]:
        self.groups.append(list(questions))
        assert self.go.wait(20)
        if self.error is not None:
            raise self.error
        return [question * question for question in questions]


def ask_all(joiner: Joiner[int, int], questions: Sequence[int], squares: Squares) -> dict[int, int | BaseException]:
    """Ask from one thread per question; let the answers come once the first is under way."""
    answers: dict[int, int | BaseException] = {}

    def ask(question: int) -> None:
        try:
            answers[question] = joiner(question)
        except BaseException as error:
            answers[question] = error

    threads = [threading.Thread(target=ask, args=(question,)) for question in questions]
    for thread in threads:
        thread.start()
    squares.go.set()
    for thread in threads:
        thread.join(timeout=20)
    return answers


@pytest.mark.parametrize("at_most", [1, 3, 100])
@pytest.mark.parametrize("at_once", [1, 4])
def test_everybody_gets_their_own_answer(at_most: int, at_once: int) -> None:
    squares = Squares()
    joiner = Joiner(squares, at_most=at_most, at_once=at_once)
    answers = ask_all(joiner, range(40), squares)
    assert answers == {question: question * question for question in range(40)}
    assert max(map(len, squares.groups)) <= at_most
    assert sorted(question for group in squares.groups for question in group) == list(range(40))


def test_who_waits_anyhow_waits_together() -> None:
    squares = Squares()
    joiner = Joiner(squares, at_most=100)
    first = threading.Thread(target=joiner, args=(0,))
    first.start()
    while not squares.groups:
        pass
    others = [threading.Thread(target=joiner, args=(question,)) for question in range(1, 9)]
    for thread in others:
        thread.start()
    while joiner._open is None or len(joiner._open.questions) < 8:
        pass
    squares.go.set()
    for thread in (first, *others):
        thread.join(timeout=20)
    assert [len(group) for group in squares.groups] == [1, 8]


def test_an_error_reaches_everybody_and_spoils_nothing() -> None:
    squares = Squares()
    squares.error = ValueError("no")
    joiner = Joiner(squares, at_most=100)
    answers = ask_all(joiner, range(8), squares)
    assert all(isinstance(answer, ValueError) for answer in answers.values())
    squares.error = None
    assert joiner(9) == 81


def test_an_interrupted_leader_stops_nobody_else() -> None:
    squares = Squares()
    squares.go.set()
    interrupted = threading.Event()

    def gather() -> None:
        if not interrupted.is_set():
            interrupted.set()
            while len(joiner._open.questions if joiner._open else ()) < 4:
                pass
            raise KeyboardInterrupt

    joiner = Joiner(squares, at_most=100, gather=gather)
    answers = ask_all(joiner, range(4), squares)
    stopped = [answer for answer in answers.values() if isinstance(answer, KeyboardInterrupt)]
    assert len(stopped) == 1
    assert sorted(a for a in answers.values() if isinstance(a, int)) == sorted(
        question * question for question, answer in answers.items() if isinstance(answer, int)
    )
    assert len(answers) == 4
