"""`fiducia incident report`: what may be named, and who may read the identities that it writes."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from fiducia.app.cli import incident
from fiducia.app.cli.common import Call
from fiducia.app.output import Output
from fiducia.app.profiles import KeyName, Kind, Profile
from fiducia.core.incident.exposure import Exposure
from fiducia.errors import ConfigError, InputError
from fiducia.journeys.members.incident import ReportIncident
from fiducia.records.ledger import KeyKind
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, IDENTITY, Consortium


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.run_register()
    return world


class Profiles:
    def __init__(self, world: Consortium) -> None:
        secret = (7).to_bytes(32, "big")
        self._known = {
            "hospital-a": Profile("hospital-a", Kind.INSTITUTION, "hospital-a", HOSPITAL_A),
            "hospital-b": Profile("hospital-b", Kind.INSTITUTION, "hospital-b", HOSPITAL_B),
            "clinician": Profile("clinician", Kind.STAFF, "hospital-b", HOSPITAL_B, badge=world.badge),
            "patient": Profile("patient", Kind.PATIENT, "hospital-a", HOSPITAL_A, keys=((KeyName.SIGNER, secret),)),
            "auditor": Profile("auditor", Kind.AUDITOR),
        }

    def load(self, name: str) -> Profile:
        if name not in self._known:
            raise ConfigError("no such profile")
        return self._known[name]


def call_of(world: Consortium) -> Call:
    profiles = Profiles(world)

    def journey(profile: Profile) -> ReportIncident:
        hospital = profile.kind is Kind.INSTITUTION
        return ReportIncident(
            mirror=world.mirror,
            store=world.store,
            clock=world.clock,
            journal=world.journal if hospital else None,
            patients=world.patients if hospital else None,
            custodian=profile.institution if hospital else 0,
        )

    members = [SimpleNamespace(institution=1, name="hospital-a"), SimpleNamespace(institution=2, name="hospital-b")]
    house = SimpleNamespace(
        profiles=lambda: profiles, report_incident=journey, consortium=SimpleNamespace(members=members)
    )
    return cast(Call, SimpleNamespace(house=house, profile=profiles.load, out=Output(True)))


def named(world: Consortium, what: str) -> Exposure:
    return incident._exposure(call_of(world), world.mirror.catch_up(), what, 0)


def test_what_may_be_named(world: Consortium) -> None:
    state = world.mirror.catch_up()
    subject = state.subjects()[0]
    assert named(world, "issuer@hospital-b").has(KeyKind.ISSUER, HOSPITAL_B)
    assert named(world, "BROKER-SIGN@1").has(KeyKind.BROKER_SIGN, HOSPITAL_A)
    assert named(world, "GOVERNOR@hospital-b").governors == (HOSPITAL_B,)
    assert named(world, "TRUSTEE@hospital-a").trustees == (HOSPITAL_A,)
    assert named(world, "KEK@hospital-a").homes == (HOSPITAL_A,)
    assert named(world, "hospital-b").governors == (HOSPITAL_B,)
    assert named(world, "clinician").persons == (world.badge.badge.person,)
    assert named(world, "patient").signers == (subject.signer_hash,)
    assert named(world, f"0x{subject.subject.hex()}").signers == (subject.signer_hash,)
    assert named(world, f"0x{world.badge.badge.person.hex()}").persons == (world.badge.badge.person,)


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("PASSWORD@hospital-a", typer.BadParameter),
        ("GATEWAY@hospital-a", InputError),
        ("KEK@9", InputError),
        ("0x12", typer.BadParameter),
        ("nobody", ConfigError),
        ("auditor", InputError),
    ],
)
def test_what_nobody_knows_is_refused(world: Consortium, what: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        named(world, what)


Reported = Callable[..., tuple[int | None, dict[str, Any]]]


@pytest.fixture
def reported(world: Consortium, capsys: pytest.CaptureFixture[str]) -> Reported:
    def run(what: str, since: str = "1970-01-01", out: Path | None = None) -> tuple[int | None, dict[str, Any]]:
        code = incident.report(call_of(world), what, since, None, out)
        return code, json.loads(capsys.readouterr().out)

    return run


def test_identities_go_into_a_new_file_for_the_owner_alone(reported: Reported, tmp_path: Path) -> None:
    out = tmp_path / "patients.json"
    code, printed = reported("TRUSTEE@hospital-a", out=out)
    assert code == incident.EXIT_AFFECTED
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    (row,) = json.loads(out.read_text())
    assert row["patient_id"] == IDENTITY.patient_id
    assert IDENTITY.patient_id not in json.dumps(printed)
    assert [each["subject"] for each in printed["notice_list"]] == [row["subject"]]
    with pytest.raises(InputError, match="give a new file's name"):
        reported("TRUSTEE@hospital-a", out=out)


def test_nothing_affected_ends_with_0(reported: Reported) -> None:
    code, printed = reported("ISSUER@hospital-b")
    assert (code, printed["affected"], printed["notice_list"], printed["deadlines"]) == (0, False, [], [])
    assert printed["containment"][0]["command"] == "fiducia badge end-all --as hospital-b"
