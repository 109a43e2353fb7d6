"""Registering: the real journey against what one thread must do with the same bytes, and how much memory it takes."""

from __future__ import annotations

import multiprocessing
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from fiducia.adapters.store_directory import DirectoryStore
from fiducia.app import settings
from fiducia.app.home import Home
from fiducia.app.sample_dicom import Sample, sample_ct_series, sample_large_study, sample_multiframe
from fiducia.app.wiring import House
from fiducia.ports import Piece, Store
from fiducia.records.images import StoredObject
from scripts.benches import limit
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Gate, Row, Series, median, ratio_row, skipped
from scripts.benches.world import World, new_world, say

REGISTER_GATE = Gate(">=", 0.60)
ORTHANC_GATE = Gate(">=", 2.5)
MEMORY_GATE = Gate("<=", 250)
_MB = 1_000_000


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Measure all of it."""
    slices, frames, repetitions = (60, 80, 3) if quick else (300, 400, 7)
    series = world.fresh("series")
    found = _against_the_limit(
        world, calibration, sample_ct_series(series, slices), f"register {slices} CT slices", repetitions
    )
    multiframe = world.fresh("multiframe") / "object.dcm"
    sample_multiframe(multiframe, frames, Sample(study="multiframe"))
    found += _against_the_limit(world, calibration, (multiframe,), "register one multi-frame object", repetitions)
    size_bytes = (256 if quick else 2048) << 20
    name = f"register a {size_bytes / (1 << 30):g} GiB study: peak memory beyond the start"
    say(name)
    folder = world.fresh("large")
    sample_large_study(folder, size_bytes)
    found.append(memory(world, folder, name))
    shutil.rmtree(folder)
    return found


def _against_the_limit(
    world: World, calibration: Calibration, paths: Sequence[Path], name: str, repetitions: int
) -> list[Row]:
    """Take the limit, either store and Orthanc in turns."""
    contents = [path.read_bytes() for path in paths]
    size_mb = sum(map(len, contents)) / _MB
    say(f"{name}: {size_mb:.0f} MB")
    splits: list[limit.Split] = []
    times: dict[str, list[float]] = {"embedded": [], "Kubo": [], "Orthanc": []}
    for turn in range(repetitions + 1):  # the first turn warms up, and is not counted
        calibration.sample()
        split = limit.seal_and_write(contents, world.fresh("limit"))
        taken = _turn(world, paths[0].parent)
        if turn:
            splits.append(split)
            for which, seconds in taken.items():
                times[which].append(seconds)
    limited = Series("limit", "s", tuple(split.total for split in splits))
    note = f"{size_mb:.0f} MB; limit = {_parts(splits)}"
    embedded = Series("fiducia", "s", tuple(times["embedded"]))
    found = [ratio_row(f"{name}, embedded", limited, embedded, REGISTER_GATE, note)]
    if times["Kubo"]:
        found.append(ratio_row(f"{name}, Kubo", limited, Series("fiducia", "s", tuple(times["Kubo"]))))
    else:
        found.append(skipped(f"{name}, Kubo", "no Kubo here"))
    if isinstance(world.orthanc, str):
        return [*found, skipped(f"{name}, embedded, beside C-STORE to Orthanc", world.orthanc)]
    orthanc = Series("Orthanc", "s", tuple(times["Orthanc"]))
    return [*found, ratio_row(f"{name}, embedded, beside C-STORE to Orthanc", orthanc, embedded, ORTHANC_GATE)]


def _turn(world: World, folder: Path) -> dict[str, float]:
    """Register into each store, and send to Orthanc; leave nothing behind. Returns seconds."""
    place = world.fresh("store")
    taken = {"embedded": _registered(world, DirectoryStore(place), folder)}
    shutil.rmtree(place)
    if world.kubo is not None:
        noted = _NotedStore(world.kubo)
        taken["Kubo"] = _registered(world, noted, folder)
        noted.remove_all()
    if not isinstance(world.orthanc, str):
        begun = time.perf_counter()
        world.orthanc.store(folder)
        taken["Orthanc"] = time.perf_counter() - begun
        world.orthanc.clear()
    return taken


def _parts(splits: Sequence[limit.Split]) -> str:
    names = ("hashes", "cipher", "write", "sync")
    return " + ".join(f"{name} {median([getattr(split, name) for split in splits]):.3f}" for name in names) + " s"


class _NotedStore:
    """A `Store` that remembers what was put, so that it can be removed again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cids: list[str] = []
        self.read, self.size, self.remove, self.health = store.read, store.size, store.remove, store.health

    def put(self, cid: Callable[[], str], pieces: Iterable[Piece]) -> StoredObject:
        stored = self._store.put(cid, pieces)
        self._cids.append(stored.cid)
        return stored

    def remove_all(self) -> None:
        for cid in self._cids:
            self._store.remove(cid)


def memory(world: World, folder: Path, name: str) -> Row:
    """Register a study in a process of its own and ask how far its memory grew."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as child:
        start, peak, seconds = child.submit(_register_alone, world.house.home.root, world.root, folder).result()
    raw = (
        Series("at the start", "MB", (start / _MB,)),
        Series("peak", "MB", (peak / _MB,)),
        Series("time", "s", (seconds,)),
    )
    return Row(name, "MB", (peak - start) / _MB, MEMORY_GATE, raw)


def _register_alone(home: Path, root: Path, folder: Path) -> tuple[int, int, float]:
    """Register into a store of its own; return memory at the start, its peak (bytes), and seconds."""
    place = root / "large-store"
    with House(Home(home), settings.load()) as house:
        world = new_world(root / "large-work", house)
        store = DirectoryStore(place)
        start = _memory_now("VmRSS")
        seconds = _registered(world, store, folder)
        peak = _memory_now("VmHWM")
    shutil.rmtree(place)
    return start, peak, seconds


def _memory_now(field: str) -> int:
    """Return this process' memory in bytes: now (VmRSS) or at its peak (VmHWM)."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: getrusage would count what the parent had before exec, too
        line = next(line for line in status.read_text().splitlines() if line.startswith(field))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _registered(world: World, store: Store, folder: Path) -> float:
    """Return how long it takes to register a study at a hospital that has its directory open."""
    with world.empty_directory() as studies:
        begun = time.perf_counter()
        world.register(store, [str(folder)], studies=studies)
        return time.perf_counter() - begun
