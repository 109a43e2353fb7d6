"""`fiducia patient`: identities at a custodian, and the subjects that they are on the ledger."""

from __future__ import annotations

from typing import Annotated

import typer

from fiducia.app.cli.common import Call, command, noun
from fiducia.app.enrolment import Enrolment
from fiducia.app.output import utc
from fiducia.errors import InputError
from fiducia.records.images import PatientIdentity

app = noun("patient", "Patients: enrolled by their hospital, known to the ledger by a pseudonym.")

_MAX_ID_CHARS = 256


@command(app, "enrol")
def enrol(
    call: Call,
    patient_id: Annotated[
        str,
        typer.Option(
            "--patient-id",
            metavar="ID",
            prompt="Patient ID",
            help="The patient ID in the hospital's images. Asked for when not given: it then stays out of histories.",
        ),
    ],
    issuer: Annotated[str, typer.Option(metavar="ISSUER", help="Who gave that ID. Default: the hospital itself.")] = "",
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="The development profile to make. Default: the next free one.")
    ] = None,
) -> None:
    """Enrol a patient of the hospital that you act as, with a signing key of their own.

    The identity stays in the hospital's sealed directory; the ledger learns a pseudonym and the hash of a key.

    \b
    Example:
      fiducia patient enrol --patient-id 4711 --profile patient-2
    """
    if not 0 < len(patient_id) <= _MAX_ID_CHARS or len(issuer) > _MAX_ID_CHARS:
        raise InputError(f"a patient ID has 1 to {_MAX_ID_CHARS} characters, its issuer at most as many")
    custodian = call.house.institution(call.profile("hospital-a"))
    entry = Enrolment(call.house, custodian).enrol(PatientIdentity(issuer, patient_id), profile)
    call.out.facts({"subject": entry.subject, "patient_profile": entry.profile, "custodian": custodian.institution})


@command(app, "list")
def list_patients(
    call: Call,
    identities: Annotated[bool, typer.Option("--identities", help="Show patient IDs, too.")] = False,
) -> None:
    """List the patients of the hospital that you act as.

    \b
    Example:
      fiducia patient list --as hospital-a
    """
    house = call.house
    custodian = house.institution(call.profile("hospital-a"))
    state = house.mirror(custodian.member).catch_up()
    rows = []
    for entry in house.patients(custodian.member).all():
        subject = state.subject(entry.subject)
        row = {
            "subject": entry.subject,
            "patient_profile": entry.profile or None,
            "enrolled": utc(subject.enrolled_at) if subject else None,
            "epoch": subject.epoch if subject else None,
            "studies": len(state.studies(entry.subject)),
        }
        if identities:
            row |= {"issuer": entry.identity.issuer or None, "patient_id": entry.identity.patient_id}
        rows.append(row)
    call.out.rows(rows, empty="no patient is enrolled here")
