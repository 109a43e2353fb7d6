"""`fiducia patient`: identities at a custodian, and the subjects that they are on the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from fiducia.app import signers
from fiducia.app.cli import recovery, restriction
from fiducia.app.cli.acting import names_of
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.cli.files import read_bounded
from fiducia.app.enrolment import Enrolment
from fiducia.app.output import utc
from fiducia.app.patient_list import LIST_MAX_BYTES, identity, parse
from fiducia.core.replay import State

app = noun("patient", "Patients: enrolled by their hospital, known to the ledger by a pseudonym.")
recovery.register(app)
restriction.register(app)


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
    no_device: Annotated[
        bool, typer.Option("--no-device", help="A patient who holds no key: representatives decide, or nobody.")
    ] = False,
) -> None:
    """Enrol a patient of the hospital that you act as, with a signing key of their own.

    The identity stays in the hospital's sealed directory; the ledger learns a pseudonym and the hash of a key. A
    patient without a device gets a key later, by `patient recover`; until then the hospital's staff appoint
    representatives.

    \b
    Examples:
      fiducia patient enrol --patient-id 4711 --profile patient-2
      fiducia patient enrol --patient-id 4712 --no-device
    """
    if no_device and profile:
        raise typer.BadParameter("a patient without a device has no profile: give --profile or --no-device")
    custodian = call.house.institution(call.profile("hospital-a"))
    enrolment, patient = Enrolment(call.house, custodian), identity(issuer, patient_id)
    entry = enrolment.enrol_without_device(patient) if no_device else enrolment.enrol(patient, profile)
    facts = {"subject": entry.subject, "patient_profile": entry.profile or None, "custodian": custodian.institution}
    call.out.facts(facts)


@command(app, "enrol-list")
def enrol_list(
    call: Call,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV in UTF-8 with the heading patient_id, or patient_id,issuer."),
    ],
) -> None:
    """Enrol all patients of a list who are not enrolled yet, a hundred in one transaction.

    They hold no key: a key comes later, by `patient recover`; until then the hospital's staff appoint
    representatives. Whoever is enrolled already stays as they are; a run that was interrupted is gone on with by the
    same command.

    \b
    Example:
      fiducia patient enrol-list patients.csv --as hospital-a
    """
    custodian = call.house.institution(call.profile("hospital-a"))
    patients = parse(read_bounded(file, LIST_MAX_BYTES, "list of patients"))
    with call.out.counting() as bar:
        bar.start("enrolling", len(patients))
        enrolled = Enrolment(call.house, custodian).enrol_list(patients, bar.advance)
    known = len(patients) - enrolled
    call.out.facts(
        {"patients": len(patients), "enrolled": enrolled, "known": known, "custodian": custodian.institution}
    )


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
    known = {entry.subject: entry for entry in house.patients(custodian.member).all()}
    # Those whom another hospital handed over are not in this one's directory.
    others = [entry.subject for entry in state.subjects(custodian.institution) if entry.subject not in known]
    holders, names = signers.by_subject(house, state), names_of(call)
    rows = []
    for subject in (*known, *others):
        holder = holders.get(subject)
        row = {"subject": subject, "patient_profile": holder.name if holder else None} | _standing(
            state, subject, names
        )
        if identities:
            identity = known[subject].identity if subject in known else None
            row |= {
                "issuer": identity.issuer or None if identity else None,
                "patient_id": identity.patient_id if identity else None,
            }
        rows.append(row)
    call.out.rows(rows, empty="no patient is enrolled here")


def _standing(state: State, subject: bytes, names: Mapping[bytes, str]) -> dict[str, Any]:
    """What the ledger says of a patient, for people."""
    entry = state.subject(subject)
    if entry is None:
        return {"enrolled": None}
    representatives = (each.representative for each in state.representatives(subject))
    return {
        "enrolled": utc(entry.enrolled_at),
        "custodian": entry.custodian,
        "signer": "device" if entry.signer_index else "none",
        "restricted": entry.restricted,
        "epoch": entry.epoch,
        "studies": len(state.studies(subject)),
        "representatives": [names.get(each) or "0x" + each.hex() for each in representatives],
        "recovery_ready": utc(entry.recovery.ready_at) if entry.recovery else None,
    }
