"""Receiving: a hospital's doors as a process of their own, beside the limit, a peer, and hostile uploads.

What is timed ends when everything is answered for: sealed on the disk, read behind the wall, judged. Nothing is
registered meanwhile; registering is `registering`'s.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fiducia.app.processes import Program, Stack, free_ports, port_is_open
from fiducia.app.provision import FOUNDER
from fiducia.app.sample_dicom import sample_ct_series
from scripts.benches import limit
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Gate, Row, Series, median, ratio_row, ratios, skipped
from scripts.benches.world import World, say

BESIDE_GATE = Gate("<=", 2.0)
_READY_S = 60.0
_MB = 1_000_000
_BOUNDARY = "fiducia-bench"


@dataclass(frozen=True, slots=True)
class _Door:
    """The doors of the founder, and how to push through them."""

    world: World
    port: int
    dicom_port: int

    def post(self, instances: Sequence[bytes]) -> int:
        """Post instances in one request; returns the status."""
        begin = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join(begin + data + b"\r\n" for data in instances) + f"--{_BOUNDARY}--\r\n".encode()
        headers = {
            "Authorization": f"Bearer {self.world.house.intake_token(FOUNDER)}",
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}',
        }
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)) as connection:
            connection.request("POST", "/studies", body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status

    def clear(self) -> None:
        """Destroy everything that waits or was set aside."""
        spool = self.world.house.spool(FOUNDER)
        spool.remove([each.spool_id for each in spool.all()])


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Measure all of it."""
    slices, repetitions = (40, 3) if quick else (300, 7)
    folder = world.fresh("pushed")
    contents = [path.read_bytes() for path in sample_ct_series(folder, slices)]
    name = f"receive {slices} CT slices"
    say(f"{name}: {sum(map(len, contents)) / _MB:.0f} MB")
    with _serving(world) as door:
        found = _against_the_limit(world, calibration, door, contents, name, repetitions)
        found += _beside_a_peer(world, door, folder, name, repetitions)
        found.append(_beside_hostile_ones(door, contents, name, repetitions))
    return found


@contextlib.contextmanager
def _serving(world: World) -> Iterator[_Door]:
    """Run the doors for as long as the block lasts."""
    port, dicom_port = free_ports(2)
    words = ("--home", str(world.house.home.root), "intake", "serve", "--member", FOUNDER, "--port", str(port))
    more = ("--dicom-port", str(dicom_port), "--allow", "STORESCU", "--quiet", "86400")
    command = (sys.executable, "-I", "-m", "fiducia.app.cli", *words, *more)
    environment = world.house.settings.search_environment()
    with Stack() as stack:
        program = Program("intake", command, world.root / "intake.log", dict(environment), world.root)
        stack.start(program).wait_ready(lambda: port_is_open(port), _READY_S)
        yield _Door(world, port, dicom_port)


def _against_the_limit(
    world: World, calibration: Calibration, door: _Door, contents: list[bytes], name: str, repetitions: int
) -> list[Row]:
    """One request with everything, and what one thread must do with the same bytes, in turns."""
    limited, posted = [], []
    for turn in range(repetitions + 1):  # the first turn warms up, and is not counted
        calibration.sample()
        split = limit.seal_and_write(contents, world.fresh("limit"))
        seconds = _timed(door, contents)
        door.clear()
        if turn:
            limited.append(split.total)
            posted.append(seconds)
    limits, measured = Series("limit", "s", tuple(limited)), Series("STOW-RS", "s", tuple(posted))
    return [ratio_row(f"{name} by STOW-RS", limits, measured)]


def _beside_a_peer(world: World, door: _Door, folder: Path, name: str, repetitions: int) -> list[Row]:
    """DCMTK's storescu to the door and to Orthanc, in turns."""
    if isinstance(world.orthanc, str):
        return [skipped(f"{name} by C-STORE, beside Orthanc", world.orthanc)]
    ours, theirs = [], []
    for turn in range(repetitions + 1):
        begun = time.perf_counter()
        world.orthanc.store(folder)
        orthanc = time.perf_counter() - begun
        world.orthanc.clear()
        begun = time.perf_counter()
        world.orthanc.send(folder, "FIDUCIA", door.dicom_port)
        fiducia = time.perf_counter() - begun
        door.clear()
        if turn:
            ours.append(fiducia)
            theirs.append(orthanc)
    return [
        ratio_row(
            f"{name} by C-STORE, beside Orthanc",
            Series("Orthanc", "s", tuple(theirs)),
            Series("fiducia", "s", tuple(ours)),
        )
    ]


def _beside_hostile_ones(door: _Door, contents: list[bytes], name: str, repetitions: int) -> Row:
    """The same request alone, and while somebody else sends what is made to be slow to judge; in turns."""
    alone, beside = [], []
    for turn in range(repetitions + 1):
        quiet = _timed(door, contents)
        with _attacking(door, contents[0]):
            loud = _timed(door, contents)
        door.clear()
        if turn:
            alone.append(quiet)
            beside.append(loud)
    raw = (Series("beside", "s", tuple(beside)), Series("alone", "s", tuple(alone)))
    return Row(f"{name} by STOW-RS beside hostile uploads", "x", median(ratios(beside, alone)), BESIDE_GATE, raw)


@contextlib.contextmanager
def _attacking(door: _Door, good: bytes) -> Iterator[None]:
    """Send damaged, disguised and cut instances, one after another, for as long as the block lasts."""
    stop = threading.Event()

    def attack() -> None:
        chance = random.Random(7)
        while not stop.is_set():
            damaged = bytearray(good)
            for _ in range(30):
                damaged[chance.randrange(132, 2000)] = chance.randrange(256)
            cut = good[: chance.randrange(len(good))]
            door.post([bytes(damaged), b"MZ" + good[2:], cut])

    thread = threading.Thread(target=attack, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=60)


def _timed(door: _Door, contents: list[bytes]) -> float:
    begun = time.perf_counter()
    status = door.post(contents)
    if status != 200:
        raise RuntimeError(f"the door answered {status}")
    return time.perf_counter() - begun
