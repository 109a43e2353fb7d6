"""Children start, get ready, stop, and none outlives its parent unless it was told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from fiducia.app import processes
from fiducia.app.processes import (
    LASTING_PORTS,
    Program,
    Stack,
    free_ports,
    port_is_open,
    record,
    recorded,
    start,
    stop_recorded,
)
from fiducia.errors import ConfigError, LedgerUnreachableError, StoreError

ROOT = Path(__file__).resolve().parents[3]


def program(tmp_path: Path, code: str, name: str = "child") -> Program:
    """A Python child that runs `code`."""
    return Program(name, (sys.executable, "-c", code), tmp_path / f"{name}.log", {"PYTHONUNBUFFERED": "1"})


def sleeper(tmp_path: Path, name: str = "child") -> Program:
    """A child that does nothing until it is told to end."""
    return program(tmp_path, "import time; time.sleep(600)", name)


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until `condition()` is true; fail when it never is."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "this never happened"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether a process no longer runs."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack() as stack:
        yield stack


def test_a_child_sees_only_its_own_environment_and_an_empty_input(tmp_path: Path, stack: Stack) -> None:
    code = "import os, sys, json; print(json.dumps([dict(os.environ), sys.stdin.read(), os.getcwd(), os.getpgrp()]))"
    child = stack.start(Program("child", (sys.executable, "-c", code), tmp_path / "log", {"ONE": "1"}, tmp_path))
    wait_for(lambda: not child.alive())
    environment, standard_input, directory, group = json.loads(child.log_tail())
    assert environment.pop("ONE") == "1"
    assert "PATH" not in environment
    assert "HOME" not in environment
    assert (standard_input, directory, group) == ("", str(tmp_path.resolve()), child.pid)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_started_is_a_setting_to_correct(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        start(Program("child", (str(tmp_path / "nowhere"),), tmp_path / "log"))


def test_waits_until_the_probe_returns(tmp_path: Path, stack: Stack) -> None:
    (port,) = free_ports(1)
    code = f"import time, http.server as h; time.sleep(.2); h.HTTPServer(('127.0.0.1', {port}), None).serve_forever()"
    child = stack.start(program(tmp_path, code))
    with pytest.raises(OSError, match="refused"):
        port_is_open(port)
    child.wait_ready(lambda: port_is_open(port), 30)


@pytest.mark.parametrize("error", [ConfigError, LedgerUnreachableError])
def test_a_child_that_ends_while_starting_is_named_with_its_last_words(
    tmp_path: Path, stack: Stack, error: type[ConfigError]
) -> None:
    child = stack.start(program(tmp_path, "print('first'); raise SystemExit('the port is taken')"))

    def never() -> None:
        raise StoreError("not yet")

    with pytest.raises(error, match=r"(?s)child ended while starting.*the port is taken"):
        child.wait_ready(never, 30, error=error)


def test_a_child_that_never_gets_ready_is_named_with_the_reason(tmp_path: Path, stack: Stack) -> None:
    child = stack.start(sleeper(tmp_path))

    def never() -> None:
        raise StoreError("the store does not answer")

    with pytest.raises(ConfigError, match=r"child was not ready within 0\.1 s: the store does not answer"):
        child.wait_ready(never, 0.1)


def test_stops_in_order_and_twice(tmp_path: Path) -> None:
    code = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *a: sys.exit(print("ended in order")))
print("ready")
time.sleep(600)
"""
    child = start(program(tmp_path, code))
    wait_for(lambda: "ready" in child.log_tail())
    child.stop()
    assert not child.alive()
    assert child.log_tail().endswith("ended in order")
    child.stop()


def test_ends_a_child_that_will_not_and_its_children(tmp_path: Path) -> None:
    code = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(grandchild.pid)
time.sleep(600)
"""
    child = start(program(tmp_path, code))
    wait_for(lambda: child.log_tail().strip().isdigit())
    grandchild = int(child.log_tail())
    child.stop(grace_s=0.2)
    assert not child.alive()
    wait_for(lambda: gone(grandchild))


def test_a_stack_stops_last_first_also_after_an_error(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    code = """
import signal, sys, time
def end(*a):
    with open({ended!r}, "a") as file: file.write({name!r} + " ")
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("ready")
time.sleep(600)
"""

    def interrupted() -> None:
        with Stack() as stack:
            for name in ("one", "two", "three"):
                stack.start(program(tmp_path, code.format(ended=str(ended), name=name), name))
                wait_for(lambda: stack.children[-1].log_tail() == "ready")
            assert all(child.alive() for child in stack.children)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ended.read_text() == "three two one "


def test_a_child_that_died_is_not_alive(tmp_path: Path, stack: Stack) -> None:
    lives, dies = stack.start(sleeper(tmp_path, "lives")), stack.start(program(tmp_path, "pass", "dies"))
    wait_for(lambda: not dies.alive())
    assert lives.alive()


PARENT = """
import signal, sys, time
from pathlib import Path
from fiducia.app.processes import Program, start
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs tests in the background has it ignored
detach, directory = sys.argv[1] == "detach", Path(sys.argv[2])
command = (sys.executable, "-c", "import time; time.sleep(600)")
child = start(Program("child", command, directory / "log"), detach=detach)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("detach", ["attached", "detach"])
def test_children_die_with_their_parent_unless_detached(tmp_path: Path, how: signal.Signals, detach: str) -> None:
    if detach == "attached" and sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent was killed")
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, detach, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.send_signal(how)
        parent.wait(30)
    if detach == "attached":
        wait_for(lambda: gone(pid))
    else:
        time.sleep(0.2)
        assert not gone(pid)
        os.killpg(pid, signal.SIGKILL)


def test_recorded_children_are_found_and_stopped(tmp_path: Path) -> None:
    run = tmp_path / "run"
    children = [start(sleeper(tmp_path, name), detach=True) for name in ("kubo", "anvil")]
    for child in children:
        record(child, run)
    assert sorted(child.program.name for child in recorded(run)) == ["anvil", "kubo"]
    assert sorted(stop_recorded(run)) == ["anvil", "kubo"]
    assert not any(child.alive() for child in children)
    assert list(run.iterdir()) == []
    assert stop_recorded(run) == []


def test_a_pid_that_now_belongs_to_another_is_left_alone(tmp_path: Path, stack: Stack) -> None:
    other = stack.start(sleeper(tmp_path))
    path = record(other, tmp_path / "run")
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"identity": facts["identity"] + "0"}))
    assert stop_recorded(tmp_path / "run") == []
    assert other.alive()
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 0, "identity": "", "log": ""}', "null"])
def test_a_broken_pid_file_is_removed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubo.pid"
    path.write_text(text)
    assert list(recorded(tmp_path)) == []
    assert not path.exists()


def test_releasing_a_stack_leaves_its_children_running(tmp_path: Path) -> None:
    with Stack() as stack:
        stack.start(sleeper(tmp_path), detach=True)
        (child,) = stack.release()
    assert child.alive()
    child.stop()


def test_ports_differ() -> None:
    assert free_ports(0) == []
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert set(ports) <= set(LASTING_PORTS)


def test_no_port_is_promised_where_none_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(processes, "LASTING_PORTS", range(port, port + 1))
        with pytest.raises(ConfigError, match="no free ports"):
            free_ports(1)
