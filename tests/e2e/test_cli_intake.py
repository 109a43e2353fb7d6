"""Intake as commands: what is set aside, released and deleted, and what comes with a registration."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, files_of


def disguised(path: Path) -> None:
    """Make a file begin like a program; what is behind its preamble stays."""
    data = path.read_bytes()
    path.write_bytes(b"MZ" + data[2:])


def test_what_was_set_aside_is_released_or_deleted(embedded: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    folder = samples.make(4)
    first, second, *_ = sorted(path for path in folder.rglob("*") if path.is_file())
    disguised(first)
    disguised(second)
    done = embedded.fails(5, "study", "register", folder)
    (study,) = done["studies"]
    assert study["instances"] == 2
    assert {problem["where"] for problem in done["problems"]} == {str(first), str(second)}
    ids = [problem["detail"].split("set aside as ")[1].split(":")[0] for problem in done["problems"]]
    listed = {row["id"]: row for row in embedded.ok("quarantine", "list")}
    assert [listed[each]["codes"] for each in ids] == ["preamble-foreign"] * 2
    shown = embedded.ok("quarantine", "show", ids[0])
    assert (shown["state"], shown["door"], shown["defects"][0]["outcome"]) == ("set aside", "folder", "quarantined")
    assert embedded.fails(5, "study", "register", folder)["studies"][0]["unchanged"] is True
    assert len(embedded.ok("quarantine", "list")) == len(listed)

    assert embedded.ok("quarantine", "delete", ids[1]) == {"deleted": 1}
    embedded.fails(5, "quarantine", "show", ids[1])
    (again,) = embedded.ok("quarantine", "release", ids[0])["studies"]
    assert (again["study_id"], again["revision"], again["instances"]) == (study["study_id"], 2, 3)
    assert not {row["id"] for row in embedded.ok("quarantine", "list")} & set(ids)
    embedded.fails(5, "quarantine", "release", ids[0])
    embedded.fails(2, "quarantine", "release", "nonsense")

    embedded.grant(study)
    embedded.ok("study", "fetch", study["study_id"], "--purpose", "TREAT", "--out", tmp_path / "out")
    second.unlink()
    assert files_of(tmp_path / "out") == files_of(folder)


def test_a_program_is_not_the_patients_to_release(embedded: Cli) -> None:
    embedded.fails(5, "quarantine", "list", "--as", "patient")


def test_notes_come_with_the_registration(embedded: Cli, samples: SampleFolders) -> None:
    folder = samples.make(2)
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(b"II*\0" + path.read_bytes()[4:])
    notes = {note["code"]: note["instances"] for note in embedded.ok("study", "register", folder)["notes"]}
    assert notes["preamble-tiff"] == 2
