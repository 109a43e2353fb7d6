"""What `study register` prints of a registration."""

from __future__ import annotations

import json

import pytest

from fiducia.app.cli.registered import show_registration
from fiducia.app.output import Output
from fiducia.errors import DicomError
from fiducia.records.images import IntakeProblem, RegisteredStudy, Registration
from fiducia.records.quality import QualityCode, QualityFinding, SeriesQuality

FINDINGS = (
    QualityFinding(QualityCode.MISSING_SLICES, 3, "3 slices are missing"),
    QualityFinding(QualityCode.MIXED_ORIENTATION, 1, "1 slice is turned"),
)
WHOLE = RegisteredStudy(b"\x11" * 32, b"\x0a" * 20, 1, 2, 40, 4096, unchanged=False)
JUDGED = RegisteredStudy(
    b"\x22" * 32, b"\x0a" * 20, 1, 2, 37, 4096, unchanged=True, quality=(SeriesQuality(2, FINDINGS),)
)
DONE = Registration((WHOLE, JUDGED), (IntakeProblem("cd/notes.txt", DicomError("this is not a DICOM file")),))


def test_findings_stand_below_the_studies_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    show_registration(Output(), DONE)
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["study_id", "0x" + "11" * 32, "0x" + "22" * 32]
    assert lines[3:] == [
        "noticed in study 0x" + "22" * 32 + ", which is registered all the same:",
        "  series 2: 3 slices are missing (MISSING_SLICES)",
        "  series 2: 1 slice is turned (MIXED_ORIENTATION)",
    ]
    assert said.err == "not taken: cd/notes.txt: this is not a DICOM file\n"


def test_json_has_findings_with_each_study(capsys: pytest.CaptureFixture[str]) -> None:
    show_registration(Output(as_json=True), DONE)
    whole, judged = json.loads(capsys.readouterr().out)["studies"]
    assert whole["quality"] == []
    assert judged["quality"] == [
        {"series": 2, "code": "MISSING_SLICES", "count": 3, "detail": "3 slices are missing"},
        {"series": 2, "code": "MIXED_ORIENTATION", "count": 1, "detail": "1 slice is turned"},
    ]


def test_nothing_registered_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show_registration(Output(), Registration(()))
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "nothing was registered\n")
