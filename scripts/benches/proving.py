"""Checking provenance offline: the proofs of one series together, and proofs that have nothing in common.

Times are this process's processor time: how much one core does in a second, whatever else the machine is at.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from fiducia.app.provision import FOUNDER
from fiducia.app.sample_dicom import Sample, sample_ct_series
from fiducia.core.formats.provenance import parse_provenance
from fiducia.core.provenance import ProvenanceVerifier
from fiducia.core.signatures import recover
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Gate, Row, Series, median, ratios
from scripts.benches.world import World, say

PROOFS_GATE = Gate(">=", 1000)


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Register a series, prove every instance, and check the files over and over."""
    slices, repetitions = (20, 5) if quick else (300, 9)
    say(f"checking {slices} proofs")
    house = world.house
    paths = sample_ct_series(world.fresh("proofs"), slices, Sample(study="to prove", rows=32, columns=32))
    study_id = world.register(house.store(), list(map(str, paths)))
    opened = house.open_kept(world.profile(FOUNDER)).run(study_id, 0)
    proofs = house.prove_instances(FOUNDER).run(opened)
    files = [file.data for file in proofs.files]
    trust = house.export_trust(1)
    members = len(proofs.members)

    def together() -> None:
        verifier = ProvenanceVerifier(trust)
        for data in files:
            verifier.verify(data)

    def each_alone() -> None:
        for data in files:
            ProvenanceVerifier(trust).verify(data)

    return [
        _row(f"check {slices} proofs of one series", files, 1, together, calibration, repetitions),
        _row(f"check {slices} proofs, each by itself", files, 1 + members, each_alone, calibration, repetitions),
    ]


def _row(
    name: str, files: list[bytes], signatures: int, check: Callable[[], None], calibration: Calibration, times: int
) -> Row:
    """Return how many a second; beside it, how many there would be if only the signatures were looked at."""
    signed = [parse_provenance(data).custodian.signature for data in files]
    digest = bytes(range(32))
    bare, ours = [], []
    for _ in range(times):
        calibration.sample()
        begun = time.process_time()
        for signature in signed:
            for _ in range(signatures):
                recover(digest, signature)
        between = time.process_time()
        check()
        bare.append(len(files) / (between - begun))
        ours.append(len(files) / (time.process_time() - between))
    limit = Series(f"{signatures} bare signature(s) each", "/s", tuple(bare))
    part = median(ratios(ours, bare))
    note = f"{part:.2f} of the limit"
    return Row(name, "/s", median(ours), PROOFS_GATE, (Series("fiducia", "/s", tuple(ours)), limit), note)
