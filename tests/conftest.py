"""Fixtures that many tests share: the real Kubo node, the house's examples, Hypothesis' settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.kubo import KuboNode, running_kubo

ROOT = Path(__file__).resolve().parent.parent

# No deadlines: a busy machine is not a defect. The seed is printed with a failure.
hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The examples beside the repository, ../shared; tests that use them skip on a clone that stands alone."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("the examples of ../shared are not here")
    return path


@pytest.fixture(scope="session")
def kubo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KuboNode]:
    """One real Kubo node for all tests of the session; skips, saying so, where Kubo cannot be had."""
    with running_kubo(tmp_path_factory.mktemp("node")) as node:
        yield node
