"""Grants as people mean them, through the command line: all studies, renewed, signed for later, asked for."""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, in_a_year


def in_days(days: int) -> str:
    return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days)).isoformat()


def test_all_studies_of_now_and_of_the_future_are_two_different_grants(
    embedded: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    first = embedded.register(samples.make(1, patient_id="EVERY-1"), "--enrol-new")
    patient = first["patient_profile"]
    order = ("grant", "give", "--to", "clinician", "--purpose", "TREAT", "--purpose", "HRESCH", "--until", in_a_year())
    now = embedded.ok(*order, "--all-studies", "until-now", "--as", patient)
    assert "registered until" in " ".join(now["words"])
    time.sleep(2)  # "until now" holds what is anchored in its own second
    later = embedded.register(samples.make(1, patient_id="EVERY-1"))
    embedded.ok(*embedded.fetch_words(first, tmp_path / "first", "--as", "clinician"))
    embedded.fails(3, *embedded.fetch_words(later, tmp_path / "later", "--as", "clinician"))
    future = embedded.ok(*order, "--all-studies", "future-too", "--as", patient)
    assert "future ones too" in " ".join(future["words"])
    embedded.ok(*embedded.fetch_words(later, tmp_path / "later", "--as", "clinician"))
    embedded.fails(2, *order, "--as", patient)
    embedded.fails(2, *order, "--all-studies", "some", "--as", patient)
    embedded.fails(2, *order, "--all-studies", "until-now", "--study", first["study_id"], "--as", patient)


def test_a_window_that_begins_later_and_a_renewal(embedded: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    study = embedded.register(samples.make(1))
    later = embedded.grant(study, "--from", in_days(2))
    assert embedded.ok("grant", "show", later)["state"] == "waiting"
    assert embedded.fails(3, *embedded.fetch_words(study, tmp_path / "no"))["reason"] == "GRANT_NOT_YET"
    embedded.ok("grant", "revoke", later)
    embedded.fails(5, "grant", "renew", later, "--until", in_days(20))
    order = ("--study", study["study_id"], "--to", "clinician", "--purpose", "TREAT", "--until", in_days(1))
    short = embedded.ok("grant", "give", *order, "--as", study["patient_profile"])
    renewed = embedded.ok("grant", "renew", short["grant_id"], "--until", in_days(30))
    assert (renewed["study_id"], renewed["grantee"]) == (short["study_id"], short["grantee"])
    assert renewed["until"] > short["until"]


def test_a_signed_grant_waits_in_a_file_until_it_is_carried_or_revoked(
    embedded: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    study = embedded.register(samples.make(1))
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    for path in (one, two):
        embedded.grant(study, "--sign-only", path)
    assert json.loads(one.read_text())["type"] == "grant_act"
    embedded.fails(3, *embedded.fetch_words(study, tmp_path / "no"))
    carried = embedded.ok("grant", "relay", one)
    assert embedded.ok("grant", "show", carried["grant_id"])["state"] == "live"
    revoked = embedded.ok("grant", "revoke", two, "--as", study["patient_profile"])
    assert revoked["on_chain"] is True
    assert "revoked" in embedded.fails(5, "grant", "relay", two)["detail"]
    embedded.fails(5, "grant", "relay", tmp_path / "nothing.json")
    (tmp_path / "junk.json").write_text("{}")
    embedded.fails(5, "grant", "relay", tmp_path / "junk.json")
    embedded.fails(5, "grant", "give", *_order(study["study_id"]), "--sign-only", one)  # never over another


def test_a_clinician_asks_and_the_patient_grants_or_declines(
    embedded: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    study = embedded.register(samples.make(1, patient_id="ASKED-1"), "--enrol-new")
    patient = study["patient_profile"]
    asked = ("grant", "ask", "--study", study["study_id"], "--until", in_days(9), "--as", "clinician")
    embedded.fails(5, *asked, "--purpose", "HRESCH")  # a physician does no research
    yes, no = (embedded.ok(*asked, "--purpose", "TREAT", *more) for more in ((), ("--for-everybody",)))
    rows = {row["ask_id"]: row for row in embedded.ok("grant", "asks", "--as", patient)}
    assert rows.keys() == {yes["ask_id"], no["ask_id"]}
    assert rows[yes["ask_id"]]["roles"] == ["PHYSICIAN"]
    assert embedded.ok("grant", "decline", no["ask_id"], "--as", patient)["declined"] is True
    given = embedded.ok("grant", "give", "--ask", yes["ask_id"], "--as", patient)
    assert (given["study_id"], given["grantee"]) == (study["study_id"], yes["grantee"])
    assert embedded.ok("grant", "asks", "--as", patient) == []
    embedded.fails(5, "grant", "give", "--ask", yes["ask_id"], "--as", patient)
    embedded.ok(*embedded.fetch_words(study, tmp_path / "out", "--as", "clinician"))
    embedded.fails(5, "grant", "asks", "--as", "clinician")


def _order(study_id: str) -> tuple[str, ...]:
    return ("--study", study_id, "--to", "clinician", "--purpose", "TREAT", "--until", in_a_year())
