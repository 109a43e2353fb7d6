"""Bringing a consortium up and down: again, interrupted, killed, twice at once; nothing is ever left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import SampleFolders
from tests.support.cli import TIMEOUT_S, Cli


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """An empty home; whatever a test left running in it is stopped."""
    cli = Cli(tmp_path / "home")
    yield cli
    cli.run("down")
    for process in cli.processes():
        process.kill()


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


def said(process: subprocess.Popen[str], words: str) -> None:
    """Read a process's stderr until it says these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended without saying: {words}")


def pids(cli: Cli) -> dict[str, int]:
    return {part["part"]: part["pid"] for part in cli.run("status").json if part["pid"]}


def test_up_again_changes_nothing_and_what_was_kept_outlives_down(cli: Cli, samples: SampleFolders) -> None:
    first = cli.ok("up", "--detach", "--store", "embedded")
    study = cli.register(samples.make(1))
    badge = cli.ok("badge", "show", "clinician")
    assert {row["part"]: row["pid"] for row in cli.ok("up", "--detach")} == {row["part"]: row["pid"] for row in first}
    assert set(cli.ok("down")["stopped"]) == {"anvil", "broker-hospital-a", "broker-hospital-b"}
    assert cli.processes() == []
    assert cli.ok("down") == {"stopped": []}
    assert {row["ready"] for row in cli.fails(4, "status") if not row["part"].startswith("store")} == {False}
    again = cli.ok("up", "--detach")
    assert [row["address"] for row in again] == [row["address"] for row in first]
    assert study["study_id"] in {row["study_id"] for row in cli.ok("study", "list")}
    assert cli.ok("badge", "show", "clinician") == badge
    cli.grant(study)
    cli.ok(*cli.fetch_words(study, cli.home.parent / "out"))


def test_a_part_that_was_killed_is_started_again_alone_and_the_chain_takes_nothing_with_it(
    cli: Cli, samples: SampleFolders
) -> None:
    cli.ok("up", "--detach", "--store", "embedded")
    before = pids(cli)
    os.kill(before["broker-hospital-b"], signal.SIGKILL)
    cli.fails(4, "status")
    cli.ok("up", "--detach")
    after = pids(cli)
    assert after["broker-hospital-b"] != before["broker-hospital-b"]
    assert {name for name in before if before[name] != after[name]} == {"broker-hospital-b"}
    study = cli.register(samples.make(1))
    state = cli.paths.chain_state
    written_at = state.stat().st_mtime
    until(lambda: state.stat().st_mtime > written_at + 1, "the chain writes its state")
    os.kill(pids(cli)["chain"], signal.SIGKILL)
    assert cli.run("study", "list").code == 4
    cli.ok("up", "--detach")
    assert study["study_id"] in {row["study_id"] for row in cli.ok("study", "list")}
    assert cli.ok("audit", "verify")["verified"] is True


def test_ctrl_c_stops_a_stack_in_the_foreground_whole(cli: Cli) -> None:
    with cli.started("up", "--store", "embedded") as process:
        said(process, "Ctrl-C stops everything")
        assert len(cli.processes()) == 4  # itself, the chain, two brokers
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 0
    assert cli.processes() == []


def test_down_elsewhere_ends_a_stack_in_the_foreground(cli: Cli) -> None:
    with cli.started("up", "--store", "embedded") as process:
        said(process, "Ctrl-C stops everything")
        cli.ok("down")
        assert process.wait(TIMEOUT_S) == 0
    assert cli.processes() == []


def test_a_part_that_ends_by_itself_ends_a_stack_in_the_foreground_with_exit_4(cli: Cli) -> None:
    with cli.started("up", "--store", "embedded") as process:
        said(process, "Ctrl-C stops everything")
        os.kill(pids(cli)["broker-hospital-a"], signal.SIGKILL)
        assert process.wait(TIMEOUT_S) == 4
    assert cli.processes() == []


@pytest.mark.parametrize(
    ("detach", "number"), [((), signal.SIGINT), (("--detach",), signal.SIGTERM)], ids=["foreground", "detached"]
)
@pytest.mark.parametrize("moment", ["starting the chain", "GATEWAY key", "starting the brokers"])
def test_an_interrupted_start_leaves_no_process_and_is_completed_by_the_next(
    cli: Cli, detach: tuple[str, ...], number: signal.Signals, moment: str
) -> None:
    with cli.started("up", "--store", "embedded", *detach) as process:
        said(process, moment)
        process.send_signal(number)
        assert process.wait(TIMEOUT_S) == 130
    until(lambda: cli.processes() == [], "every process is gone")
    cli.ok("up", "--detach")
    cli.ok("status")


@pytest.mark.parametrize("moment", ["deploying", "is admitted", "a badge is"])
def test_a_start_that_was_killed_is_completed_by_the_next(cli: Cli, moment: str) -> None:
    with cli.started("up", "--store", "embedded") as process:
        said(process, moment)
        process.kill()
    until(lambda: cli.processes() == [], "every process died with its parent")
    cli.ok("up", "--detach")
    cli.ok("status")
    assert len(cli.ok("member", "list")) == 2
    assert len(cli.ok("patient", "list")) == 1
    assert cli.ok("audit", "verify")["verified"] is True


def test_a_killed_detached_start_is_completed_with_the_processes_it_left(cli: Cli) -> None:
    with cli.started("up", "--store", "embedded", "--detach") as process:
        said(process, "is admitted")
        process.kill()
    cli.ok("up", "--detach")
    cli.ok("status")
    assert len(cli.processes()) == 3
    cli.ok("down")
    assert cli.processes() == []


def test_two_starts_at_once_make_one_stack(cli: Cli) -> None:
    cli.paths.create()
    with ExitStack() as running:
        starts = [running.enter_context(cli.started("up", "--store", "embedded", "--detach")) for _ in range(2)]
        for process in starts:
            process.communicate(timeout=TIMEOUT_S)
        codes = sorted(process.returncode for process in starts)
    assert codes == [0, 4]
    assert len(cli.processes()) == 3


def test_another_store_than_the_homes_own_is_refused_and_a_port_that_was_taken_meanwhile_replaced(cli: Cli) -> None:
    cli.ok("up", "--detach", "--store", "embedded")
    cli.ok("down")
    assert "embedded store" in cli.fails(2, "up", "--detach", "--store", "kubo")["detail"]
    port = cli.paths.load().members[0].broker_url.rpartition(":")[2]
    listener = subprocess.Popen(
        ["python3", "-m", "http.server", port, "--bind", "127.0.0.1"],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        until(lambda: psutil.Process(listener.pid).net_connections(), "the port is taken")
        cli.ok("up", "--detach")
        assert cli.paths.load().members[0].broker_url.rpartition(":")[2] != port
        cli.ok("status")
    finally:
        listener.kill()
        listener.wait()


def test_the_chain_listens_on_loopback_only(embedded: Cli) -> None:
    listening = {
        connection.laddr.ip
        for process in embedded.processes()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
