"""Viewing: an institution's gateway as a process of its own, beside Orthanc, and with a study of many instances.

Everything goes over HTTP on one kept connection, one request after another, as a viewer's first look does. The
gateway proves, opens and journals what it sends; Orthanc sends files.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from fiducia.app.processes import Program, Stack, free_ports, port_is_open
from fiducia.app.profiles import KeyName
from fiducia.app.provision import CLINICIAN
from fiducia.app.sample_dicom import Sample, sample_ct_series, sample_multiframe
from fiducia.core.rules import Purpose
from scripts.benches import registering
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Gate, Row, Series, median, ratio_row, skipped
from scripts.benches.world import World, say

FRAME_GATE = Gate("<=", 2.0)
_READY_S = 60.0
_PAGE_BYTES = 4096
_MB = 1_000_000
_AS_STORED = "application/dicom; transfer-syntax=*"
_FRAME = "application/octet-stream; transfer-syntax=*"


@dataclass(frozen=True, slots=True)
class _Gateway:
    """A running gateway, a connection to it, and who is signed in."""

    process: psutil.Process
    connection: http.client.HTTPConnection
    token: str

    def get(self, path: str, accept: str) -> bytes:
        """Return a body. Raises: RuntimeError (any other status than 200)."""
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}", "Accept": accept})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the gateway answered {answer.status}")
        return body

    def instances(self, study_uid: str) -> list[str]:
        """Return the paths of a study's instances, as a search finds them."""
        query = f"/dicomweb/studies/{study_uid}/instances?limit=5000"
        return [_path(item) for item in json.loads(self.get(query, "application/dicom+json"))]

    def memory_mb(self) -> float:
        """Return the process' memory (RSS)."""
        return float(self.process.memory_info().rss) / _MB


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Measure all of it."""
    slices, frames, many, repetitions = (40, 80, 300, 3) if quick else (300, 400, 5000, 7)
    series = sample_ct_series(world.fresh("to-view"), slices, Sample(study="to view"))
    multi = sample_multiframe(world.fresh("to-view") / "object.dcm", frames, Sample(study="frames to view"))
    small = sample_ct_series(world.fresh("many"), many, Sample(study="many to view", rows=32, columns=32))
    for paths in (series, (multi,), small):
        say(f"viewing: registering {len(paths)} instances")
        world.grant(world.register(world.house.store(), [str(paths[0].parent)]), metadata=True)
    if not isinstance(world.orthanc, str):
        world.orthanc.clear()
        world.orthanc.store(series[0].parent)
    with _serving(world) as gateway:
        studies = {
            item["00201208"]["Value"][0]: item["0020000D"]["Value"][0]
            for item in json.loads(gateway.get("/dicomweb/studies", "application/dicom+json"))
        }
        name = f"register a study of {many} instances: peak memory beyond the start"
        found = [registering.memory(world, small[0].parent, name), _many(gateway, studies[many], many)]
        say("viewing: instances and frames")
        found += _instances(world, calibration, gateway, gateway.instances(studies[slices]), repetitions)
        size_mb = multi.stat().st_size / _MB
        (path,) = gateway.instances(studies[1])
        found.append(
            _frames(world, gateway, [f"{path}/frames/{number}" for number in _spread(frames)], f"of {size_mb:.0f} MB")
        )
        ct = [f"{path}/frames/1" for path in gateway.instances(studies[slices])]
        found.append(_frames(world, gateway, ct, "of a CT series"))
    return found


@contextlib.contextmanager
def _serving(world: World) -> Iterator[_Gateway]:
    """Run the gateway for as long as the block lasts, with the clinician signed in."""
    (port,) = free_ports(1)
    clinician = world.profile(CLINICIAN)
    if clinician.badge is None:
        raise RuntimeError("the clinician has no badge")
    sessions = world.house.gateway_sessions(clinician.member)
    key = clinician.key(KeyName.SESSION)
    token = sessions.sign_in(clinician.name, clinician.badge, key, Purpose.TREAT).token
    words = (
        "--home",
        str(world.house.home.root),
        "gateway",
        "serve",
        "--member",
        clinician.member,
        "--port",
        str(port),
    )
    command = (sys.executable, "-I", "-m", "fiducia.app.cli", *words)
    environment = world.house.settings.search_environment()
    with Stack() as stack:
        program = Program("gateway", command, world.root / "gateway.log", dict(environment), world.root)
        child = stack.start(program)
        child.wait_ready(lambda: port_is_open(port), _READY_S)
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=300)) as connection:
            yield _Gateway(psutil.Process(child.pid), connection, token)


def _many(gateway: _Gateway, study_uid: str, count: int) -> Row:
    """List, describe and read a study of many instances; the row is what the process' memory grew by."""
    before, most = gateway.memory_mb(), 0.0
    paths = gateway.instances(study_uid)
    most = max(most, gateway.memory_mb())
    if len(json.loads(gateway.get(f"/dicomweb/studies/{study_uid}/metadata", "application/dicom+json"))) != count:
        raise RuntimeError("the study is not whole")
    most = max(most, gateway.memory_mb())
    for path in paths:
        gateway.get(path, _AS_STORED)
    most = max(most, gateway.memory_mb())
    raw = (Series("before", "MB", (before,)), Series("at most", "MB", (most,)))
    return Row(f"view a study of {count} instances: memory beyond the start", "MB", most - before, None, raw)


def _instances(
    world: World, calibration: Calibration, gateway: _Gateway, paths: list[str], repetitions: int
) -> list[Row]:
    """Every instance's file, from either, in turns."""
    name = f"view {len(paths)} instances by WADO-RS, beside Orthanc"
    if isinstance(world.orthanc, str):
        return [skipped(name, world.orthanc)]
    ours, theirs, theirs_paths = [], [], world.orthanc.instances()
    for turn in range(repetitions + 1):  # the first turn warms up, and is not counted
        calibration.sample()
        begun = time.perf_counter()
        world.orthanc.read(theirs_paths)
        orthanc = time.perf_counter() - begun
        begun = time.perf_counter()
        for path in paths:
            gateway.get(path, _AS_STORED)
        if turn:
            ours.append(time.perf_counter() - begun)
            theirs.append(orthanc)
    return [ratio_row(name, Series("Orthanc", "s", tuple(theirs)), Series("fiducia", "s", tuple(ours)))]


def _frames(world: World, gateway: _Gateway, paths: list[str], what: str) -> Row:
    """One frame after another, each asked for the first time; beside it, what the disk takes for its journal's line.

    The first half warms up, and is not counted: whoever opens a study is seldom the first of the day.
    """
    times, half = [], len(paths) // 2
    for path in paths[:half]:
        gateway.get(path, _FRAME)
    for path in paths[half:]:
        begun = time.perf_counter()
        gateway.get(path, _FRAME)
        times.append((time.perf_counter() - begun) * 1000)
    series = (Series("a frame", "ms", tuple(times)), _synced_pages(world.fresh("pages"), len(times)))
    return Row(f"a frame {what}, over HTTP", "ms", median(times), FRAME_GATE, series)


def _synced_pages(path: Path, count: int) -> Series:
    """Append pages to a file, each durable before the next, as a journal does before a frame is sent."""
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(count):
            begun = time.perf_counter()
            file.write(bytes(_PAGE_BYTES))
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begun) * 1000)
    return Series("a page written and synced", "ms", tuple(times))


def _spread(frames: int) -> list[int]:
    """A hundred frames all over the object, each once where it has as many."""
    return [1 + (number * 7919) % frames for number in range(min(frames, 100))]


def _path(item: dict[str, Any]) -> str:
    url = str(item["00081190"]["Value"][0])
    return url[url.index("/dicomweb/") :]
