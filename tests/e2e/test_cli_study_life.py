"""How long studies live, as commands on a real chain: withdrawn, kept, held, erasure asked for and recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli


@pytest.fixture
def study(embedded: Cli, samples: SampleFolders, tmp_path: Path) -> dict[str, str]:
    for name, hospital in (("officer-a", "hospital-a"), ("officer-b", "hospital-b")):
        embedded.ok("badge", "issue", name, "--role", "OFFICER", "--as", hospital)
    done = embedded.register(samples.make(1, patient_id=f"LIVES-{tmp_path.name}"), "--enrol-new")
    embedded.grant(done)
    return done


def test_a_study_from_hold_to_erasure(embedded: Cli, study: dict[str, str], tmp_path: Path) -> None:
    study_id, patient = study["study_id"], study["patient_profile"]
    kept = embedded.ok("study", "retain", study_id, "--until-day", "2056-01-31")
    assert kept["retain_until"] == "2056-01-31"
    embedded.fails(5, "study", "retain", study_id, "--until-day", "2056-01-30")
    embedded.fails(5, "study", "hold", study_id, "--reason", "case 17", "--as", "officer-b")
    held = embedded.ok("study", "hold", study_id, "--reason", "case 17", "--as", "officer-a")
    assert (held["held"], held["changed"]) == (True, True)
    assert embedded.ok("study", "hold", study_id, "--reason", "case 18", "--as", "officer-a")["changed"] is False

    certificate = tmp_path / "certificate.txt"
    certificate.write_text("erased\n")
    record = ("study", "record-erasure", study_id, "--certificate", certificate)
    embedded.fails(5, *record)
    embedded.fails(5, "study", "request-erasure", study_id, "--as", "patient")
    asked = embedded.ok("study", "request-erasure", study_id, "--as", patient)
    assert (asked["status"], asked["erasure_requested"]) == ("WITHDRAWN", True)
    refused = embedded.fails(3, "study", "fetch", study_id, "--purpose", "TREAT", "--out", tmp_path / "out")
    assert refused["reason"] == "STUDY_WITHDRAWN"
    embedded.fails(5, *record)  # the hold stands
    embedded.fails(2, "study", "lift-hold", study_id, "--as", "officer-a")
    embedded.fails(5, "study", "lift-hold", study_id, "--as", "officer-a", "--with", "officer-a")
    lifted = embedded.ok("study", "lift-hold", study_id, "--as", "officer-b", "--with", "officer-a")
    assert lifted["held"] is False
    erased = embedded.ok(*record)
    assert (erased["status"], embedded.ok(*record)["status"]) == ("ERASED", "ERASED")
    shown = embedded.ok("study", "show", study_id)
    assert (shown["status"], shown["certificate"], shown["held"]) == ("ERASED", erased["certificate"], False)
    embedded.fails(5, "study", "record-erasure", study_id, "--certificate", tmp_path / "none")
    embedded.ok("audit", "verify")


def test_a_revision_is_withdrawn_and_then_the_whole_study(embedded: Cli, study: dict[str, str], tmp_path: Path) -> None:
    study_id = study["study_id"]
    fetch = ("study", "fetch", study_id, "--purpose", "TREAT", "--out", tmp_path / "out")
    done = embedded.ok("study", "withdraw", study_id, "--revision", 1)
    assert (done["status"], done["withdrawn_revisions"]) == ("ANCHORED", [1])
    assert embedded.fails(3, *fetch)["reason"] == "REVISION_WITHDRAWN"
    assert embedded.ok("study", "withdraw", study_id)["status"] == "WITHDRAWN"
    embedded.fails(5, "study", "withdraw", study_id, "--revision", 2)
    embedded.fails(5, "study", "withdraw", study_id, "--as", "hospital-b")
    assert embedded.ok("study", "show", study_id)["withdrawn_revisions"] == [1]
