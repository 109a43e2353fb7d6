"""A development consortium with all its real processes, for tests that go through the command line.

Owns one home: bringing it up and down, running commands in this process or in one of their own (to be killed at
a fault point), starting a single broker anew with a fault point, and asking Anvil for what only Anvil can do.
What is true of a home afterwards is asserted by `tests.support.truths`.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from fiducia.app import processes
from fiducia.app.cli import main
from fiducia.app.home import Home
from fiducia.app.plan import StoreKind, broker_name, load_plan
from fiducia.app.settings import load
from fiducia.app.wiring import House
from fiducia.errors import LedgerUnreachableError
from tests.support.anvil import anvil_binary
from tests.support.forked import Forked
from tests.support.kubo import kubo_binary

ENDS_S = 120.0

Running = Forked | subprocess.Popen[str]
PYTHON = (sys.executable, "-I", "-u", "-m", "fiducia.app.cli")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command answered: its exit code, the JSON on stdout (None: nothing), and stderr."""

    code: int
    said: Any
    errors: str

    def __getitem__(self, name: str) -> Any:
        return self.said[name]


def clean_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without fiducia's own settings, but with where the programs are."""
    kept = ("FIDUCIA_ANVIL", "FIDUCIA_KUBO", "FIDUCIA_EVMD")
    own = {name: value for name, value in os.environ.items() if not name.startswith("FIDUCIA_") or name in kept}
    return {**own, "PYTHONUNBUFFERED": "1", **more}


class Development:
    """One home and its processes, which have some variables more than others."""

    def __init__(self, root: Path, store: StoreKind = "embedded", environment: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.store = store
        self.environment = dict(environment or {})
        self.home = Home(root / "home")
        self._children: list[processes.Child] = []

    # -- commands

    def fiducia(self, *words: str, expect: int | tuple[int, ...] = 0, home: Path | None = None) -> Ran:
        """Run a command in this process and check its exit code (or that it is one of some)."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*words, "--home", str(home or self.home.root), "--json"])
        return _checked(words, code, out.getvalue(), err.getvalue(), expect)

    def begin(self, *words: str, environment: Mapping[str, str] | None = None) -> Running:
        """Start a command in a process of its own; `ended` waits for it."""
        variables = clean_environment(**{**self.environment, **(environment or {})})
        return Forked([*words, "--home", str(self.home.root), "--json"], variables)

    def process(self, *words: str, expect: int = 0, environment: Mapping[str, str] | None = None) -> Ran:
        """Run a command in a process of its own and check its exit code."""
        return ended(self.begin(*words, environment=environment), expect)

    def killed(self, point: str, *words: str) -> None:
        """Run a command that SIGKILL ends at a fault point; that it died so is the proof that it got there."""
        ended(self.begin(*words, environment={"FIDUCIA_STOP_AT": point}), -signal.SIGKILL)

    # -- the stack

    def up(self, *options: str) -> list[dict[str, Any]]:
        """Bring up what does not run, as an operator would."""
        parts: list[dict[str, Any]] = self.process("up", "--detach", "--store", self.store, *options).said
        assert all(part["ready"] for part in parts)
        return parts

    def down(self) -> None:
        """Stop everything; the home stays."""
        self.process("down")
        for child in self._children:
            child.stop()
        self._children.clear()

    def broker(self, member: str = "hospital-a", **environment: str) -> processes.Child:
        """Kill a member's broker and start it again, with these variables in its environment."""
        plan = load_plan(self.home)
        assert plan is not None
        return self.broker_at(self.home, member, plan.broker_ports[member], **environment)

    def broker_at(self, home: Home, member: str, port: int, **environment: str) -> processes.Child:
        """Kill the member's broker that a home has on record, and start it at a port."""
        name = broker_name(member)
        _end(home, name)
        program = processes.Program(
            name=name,
            command=(
                *PYTHON,
                *("--home", str(home.root), "broker", "serve"),
                *("--member", member, "--port", str(port)),
            ),
            log=home.logs / f"{name}.log",
            environment={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **self.environment, **environment},
            directory=home.root,
        )
        child = processes.start(program)
        self._children.append(child)
        processes.record(child, home.run)
        url = f"http://127.0.0.1:{port}"

        def ready() -> None:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200:
                    return
            raise LedgerUnreachableError("not yet")

        child.wait_ready(ready, 60)
        return child

    def end_broker(self, member: str) -> None:
        """Kill a member's broker."""
        _end(self.home, broker_name(member))

    def broker_url(self, member: str = "hospital-a") -> str:
        """Return where a member's broker answers."""
        plan = load_plan(self.home)
        assert plan is not None
        return plan.broker_url(member)

    def pids(self) -> set[int]:
        """Return the processes that the home has on record."""
        return {child.pid for child in processes.recorded(self.home.run)}

    # -- looking and reaching in

    @contextmanager
    def house(self) -> Iterator[House]:
        """Open the home from Python."""
        with House(self.home, load()) as house:
            yield house

    def rpc(self, method: str, *parameters: object) -> Any:
        """Ask the chain, for instance for one of Anvil's own methods."""
        plan = load_plan(self.home)
        assert plan is not None
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(plan.rpc_urls[0], body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            said = json.load(answer)
        assert "error" not in said, said
        return said["result"]

    @contextmanager
    def mining_stopped(self) -> Iterator[None]:
        """Have the chain accept transactions and include none for as long as the block lasts."""
        self.rpc("evm_setIntervalMining", 0)
        self.rpc("evm_setAutomine", False)
        try:
            yield
        finally:
            self.rpc("evm_setIntervalMining", 1)

    # -- short forms of what most tests do

    def register(self, *paths: Path, options: Sequence[str] = (), expect: int = 0) -> Ran:
        """Register files as hospital-a."""
        return self.fiducia("study", "register", *map(str, paths), *options, expect=expect)

    def grant(self, study_id: str, *options: str, profile: str = "patient") -> str:
        """Grant a study to the clinician; returns the grant_id."""
        return str(self.fiducia(*grant_words(study_id, *options, profile=profile))["grant_id"])

    def fetch(
        self, study_id: str, out: Path, *options: str, expect: int | tuple[int, ...] = 0, home: Path | None = None
    ) -> Ran:
        """Fetch a study as the clinician."""
        return self.fiducia(*fetch_words(study_id, out, *options), expect=expect, home=home)


def grant_words(study_id: str, *options: str, profile: str = "patient") -> tuple[str, ...]:
    """Return the words that grant a study to the clinician, for treatment."""
    until = (datetime.date.today() + datetime.timedelta(days=365)).isoformat()
    what = ("--study", study_id, "--to", "clinician", "--purpose", "TREAT", "--until", until)
    return ("grant", "give", *what, "--as", profile, *options)


def fetch_words(study_id: str, out: Path, *options: str) -> tuple[str, ...]:
    """Return the words that fetch a study as the clinician."""
    return ("study", "fetch", study_id, "--purpose", "TREAT", "--out", str(out), *options)


def ended(process: Running, expect: int = 0) -> Ran:
    """Wait for a command and check its exit code."""
    try:
        out, err = process.communicate(timeout=ENDS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate(timeout=ENDS_S)
        raise
    assert process.returncode is not None
    return _checked(process.args, process.returncode, out, err, expect)


def _checked(words: object, code: int, out: str, err: str, expect: int | tuple[int, ...]) -> Ran:
    assert code == expect or (isinstance(expect, tuple) and code in expect), (
        f"exit {code} instead of {expect}: {words}\n{err}"
    )
    return Ran(code, json.loads(out) if out else None, err)


def _end(home: Home, name: str) -> None:
    """Kill a process that a home has on record."""
    for child in processes.recorded(home.run):
        if child.program.name == name:
            running = psutil.Process(child.pid)
            running.kill()
            running.wait(timeout=30)


@contextmanager
def running_stack(
    root: Path, store: StoreKind = "embedded", *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[Development]:
    """Run a consortium of its own for as long as the block lasts; skips where Anvil or Kubo cannot be had.

    Args:
        options: of `fiducia up`.
        environment: variables of all its processes, and of this one meanwhile.
    """
    anvil_binary()
    if store == "kubo":
        kubo_binary()
    development = Development(root, store, environment)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in development.environment.items():
            patch.setenv(name, value)
        try:
            development.up(*options)
            yield development
        finally:
            development.down()
    assert processes_of(root) == []


def processes_of(root: Path) -> list[psutil.Process]:
    """Return every living process that has something to do with a folder: by its words, variables or directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            words = [*process.cmdline(), *process.environ().values(), process.cwd()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(str(root) in word for word in words):
            found.append(process)
    return found
