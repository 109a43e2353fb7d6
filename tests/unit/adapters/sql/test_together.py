"""What one thread does together is one transaction, in both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fiducia.adapters.sql import Place, SqlStudies, SqlVault
from fiducia.errors import KeyMissingError
from tests.support.custody import KEK, custody_place, digest, study


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return custody_place(request, tmp_path)


def test_all_of_it_is_kept_or_nothing_and_seen_in_the_block_alone(place: Place) -> None:
    with SqlVault(place, KEK) as vault, SqlVault(place, KEK) as other, ThreadPoolExecutor(1) as thread:
        with pytest.raises(RuntimeError, match="mine"), vault.together():
            vault.put({"a": digest(1)})
            assert vault.get("a") == digest(1)
            raise RuntimeError("mine")
        assert vault.names("") == ()
        with vault.together():
            vault.put({"a": digest(1)})
            vault.put({"b": digest(2)})
            assert vault.names("") == ("a", "b")
            assert other.names("") == ()
            with pytest.raises(KeyMissingError):
                thread.submit(vault.get, "a").result()
        assert other.names("") == ("a", "b")
        vault.remove(["a"])


def test_studies_keep_several_together(place: Place) -> None:
    with SqlStudies(place, KEK) as studies:
        with pytest.raises(RuntimeError, match="mine"), studies.together():
            studies.confirm(study("1.2.3"))
            studies.propose(study("1.2.3", 2))
            raise RuntimeError("mine")
        assert studies.all() == ()
        with studies.together():
            for number in range(20):
                studies.confirm(study(f"1.2.{number}"))
        assert len(studies.all()) == 20
