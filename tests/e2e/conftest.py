"""Whole consortia for tests: real processes, a real chain, one with each store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.app.sample_dicom import Sample, sample_ct_series
from tests.support.cli import Cli, running_stack
from tests.support.kubo import kubo_binary


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A running consortium with the embedded store."""
    with running_stack(tmp_path_factory.mktemp("embedded") / "home", "embedded") as cli:
        yield cli


@pytest.fixture(scope="session")
def on_kubo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A running consortium with a real Kubo; skips where Kubo cannot be had."""
    binary = kubo_binary()
    with running_stack(tmp_path_factory.mktemp("kubo") / "home", "kubo", FIDUCIA_KUBO=str(binary)) as cli:
        yield cli


@pytest.fixture(params=["embedded", "kubo"])
def either(request: pytest.FixtureRequest) -> Cli:
    """Each of the two in turn."""
    cli: Cli = request.getfixturevalue("embedded" if request.param == "embedded" else "on_kubo")
    return cli


class SampleFolders:
    """Folders with small CT studies of the home's own patient, each study once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made = 0

    def make(self, *slices: int, patient_id: str = "SAMPLE-1") -> Path:
        """Write a new study with one series per number of slices."""
        self._made += 1
        folder = self._root / f"study-{self._made}"
        sample = Sample(study=str(folder), patient_id=patient_id, rows=64, columns=64)
        for number, count in enumerate(slices, 1):
            sample_ct_series(folder / f"in-{number}", count, replace(sample, series_number=number))
        return folder


@pytest.fixture
def samples(tmp_path: Path) -> SampleFolders:
    """Makes sample studies, no two alike between tests."""
    return SampleFolders(tmp_path / "samples")
