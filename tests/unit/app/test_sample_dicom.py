"""Samples: valid, the same on every machine, of the size that was asked for."""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path

import pydicom
import pytest

from fiducia.app.sample_dicom import Sample, sample_ct_series, sample_large_study, sample_multiframe, wheel_studies
from fiducia.core.dicom.grouping import Candidate, Grouping, group
from fiducia.core.dicom.part10 import read_head

SMALL = Sample(rows=32, columns=32)


def grouped(paths: tuple[Path, ...]) -> Grouping[Path]:
    candidates = []
    for path in paths:
        with path.open("rb", buffering=0) as stream:
            head = read_head(stream, path.stat().st_size)
        candidates.append(Candidate(path, head.info, head.series_number, head.instance_number))
    return group(candidates, lambda candidate: candidate.source.read_bytes())


def test_a_ct_series_is_one_series_in_order_and_readable(tmp_path: Path) -> None:
    paths = sample_ct_series(tmp_path, 20, SMALL)
    found = grouped(paths)
    (study,) = found.studies
    (series,) = study.series
    assert [candidate.source for candidate in series.instances] == list(paths)
    assert found.refused == ()
    assert found.duplicates == ()
    assert len({path.read_bytes()[-2048:] for path in paths}) == 20
    slice_3 = pydicom.dcmread(paths[2])
    assert (slice_3.Modality, slice_3.Rows, slice_3.SliceLocation, slice_3.InstanceNumber) == ("CT", 32, 2, 3)
    assert len(slice_3.PixelData) == 2048


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    def digest(folder: str, sample: Sample) -> str:
        paths = sample_ct_series(tmp_path / folder, 2, sample)
        return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()

    assert digest("a", SMALL) == digest("b", SMALL)
    assert digest("c", Sample(seed=2, rows=32, columns=32)) != digest("a", SMALL)
    # Also on other machines, and with other versions of pydicom.
    assert digest("a", SMALL) == "8fb6c924641d2ceb36980f4fd973b5756a6116fdaac23c800b7482c7f93cdb84"


@pytest.mark.parametrize(
    "other", [Sample(seed=2), Sample(study="x"), Sample(series_number=2)], ids=["seed", "study", "series"]
)
def test_uids_follow_from_seed_and_study(other: Sample) -> None:
    assert Sample().uid("series", 1) == Sample().uid("series", 1)
    assert (Sample().uid("study") == other.uid("study")) == (other.series_number == 2)
    assert len(other.uid("study")) <= 64
    assert other.uid("study").startswith("2.25.")


def test_a_multiframe_object_has_its_frames(tmp_path: Path) -> None:
    path = sample_multiframe(tmp_path / "m.dcm", 40, SMALL)
    with path.open("rb") as stream:
        head = read_head(stream, path.stat().st_size)
    assert head.frames.frames == 40
    data = path.read_bytes()
    assert len({data[offset : offset + length] for offset, length in head.frames}) == 40
    assert pydicom.dcmread(path).NumberOfFrames == 40


def test_a_large_study_has_two_series_and_its_size_and_is_written_in_little_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        paths = sample_large_study(tmp_path, 12 << 20, Sample(study="large", rows=256, columns=256))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    (study,) = grouped(paths).studies
    assert len(study.series) == 2
    size_bytes = sum(path.stat().st_size for path in paths)
    assert 12 << 20 <= size_bytes <= 13 << 20
    assert sum(path.stat().st_blocks * 512 for path in paths) >= size_bytes  # no holes


def test_the_wheel_has_real_studies_of_several_series() -> None:
    found = wheel_studies()
    assert {study.modality for study in found} == {"CT", "MR", "CR"}
    for sample in found:
        (study,) = grouped(sample.paths).studies
        assert len(study.series) == sample.series >= 2
