"""One lab for all tests of this folder: a consortium on four validators, any of which a test may kill and return."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.lab import Lab, running_lab


@pytest.fixture(scope="package")  # not for the session: four validators would take their share of every later test
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab; skips, saying so, where evmd was not built."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab) -> Iterator[Lab]:
    """The lab with all of its validators, before and after."""
    yield running
    running.return_all()
