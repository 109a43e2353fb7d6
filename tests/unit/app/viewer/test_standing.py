"""Pages are told to look again when something ended, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from fiducia.app.viewer import standing
from fiducia.app.viewer.standing import told
from fiducia.errors import VaultError


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "LOOK_EVERY_S", 0)


def events(*answers: int | Exception | None) -> list[bytes]:
    """What is told while these are the answers, one after another."""
    coming: Iterator[int | Exception | None] = iter(answers)

    async def ended() -> int | None:
        answer = next(coming)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def run() -> list[bytes]:
        return [event async for event in told(ended)]

    return anyio.run(run)


def test_a_page_is_told_once_for_each_time_that_something_ended() -> None:
    assert events(0, 0, 1, 1, 1, 3, 3, None).count(b"event: look\ndata:\n\n") == 3  # the last: signed out


def test_who_signs_out_or_cannot_be_told_about_is_told_to_look_and_no_more() -> None:
    for last in (None, VaultError("broken")):
        assert events(5, last)[-1] == b"event: look\ndata:\n\n"


def test_a_quiet_connection_says_something_now_and_then() -> None:
    assert set(events(*[0] * 61, None)[:-1]) == {b": \n\n"}
    assert len(events(*[0] * 61, None)) == 4
