"""A hospital loses its home and gets it back: what was acknowledged opens, what was revoked stays refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil
import pytest

from fiducia.app import processes
from tests.e2e.conftest import SampleFolders
from tests.support.stack import Development, running_stack


@pytest.fixture
def development(tmp_path: Path):  # type: ignore[no-untyped-def]
    with running_stack(tmp_path / "stack") as made:
        yield made


def registered(development: Development, samples: SampleFolders) -> str:
    said = development.register(samples.make(2))
    return str(said["studies"][0]["study_id"])


def lose(development: Development) -> None:
    """Delete all that the members keep; the chain and the store are elsewhere in the real world."""
    root = development.home.root
    for path in (root / "members", root / "profiles.sqlite", root / "key", root / "network.json", root / "backup.json"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_a_home_that_is_lost_comes_back(development: Development, samples: SampleFolders, tmp_path: Path) -> None:
    place, shares = tmp_path / "second", tmp_path / "shares"
    place.mkdir()
    shares.mkdir()
    words = [["--share", str(shares / f"recovery-share-{number}-of-3.json")] for number in (1, 2, 3)]
    copied, revoked = registered(development, samples), registered(development, samples)
    development.fiducia("backup", "key", "create", "--shares", "2of3", "--out", str(shares))
    development.fiducia("backup", "create", "--to", str(place), "--follow")

    # Acknowledged after the copy was made, and so in both places; a registration that is killed is not.
    followed = registered(development, samples)
    development.grant(followed)
    grant = development.grant(revoked)
    unfinished = samples.make(3)
    development.killed("backup.written", "study", "register", str(unfinished))
    development.grant(copied)

    found = development.fiducia("backup", "verify", *words[0], *words[2])
    assert found["opened"]
    drilled = development.fiducia("backup", "drill", *words[1], *words[2], "--newest", "2")
    assert [(each["opened"], each["instances"]) for each in drilled["canaries"]] == [(True, 2)] * 2
    named = development.fiducia("backup", "drill", *words[0], *words[1], "--study", copied)
    assert [each["study_id"] for each in named["canaries"]] == [copied]
    refused = development.fiducia("backup", "drill", *words[1], expect=5)
    assert "1 of the 2 shares" in refused["detail"]

    # Revoked after the last copy: only the chain knows.
    development.fiducia("backup", "create", "--no-follow")
    development.fiducia("grant", "revoke", grant, "--as", "patient")

    for child in processes.recorded(development.home.run):
        if child.program.name.startswith("broker-"):
            running = psutil.Process(child.pid)
            running.kill()
            running.wait(timeout=30)
    lose(development)
    development.fiducia("backup", "restore", "--from", str(place), *words[0], *words[1])
    early = development.register(unfinished, expect=4)
    assert early["type"].endswith("not-caught-up")
    development.down()
    development.up()
    for study_id in (copied, followed):
        assert development.fetch(study_id, tmp_path / "out" / study_id)["instances"] == 2
    development.fetch(revoked, tmp_path / "out" / "revoked", expect=3)
    assert not (tmp_path / "out" / "revoked").exists()
    assert development.register(unfinished)["studies"][0]["instances"] == 3
    audited = development.fiducia("audit", "verify")
    assert audited.code == 0
