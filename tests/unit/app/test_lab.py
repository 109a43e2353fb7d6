"""A lab without its node: what its commands refuse, and what a stack makes of a validator that was stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.app.home import Home
from fiducia.app.lab import Lab, enough
from fiducia.app.plan import new_plan, save_plan, validator_name
from fiducia.app.processes import Child, Stack, record, recorded
from fiducia.app.settings import Settings
from fiducia.app.stack import DevelopmentStack
from fiducia.app.starting import Starting
from fiducia.errors import ConfigError, InputError, LedgerUnreachableError
from tests.unit.app.test_processes import sleeper, wait_for


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def lab(home: Home, validators: int = 4, **settings: Any) -> Lab:
    plan = save_plan(home, new_plan(SeededEntropy(), 1_800_000_000, "embedded", validators=validators))
    return Lab(home, Settings(**settings), plan, lambda message: None)


def test_a_home_on_anvil_is_no_lab(home: Home) -> None:
    with pytest.raises(ConfigError, match="another --home"):
        lab(home, validators=0)


@pytest.mark.parametrize("number", [-1, 0, 5])
def test_a_validator_that_is_not_there_is_bad_input(home: Home, number: int) -> None:
    made = lab(home)
    with pytest.raises(InputError, match="this lab has 1 to 4"):
        made.stop_one(number, kill=True)
    with pytest.raises(InputError, match="this lab has 1 to 4"):
        made.start_one(number)


@pytest.mark.parametrize(("running", "validators"), [(3, 4), (4, 5), (5, 7), (7, 10)])
def test_more_than_two_thirds_make_blocks(running: int, validators: int) -> None:
    assert enough(running, validators)
    assert not enough(running - 1, validators)


def test_without_its_node_a_lab_says_how_to_have_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="scripts/install --lab"), Starting(home, detach=False) as starting:
        lab(home).start(starting)


def test_validators_that_do_not_run_are_shown_as_such(home: Home) -> None:
    parts = lab(home).parts()
    assert [part.name for part in parts] == [validator_name(number) for number in range(1, 5)]
    assert {(part.pid, part.ready) for part in parts} == {(None, False)}


@pytest.mark.parametrize("kill", [False, True])
def test_stopping_one_leaves_the_others_alone(home: Home, tmp_path: Path, kill: bool) -> None:
    made = lab(home)
    with Stack() as stack:
        for number in (1, 2):
            record(stack.start(sleeper(tmp_path, validator_name(number))), home.run)
        assert made.stop_one(2, kill=kill)
        assert not made.stop_one(2, kill=kill)
        assert [child.program.name for child in recorded(home.run)] == [validator_name(1)]


# -- watching


class StackUp(DevelopmentStack):
    """One whose processes are on record already."""

    def up(self, *_: Any, **__: Any) -> None:
        self._is_up = True


class Watching:
    """A stack in the foreground of a home, in a thread of its own."""

    def __init__(self, home: Home) -> None:
        house: Any = type("House", (), {"home": home})()
        self._stack = StackUp(house, Settings(), lambda message: None)
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        time.sleep(0.4)  # it has read which processes there are

    def _watch(self) -> None:
        try:
            with self._stack.foreground():
                self._stack.up(None, detach=False)
                self._stack.watch()
        except LedgerUnreachableError as error:
            self.error = error


@pytest.fixture
def children(home: Home, tmp_path: Path) -> Iterator[list[Child]]:
    """Two processes that the home has on record."""
    with Stack() as stack:
        made = [stack.start(sleeper(tmp_path, validator_name(number))) for number in (1, 2)]
        for child in made:
            record(child, home.run)
        yield made


def test_a_stack_in_the_foreground_outlives_a_validator_that_was_stopped_on_purpose(
    home: Home, children: list[Child]
) -> None:
    made = lab(home)
    watching = Watching(home)
    assert made.stop_one(2, kill=True)
    time.sleep(0.8)
    assert watching.thread.is_alive()
    assert children[0].alive()
    assert made.stop_one(1, kill=False)
    watching.thread.join(timeout=20)
    assert not watching.thread.is_alive()
    assert watching.error is None


def test_a_stack_in_the_foreground_ends_with_a_validator_that_ended_by_itself(
    home: Home, children: list[Child]
) -> None:
    watching = Watching(home)
    children[1].stop()
    watching.thread.join(timeout=20)
    assert "validator-2 ended by itself" in str(watching.error)
    wait_for(lambda: not children[0].alive())
