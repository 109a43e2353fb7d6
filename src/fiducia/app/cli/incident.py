"""`fiducia incident`: a key is in other hands: whom it concerns, what to run, until when to tell whom."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.output import Fact, utc
from fiducia.app.profiles import PATIENT_SIDE, KeyName, Kind, Profile
from fiducia.core import ids
from fiducia.core.answers import Answers
from fiducia.core.incident import exposure
from fiducia.core.incident.exposure import Exposure
from fiducia.core.incident.report import AffectedPatient, IncidentReport
from fiducia.core.rules import Basis
from fiducia.errors import InputError
from fiducia.journeys.members.incident import ReportIncident
from fiducia.records.ledger import KeyKind

EXIT_AFFECTED = 1
app = noun("incident", "Incidents: a key in other hands: who is affected, what contains it, until when to tell whom.")


@command(app, "report")
def report(
    call: Call,
    compromised: Annotated[
        str, typer.Option("--key-compromised", metavar="WHAT", help="KIND@MEMBER, 0x…, or a profile; see above.")
    ],
    since: Annotated[str, typer.Option(metavar="TIME", help="Since when, as far as is known: the earliest time.")],
    detected: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it was detected; deadlines run from then. Default: now.")
    ] = None,
    identities: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write who the patients to be told are, for you alone (mode 0600, new)."),
    ] = None,
) -> int:
    """Report what a compromised key means: who is affected, how to contain it, what is due, whom to tell.

    WHAT is one of: KIND@MEMBER, where KIND is REGISTRAR, ISSUER, GATEWAY, BROKER_KEM, BROKER_SIGN, LOG, GOVERNOR,
    TRUSTEE (a member's broker with its shares) or KEK (a member's key-encryption key), and MEMBER its name or number ·
    the hash of a published key, a person, a signer's hash, or a patient's pseudonym (0x…) · a profile of this home.

    It is worked out from the ledger, the public custody documents and, for a hospital, its journal; it changes nothing,
    and names too much rather than too little. It shows pseudonyms only. Exit 0: nothing is affected; 1: something is;
    5: nobody knows WHAT.

    \b
    Examples:
      fiducia incident report --key-compromised ISSUER@hospital-b --since 2030-01-31 --as hospital-a
      fiducia incident report --key-compromised clinician --since 2030-01-31T18:00:00Z
      fiducia incident report --key-compromised TRUSTEE@hospital-a --since 2030-01-31 --identities patients.json
    """
    profile = call.profile("hospital-a")
    journey = call.house.report_incident(profile)
    began = parsing.since(since)
    what = _exposure(call, journey.state(), compromised, began)
    names = {member.institution: member.name for member in call.house.consortium.members}
    made = journey.run(what, began, parsing.since(detected) if detected else None, names)
    if identities is not None:
        _write(identities, journey, made)
    facts = _facts(made, journey.told_here(made), identities)
    call.out.facts(facts if call.out.as_json else {name: value for name, value in facts.items() if value != []})
    return EXIT_AFFECTED if made.effects.any else 0


def _exposure(call: Call, state: Answers, text: str, since: int) -> Exposure:
    """Return what WHAT names. Raises: BadParameter, InputError, ConfigError."""
    kind, at, member = text.partition("@")
    if at:
        return _of_member(call, state, kind.upper().replace("-", "_"), member, since)
    if text.startswith("0x"):
        if len(text) == 42:
            return exposure.of_subject(state, parsing.subject(text))
        return exposure.of_hash(state, parsing.hex_bytes(text, 32, "a key's hash, a person or a signer's hash"))
    return _of_profile(state, call.house.profiles().load(text), since)


def _of_member(call: Call, state: Answers, kind: str, member: str, since: int) -> Exposure:
    institution = parsing.institution(member, call.house.profiles())
    if kind == "GOVERNOR":
        return exposure.of_governor(state, institution)
    if kind == "TRUSTEE":
        return exposure.of_trustee(state, institution, since)
    if kind == "KEK":
        return exposure.of_home(state, institution, since)
    if kind not in KeyKind.__members__:
        known = ", ".join((*KeyKind.__members__, "GOVERNOR", "TRUSTEE", "KEK"))
        raise typer.BadParameter(f"what is compromised at a member is one of {known}")
    return exposure.of_kind(state, institution, KeyKind[kind], since)


def _of_profile(state: Answers, profile: Profile, since: int) -> Exposure:
    if profile.kind is Kind.INSTITUTION:
        return exposure.of_institution(state, profile.institution, since)
    if profile.kind is Kind.STAFF and profile.person:
        return exposure.of_staff(state, profile.person, since)
    if profile.kind in PATIENT_SIDE:
        return exposure.of_signer(state, ids.signer_hash(profile.signer(KeyName.SIGNER).address))
    raise InputError(f"{profile.name} holds no key that the ledger knows")


def _write(path: Path, journey: ReportIncident, made: IncidentReport) -> None:
    """Write identities where nobody else reads them, and over nothing."""
    rows = [
        {
            "subject": "0x" + patient.subject.hex(),
            "issuer": identity.issuer if identity else None,
            "patient_id": identity.patient_id if identity else None,
            "studies": ["0x" + study.hex() for study in patient.studies],
            "why": list(patient.why),
        }
        for patient, identity in journey.identities(made)
    ]
    data = json.dumps(rows, ensure_ascii=False, indent=2).encode() + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; give a new file's name") from error


def _facts(made: IncidentReport, told: tuple[AffectedPatient, ...], identities: Path | None) -> Fact:
    effects = made.effects
    return {
        "compromised": made.exposure.what,
        "since": utc(made.since),
        "detected": utc(made.detected_at),
        "block": made.head.number,
        "ledger_at": utc(made.head.time_at),
        "affected": effects.any,
        "patients": len(made.patients),
        "studies": len(made.studies),
        "identities": str(identities) if identities else None,
        "notes": list(made.notes) or None,
        "deadlines": [
            {"rule": each.rule, "until": utc(each.until) if each.until else "without undue delay", "whom": each.whom}
            for each in made.deadlines
        ],
        "containment": [{"command": each.command, "why": each.why} for each in made.containment],
        "notice_list": [_patient(each) for each in told],
        "patients_of_others": [_patient(each) for each in made.patients if each not in told],
        **_effects(made),
    }


def _patient(patient: AffectedPatient) -> Fact:
    return {
        "subject": patient.subject,
        "custodian": patient.custodian,
        "why": list(patient.why),
        "studies": list(patient.studies),
    }


def _effects(made: IncidentReport) -> Fact:
    """What came of it, each kind of thing a table."""
    effects = made.effects
    return {
        "releases": [
            {
                "request_id": each.request_id,
                "study_id": each.study_id,
                "institution": each.institution,
                "person": each.person,
                "recorded": utc(each.recorded_at) if each.recorded_at else None,
                "handed_over": utc(each.handed_over_at) if each.handed_over_at else None,
                "reads": each.reads,
                "why": each.why,
            }
            for each in effects.releases
        ],
        "grants": [
            {
                "grant_id": each.grant_id,
                "subject": each.subject,
                "basis": Basis(each.basis),
                "grantee": each.grantee,
                "given": utc(each.given_at),
                "live": each.live,
                "why": each.why,
            }
            for each in effects.grants
        ],
        "enrolments": [{"subject": subject} for subject in effects.enrolments],
        "anchors": [
            {"study_id": each.study_id, "revision": each.revision, "anchored": utc(each.anchored_at)}
            for each in effects.anchors
        ],
        "appointments": [
            {"subject": each.subject, "representative": each.representative, "from": utc(each.from_at)}
            for each in effects.appointments
        ],
        "recoveries": [{"subject": subject} for subject in effects.recoveries],
        "shares": [
            {
                "study_id": each.study_id,
                "trustees": list(each.trustees),
                "threshold": each.threshold or None,
                "opens": each.opens,
            }
            for each in effects.shares
        ],
        "look_ups": [
            {"subject": each.subject, "institution": each.institution, "time": utc(each.at)}
            for each in effects.look_ups
        ],
        "keys_published": [
            {
                "institution": key.institution,
                "kind": KeyKind(key.kind),
                "key_hash": key.key_hash,
                "published": utc(key.published_at),
            }
            for key in effects.published
        ],
    }
