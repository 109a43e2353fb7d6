"""The pages per role are true: every command that they print is run, and ends with the exit code that they promise."""

from __future__ import annotations

import datetime
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, running_stack

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "roles").glob("*.md"))
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The consortium that the pages are about, whatever members other tests admit to theirs."""
    with running_stack(tmp_path_factory.mktemp("roles") / "home", "embedded") as cli:
        yield cli


def lines_of(page: Path) -> list[str]:
    return [line for block in FENCE.findall(page.read_text()) for line in block.splitlines()]


def test_every_role_has_its_page() -> None:
    roles = {"patient", "registrar", "officer", "clinician", "auditor", "governor"}
    assert {page.stem for page in PAGES} == roles
    assert all(line.startswith("fiducia ") for page in PAGES for line in lines_of(page))


def portal_consent(cli: Cli, grant: str) -> str:
    """A grant as a portal would write it down for the patient: what is drawn at signing is left open."""
    said = cli.ok("grant", "show", grant, "--fhir")
    left_open = ("identifier", "sourceReference", "extension", "dateTime")
    return json.dumps({name: value for name, value in said.items() if name not in left_open})


def emergency(cli: Cli, samples: SampleFolders) -> str:
    """The grant of an emergency that two of hospital B opened: of a study that no page is about."""
    study = cli.register(samples.make(1))["study_id"]
    cli.ok("badge", "issue", "nurse", "--role", "NURSE", "--as", "hospital-b")
    opened = cli.ok("emergency", "open", "--study", study, "--hours", 1, "--as", "clinician", "--with", "nurse")
    return str(opened["grant_id"])


def requested(cli: Cli, study: Any, folder: Path) -> str:
    """The request under which a study was fetched."""
    return str(cli.ok(*cli.fetch_words(study, folder / "fetched"))["request_id"])


def erase(cli: Cli, samples: SampleFolders, certificate: Path) -> None:
    """A study that no page is about, erased as the registrar's page says."""
    study = cli.register(samples.make(1))["study_id"]
    cli.ok("study", "request-erasure", study, "--as", "patient")
    cli.ok("study", "erase", study, "--out", certificate, "--as", "hospital-a")


def words_of(line: str, values: dict[str, str]) -> list[str]:
    """The words that a shell would make of a line: quotes, variables and comments, and nothing else stands there."""
    assert not re.search(r"[|><;&`*?~]|\$\(", line), f"{line}: a page's commands are plain ones"
    words = shlex.split(Template(line).substitute(values), comments=True)
    assert words[0] == "fiducia"
    return words[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_role_does_what_its_page_says(
    page: Path, embedded: Cli, samples: SampleFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = embedded.register(samples.make(2))
    assert study["patient_profile"] == "patient"
    grant = embedded.grant(study)
    (tmp_path / "consent.json").write_text(portal_consent(embedded, grant))
    for name in ("signed.pdf", "report.txt"):
        (tmp_path / name).write_text("a document")
    (tmp_path / "patients.csv").write_text("patient_id\n4713\n4714\n")
    samples.make(1).rename(tmp_path / "ct")
    in_a_week, in_a_month = (
        (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days)).isoformat() for days in (7, 30)
    )
    values = {
        "STUDY": study["study_id"],
        "GRANT": grant,
        "DAY": in_a_month,
        "WEEK": in_a_week,
        "REQUEST": requested(embedded, study, tmp_path) if "$REQUEST" in page.read_text() else "",
        "EMERGENCY": emergency(embedded, samples) if "$EMERGENCY" in page.read_text() else "",
    }
    if page.stem == "auditor":
        erase(embedded, samples, tmp_path / "erased.json")
    monkeypatch.chdir(tmp_path)
    for line in lines_of(page):
        done = embedded.run(*words_of(line, values))
        promised = re.search(r"# exit (\d)", line)
        assert done.code == (int(promised[1]) if promised else 0), f"{line}\n{done.out}\n{done.err}"
