"""Commands of fiducia in processes of their own, without the time that modules take to load: each is forked from one
process that has loaded them.

`python -m fiducia.app.cli` itself is started by tests/e2e/test_cli_stack.py, test_demo.py and every stack's brokers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from fiducia.app.cli import main

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["fiducia.app.cli.study", "fiducia.app.stack", "tests.support.forked"])


class Forked:
    """A running command, with what tests use of `subprocess.Popen`: input is empty, output is text."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it.

        Args:
            words: what follows `fiducia`.
            environment: all of its variables; nothing is inherited.
        """
        self.args = words
        self._said = tempfile.TemporaryDirectory(prefix="forked-")
        out, err = self._files()
        self._process = _FORKS.Process(target=_act, args=(list(words), dict(environment), out, err), daemon=True)
        self._process.start()

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus a signal's number; None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """End it by SIGKILL, if it runs."""
        self._process.kill()

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for its end; return what it wrote, once. Raises: subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        out, err = (file.read_text(encoding="utf-8") if file.exists() else "" for file in self._files())
        self._said.cleanup()
        return out, err

    def _files(self) -> tuple[Path, Path]:
        return Path(self._said.name, "out"), Path(self._said.name, "err")


def _act(words: list[str], environment: dict[str, str], out: Path, err: Path) -> None:
    """Run a command as the whole of this process."""
    os.environ.clear()
    os.environ.update(environment)
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(words))
