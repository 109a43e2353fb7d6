"""Running a custodian's doors, and one thread that registers studies that are quiet, until a signal says stop."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import structlog

from fiducia.app.background import repeat
from fiducia.app.intake.dicom_door import DimseDoor
from fiducia.app.intake.dimse_settings import DimseSettings
from fiducia.app.intake.parts import IntakeParts
from fiducia.app.intake.stow import create_app
from fiducia.app.intake.watch import WatchedFolder
from fiducia.app.web import listening

CLOSE_EVERY_S = 1.0
CONNECTIONS = 64
STOP_S = 5.0
LOOK_EVERY_S = 0.5
"""A signal that comes just before the main thread sleeps does not wake it: so it never sleeps for long."""
_log = structlog.get_logger("fiducia.intake")


@dataclass(frozen=True, slots=True)
class Doors:
    """Which doors to open.

    Attributes:
        web: address and port of DICOMweb's.
        dimse: how DIMSE's is to be.
        watch: a folder to take files from.
        gateway: the base URL of the DICOMweb service that is named to senders over DICOMweb, or "".
    """

    web: tuple[str, int] | None = None
    dimse: DimseSettings | None = None
    watch: Path | None = None
    gateway: str = ""


def serve(parts: IntakeParts, doors: Doors) -> None:
    """Serve until a signal says stop. Blocks. Raises: ConfigError (a door cannot be opened)."""
    stop = threading.Event()
    with _signals(stop), running(parts, doors):
        if doors.web is None:
            while not stop.wait(LOOK_EVERY_S):
                pass
        elif not stop.is_set():
            listening(create_app(parts, gateway=doors.gateway), *doors.web, connections=CONNECTIONS).run()


@contextlib.contextmanager
def running(parts: IntakeParts, doors: Doors) -> Iterator[None]:
    """Keep every door but DICOMweb's open, and quiet studies closed, for as long as this lasts.

    Raises:
        ConfigError: a door cannot be opened.
    """
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        watched = WatchedFolder(parts.receive, doors.watch) if doors.watch is not None else None
        if doors.dimse is not None:
            dimse = DimseDoor(parts, doors.dimse)
            dimse.start()
            stack.callback(dimse.stop, STOP_S)
        _begin("close", lambda: close_studies(parts, stop), stack)
        if watched is not None:
            _begin("watch", lambda: watched.serve(stop), stack)
        stack.callback(stop.set)
        yield


def _begin(name: str, target: Callable[[], None], stack: contextlib.ExitStack) -> None:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    stack.callback(thread.join, STOP_S)


@contextlib.contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """Let signals stop what is inside, in order; an interruption is told afterwards.

    uvicorn handles signals while it runs and raises them again when it is done: they must not end the process
    before the other doors are closed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)
        stop.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signal.SIGINT in came:
        raise KeyboardInterrupt


def close_studies(door: IntakeParts, stop: threading.Event, every_s: float = CLOSE_EVERY_S) -> None:
    """Register what is quiet, again and again, until told to stop."""

    def close() -> None:
        done = door.close.run(custodian=door.custodian, registrar=door.registrar)
        if done.studies or done.problems:
            _log.info("closed", studies=len(done.studies), refused=len(done.problems))

    repeat(close, stop, every_s, room="fiducia.intake", what="closing")
