"""At rest: the key-encryption key in its three forms, its loss, and no plaintext in any file of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, profile_keys, running_stack
from tests.support.plaintext import find_plaintext


def test_no_file_of_the_stack_holds_keys_identities_or_uids(
    either: Cli, samples: SampleFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = samples.make(2, patient_id="AT-REST-4711")
    study = either.register(folder, "--enrol-new")
    either.grant(study)
    either.ok(*either.fetch_words(study, tmp_path / "out"))
    paused = either.with_environment(FIDUCIA_STOP_AT="fetch.keys-kept")
    paused.run(*either.fetch_words(study, tmp_path / "paused"))  # its kept keys must be sealed, too
    heads = [dcmread(path, stop_before_pixels=True) for path in folder.rglob("*.dcm")]
    needles: dict[str, str | bytes] = {"patient id": "AT-REST-4711", "patient name": str(heads[0].PatientName)}
    needles |= {f"uid {tag}": str(heads[0][tag].value) for tag in ("StudyInstanceUID", "SeriesInstanceUID")}
    needles |= {f"sop {number}": str(head.SOPInstanceUID) for number, head in enumerate(heads)}
    needles |= profile_keys(either, monkeypatch)
    found = find_plaintext(either.home, needles, except_=[either.paths.key_file])
    assert found == ()


def test_the_key_file_opens_to_its_owner_alone(embedded: Cli) -> None:
    key = embedded.paths.key_file
    key.chmod(0o644)
    try:
        assert "chmod 600" in embedded.fails(2, "study", "list")["detail"]
    finally:
        key.chmod(0o600)
    embedded.ok("study", "list")


def test_a_lost_key_is_an_error_and_never_replaced(embedded: Cli) -> None:
    key = embedded.paths.key_file
    aside = key.rename(key.with_name("aside"))
    try:
        assert "restore it" in embedded.fails(2, "study", "list")["detail"]
        embedded.fails(2, "up", "--detach")
        assert not key.exists()
        assert embedded.ok("audit", "verify")["verified"] is True  # an audit needs no key
        assert embedded.ok("member", "list")
    finally:
        aside.rename(key)
    embedded.ok("study", "list")


def test_another_key_does_not_open_the_home(embedded: Cli) -> None:
    other = embedded.with_environment(FIDUCIA_KEY="ab" * 32)
    assert "another key-encryption key" in other.fails(2, "study", "list")["detail"]


@pytest.fixture(params=[{"FIDUCIA_KEY": "0f" * 32}, {"FIDUCIA_PASSPHRASE": "correct horse battery staple"}], ids=list)
def keyed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cli]:
    """A consortium whose key-encryption key comes from the environment."""
    with running_stack(tmp_path / "home", "embedded", **request.param) as cli:
        yield cli


def test_a_key_from_the_environment_lies_in_no_file(keyed: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    study = keyed.register(samples.make(1))
    keyed.grant(study)
    keyed.ok(*keyed.fetch_words(study, tmp_path / "out"))
    assert not keyed.paths.key_file.exists()
    secret = next(iter(keyed.environment.values()))
    needle = bytes.fromhex(secret) if "FIDUCIA_KEY" in keyed.environment else secret
    assert find_plaintext(keyed.home, {"key": needle}) == ()
    Cli(keyed.home).fails(2, "study", "list")
