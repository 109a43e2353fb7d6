"""Starting processes of a home whole: all recorded as they come, none left behind by a start that fails.

Owns the record of what a start began, and that signals which would interrupt wait while a process is being
started or stopped. What a process is belongs to `processes` and to whoever describes it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from fiducia.app.home import Home
from fiducia.app.processes import Child, Program, Stack, record, recorded

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Starting:
    """Processes being started: all recorded as they come, all stopped again unless `keep` was called.

    Args:
        home: whose processes they are.
        detach: let them outlive this process.
    """

    def __init__(self, home: Home, detach: bool) -> None:
        self._run = home.run
        self._detach = detach
        self._stack = Stack()
        self.running = {child.program.name for child in recorded(home.run)}

    def start(self, program: Program) -> Child:
        """Start a process and write down its pid, with no signal in between. Raises: ConfigError."""
        with undisturbed():
            child = self._stack.start(program, detach=self._detach)
            record(child, self._run)
        return child

    def keep(self) -> None:
        """Everything is up: leaving stops nothing."""
        self._stack.release()

    def __enter__(self) -> Starting:
        return self

    def __exit__(self, *_: object) -> None:
        with undisturbed():
            names = [child.program.name for child in self._stack.children]
            self._stack.stop()
            for name in names:
                (self._run / f"{name}.pid").unlink(missing_ok=True)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold signals that would interrupt back until the block is done: processes are started and stopped whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _: FrameType | None) -> None:
        held.append(number)

    before = {number: signal.signal(number, hold) for number in INTERRUPTIONS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])
