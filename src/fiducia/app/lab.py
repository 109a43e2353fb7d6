"""A lab: the chain of a development stack made of several validators, each of which may be stopped and returned.

Owns in which order validators start, when one counts as ready, and what each looks like. How a node is set up
is `evmd`'s; the rest of the consortium is `stack`'s and does not know that its chain is a lab.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from fiducia.app import evmd
from fiducia.app.home import Home
from fiducia.app.interruptions import undisturbed
from fiducia.app.node_rpc import newest_block
from fiducia.app.plan import Plan, validator_name
from fiducia.app.processes import Child, recorded
from fiducia.app.settings import Settings
from fiducia.app.stack_parts import Part, look
from fiducia.app.starting import Starting
from fiducia.errors import ConfigError, InputError, LedgerUnreachableError

READY_S = 90.0
_PROBE_S = 5.0


def enough(running: int, validators: int) -> bool:
    """Tell whether so many of so many validators make blocks: more than two thirds (CometBFT's rule, equal power)."""
    return 3 * running > 2 * validators


class Lab:
    """The validators of one home."""

    def __init__(self, home: Home, settings: Settings, plan: Plan, say: Callable[[str], None]) -> None:
        """Take the home's plan. Raises: ConfigError (its chain is not a lab)."""
        if not plan.validators:
            raise ConfigError("this home's chain is Anvil: `fiducia lab up` makes a lab in another --home")
        self._home = home
        self._settings = settings
        self._plan = plan
        self._say = say

    def start(self, starting: Starting) -> None:
        """Start every validator that does not run, and wait until each answers and there is a block.

        Raises:
            ConfigError: no evmd here. LedgerUnreachableError: a validator does not start.
        """
        numbers = [n for n in self._numbers() if validator_name(n) not in starting.running]
        if not numbers:
            return
        binary = self._binary()
        if not self._home.validators.exists():
            self._say(f"making the keys and the first block of {len(self._plan.validators)} validators")
        evmd.create_chain(
            binary,
            self._home.validators,
            validators=len(self._plan.validators),
            genesis_at=self._plan.genesis_at,
        )
        self._say(f"starting {', '.join(map(validator_name, numbers))}")
        children = {number: self._start(binary, number, starting) for number in numbers}
        for number, child in children.items():
            child.wait_ready(partial(self._newest, number), READY_S, error=LedgerUnreachableError)

    def start_one(self, number: int) -> bool:
        """Start one validator, detached, and wait until it knows what the others know; False when it runs already.

        Where it brings the chain on again, its next block is waited for: until then everybody calls it stalled.

        Raises:
            InputError: there is no such validator. ConfigError, LedgerUnreachableError: it does not start.
        """
        name = self._name(number)
        with Starting(self._home, detach=True) as starting:
            if name in starting.running:
                return False
            heights = [at for n in self._numbers() if n != number and (at := self._height(n))]
            awaited = max(heights, default=1) + enough(len(heights) + 1, len(self._numbers()))
            child = self._start(self._binary(), number, starting)
            child.wait_ready(partial(self._reach, number, awaited), READY_S, error=LedgerUnreachableError)
            starting.keep()
        return True

    def stop_one(self, number: int, *, kill: bool) -> bool:
        """Stop one validator; False when it did not run.

        Args:
            number: counted from 1.
            kill: end it at once and unasked, as a power cut would.

        Raises:
            InputError: there is no such validator.
        """
        name = self._name(number)
        for child in recorded(self._home.run):
            if child.program.name == name:
                with undisturbed():
                    if kill:
                        psutil.Process(child.pid).kill()
                    child.stop()
                    (self._home.run / f"{name}.pid").unlink(missing_ok=True)
                return True
        return False

    def parts(self) -> list[Part]:
        """Return every validator, running or not."""
        pids = {child.program.name: child.pid for child in recorded(self._home.run)}
        return [
            look(name, pids.get(name), self._url(number), partial(self._describe, number))
            for number in self._numbers()
            if (name := validator_name(number))
        ]

    def _start(self, binary: Path, number: int, starting: Starting) -> Child:
        evmd.write_settings(self._home.validators, self._plan.validators, number)
        log = self._home.logs / f"{validator_name(number)}.log"
        return starting.start(evmd.validator_program(binary, self._home.validators, number, log))

    def _binary(self) -> Path:
        binary = evmd.find_evmd(self._settings.search_environment(), self._settings.cache_directory())
        if binary is None:
            raise ConfigError(
                f"no evmd {evmd.EVMD_VERSION} here: `scripts/install --lab` builds it (Go >= 1.26 and a C compiler), "
                "or name the binary in FIDUCIA_EVMD"
            )
        return binary

    def _numbers(self) -> range:
        return range(1, len(self._plan.validators) + 1)

    def _name(self, number: int) -> str:
        if number not in self._numbers():
            raise InputError(f"there is no validator {number}: this lab has 1 to {len(self._plan.validators)}")
        return validator_name(number)

    def _url(self, number: int) -> str:
        return self._plan.rpc_urls[number - 1]

    def _newest(self, number: int) -> tuple[int, int]:
        return newest_block(self._url(number), timeout_s=_PROBE_S)

    def _height(self, number: int) -> int:
        """Return the number of a validator's newest block; 0 when it does not answer."""
        try:
            return self._newest(number)[0]
        except LedgerUnreachableError:
            return 0

    def _reach(self, number: int, awaited: int) -> None:
        if (at := self._newest(number)[0]) < awaited:
            raise LedgerUnreachableError(f"it is at block {at}, and block {awaited} is waited for")

    def _describe(self, number: int) -> str:
        at, made_at = self._newest(number)
        return f"block {at}, {max(0, int(time.time()) - made_at)} s old"
