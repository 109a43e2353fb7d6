"""How many of how many trustees, as `fiducia up` reads it."""

from __future__ import annotations

import pytest
import typer

from fiducia.app.cli.stack import custody_of


@pytest.mark.parametrize(("text", "custody"), [("2of3", (2, 3)), ("1of1", (1, 1)), ("5of5", (5, 5))])
def test_a_custody_is_read(text: str, custody: tuple[int, int]) -> None:
    assert custody_of(text) == custody


@pytest.mark.parametrize("text", ["", "2", "2 of 3", "3of2", "0of1", "1of6", "2OF3", "2of3x"])
def test_what_nobody_could_follow_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="2of3"):
        custody_of(text)
