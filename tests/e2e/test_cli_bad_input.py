"""Words and worlds that do not fit: a typed error that says what to do, and its kind's exit code.

Bad images are test_bad_input.py's, a troubled chain is test_chain_troubles.py's.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, in_a_year

IGNORED = shutil.ignore_patterns("store", "chain", "logs", "mirror*")
NOWHERE = "0x" + "5e" * 32


def problems_of(done: Any) -> list[str]:
    return [problem["detail"] for problem in done["problems"]]


def test_an_unknown_patient_is_named_as_unmatched_and_not_stored(embedded: Cli, samples: SampleFolders) -> None:
    folder = samples.make(1, patient_id="UNKNOWN-PATIENT-77")
    before = embedded.ok("study", "list", "--all")
    done = embedded.run("study", "register", folder)
    assert done.code == 5
    assert done.json["studies"] == []
    assert "--enrol-new" in problems_of(done.json)[0]
    assert "UNKNOWN-PATIENT-77" not in done.out + done.err
    assert embedded.ok("study", "list", "--all") == before
    study = embedded.register(folder, "--enrol-new")
    assert study["patient_profile"].startswith("patient-")


def test_an_unknown_study_or_grant_is_bad_input(embedded: Cli, tmp_path: Path) -> None:
    embedded.fails(5, "study", "show", NOWHERE)
    embedded.fails(5, "study", "fetch", NOWHERE, "--purpose", "TREAT", "--out", tmp_path / "out")
    order = ("--to", "clinician", "--purpose", "TREAT", "--until", in_a_year())
    embedded.fails(5, "grant", "give", "--study", NOWHERE, *order)
    embedded.fails(5, "grant", "show", NOWHERE)
    embedded.fails(5, "grant", "revoke", NOWHERE)
    embedded.fails(5, "audit", "verify", "--study", NOWHERE)


@pytest.mark.parametrize(
    "words",
    [
        ("study", "show", "0x12"),
        ("study", "fetch", NOWHERE, "--purpose", "CURIOSITY", "--out", "out"),
        ("grant", "give", "--study", NOWHERE, "--to", "clinician", "--purpose", "TREAT", "--until", "soon"),
        ("grant", "give", "--study", NOWHERE, "--to", "patient", "--purpose", "TREAT", "--until", "2030-01-01"),
        ("grant", "revoke"),
        ("grant", "revoke", NOWHERE, "--all"),
        ("key", "publish", "CROWN"),
        ("badge", "issue", "clinician", "--role", "KING"),
        ("study", "list", "--as", "nobody"),
    ],
)
def test_words_in_no_accepted_form_are_usage(embedded: Cli, words: tuple[str, ...]) -> None:
    assert embedded.fails(2, *words)["exit_code"] == 2


@pytest.mark.parametrize(
    "words",
    [
        ("study", "register", ".", "--as", "clinician"),
        ("study", "fetch", NOWHERE, "--purpose", "TREAT", "--out", "out", "--as", "auditor"),
        ("grant", "revoke", "--all", "--as", "hospital-a"),
        ("patient", "list", "--as", "patient"),
        ("badge", "issue", "clinician", "--as", "patient"),
    ],
)
def test_the_wrong_actor_is_told_whom_to_act_as(embedded: Cli, words: tuple[str, ...]) -> None:
    assert "--as" in embedded.fails(5, *words)["detail"]


def test_a_grant_that_is_over_or_too_long_is_refused(embedded: Cli, samples: SampleFolders) -> None:
    study = embedded.register(samples.make(1))
    for date in ("2020-01-01", "2090-01-01"):
        order = ("--study", study["study_id"], "--to", "clinician", "--purpose", "TREAT", "--until", date)
        embedded.fails(5, "grant", "give", *order)
    assert embedded.ok("grant", "list", "--all", "--as", "auditor") == [
        row for row in embedded.ok("grant", "list", "--all", "--as", "auditor") if row["study_id"] != study["study_id"]
    ]


def test_a_purpose_that_the_role_may_not_use_is_refused_with_its_reason(
    embedded: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    study = embedded.register(samples.make(1))
    order = ("--study", study["study_id"], "--to", "clinician", "--purpose", "HRESCH", "--until", in_a_year())
    embedded.ok("grant", "give", *order)
    words = ("study", "fetch", study["study_id"], "--purpose", "HRESCH", "--out", tmp_path / "out")
    assert embedded.fails(3, *words)["reason"] == "PURPOSE_NOT_FOR_ROLE"


@pytest.fixture
def copied(embedded: Cli, tmp_path: Path) -> Cli:
    """A copy of the running consortium's home, to be altered; it uses the same processes."""
    shutil.copytree(embedded.home, tmp_path / "home", ignore=IGNORED)
    return Cli(tmp_path / "home", embedded.environment)


def _altered(cli: Cli, *path: str | int, value: Any) -> None:
    document = json.loads(cli.paths.network_file.read_text())
    inside: Any = document
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = value
    cli.paths.network_file.write_text(json.dumps(document))


def test_a_chain_that_does_not_answer_is_exit_4(copied: Cli) -> None:
    _altered(copied, "chain", "rpc_urls", value=["http://127.0.0.1:9"])
    copied.fails(4, "study", "list")


def test_a_broker_that_does_not_answer_is_exit_4(copied: Cli, embedded: Cli, samples: SampleFolders) -> None:
    study = embedded.register(samples.make(1))
    _altered(copied, "members", 0, "broker_url", value="http://127.0.0.1:9")
    order = ("--study", study["study_id"], "--to", "clinician", "--purpose", "TREAT", "--until", in_a_year())
    assert "fiducia status" in copied.fails(4, "grant", "give", *order)["detail"]


def test_an_output_folder_with_other_files_is_left_as_it_is(
    embedded: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    study = embedded.register(samples.make(1))
    embedded.grant(study)
    mine = tmp_path / "out" / "series-1" / "instance-1.dcm"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert "--out" in embedded.fails(5, *embedded.fetch_words(study, tmp_path / "out"))["detail"]
    assert mine.read_text() == "mine"


def test_a_report_that_is_none_is_bad_input(embedded: Cli, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear auditor")
    embedded.fails(5, "audit", "verify", tmp_path / "letter.txt")
    embedded.fails(5, "audit", "verify", tmp_path / "missing.json")
