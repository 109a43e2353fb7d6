"""Emergencies, notices and reviews through the command line: two badges, a patient ID, and what is owed afterwards."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from fiducia.app.cli import main
from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, files_of


@pytest.fixture(scope="module")
def staffed(embedded: Cli) -> Cli:
    """A nurse and officers at both hospitals."""
    embedded.ok("badge", "issue", "nurse-b", "--role", "NURSE", "--as", "hospital-b")
    for hospital in ("a", "b"):
        embedded.ok("badge", "issue", f"officer-{hospital}", "--role", "OFFICER", "--as", f"hospital-{hospital}")
    return embedded


def opened(cli: Cli, *words: object) -> Any:
    return cli.ok("emergency", "open", *words, "--as", "clinician", "--with", "nurse-b")


def test_from_a_patient_id_to_the_images_and_to_what_is_owed(
    staffed: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    folder = samples.make(2, patient_id="EMERGENCY-1")
    study = staffed.register(folder, "--enrol-new")
    given = opened(staffed, "--patient-id", "EMERGENCY-1", "--at", "hospital-a", "--hours", 2)
    assert given["subject"] == study["subject"]
    assert [each["study_id"] for each in given["studies"]] == [study["study_id"]]
    assert "emergency" in " ".join(given["words"])
    words = ("study", "fetch", study["study_id"], "--purpose", "ETREAT", "--out", tmp_path / "out", "--as", "clinician")
    staffed.ok(*words)
    assert files_of(tmp_path / "out") == files_of(folder)

    owed = {row["grant_id"]: row for row in staffed.ok("notice", "list", "--as", "hospital-a")}
    assert (owed[given["grant_id"]]["basis"], owed[given["grant_id"]]["when"]) == ("EMERGENCY", "at once")
    told = staffed.ok("notice", "list", "--as", study["patient_profile"])
    assert [row["grant_id"] for row in told] == [given["grant_id"]]
    assert staffed.ok("notice", "deliver", given["grant_id"], "--as", "hospital-a")["notice"] == "delivered"
    assert given["grant_id"] not in {row["grant_id"] for row in staffed.ok("notice", "list", "--as", "hospital-a")}

    report = tmp_path / "report.txt"
    report.write_text("the patient was unconscious")
    review = ("emergency", "review", given["grant_id"], "--report", report)
    staffed.fails(5, *review, "--outcome", "justified", "--as", "nurse-b")
    filed = staffed.ok(*review, "--outcome", "justified", "--as", "officer-b")
    assert filed["effect"] == "filed"
    contested = staffed.ok(*review, "--outcome", "not-justified", "--as", "officer-a")
    assert contested["effect"] == "contested"
    listed = {row["grant_id"]: row for row in staffed.ok("emergency", "list", "--as", "officer-b")}
    assert (listed[given["grant_id"]]["review"], listed[given["grant_id"]]["outcome"]) == ("contested", "JUSTIFIED")
    staffed.fails(2, *review, "--outcome", "perhaps", "--as", "officer-b")


def test_an_unknown_patient_is_named_by_reason_and_never_by_id(staffed: Cli) -> None:
    words = ("emergency", "open", "--patient-id", "NOBODY-77", "--as", "clinician", "--with", "nurse-b")
    done = staffed.run(*words)
    assert (done.code, done.json["reason"]) == (3, "UNKNOWN_PATIENT")
    assert "NOBODY-77" not in done.out + done.err
    logs = b"".join(path.read_bytes() for path in staffed.paths.logs.iterdir())
    assert b"NOBODY-77" not in logs


def test_one_study_by_its_id_and_only_two_different_persons(staffed: Cli, samples: SampleFolders) -> None:
    study = staffed.register(samples.make(1))
    given = opened(staffed, "--study", study["study_id"], "--hours", 1)
    assert [each["study_id"] for each in given["studies"]] == [study["study_id"]]
    words = ("emergency", "open", "--study", study["study_id"], "--as", "clinician", "--with")
    staffed.fails(5, *words, "clinician")
    staffed.fails(5, *words, "officer-b")  # no ETREAT for officers
    staffed.fails(5, *words, "hospital-b")  # holds no badge
    staffed.fails(2, "emergency", "open", "--as", "clinician", "--with", "nurse-b")
    staffed.fails(2, *words, "nurse-b", "--hours", 25)


def test_while_the_chain_answers_nobody_fetches_as_in_a_stall(
    staffed: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    study = staffed.register(samples.make(1))
    words = ("emergency", "fetch", study["study_id"], "--out", tmp_path / "out", "--as", "clinician", "--with")
    refused = staffed.run(*words, "nurse-b")
    assert (refused.code, refused.json["reason"]) == (3, "NOT_STALLED")
    assert "as usual" in refused.json["detail"]
    assert [path.name for path in tmp_path.iterdir()] == ["samples"]
    assert study["study_id"] not in {row.get("study_id") for row in staffed.ok("grant", "list", "--as", "clinician")}
    staffed.fails(5, *words, "clinician")
    staffed.fails(5, *words, "officer-b")
    staffed.fails(2, *words, "nurse-b", "--hours", 25)
    staffed.fails(5, "emergency", "fetch", "0x" + "00" * 32, *words[3:], "nurse-b")


@pytest.mark.parametrize("verb", ["open", "fetch"])
def test_help_leads_from_the_one_to_the_other(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["emergency", verb, "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert ("fiducia emergency fetch" if verb == "open" else "open the emergency and fetch as usual") in told


def test_paper_care_and_law_are_the_hospitals_and_told_to_the_patient(
    staffed: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    study = staffed.register(samples.make(1))
    staffed.ok("badge", "issue", "nurse-a", "--role", "NURSE", "--as", "hospital-a")
    (tmp_path / "signed.pdf").write_bytes(b"%PDF signed")
    in_ten_days = _in_days(10)
    order = ("grant", "give", "--study", study["study_id"], "--to", "clinician", "--until", in_ten_days)
    paper = staffed.ok(
        *(*order, "--purpose", "TREAT", "--basis", "PAPER", "--document", tmp_path / "signed.pdf"),
        *("--as", "officer-a", "--with", "nurse-a"),
    )
    care = staffed.ok(*order, "--purpose", "TREAT", "--basis", "care", "--as", "officer-a")
    law = staffed.ok(*order, "--purpose", "HLEGAL", "--basis", "LAW", "--as", "officer-a")
    assert staffed.ok("grant", "show", paper["grant_id"])["basis"] == "PAPER"
    staffed.ok(*staffed.fetch_words(study, tmp_path / "out", "--as", "clinician"))
    for grant in (paper, care, law):
        consent = staffed.ok("grant", "show", grant["grant_id"], "--fhir")
        assert consent["identifier"][0]["value"] == grant["grant_id"]
    deferred = staffed.ok("notice", "deliver", law["grant_id"], "--deferred-until", in_ten_days, "--as", "hospital-a")
    assert deferred["notice"] == "deferred"
    staffed.fails(5, "notice", "deliver", care["grant_id"], "--deferred-until", in_ten_days, "--as", "hospital-a")
    told = {row["grant_id"] for row in staffed.ok("notice", "list", "--as", study["patient_profile"])}
    assert {paper["grant_id"], care["grant_id"]} <= told
    assert law["grant_id"] not in told
    staffed.fails(5, *order, "--purpose", "TREAT", "--basis", "CARE", "--as", "officer-b")
    staffed.fails(2, *order, "--purpose", "ETREAT", "--basis", "EMERGENCY", "--as", "officer-a")
    staffed.fails(2, *order, "--purpose", "TREAT", "--basis", "PAPER", "--as", "officer-a")
    assert staffed.ok("grant", "revoke", care["grant_id"], "--as", "officer-a")["on_chain"] is True


def _in_days(days: int) -> str:
    return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days)).isoformat()
