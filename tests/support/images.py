"""Small studies on disk for tests that go through the command line."""

from __future__ import annotations

from pathlib import Path

from fiducia.app.sample_dicom import Sample, sample_ct_series

PATIENT = "SAMPLE-1"
"""The patient whom `fiducia up` enrols."""


def small_series(folder: Path, study: str, *, series: int = 1, slices: int = 2, patient: str = PATIENT) -> list[Path]:
    """Write a series of tiny CT slices; the same names make the same bytes."""
    sample = Sample(study=study, patient_id=patient, series_number=series, rows=16, columns=16)
    return list(sample_ct_series(folder / f"series-{series}", slices, sample))


def small_study(folder: Path, study: str, *, patient: str = PATIENT) -> list[Path]:
    """Write a study of two series, three instances in all."""
    return small_series(folder, study, patient=patient) + small_series(
        folder, study, series=2, slices=1, patient=patient
    )
