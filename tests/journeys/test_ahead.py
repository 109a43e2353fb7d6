"""Asking ahead: order stays, a few are asked while one is used, and no further than that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from fiducia.errors import DicomError
from fiducia.journeys.shared.ahead import AHEAD, asked_ahead


def square(asked: list[int], number: int) -> Callable[[], int]:
    asked.append(number)
    return lambda: number * number


def taken_from(count: int, taken: list[int]) -> Iterator[int]:
    for number in range(count):
        taken.append(number)
        yield number


def test_answers_come_in_order() -> None:
    answers = [(thing, answer()) for thing, answer in asked_ahead(partial(square, []), range(20))]
    assert answers == [(number, number * number) for number in range(20)]
    assert list(asked_ahead(partial(square, []), ())) == []


def test_the_next_are_asked_while_one_is_used_and_no_further_ones() -> None:
    asked, taken = list[int](), list[int]()
    for number, answer in asked_ahead(partial(square, asked), taken_from(30, taken)):
        answer()
        assert asked == taken == list(range(min(number + AHEAD + 1, 30)))


def test_what_waiting_raises_comes_in_its_turn_and_the_rest_is_answered() -> None:
    def ask(number: int) -> Callable[[], int]:
        def wait() -> int:
            if number == 1:
                raise DicomError("no DICOM")
            return number

        return wait

    found: list[object] = []
    for _, answer in asked_ahead(ask, range(3)):
        try:
            found.append(answer())
        except DicomError as error:
            found.append(str(error))
    assert found == [0, "no DICOM", 2]
