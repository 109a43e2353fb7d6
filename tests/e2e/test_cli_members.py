"""Institutions, keys, badges and patients as their own commands: admitted, published, issued, enrolled, ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, in_a_year


@pytest.fixture(scope="module")
def admitted(embedded: Cli) -> str:
    """A third member, admitted by the governors of the first two."""
    done = embedded.ok("member", "admit", "hospital-c", "--region", 2, "--export", 1, "--export", 2)
    assert done["profile"] == "hospital-c"
    assert done["gas"] > 0
    return "hospital-c"


def test_a_member_is_admitted_once(embedded: Cli, admitted: str) -> None:
    before = embedded.ok("member", "list")
    (row,) = [row for row in before if row["name"] == admitted]
    assert (row["exports"], row["active"], row["badge_epoch"]) == ([1, 2], True, 1)
    again = embedded.ok("member", "admit", admitted, "--region", 2)
    assert (again["institution"], again["gas"]) == (row["institution"], 0)
    assert embedded.ok("member", "list") == before


def test_a_governor_from_elsewhere_is_admitted_by_address(embedded: Cli) -> None:
    governor = "0x" + "00000000000000000000000000000000000000aa"
    done = embedded.ok("member", "admit", "far-away", "--governor", governor, "--region", 7)
    assert (done["governor"], done["profile"]) == (governor, None)
    embedded.fails(2, "badge", "show", "far-away")  # it has no profile here


def test_a_key_is_published_once_and_once_ended_never_returns(embedded: Cli, admitted: str) -> None:
    first = embedded.ok("key", "publish", "ISSUER", "--as", admitted)
    assert first["changed"] is True
    assert embedded.ok("key", "publish", "issuer", "--as", admitted)["changed"] is False
    listed = embedded.ok("key", "list", "--institution", first["institution"])
    assert first["key_hash"] in {key["key_hash"] for key in listed}
    ended = embedded.ok("key", "publish", "ISSUER", "--end", "--as", admitted)
    assert ended["key_hash"] == first["key_hash"]
    assert embedded.ok("key", "list", "--institution", first["institution"], "--kind", "ISSUER") == []
    everything = embedded.ok("key", "list", "--institution", first["institution"], "--kind", "ISSUER", "--all")
    assert [key["live"] for key in everything] == [False]
    embedded.fails(5, "key", "publish", "ISSUER", "--until", in_a_year(), "--as", admitted)


def test_a_key_that_lies_elsewhere_is_published_by_its_hex(embedded: Cli, admitted: str) -> None:
    done = embedded.ok("key", "publish", "LOG", "--key", "0x" + "17" * 32, "--as", admitted, "--endpoint", "https://l")
    assert done["changed"] is True
    rows = embedded.ok("key", "list", "--kind", "LOG")  # brokers that keep a log have published theirs
    assert [row["endpoint"] for row in rows].count("https://l") == 1
    assert embedded.ok("key", "publish", "LOG", "--as", admitted)["changed"] is True  # its own, beside the other
    embedded.fails(2, "key", "publish", "LOG", "--key", "0xzz", "--as", admitted)


def test_a_badge_decides_what_its_holder_may_ask_for(embedded: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    study = embedded.register(samples.make(1))
    issued = embedded.ok("badge", "issue", "researcher", "--role", "RESEARCHER", "--hours", 1, "--as", "hospital-b")
    assert (issued["roles"], issued["purposes"], issued["valid"]) == (["RESEARCHER"], ["HRESCH", "CLINTRCH"], True)
    again = embedded.ok("badge", "issue", "researcher", "--role", "RESEARCHER", "--as", "hospital-b")
    assert again["person"] == issued["person"]
    order = ("--study", study["study_id"], "--to", "researcher", "--until", in_a_year())
    embedded.ok("grant", "give", *order, "--purpose", "HRESCH", "--purpose", "TREAT")
    words = ("study", "fetch", study["study_id"], "--as", "researcher")
    refused = embedded.fails(3, *words, "--purpose", "TREAT", "--out", tmp_path / "treat")
    assert refused["reason"] == "PURPOSE_NOT_FOR_ROLE"
    assert embedded.ok(*words, "--purpose", "HRESCH", "--out", tmp_path / "research")["instances"] == 1


def test_a_lapsed_training_is_refused(embedded: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    study = embedded.register(samples.make(1))
    embedded.ok("badge", "issue", "rusty", "--trained-until", "2020-01-01", "--as", "hospital-b")
    assert embedded.ok("badge", "show", "rusty")["valid"] is False
    embedded.ok(
        *("grant", "give", "--study", study["study_id"], "--to", "rusty", "--purpose", "TREAT", "--until", in_a_year())
    )
    words = embedded.fetch_words(study, tmp_path / "out", "--as", "rusty")
    assert embedded.fails(3, *words)["reason"] == "TRAINING_LAPSED"


def test_somebody_elses_staff_gets_no_badge(embedded: Cli) -> None:
    assert "not a staff member" in embedded.fails(2, "badge", "issue", "clinician", "--as", "hospital-a")["detail"]


def test_an_institution_as_grantee_is_everybody_of_it(embedded: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    study = embedded.register(samples.make(1))
    embedded.ok(
        *("grant", "give", "--study", study["study_id"], "--to", "hospital-b", "--purpose", "TREAT"),
        *("--until", in_a_year()),
    )
    embedded.ok("badge", "issue", "colleague", "--as", "hospital-b")
    embedded.ok(*embedded.fetch_words(study, tmp_path / "out", "--as", "colleague"))


def test_a_patient_is_enrolled_once_and_their_study_is_theirs(embedded: Cli, samples: SampleFolders) -> None:
    first = embedded.ok("patient", "enrol", "--patient-id", "ENROL-1", "--profile", "alice")
    assert embedded.ok("patient", "enrol", "--patient-id", "ENROL-1") == first
    assert "alice" in embedded.fails(2, "patient", "enrol", "--patient-id", "ENROL-1", "--profile", "bob")["detail"]
    embedded.fails(2, "patient", "enrol", "--patient-id", "ENROL-2", "--profile", "alice")
    study = embedded.register(samples.make(1, patient_id="ENROL-1"))
    assert (study["subject"], study["patient_profile"]) == (first["subject"], "alice")
    assert [row["study_id"] for row in embedded.ok("study", "list", "--as", "alice")] == [study["study_id"]]


def test_without_as_a_studys_own_patient_decides(embedded: Cli, samples: SampleFolders) -> None:
    study = embedded.register(samples.make(1, patient_id="OWN-1"), "--enrol-new")
    order = ("--study", study["study_id"], "--to", "clinician", "--purpose", "TREAT", "--until", in_a_year())
    given = embedded.ok("grant", "give", *order)
    assert given["subject"] == study["subject"]
    assert "Only to treat you." in given["words"]
    assert embedded.ok("grant", "revoke", given["grant_id"])["on_chain"] is True


def test_identities_are_shown_only_when_asked_for(embedded: Cli) -> None:
    embedded.ok("patient", "enrol", "--patient-id", "SHOWN-1", "--issuer", "elsewhere")
    assert "SHOWN-1" not in embedded.run("patient", "list").out
    rows = embedded.ok("patient", "list", "--identities")
    assert ("elsewhere", "SHOWN-1") in {(row["issuer"], row["patient_id"]) for row in rows}


def test_two_patients_cannot_use_each_others_key(embedded: Cli, samples: SampleFolders) -> None:
    embedded.ok("patient", "enrol", "--patient-id", "OTHER-1", "--profile", "eve")
    study = embedded.register(samples.make(1))
    order = ("--study", study["study_id"], "--to", "clinician", "--purpose", "TREAT", "--until", in_a_year())
    embedded.fails(5, "grant", "give", *order, "--as", "eve")
    grant = embedded.grant(study)
    embedded.fails(5, "grant", "revoke", grant, "--as", "eve")
    assert embedded.ok("grant", "show", grant)["state"] == "live"
    assert embedded.ok("grant", "revoke", grant, "--as", "hospital-a")["revoked"] is True  # a registrar has standing
    assert embedded.ok("grant", "show", grant)["state"] == "revoked"
