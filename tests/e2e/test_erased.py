"""A study that was erased on a real stack: nothing on any of its disks opens it, with every key that is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiducia.app.settings import load
from fiducia.app.wiring import House
from fiducia.errors import StoreMissingError
from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli
from tests.support.erased import opened, openers_of, salts_in
from tests.support.plaintext import find_plaintext

MEMBERS = ("hospital-a", "hospital-b", "clinician")


def test_nothing_on_any_disk_opens_an_erased_study(either: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    study = either.register(samples.make(2, 1, patient_id="ERASED-0815"), "--enrol-new")
    either.grant(study)
    either.ok(*either.fetch_words(study, tmp_path / "out"))
    before = salts_in(either.home)
    with House(either.paths, load()) as house:
        openers = openers_of(house, bytes.fromhex(study["study_id"][2:]))
        assert opened(map(house.vault, MEMBERS), openers.custodies) == 2, "the search can open it"
    held = {f"salt of {name}": salt for name, salt in before.items()}
    written = {f"ciphertext of {cid}": stretch for cid, stretch in openers.objects.items()}
    found = {each.label for each in find_plaintext(either.home, {**held, **written}) if each.form == "raw"}
    assert found == {*held, *written}, "and find what opens it"

    either.ok("study", "request-erasure", study["study_id"], "--as", study["patient_profile"])
    either.ok("study", "erase", study["study_id"], "--out", tmp_path / "erased.json")
    kept = {f"salt of {name}" for name in salts_in(either.home)}
    gone = {name: salt for name, salt in held.items() if name not in kept}
    assert len(gone) >= 2, "a share of each series"
    assert find_plaintext(either.home, {**gone, **written}) == ()
    with House(either.paths, load()) as house:
        assert opened(map(house.vault, MEMBERS), openers.custodies) == 0
        for cid in openers.objects:
            with pytest.raises(StoreMissingError):
                house.store().size(cid)
    assert either.ok("audit", "verify", tmp_path / "erased.json")["unaccounted"] == []
    either.ok("audit", "verify")
