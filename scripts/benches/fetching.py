"""Fetching: the real journey, from the keys on, against reading the same bytes and opening their chunks."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import BinaryIO

from fiducia.adapters.folder_destination import FolderDestination
from fiducia.app.provision import FOUNDER
from fiducia.app.sample_dicom import Sample, sample_ct_series
from fiducia.core.formats.cid import CidBuilder
from fiducia.core.formats.container import SEALED_CHUNK_BYTES
from fiducia.core.rules import Action, Purpose
from fiducia.journeys.fetch import FetchOrder
from fiducia.journeys.objects import put_document, read_custody, read_manifest
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
    found = _from(world, calibration, study_id, embedded, chunks, f"fetch {slices} instances, embedded", repetitions)
    name = f"fetch {slices} instances, Kubo"
    if world.kubo is None:
        return [*found, skipped(name, "no Kubo here")]
    _copy(world, study_id, embedded, world.kubo)
    return found + _from(world, calibration, study_id, world.kubo, chunks, name, repetitions)


def _from(
    world: World, calibration: Calibration, study_id: bytes, store: Store, chunks: int, name: str, repetitions: int
) -> list[Row]:
    say(name)
    builder = CidBuilder()
    for piece in limit.sealed_chunks(chunks):
        builder.update(piece)
    cid = builder.finish()
    store.put(lambda: cid, limit.sealed_chunks(chunks))
    limits, verified, written, asked = [], [], [], []
    for turn in range(repetitions + 1):
        calibration.sample()
        out = world.fresh("out")
        taken = limit.receive_and_decrypt(lambda offset, length: store.read(cid, offset, length), chunks)
        _, opening, _ = _fetched(world, study_id, store, _Nowhere())
        asking, _, everything = _fetched(world, study_id, store, FolderDestination(out, "bench"))
        if turn:  # the first turn warms up
            limits.append(taken)
            verified.append(opening)
            written.append(everything)
            asked.append(asking)
    store.remove(cid)
    limited = Series("receive + decrypt", "s", tuple(limits))
    folder = Series("request to files on disk", "s", tuple(written))
    keys = Series("of that until the keys are here", "s", tuple(asked))
    return [
        ratio_row(f"{name}, verified", limited, Series("fiducia", "s", tuple(verified)), FETCH_GATE),
        ratio_row(f"{name}, into a folder", limited, folder, note=str(keys)),
    ]


def _fetched(world: World, study_id: bytes, store: Store, destination: Destination) -> tuple[float, float, float]:
    """Fetch once; return seconds until the keys were here, from there until all was verified, and for everything."""
    marks = _Marks()
    journey = world.fetch(study_id, store, marks)
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
