"""The main job, as a user does it: register, grant, fetch, tamper, pause, revoke, audit; on either store."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from fiducia.app.sample_dicom import wheel_studies
from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, files_of, flipped_byte


def test_up_sets_up_a_consortium(either: Cli) -> None:
    parts = {part["part"]: part for part in either.ok("status")}
    assert set(parts) >= {"chain", "broker-hospital-a", "broker-hospital-b"}
    assert all(part["ready"] for part in parts.values())
    members = either.ok("member", "list")
    assert [(member["institution"], member["name"], member["active"]) for member in members[:2]] == [
        (1, "hospital-a", True),
        (2, "hospital-b", True),
    ]
    kinds = {"REGISTRAR", "ISSUER", "GATEWAY", "BROKER_KEM", "BROKER_SIGN", "LOG"}
    for institution in (1, 2):
        keys = either.ok("key", "list", "--institution", institution)
        assert {key["kind"] for key in keys if key["live"]} == kinds
    badge = either.ok("badge", "show", "clinician")
    assert badge["institution"] == 2
    assert badge["roles"] == ["PHYSICIAN"]
    assert badge["valid"] is True
    assert "patient" in {row["patient_profile"] for row in either.ok("patient", "list")}


def test_a_study_goes_the_whole_way(either: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    folder, out = samples.make(3, 2), tmp_path / "out"
    study = either.register(folder)
    assert (study["series"], study["instances"], study["patient_profile"]) == (2, 5, "patient")
    assert study["bytes"] == sum(map(len, files_of(folder)))
    assert either.fails(3, *either.fetch_words(study, out))["reason"] == "GRANT_UNKNOWN"
    assert not out.exists()
    grant = either.grant(study)
    fetched = either.ok(*either.fetch_words(study, out))
    assert (fetched["series"], fetched["instances"], fetched["bytes"]) == (2, 5, study["bytes"])
    assert files_of(out) == files_of(folder)
    assert {str(path.relative_to(out)) for path in out.rglob("*.dcm")} == {
        *(f"series-1/instance-{n}.dcm" for n in (1, 2, 3)),
        *(f"series-2/instance-{n}.dcm" for n in (1, 2)),
    }
    assert either.ok("grant", "revoke", grant, "--as", "patient") == {
        "grant_id": grant,
        "revoked": True,
        "on_chain": True,
    }
    assert either.fails(3, *either.fetch_words(study, tmp_path / "again"))["reason"] == "GRANT_REVOKED"
    assert not (tmp_path / "again").exists()


def test_a_grant_of_one_series_opens_that_series_only(either: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    study = either.register(samples.make(1, 2))
    either.grant(study, "--series", 2)
    either.fails(3, *either.fetch_words(study, tmp_path / "all"))
    either.fails(3, *either.fetch_words(study, tmp_path / "one", "--series", 1))
    assert either.ok(*either.fetch_words(study, tmp_path / "two", "--series", 2))["instances"] == 2
    assert [path.name for path in tmp_path.iterdir() if path.name != "samples"] == ["two"]


def test_a_patient_opens_their_own_study_without_a_grant(either: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    folder = samples.make(2)
    study = either.register(folder)
    words = ("study", "fetch", study["study_id"], "--purpose", "PATRQT", "--out", tmp_path / "mine")
    assert either.ok(*words, "--as", "patient")["instances"] == 2
    assert files_of(tmp_path / "mine") == files_of(folder)


def test_one_flipped_byte_in_the_stores_repository_is_found_and_named(
    either: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    study = either.register(samples.make(2))
    either.grant(study)
    (series,) = either.ok("study", "show", study["study_id"])["series"]
    with flipped_byte(either, series["pack_cid"]):
        done = either.fails(1, *either.fetch_words(study, tmp_path / "out"))
    assert "series 1" in done["detail"]
    assert "instance" in done["detail"]
    assert [path.name for path in tmp_path.iterdir()] == ["samples"], "something was written"
    assert either.ok(*either.fetch_words(study, tmp_path / "out"))["instances"] == 2


def test_a_paused_fetch_is_resumed_and_a_revoked_one_is_refused_with_its_keys_gone(
    either: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    folder = samples.make(4)
    study = either.register(folder)
    grant = either.grant(study)
    paused = either.with_environment(FIDUCIA_STOP_AT="fetch.instance-staged:2")
    for out in (tmp_path / "resumed", tmp_path / "refused"):
        assert paused.run(*either.fetch_words(study, out)).code == -signal.SIGKILL
        assert not out.exists()
        assert sum(path.suffix == ".dcm" for path in tmp_path.rglob(f".{out.name}*/*/*")) == 2
    assert either.ok(*either.fetch_words(study, tmp_path / "resumed"))["instances"] == 4
    assert files_of(tmp_path / "resumed") == files_of(folder)
    either.ok("grant", "revoke", grant, "--as", "patient")
    assert either.fails(3, *either.fetch_words(study, tmp_path / "refused"))["reason"] == "GRANT_REVOKED"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["resumed", "samples"], "something was left behind"


def test_revoking_everything_ends_every_grant(embedded: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    embedded.ok("patient", "enrol", "--patient-id", "ALL-1", "--profile", "patient-all")
    one, two = (embedded.register(samples.make(1, patient_id="ALL-1")) for _ in range(2))
    embedded.grant(one)
    embedded.grant(two)
    assert len(embedded.ok("grant", "list", "--as", "patient-all")) == 2
    assert embedded.ok("grant", "revoke", "--all", "--as", "patient-all")["on_chain"] is True
    assert embedded.ok("grant", "list", "--as", "patient-all") == []
    assert {row["state"] for row in embedded.ok("grant", "list", "--all", "--as", "patient-all")} == {"revoked"}
    for study in (one, two):
        assert embedded.run(*embedded.fetch_words(study, tmp_path / "out")).code == 3


def test_registering_again_changes_nothing_and_new_instances_make_a_revision(
    either: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    folder = samples.make(1, 2)
    first = either.register(folder / "in-1")
    again = either.register(folder / "in-1")
    assert (first["unchanged"], again["unchanged"]) == (False, True)
    assert again["study_id"] == first["study_id"]
    more = either.register(folder)
    assert (more["study_id"], more["revision"], more["instances"]) == (first["study_id"], 2, 3)
    either.grant(more)
    either.ok(*either.fetch_words(more, tmp_path / "out"))
    assert files_of(tmp_path / "out") == files_of(folder)


def test_the_studies_inside_the_pydicom_wheel_come_back_byte_for_byte(either: Cli, tmp_path: Path) -> None:
    real = max(wheel_studies(), key=lambda study: len(study.paths))
    done = either.ok("study", "register", *real.paths, "--enrol-new")
    (study,) = done["studies"]
    assert done["problems"] == []
    assert study["patient_profile"].startswith("patient")
    either.grant(study)
    either.ok(*either.fetch_words(study, tmp_path / "out"))
    assert files_of(tmp_path / "out") == sorted(Path(file).read_bytes() for file in real.paths)


def test_an_audit_finds_nothing_and_its_report_can_be_checked_but_not_edited(
    either: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    either.register(samples.make(1))
    done = either.ok("audit", "verify")
    assert done["verified"] is True
    assert done["findings"] == []
    written = either.ok("audit", "report", "--out", tmp_path / "report.json")
    for form in ("json", "text"):
        path = Path(written[form])
        assert either.ok("audit", "verify", path)["block"] == written["block"]
        text = path.read_text()
        at = text.index("0x", len(text) // 2) + 5
        path.write_text(text[:at] + ("1" if text[at] == "0" else "0") + text[at + 1 :])
        assert "not what the ledger says" in either.fails(1, "audit", "verify", path)["detail"]


def test_a_lost_manifest_is_a_finding(embedded: Cli, samples: SampleFolders) -> None:
    study = embedded.register(samples.make(1))
    (revision,) = embedded.ok("study", "show", study["study_id"])["revisions"]
    (path,) = embedded.paths.embedded_store.rglob(f"*{revision['manifest_cid']}*")
    aside = path.rename(path.with_name("aside"))
    try:
        done = embedded.fails(1, "audit", "verify", "--study", study["study_id"])
    finally:
        aside.rename(path)
    assert done["verified"] is False
    assert {finding["study_id"] for finding in done["findings"]} == {study["study_id"]}
    assert embedded.ok("audit", "verify", "--study", study["study_id"])["verified"] is True


@pytest.mark.parametrize("who", ["patient", "clinician", "hospital-a", "hospital-b", "auditor"])
def test_everybody_can_list_what_is_theirs_to_see(embedded: Cli, samples: SampleFolders, who: str) -> None:
    study = embedded.register(samples.make(1))
    grant = embedded.grant(study)
    assert study["study_id"] in {row["study_id"] for row in embedded.ok("study", "list", "--as", who)}
    assert grant in {row["grant_id"] for row in embedded.ok("grant", "list", "--as", who)}
    shown = embedded.ok("grant", "show", grant, "--as", who)
    assert (shown["study_id"], shown["purposes"], shown["actions"]) == (
        study["study_id"],
        ["TREAT"],
        ["VIEW", "RETAIN"],
    )
    assert json.dumps(shown["words"]).count("treat") == 1
