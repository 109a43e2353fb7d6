"""Child processes of a development stack: start, watch, stop, and never leave one behind.

Owns process groups, death with the parent (Linux), log files, pid files for detached stacks, waiting until a child is
ready, and free loopback ports. Does not know what the children are: `kubo_daemon` and `anvil` describe those.
A child sees only the environment that it is given. Source: prctl(2) PR_SET_PDEATHSIG, proc(5).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from fiducia.errors import ConfigError, FiduciaError

STOP_GRACE_S = 10.0
LASTING_PORTS = range(20_000, 32_768)
"""Below what Linux gives to outgoing connections (ip_local_port_range, 32768 and above)."""
_TRIES = 2_000
_LOG_TAIL_LINES = 12
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes:
        name: for messages and the pid file's name, such as "kubo".
        command: absolute path and arguments.
        log: where its output goes; appended to, mode 0600.
        environment: all of the child's variables; nothing is inherited.
        directory: its working directory.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None


class Child:
    """A running process: one we started, or one that a pid file names."""

    def __init__(self, program: Program, process: psutil.Process, popen: subprocess.Popen[bytes] | None) -> None:
        self.program = program
        self._process = process
        self._popen = popen

    @property
    def pid(self) -> int:
        """The process id, also of its process group."""
        return int(self._process.pid)

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        if self._popen is not None:
            return self._popen.poll() is None
        try:
            return bool(self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def log_tail(self) -> str:
        """The last lines that it wrote, for a message about why it ended."""
        try:
            with self.program.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
                lines = log.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-_LOG_TAIL_LINES:])

    def wait_ready(
        self, probe: Callable[[], object], timeout_s: float, *, error: type[FiduciaError] = ConfigError
    ) -> None:
        """Call `probe` until it returns.

        Args:
            probe: raises FiduciaError or OSError while the child is not ready.
            timeout_s: how long to try.
            error: what to raise when the child ends or never gets ready; the message ends with the log's tail.
        """
        deadline = time.monotonic() + timeout_s
        pause_s = 0.01
        while True:
            if not self.alive():
                raise error(f"{self.program.name} ended while starting\n{self.log_tail()}".rstrip())
            try:
                probe()
                return
            except (FiduciaError, OSError) as last:
                if time.monotonic() > deadline:
                    message = f"{self.program.name} was not ready within {timeout_s:g} s: {last}\n{self.log_tail()}"
                    raise error(message.rstrip()) from last
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.2)

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Ask it to end (TERM), and end its whole group (KILL) when it has not after `grace_s`. Idempotent."""
        if self.alive():
            self._signal(signal.SIGTERM)
        if not self._wait(grace_s):
            self._signal(signal.SIGKILL)
            self._wait(grace_s)

    def _wait(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _signal(self, number: signal.Signals) -> None:
        # The group, because a child may have children; it leads the group since it began a session of its own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def start(program: Program, *, detach: bool = False) -> Child:
    """Start a child in a session and process group of its own, its input empty, its output in its log.

    Args:
        program: what to run.
        detach: let it outlive this process. Otherwise Linux ends it (TERM) when the *thread* that called this
            ends, however that happens: call it from the main thread.

    Raises:
        ConfigError: the program cannot be started.
    """
    program.log.parent.mkdir(parents=True, exist_ok=True)
    parent = os.getpid()

    def die_with_parent() -> None:  # runs between fork and exec: system calls only, everything loaded before
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != parent:  # the parent was gone before the kernel knew our wish
                os._exit(1)

    log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        popen = subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(program.environment),
            cwd=program.directory,
            start_new_session=True,
            preexec_fn=None if detach else die_with_parent,
        )
    except OSError as error:
        raise ConfigError(f"{program.name} cannot be started: {error.strerror}: {program.command[0]}") from error
    finally:
        os.close(log)
    try:
        return Child(program, psutil.Process(popen.pid), popen)
    except psutil.NoSuchProcess as error:  # ended already and reaped by somebody else
        raise ConfigError(f"{program.name} ended while starting") from error


class Stack:
    """Children that begin one after another and end in reverse order, whatever happens in between.

    Example:
        with Stack() as stack:
            chain = stack.start(anvil_program)
            chain.wait_ready(probe, 10)
    """

    def __init__(self) -> None:
        self.children: list[Child] = []

    def start(self, program: Program, *, detach: bool = False) -> Child:
        """Start a child and take care of its end. Raises: ConfigError."""
        child = start(program, detach=detach)
        self.children.append(child)
        return child

    def release(self) -> list[Child]:
        """Hand the children over to their pid files: leaving the stack no longer stops them."""
        children, self.children = self.children, []
        return children

    def stop(self) -> None:
        """Stop all, last started first; one that will not end does not keep the others."""
        while self.children:
            self.children.pop().stop()

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def record(child: Child, directory: Path) -> Path:
    """Write the pid file of a detached child, `<name>.pid` in `directory`; replaces an older one."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{child.program.name}.pid"
    facts = {"pid": child.pid, "identity": _identity(child.pid), "log": str(child.program.log)}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(facts), encoding="utf-8")
    part.replace(path)
    return path


def recorded(directory: Path) -> Iterator[Child]:
    """Yield the children whose pid files lie in `directory` and which still run.

    A pid that now belongs to another process is recognised by its start time; its stale file is removed.
    """
    for path in sorted(directory.glob("*.pid")):
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            pid = int(facts["pid"])
            program = Program(path.stem, (), Path(facts["log"]))
            if facts["identity"] == _identity(pid):
                child = Child(program, psutil.Process(pid), None)
                if child.alive():
                    yield child
                    continue
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError, psutil.NoSuchProcess):
            pass  # half-written, or its process is gone: either way there is nothing to stop
        path.unlink(missing_ok=True)


def stop_recorded(directory: Path, grace_s: float = STOP_GRACE_S) -> list[str]:
    """Stop every child that `directory` records, remove the pid files, and return the names of those stopped."""
    children = list(recorded(directory))
    for child in reversed(children):
        child.stop(grace_s)
        (directory / f"{child.program.name}.pid").unlink(missing_ok=True)
    return [child.program.name for child in children]


def free_ports(count: int) -> list[int]:
    """Return that many different TCP ports that are free on loopback now. Somebody may take one before you do.

    They lie below those that the system gives to outgoing connections, so that none of these takes a port that a
    stack keeps while it is down.

    Raises:
        ConfigError: there are not so many.
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for _ in range(_TRIES):
            if len(ports) == count:
                return ports
            listener, port = socket.socket(socket.AF_INET, socket.SOCK_STREAM), secrets.choice(LASTING_PORTS)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                listener.close()
                continue
            held.enter_context(listener)  # all at once, so that they differ
            ports.append(port)
    raise ConfigError(
        f"no free ports on 127.0.0.1 from {LASTING_PORTS[0]} to {LASTING_PORTS[-1]}: end what listens there"
    )


def port_is_open(port: int) -> None:
    """Return when something accepts connections at this loopback port. Raises: OSError while nothing does."""
    with socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return


def _identity(pid: int) -> str:
    """What tells a process from a later one with the same pid, and does not move when the clock is set."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        except OSError as error:
            raise psutil.NoSuchProcess(pid) from error
        return f"{boot}:{stat.rpartition(')')[2].split()[19]}"  # field 22, starttime in ticks since boot
    return f"{psutil.Process(pid).create_time():.2f}"
