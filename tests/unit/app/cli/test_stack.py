"""How many of how many trustees `fiducia up` reads; and that Ctrl-C stops what it brought up, whenever it comes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from fiducia.app import stack as stacks
from fiducia.app.cli.stack import bring_up, custody_of
from fiducia.app.home import Home
from fiducia.app.settings import load
from fiducia.app.stack import DevelopmentStack
from fiducia.app.wiring import House
from fiducia.errors import ConfigError


@pytest.mark.parametrize(("text", "custody"), [("2of3", (2, 3)), ("1of1", (1, 1)), ("5of5", (5, 5))])
def test_a_custody_is_read(text: str, custody: tuple[int, int]) -> None:
    assert custody_of(text) == custody


@pytest.mark.parametrize("text", ["", "2", "2 of 3", "3of2", "0of1", "1of6", "2OF3", "2of3x"])
def test_what_nobody_could_follow_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="2of3"):
        custody_of(text)


class InterruptedStack(DevelopmentStack):
    """Processes that are told of, not started; one moment of their life raises."""

    moment = ""
    raised: BaseException = KeyboardInterrupt()
    done: list[str]

    def up(self, *_: Any, **__: Any) -> None:
        self._pass("start")
        self._is_up = True
        self._pass("kept")

    def status(self) -> list[Any]:
        self._pass("status")
        return []

    def watch(self) -> None:
        self._pass("watch")

    def down(self, *, wait_s: float = 0.0) -> list[str]:
        self.done.append("down")
        return []

    def _pass(self, name: str) -> None:
        self.done.append(name)
        if name == self.moment:
            raise self.raised


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Begin `fiducia up` in the foreground, interrupted at some moment; returns what was done."""
    done: list[str] = []

    def say(words: str) -> None:
        done.append(words)
        if words.startswith(InterruptedStack.moment or "-"):
            raise InterruptedStack.raised

    def begin(moment: str, raised: BaseException, *, detach: bool = False) -> list[str]:
        monkeypatch.setattr(InterruptedStack, "moment", moment)
        monkeypatch.setattr(InterruptedStack, "raised", raised)
        monkeypatch.setattr(InterruptedStack, "done", done, raising=False)
        monkeypatch.setattr(stacks, "DevelopmentStack", InterruptedStack)
        settings = load()
        out = SimpleNamespace(say=say, facts=lambda *_, **__: None, rows=lambda *_, **__: None, as_json=True)
        with House(Home(tmp_path), settings) as house:
            bring_up(SimpleNamespace(house=house, settings=settings, out=out), None, detach=detach)  # type: ignore[arg-type]
        return done

    begin.done = done  # type: ignore[attr-defined]
    return begin


@pytest.mark.parametrize("moment", ["kept", "status", "running", "watch"])
def test_an_interruption_stops_all_of_it_from_when_it_is_up(begun: Any, moment: str) -> None:
    assert begun(moment, KeyboardInterrupt())[-2:] == ["down", "stopped"]


def test_an_interrupted_start_is_interrupted(begun: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        begun("start", KeyboardInterrupt())
    assert begun.done == ["start"]  # what it had started it stopped by itself: nobody else's is


@pytest.mark.parametrize("moment", ["status", "watch"])
def test_an_error_stops_all_of_it_and_is_told(begun: Any, moment: str) -> None:
    with pytest.raises(ConfigError):
        begun(moment, ConfigError("broken"))
    assert begun.done[-1] == "down"


def test_what_is_detached_stays(begun: Any) -> None:
    assert begun("", KeyboardInterrupt(), detach=True) == ["start", "kept", "status"]
