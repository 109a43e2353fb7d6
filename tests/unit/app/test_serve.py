"""Running doors together: one process, every door, and a signal that ends all of them in order."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from fiducia.app.intake import DimseSettings, Doors, Peer, serve
from fiducia.errors import ConfigError
from tests.support.consortium import Consortium
from tests.support.dimse import PEER, associated, store
from tests.unit.app.test_dimse import within
from tests.unit.app.test_dimse_senders import free_port
from tests.unit.app.test_intake import HEADERS, body, door_of


@pytest.fixture
def world() -> Consortium:
    return Consortium()


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    assert {number: signal.getsignal(number) for number in before} == before


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def once_open(ports: tuple[int, ...], act: Callable[[], object], number: int = signal.SIGTERM) -> threading.Thread:
    """Act when all of these ports listen, and then send this process a signal, whatever came of it."""

    def run() -> None:
        try:
            assert within(30, lambda: all(map(listens, ports)))
            act()
        finally:
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_all_doors_take_into_one_spool_and_stop_together(world: Consortium, tmp_path: Path) -> None:
    first, second, third = world.add_series(3).values()
    web, dicom = free_port(), free_port()
    folder = tmp_path / "scanner"
    folder.mkdir()
    (folder / "1.dcm").write_bytes(first)
    done: list[str] = []

    def act() -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{web}/studies", body(second), HEADERS)
        assert urllib.request.urlopen(request, timeout=10).status == 200
        with associated(dicom) as association:
            assert store(association, third).Status == 0
        assert within(15, lambda: not list(folder.iterdir()))
        done.append("all")

    thread = once_open((web, dicom), act)
    serve(door_of(world), Doors(("127.0.0.1", web), DimseSettings(dicom, peers=(Peer(PEER),)), folder))
    thread.join(10)
    assert done == ["all"]
    assert sorted(each.door for each in world.spool.all()) == ["c-store", "folder", "stow"]
    running = {thread.name for thread in threading.enumerate()}
    assert not running & {"dimse", "commit", "watch", "close"}


def test_without_dicomweb_a_signal_stops_it_too(world: Consortium) -> None:
    port = free_port()
    found: list[bool] = []

    def act() -> None:
        with associated(port) as association:
            found.append(association.is_established)

    thread = once_open((port,), act)
    serve(door_of(world), Doors(dimse=DimseSettings(port, peers=(Peer(PEER),))))
    thread.join(10)
    assert found == [True]


def test_a_signal_that_wakes_nobody_is_seen_all_the_same(world: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its last look for signals and its sleep the main thread misses one, for good if it sleeps without end."""

    class Missed(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if threading.current_thread() is threading.main_thread() and not self.is_set():
                assert timeout is not None, "a signal that came a moment ago is never seen"
                self.set()
            return super().wait(timeout)

    own = SimpleNamespace(**{**vars(threading), "Event": Missed})
    monkeypatch.setattr(sys.modules["fiducia.app.intake.serve"], "threading", own)
    serve(door_of(world), Doors(dimse=DimseSettings(free_port(), peers=(Peer(PEER),))))


def test_an_interruption_is_told_after_all_is_closed(world: Consortium) -> None:
    port = free_port()
    thread = once_open((port,), lambda: None, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        serve(door_of(world), Doors(dimse=DimseSettings(port, peers=(Peer(PEER),))))
    thread.join(10)
    assert not {thread.name for thread in threading.enumerate()} & {"dimse", "commit", "close"}


def test_a_door_that_cannot_be_opened_leaves_none_open(world: Consortium, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        serve(door_of(world), Doors(dimse=DimseSettings(free_port()), watch=tmp_path / "none"))
    assert not {thread.name for thread in threading.enumerate()} & {"dimse", "commit", "watch", "close"}
