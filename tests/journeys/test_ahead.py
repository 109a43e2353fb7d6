"""Asking ahead: order stays, the next is asked while one is used, and no further than that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

from fiducia.errors import DicomError
from fiducia.journeys.shared.ahead import asked_ahead


def taken_from(count: int, taken: list[int]) -> Iterator[int]:
    for number in range(count):
        taken.append(number)
        yield number


def test_answers_come_in_order() -> None:
    answers = [(thing, answer()) for thing, answer in asked_ahead(lambda n: n * n, range(20))]
    assert answers == [(number, number * number) for number in range(20)]
    assert list(asked_ahead(str, [])) == []


def test_the_next_is_asked_while_one_is_used_and_no_further_ones() -> None:
    asked, taken = [threading.Event() for _ in range(10)], list[int]()
    for number, answer in asked_ahead(lambda n: asked[n].set(), taken_from(10, taken)):
        answer()
        if number < 9:
            assert asked[number + 1].wait(10), "it is asked although this one is still in use"
        assert taken == list(range(min(number + 2, 10)))


def test_what_asking_raises_comes_in_its_turn_and_the_rest_is_answered() -> None:
    def ask(number: int) -> int:
        if number == 1:
            raise DicomError("no DICOM")
        return number

    found: list[object] = []
    for _, answer in asked_ahead(ask, range(3)):
        try:
            found.append(answer())
        except DicomError as error:
            found.append(str(error))
    assert found == [0, "no DICOM", 2]


def test_nothing_is_asked_any_more_once_it_is_closed() -> None:
    asked: list[int] = []
    with closing(asked_ahead(asked.append, range(100))) as answers:
        for _, answer in answers:
            answer()
            break
    assert asked in ([0], [0, 1])
    assert not [each for each in threading.enumerate() if each.name.startswith("ahead")]
