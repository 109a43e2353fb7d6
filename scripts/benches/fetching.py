"""Fetching: the real journey, from the keys on, against reading the same bytes and opening their chunks.

From the embedded store nothing is received, the system's memory answers: the comparison says how much digests
cost beside that. Into a folder means from the request on, until every file is synced.
"""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import BinaryIO

from fiducia.adapters.folder_destination import FolderDestination
from fiducia.app.provision import FOUNDER
from fiducia.app.sample_dicom import Sample, sample_ct_series
from fiducia.core.formats.cid import CidBuilder
from fiducia.core.formats.container import SEALED_CHUNK_BYTES
from fiducia.core.rules import Action, Purpose
from fiducia.journeys.reading.fetch import FetchOrder
from fiducia.journeys.shared.objects import put_document, read_custody, read_manifest
from fiducia.ports import Destination, Piece, Store
from scripts.benches import limit
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Gate, Row, Series, ratio_row, skipped
from scripts.benches.world import World, say

FETCH_GATE = Gate(">=", 0.70)


class _Marks:
    """A `Steps` that notes when each point was reached last."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def reached(self, point: str) -> None:
        self.at[point] = time.perf_counter()


class _Nowhere:
    """A `Destination` that takes every byte and keeps none."""

    def staged(self, series: int, instance: int) -> BinaryIO | None:
        return None

    def stage(self, series: int, instance: int, pieces: Iterable[Piece]) -> None:
        for _ in pieces:
            pass

    def publish(self) -> None:
        return

    def discard(self) -> None:
        return


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Measure a fetch from either store."""
    slices, repetitions = (60, 3) if quick else (300, 7)
    paths = sample_ct_series(world.fresh("series"), slices, Sample(study="to fetch"))
    size_bytes = sum(path.stat().st_size for path in paths)
    embedded = world.house.store()
    study_id = world.register(embedded, [str(paths[0].parent)])
    world.grant(study_id)
    chunks = size_bytes // (SEALED_CHUNK_BYTES - 16)
    if not isinstance(world.orthanc, str):
        world.orthanc.store(paths[0].parent)
    name = f"fetch {slices} instances"
    found = _Turns(world, study_id, embedded, chunks).rows(f"{name}, embedded", calibration, repetitions, None)
    if world.kubo is None:
        return [*found, skipped(f"{name}, Kubo", "no Kubo here")]
    _copy(world, study_id, embedded, world.kubo)
    kubo = _Turns(world, study_id, world.kubo, chunks)
    return found + kubo.rows(f"{name}, Kubo", calibration, repetitions, FETCH_GATE)


class _Turns:
    """The limit and the journey against one store, in turns."""

    def __init__(self, world: World, study_id: bytes, store: Store, chunks: int) -> None:
        self._world = world
        self._study_id = study_id
        self._store = store
        self._chunks = chunks
        self._times: dict[str, list[float]] = defaultdict(list)

    def rows(self, name: str, calibration: Calibration, repetitions: int, gate: Gate | None) -> list[Row]:
        """Measure; `gate` holds where something is received."""
        say(name)
        self._cid = self._put_limit()
        self._turn()  # warms up, and is not counted
        self._times.clear()
        for _ in range(repetitions):
            calibration.sample()
            self._turn()
        self._store.remove(self._cid)
        verified = self._series("verified", "fiducia")
        keys = self._series("keys", "of that until the keys are here")
        found = [
            ratio_row(f"{name}, beside receive + decrypt", self._series("received"), verified, gate),
            ratio_row(f"{name}, beside receive + decrypt + digest", self._series("digested"), verified),
            ratio_row(f"{name}, into a folder", self._series("received"), self._series("folder"), note=str(keys)),
        ]
        if isinstance(self._world.orthanc, str):
            return [*found, skipped(f"{name}, beside WADO-RS from Orthanc", self._world.orthanc)]
        return [*found, ratio_row(f"{name}, beside WADO-RS from Orthanc", self._series("Orthanc"), verified)]

    def _series(self, which: str, name: str = "") -> Series:
        return Series(name or which, "s", tuple(self._times[which]))

    def _put_limit(self) -> str:
        builder = CidBuilder()
        for piece in limit.sealed_chunks(self._chunks):
            builder.update(piece)
        cid = builder.finish()
        self._store.put(lambda: cid, limit.sealed_chunks(self._chunks))
        return cid

    def _turn(self) -> None:
        def read(offset: int, length: int) -> bytes:
            return self._store.read(self._cid, offset, length)

        out = self._world.fresh("out")
        self._times["received"].append(limit.receive_and_decrypt(read, self._chunks))
        self._times["digested"].append(limit.receive_and_decrypt(read, self._chunks, digest=True))
        _, verified, _ = _fetched(self._world, self._study_id, self._store, _Nowhere())
        keys, _, folder = _fetched(self._world, self._study_id, self._store, FolderDestination(out, "bench"))
        for which, seconds in (("verified", verified), ("keys", keys), ("folder", folder)):
            self._times[which].append(seconds)
        shutil.rmtree(out)
        if not isinstance(self._world.orthanc, str):
            paths = self._world.orthanc.instances()
            begun = time.perf_counter()
            self._world.orthanc.read(paths)
            self._times["Orthanc"].append(time.perf_counter() - begun)


def _fetched(world: World, study_id: bytes, store: Store, destination: Destination) -> tuple[float, float, float]:
    """Fetch once; return seconds until the keys were here, from there until all was verified, and for everything."""
    marks = _Marks()
    journey = world.fetch(store, marks)
    begun = time.perf_counter()
    journey.run(FetchOrder(study_id, 0, Purpose.TREAT, Action.RETAIN), world.clinician, destination)
    everything = time.perf_counter() - begun
    keys = marks.at["fetch.keys-kept"]
    return keys - begun, marks.at["fetch.verified"] - keys, everything


def _copy(world: World, study_id: bytes, source: Store, target: Store) -> None:
    """Put a study's objects into another store: their addresses are the same everywhere."""
    study = world.house.mirror(FOUNDER).catch_up().study(study_id)
    revision = study.at(study.revision) if study else None
    if revision is None:
        raise RuntimeError("the study is not on the ledger")
    manifest = read_manifest(source, revision.manifest)
    put_document(target, manifest.to_bytes())
    put_document(target, read_custody(source, manifest).to_bytes())
    for line in manifest.series:
        for cid, size in ((line.pack_cid, line.pack_size_bytes), (line.index_cid, line.index_size_bytes)):
            target.put(lambda cid=cid: cid, [source.read(cid, 0, size)])  # type: ignore[misc]
