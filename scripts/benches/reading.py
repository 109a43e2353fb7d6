"""Reading what is sealed: a pack verified against its address without any key, and one frame out of many."""

from __future__ import annotations

import time
from pathlib import Path

from fiducia.adapters.store_directory import DirectoryStore
from fiducia.app.provision import FOUNDER
from fiducia.app.sample_dicom import Sample, sample_multiframe
from fiducia.core.formats.cid import CHUNK_BYTES, CidBuilder
from fiducia.core.formats.context import SeriesKeys
from fiducia.core.formats.manifest import Manifest
from fiducia.core.formats.opener import SeriesOpener
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.trustees.shares import share_of
from scripts.benches import limit
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Gate, Row, Series, median, ratio_row
from scripts.benches.world import World, say

VERIFY_GATE = Gate(">=", 0.85)
FRAME_GATE = Gate("<=", 2.0)


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Measure both on one large multi-frame object."""
    frames, repetitions = (80, 5) if quick else (400, 9)
    say(f"reading a multi-frame object of {frames} frames")
    path = sample_multiframe(world.fresh("frames") / "object.dcm", frames, Sample(study="to read"))
    place = world.fresh("store")
    store = DirectoryStore(place)
    study_id = world.register(store, [str(path)])
    study = world.house.mirror(FOUNDER).catch_up().study(study_id)
    revision = study.at(study.revision) if study else None
    if revision is None:
        raise RuntimeError("the study is not on the ledger")
    manifest = read_manifest(store, revision.manifest)
    custody = read_custody(store, manifest)
    keys = custody.combine([share_of(world.house.vault(FOUNDER), custody, 1, 1, 1)])
    return [
        _verify(place, manifest, calibration, repetitions),
        _first_frame(store, manifest, keys, frames, path.stat().st_size, repetitions),
    ]


def _verify(place: Path, manifest: Manifest, calibration: Calibration, repetitions: int) -> Row:
    (line,) = manifest.series
    (path,) = place.rglob(line.pack_cid)
    hashed, verified = [], []
    for _ in range(repetitions):
        calibration.sample()
        hashed.append(limit.bare_hash(path))
        begun = time.perf_counter()
        if _cid_of_file(path) != line.pack_cid:
            raise RuntimeError("the store altered a pack")
        verified.append(time.perf_counter() - begun)
    bare, ours = Series("bare SHA-256", "s", tuple(hashed)), Series("fiducia", "s", tuple(verified))
    return ratio_row("verify a pack offline, without keys", bare, ours, VERIFY_GATE)


def _cid_of_file(path: Path) -> str:
    builder = CidBuilder()
    buffer = memoryview(bytearray(CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            builder.update(buffer[:count])
    return builder.finish()


def _first_frame(
    store: DirectoryStore, manifest: Manifest, keys: SeriesKeys, frames: int, size_bytes: int, repetitions: int
) -> Row:
    """Open the index, find a frame in the middle, and open its chunks: nothing is kept from the time before."""
    (line,) = manifest.series
    times = []
    for turn in range(repetitions):
        begun = time.perf_counter()
        opener = SeriesOpener(manifest.place(line), line, keys, store.read)
        offset, length = opener.frame_range(1, (frames // 2 + turn) % frames + 1)
        opener.read_instance(1, offset, length)
        times.append((time.perf_counter() - begun) * 1000)
    name = f"first frame of {size_bytes / 1_000_000:.0f} MB, once the keys are here"
    return Row(name, "ms", median(times), FRAME_GATE, (Series("fiducia", "ms", tuple(times)),))
