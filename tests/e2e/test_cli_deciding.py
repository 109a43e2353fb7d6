"""Who decides for a patient, as commands on a real chain: representatives, another key, recovery, another custodian."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fiducia.app.provision import APPOINTMENT_DELAY_S, RECOVERY_DELAY_S
from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, files_of, in_a_year

POWERS = ("--power", "GRANT", "--power", "ACCESS", "--purpose", "TREAT", "--purpose", "FAMRQT")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A patient of one test, with one study."""

    cli: Cli
    folder: Path
    study: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.study["patient_profile"])

    @property
    def subject(self) -> str:
        return str(self.study["subject"])

    @property
    def study_id(self) -> str:
        return str(self.study["study_id"])

    def row(self, custodian: str = "hospital-a") -> dict[str, Any]:
        rows = self.cli.ok("patient", "list", "--as", custodian)
        return next(dict(row) for row in rows if row["subject"] == self.subject)

    def order(self, until: str | None = None) -> tuple[str, ...]:
        return ("--study", self.study_id, "--to", "clinician", "--purpose", "TREAT", "--until", until or in_a_year())


@pytest.fixture(scope="module")
def officers(embedded: Cli) -> tuple[str, str]:
    """An officer of each hospital, and a nurse of hospital A."""
    for name, role, hospital in (
        ("officer-a", "OFFICER", "hospital-a"),
        ("officer-b", "OFFICER", "hospital-b"),
        ("nurse-a", "NURSE", "hospital-a"),
    ):
        embedded.ok("badge", "issue", name, "--role", role, "--as", hospital)
    return "officer-a", "officer-b"


@pytest.fixture
def enrolled(embedded: Cli, samples: SampleFolders, tmp_path: Path) -> Enrolled:
    folder = samples.make(1, patient_id=f"DECIDES-{tmp_path.name}")
    return Enrolled(embedded, folder, embedded.register(folder, "--enrol-new"))


def passed(since: float, seconds: int) -> None:
    """Wait until a delay is over on the chain, whose newest block is up to a second old."""
    time.sleep(max(0.0, since + seconds + 2 - time.monotonic()))


def test_a_representative_decides_within_the_appointment_and_until_dismissed(
    embedded: Cli, enrolled: Enrolled, officers: tuple[str, str], tmp_path: Path
) -> None:
    parent = f"parent-of-{enrolled.name}"
    done = embedded.ok("representative", "appoint", parent, *POWERS, "--until", in_a_year(), "--as", enrolled.name)
    since = time.monotonic()  # not before the ledger took it, which may take seconds on a busy machine
    assert (done["state"], done["powers"], done["purposes"]) == ("waiting", ["GRANT", "ACCESS"], ["TREAT", "FAMRQT"])
    assert any("grant access in your place" in line for line in done["words"])
    embedded.fails(5, "grant", "give", *enrolled.order(), "--as", parent)
    # Another appointment is stopped while it waits; the first one stands.
    embedded.ok("representative", "appoint", "uncle", "--until", in_a_year(), "--as", enrolled.name)
    vetoed = embedded.ok("patient", "veto", "--appointment", "uncle", "--as", enrolled.name)
    assert vetoed["vetoed"] == "appointment"
    assert [row["representative"] for row in embedded.ok("representative", "list", "--as", enrolled.name)] == [parent]
    passed(since, APPOINTMENT_DELAY_S)
    assert enrolled.row()["representatives"] == [parent]

    given = embedded.ok("grant", "give", *enrolled.order("2035-01-31"), "--as", parent)
    assert given["until"] == done["until"]  # not beyond the power behind it
    assert [row["grant_id"] for row in embedded.ok("grant", "list", "--as", parent)] == [given["grant_id"]]
    assert [row["study_id"] for row in embedded.ok("study", "list", "--as", parent)] == [enrolled.study_id]
    embedded.ok(
        *("study", "fetch", enrolled.study_id, "--purpose", "FAMRQT", "--out", tmp_path / "ours"), "--as", parent
    )
    assert files_of(tmp_path / "ours") == files_of(enrolled.folder)
    embedded.ok("study", "fetch", enrolled.study_id, "--purpose", "TREAT", "--out", tmp_path / "care")
    assert embedded.ok("grant", "revoke", given["grant_id"], "--as", parent)["on_chain"] is True
    assert embedded.ok("grant", "revoke", "--all", "--subject", enrolled.subject, "--as", parent)["on_chain"] is True
    embedded.fails(5, "representative", "dismiss", parent, "--subject", enrolled.subject, "--as", "officer-b")
    assert embedded.ok("representative", "dismiss", parent, "--as", enrolled.name)["dismissed"] is True
    assert enrolled.row()["representatives"] == []
    embedded.fails(5, "grant", "give", *enrolled.order(), "--as", parent)


def test_a_restriction_blocks_until_the_patient_lifts_it(
    embedded: Cli, enrolled: Enrolled, officers: tuple[str, str], tmp_path: Path
) -> None:
    embedded.grant(enrolled.study)
    fetch = ("study", "fetch", enrolled.study_id, "--purpose", "TREAT", "--out", tmp_path / "out")
    for who in ((enrolled.name,), ("officer-a", enrolled.subject), ("hospital-a", enrolled.subject)):
        assert embedded.ok("patient", "restrict", *who[1:], "--as", who[0])["on_chain"] is True
        assert enrolled.row()["restricted"] is True
        assert embedded.fails(3, *fetch)["reason"] == "RESTRICTED"
        embedded.fails(5, "patient", "lift", enrolled.subject, "--as", "hospital-a")
        assert embedded.ok("patient", "lift", "--as", enrolled.name)["restricted"] is False
    embedded.fails(5, "patient", "restrict", enrolled.subject, "--as", "officer-b")
    embedded.ok(*fetch)


@pytest.mark.parametrize("point", ["act.kept", "act.carried"])
def test_a_key_is_replaced_once_also_when_the_command_is_killed(embedded: Cli, enrolled: Enrolled, point: str) -> None:
    given = embedded.ok("grant", "give", *enrolled.order(), "--as", enrolled.name)
    killed = embedded.with_environment(FIDUCIA_STOP_AT=point).run("patient", "rotate", "--as", enrolled.name)
    assert killed.code != 0
    done = embedded.ok("patient", "rotate", "--as", enrolled.name)
    assert (done["patient_profile"], done["signer_index"]) == (enrolled.name, 2)
    assert embedded.ok("grant", "show", given["grant_id"])["state"] == "live"
    embedded.ok("grant", "give", *enrolled.order(), "--series", 1, "--as", enrolled.name)


def test_a_lost_key_and_a_first_key_come_after_the_delay_unless_vetoed(
    embedded: Cli, enrolled: Enrolled, officers: tuple[str, str], samples: SampleFolders, tmp_path: Path
) -> None:
    both = ("--as", "hospital-a", "--with", "officer-a", "--with", "officer-b")
    # A patient without a device: the hospital's own officer is enough, and nobody vetoes it.
    bare = embedded.ok("patient", "enrol", "--patient-id", f"BARE-{tmp_path.name}", "--no-device")
    assert bare["patient_profile"] is None
    assert next(row for row in embedded.ok("patient", "list") if row["subject"] == bare["subject"])["signer"] == "none"
    embedded.fails(5, "patient", "recover", bare["subject"], *both)
    first = f"first-{enrolled.name}"
    since = time.monotonic()
    begun = embedded.ok(
        *("patient", "recover", bare["subject"], "--as", "hospital-a", "--with", "officer-a", "--profile", first)
    )
    assert (begun["institutions"], begun["patient_profile"]) == ([1], first)
    # Two staff decide for them meanwhile.
    aside = ("--subject", bare["subject"], "--as", "hospital-a", "--with", "officer-a", "--with", "nurse-a")
    guardian = f"guardian-of-{first}"
    words = ("--power", "GRANT", "--purpose", "TREAT", "--until", in_a_year())
    assert embedded.ok("representative", "appoint", guardian, *words, *aside)["state"] == "waiting"

    # A lost key: two institutions, and the patient may say no.
    given = embedded.ok("grant", "give", *enrolled.order(), "--as", enrolled.name)
    new = f"new-{enrolled.name}"
    begun = embedded.ok("patient", "recover", enrolled.subject, *both, "--profile", new)
    assert (begun["institutions"], begun["attempt"]) == ([1, 2], 1)
    assert embedded.ok("patient", "recovery", enrolled.subject)["ready"] == begun["ready"]
    embedded.fails(5, "patient", "complete", enrolled.subject)
    embedded.fails(2, "grant", "give", *enrolled.order(), "--as", new)
    since = time.monotonic()

    # Somebody whose key is not lost at all stops it; the next attempt would take a third institution.
    other = Enrolled(embedded, samples.make(1, patient_id="CONTESTS"), {})
    other = Enrolled(embedded, other.folder, embedded.register(other.folder, "--enrol-new"))
    embedded.ok("patient", "recover", other.subject, *both)
    assert embedded.ok("patient", "veto", other.subject, "--as", other.name)["contested"] is True
    waiting = embedded.ok("patient", "recovery", other.subject)
    assert (waiting["waits"], waiting["next_takes_institutions"]) == (False, 3)
    embedded.fails(5, "patient", "recover", other.subject, *both)

    passed(since, RECOVERY_DELAY_S)
    assert embedded.ok("patient", "complete", bare["subject"])["patient_profile"] == first
    done = embedded.ok("patient", "complete", enrolled.subject)
    assert (done["patient_profile"], done["completed"], done["epoch"]) == (new, True, 2)
    assert embedded.ok("patient", "complete", enrolled.subject)["completed"] is False
    assert embedded.ok("grant", "show", given["grant_id"])["state"] == "revoked"
    embedded.fails(5, "grant", "give", *enrolled.order(), "--as", enrolled.name)
    again = embedded.ok("grant", "give", *enrolled.order())  # without --as: whoever signs for the patient now
    assert embedded.ok("grant", "revoke", again["grant_id"], "--as", enrolled.name)["on_chain"] is True  # a former key
    assert enrolled.row()["patient_profile"] == new


def test_studies_are_fetched_under_another_custodian(embedded: Cli, enrolled: Enrolled, tmp_path: Path) -> None:
    embedded.grant(enrolled.study)
    embedded.fails(5, "patient", "transfer", enrolled.subject, "--to", "hospital-b", "--as", "patient")
    done = embedded.ok("patient", "transfer", "--to", "hospital-b", "--as", enrolled.name)
    assert (done["custodian"], done["studies"], done["changed"]) == (2, 1, True)
    assert embedded.ok("patient", "transfer", "--to", "hospital-b", "--as", enrolled.name)["changed"] is False
    embedded.ok("study", "fetch", enrolled.study_id, "--purpose", "TREAT", "--out", tmp_path / "out")
    assert files_of(tmp_path / "out") == files_of(enrolled.folder)
    row = enrolled.row("hospital-b")
    assert (row["custodian"], row["patient_profile"]) == (2, enrolled.name)
    # The patient goes on, at the new hospital's broker.
    given = embedded.ok("grant", "give", *enrolled.order(), "--series", 1, "--as", enrolled.name)
    assert embedded.ok("grant", "revoke", given["grant_id"], "--as", enrolled.name)["on_chain"] is True
    assert embedded.ok(
        "study", "fetch", enrolled.study_id, "--purpose", "PATRQT", "--out", tmp_path / "mine", "--as", enrolled.name
    )
    embedded.ok("audit", "verify")
