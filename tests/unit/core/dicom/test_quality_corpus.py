"""Quality findings of real series. Every finding here was held against the files' own values by hand."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from pydicom import data as pydicom_data

from fiducia.core.dicom.geometry import Geometry, geometry_of
from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.quality import quality_of
from fiducia.errors import DicomError
from fiducia.records.quality import QualityCode as Code

Found = dict[str, list[tuple[Code, int]]]

CUT_OUT = [(Code.MISSING_SLICES, 161)]
"""Instances 18 and 180 to 182 of a CT, 1.25 mm apart but for one hole of 202.5 mm: a medium with samples only."""

EXPECTED: Found = {
    # Instance numbers 7 to 10 go on, but the scanner went from 5 mm to 10 mm between slices: nothing is missing.
    "ct_series/ct_a": [(Code.INCONSISTENT_GEOMETRY, 1)],
    # Slices tilted by 14 degrees whose positions go straight along the body: a tilted gantry.
    "ct_series/ct_b_tilted": [(Code.INCONSISTENT_GEOMETRY, 3)],
    "dicomdir_set/77654033/CT2": CUT_OUT,
}


def findings(root: Path) -> tuple[Found, dict[str, int]]:
    """Findings by folder, and how many slices each folder has with a known place."""
    series: dict[tuple[str, str], dict[str, Geometry]] = defaultdict(dict)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        try:
            with path.open("rb", buffering=0) as stream:
                head = read_head(stream, path.stat().st_size)
        except DicomError:
            continue
        known = series[str(path.parent.relative_to(root)), head.info.series_instance_uid]
        known.setdefault(head.info.sop_instance_uid, geometry_of(head))
    found: Found = defaultdict(list)
    slices: dict[str, int] = defaultdict(int)
    for (folder, _), images in series.items():
        found[folder] += [(finding.code, finding.count) for finding in quality_of(list(images.values()))]
        slices[folder] += sum(len(image.planes) for image in images.values())
    return {folder: each for folder, each in found.items() if each}, slices


def test_the_shared_series_have_exactly_these(shared: Path) -> None:
    root = shared / "data" / "dicom"
    if not root.is_dir():
        pytest.skip("the examples of ../shared are not here")
    found, slices = findings(root)
    assert found == EXPECTED
    assert slices["mr_pacsman"] == 128
    assert slices["multiframe"] == 32  # eight places, four diffusion weightings each
    assert slices["dicomdir_set/98892003/MR700"] == 7  # projections around a neck, each turned against the others
    assert slices["nonimage"] == 0


def test_pydicoms_own_series_have_exactly_these() -> None:
    found, _ = findings(Path(pydicom_data.__file__).parent / "test_files")
    assert found == {"dicomdirtests/77654033/CT2": CUT_OUT}
