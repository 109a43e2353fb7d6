"""`grant give --from-fhir` at the door: what is a usage error, what is wrong input, and what it would sign."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fiducia.app import cli
from fiducia.app.cli.consent import read_consent
from fiducia.core import fhir_consent
from fiducia.core.fhir_terms import LIMIT_BYTES, Consent
from fiducia.errors import InputError
from tests.support.world import default_grant

GIVE = ("grant", "give", "--as", "patient")


@pytest.fixture
def consent(tmp_path: Path) -> Path:
    path = tmp_path / "consent.json"
    path.write_bytes(fhir_consent.encode(Consent(default_grant())))
    return path


def run(tmp_path: Path, *words: object) -> int:
    return cli.main(["--home", str(tmp_path / "home"), "--json", *map(str, words)])


def test_a_file_says_what_a_grant_is(consent: Path) -> None:
    assert read_consent(consent).grant == default_grant()


@pytest.mark.parametrize("option", [("--study", "0x"), ("--to", "1"), ("--until", "2030-01-01"), ("--series", "1")])
def test_a_document_is_not_mixed_with_options(
    tmp_path: Path, consent: Path, option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, *GIVE, "--from-fhir", consent, *option) == 2
    assert "--from-fhir" in json.loads(capsys.readouterr().out)["detail"]


@pytest.mark.parametrize("words", [(), ("--study", "0x" + "11" * 32, "--to", "1", "--purpose", "TREAT")])
def test_without_a_document_the_options_are_needed(
    tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, *GIVE, *words) == 2
    assert "--until" in json.loads(capsys.readouterr().out)["detail"]


def test_what_a_grant_cannot_hold_is_exit_5_and_named(
    tmp_path: Path, consent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[str, Any] = json.loads(consent.read_bytes())
    found["provision"]["provision"] = [{"type": "deny"}]
    consent.write_text(json.dumps(found))
    assert run(tmp_path, *GIVE, "--from-fhir", consent) == 5
    assert json.loads(capsys.readouterr().out)["detail"].startswith("Consent.provision.provision: ")


def test_a_file_that_cannot_be_read_is_wrong_input(
    tmp_path: Path, consent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, *GIVE, "--from-fhir", tmp_path / "nothing") == 5
    consent.write_bytes(b" " * (LIMIT_BYTES + 1))
    with pytest.raises(InputError, match="longer"):
        read_consent(consent)
    capsys.readouterr()


def test_a_readable_document_asks_for_the_patient_next(
    tmp_path: Path, consent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, *GIVE, "--from-fhir", consent) == 2
    assert "fiducia up" in json.loads(capsys.readouterr().out)["detail"]
