"""The pages per role are true: every command that they print is run, and ends with the exit code that they promise."""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import SampleFolders
from tests.support.cli import TIMEOUT_S, Cli

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "roles").glob("*.md"))
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_role_does_what_its_page_says(
    page: Path, embedded: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    study = embedded.register(samples.make(2))
    assert study["patient_profile"] == "patient"
    grant = embedded.grant(study)
    (tmp_path / "consent.json").write_text(portal_consent(embedded, grant))
    samples.make(1).rename(tmp_path / "ct")
    in_a_month = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=30)
    environment = {
        **embedded.variables(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FIDUCIA_HOME": str(embedded.home),
        "STUDY": study["study_id"],
        "GRANT": grant,
        "DAY": in_a_month.isoformat(),
        "NO_COLOR": "1",
    }
    for line in lines_of(page):
        done = subprocess.run(
            ["bash", "-c", line],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        promised = re.search(r"# exit (\d)", line)
        assert done.returncode == (int(promised[1]) if promised else 0), f"{line}\n{done.stdout}\n{done.stderr}"
