"""Fixtures that many tests share: real Kubo, PostgreSQL and SoftHSM, the house's examples, Hypothesis' settings."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from fiducia.adapters.key_encryption_pkcs11 import HsmToken
from fiducia.adapters.sql import PostgresPlace
from tests.support.kubo import KuboNode, running_kubo
from tests.support.postgresql import Cluster, running_postgresql
from tests.support.softhsm import running_softhsm

ROOT = Path(__file__).resolve().parent.parent

# No deadlines: a busy machine is not a defect. The seed is printed with a failure.
hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay to the end: the garbage collector does not walk through them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """A command that serves sets up logs for its process; the next test begins without."""
    yield
    structlog.reset_defaults()


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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """One real PostgreSQL server for all tests of the session; skips, saying so, where it cannot be had."""
    with running_postgresql() as cluster:
        yield cluster


@pytest.fixture
def postgresql_place(postgresql: Cluster) -> Iterator[PostgresPlace]:
    """A prepared PostgreSQL database of this test's own."""
    with postgresql.database() as place:
        yield place


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HsmToken]:
    """One PKCS#11 token for all tests of the session; skips, saying so, where SoftHSM2 cannot be had."""
    with running_softhsm(tmp_path_factory.mktemp("softhsm")) as token:
        yield token
