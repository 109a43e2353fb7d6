"""Starting processes of a home whole: all recorded as they come, none left behind by a start that fails.

Owns the record of what a start began. What a process is belongs to `processes` and to whoever describes it.
"""

from __future__ import annotations

from fiducia.app.home import Home
from fiducia.app.interruptions import undisturbed
from fiducia.app.processes import Child, Program, Stack, record, recorded


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
