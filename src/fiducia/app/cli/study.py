"""`fiducia study`: registering, looking up and fetching studies."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli import parsing, proofs, study_custody, study_life, study_refresh, study_rekey
from fiducia.app.cli.common import Call, add_commands, command, noun
from fiducia.app.cli.registered import EXIT_SOME_REFUSED, show_registration
from fiducia.app.cli.views import blame_row, grant_row, show_fetched, visible_studies
from fiducia.app.enrolment import Enrolment
from fiducia.app.output import utc
from fiducia.app.profiles import KeyName, Kind
from fiducia.app.signers import requester_of
from fiducia.core import rules
from fiducia.core.formats.cid import cid_of_digest
from fiducia.errors import InputError
from fiducia.journeys.reading.fetch import FetchOrder
from fiducia.journeys.shared.objects import read_manifest
from fiducia.journeys.trustees.blame import KeptBlames

app = noun("study", "Studies: encrypted, stored, anchored; opened only under a grant.")
study_life.register(app)
add_commands(app, prove=proofs.prove)
study_custody.register(app)
study_rekey.register(app)
study_refresh.register(app)


@command(app, "register")
def register(
    call: Call,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders or DICOMDIR media.")],
    enrol_new: Annotated[
        bool, typer.Option("--enrol-new", help="Enrol patients whom the directory does not know, each with a profile.")
    ] = False,
) -> int:
    """Register DICOM studies of the hospital that you act as: encrypt, store, deposit keys, anchor.

    Instances are grouped by study. What cannot be taken is named with its reason, the rest is registered (exit 5).
    Registering the same files again changes nothing; new instances make a new revision. What the slices of a series
    tell together (missing or repeated ones, mixed geometry) is reported, and prevents nothing.

    \b
    Examples:
      fiducia study register ct-folder
      fiducia study register /media/cd --enrol-new --as hospital-a
    """
    custodian = call.house.institution(call.profile("hospital-a"))
    enrolment = Enrolment(call.house, custodian)
    enrolment.finish_all()
    with call.out.progress() as progress:
        registration = call.house.register_studies(custodian.member, progress).run(
            paths,
            custodian=custodian.institution,
            registrar=custodian.signer(KeyName.REGISTRAR),
            enrol_new=enrolment.enrol if enrol_new else None,
        )
    show_registration(call.out, registration)
    return EXIT_SOME_REFUSED if registration.problems else 0


@command(app, "list")
def list_studies(
    call: Call,
    every: Annotated[
        bool, typer.Option("--all", help="Every study on the ledger, not only those you have a part in.")
    ] = False,
) -> None:
    """List studies: a hospital's own, a patient's own, or those that a grant names you for.

    \b
    Example:
      fiducia study list --as patient
    """
    profile = call.profile("hospital-a")
    state = call.house.mirror(profile.member or profile.name).catch_up()
    local = {}
    if profile.kind is Kind.INSTITUTION:
        patients = {entry.subject: entry.profile for entry in call.house.patients(profile.member).all()}
        local = {
            entry.study_id: {
                "patient_profile": patients.get(entry.subject) or None,
                "series": len(entry.series),
                "instances": sum(len(series.instances) for series in entry.series),
            }
            for entry in call.house.studies(profile.member).all()
        }
    rows = [
        {
            "study_id": study.study_id,
            "subject": study.subject,
            "custodian": study.custodian,
            "revision": study.revision,
            "status": study.status,
            "anchored": utc(study.anchored_at),
            **local.get(study.study_id, {}),
        }
        for study in (state.studies() if every else visible_studies(state, profile))
    ]
    call.out.rows(rows, empty="no study here; --all lists every study on the ledger")


@command(app, "show")
def show(call: Call, study: Annotated[str, typer.Argument(metavar="ID", help="The study_id.")]) -> None:
    """Show what the ledger and the public manifest say about a study.

    \b
    Example:
      fiducia study show 0x3f…
    """
    study_id = parsing.study_id(study)
    state = call.house.mirror(call.house.reader(call.acting)).catch_up()
    found = state.study(study_id)
    if found is None:
        raise InputError("no such study on this ledger; see `fiducia study list --all`")
    manifest = read_manifest(call.house.store(), found.manifest)
    lines = [
        {
            "series": line.number,
            "sealed_in": line.sealed_in,
            "pack_cid": line.pack_cid,
            "pack_bytes": line.pack_size_bytes,
            "index_cid": line.index_cid,
            "index_bytes": line.index_size_bytes,
        }
        for line in manifest.series
    ]
    revisions = [
        {
            "revision": revision.revision,
            "manifest_cid": cid_of_digest(revision.manifest),
            "anchored": utc(revision.anchored_at),
            "withdrawn": revision.withdrawn,
        }
        for revision in found.revisions
    ]
    grants = state.grants_of_study(study_id, [line.number for line in manifest.series])
    call.out.facts(
        {
            "study_id": study_id,
            "subject": found.subject,
            "custodian": found.custodian,
            "revision": found.revision,
            **study_life.life_of(found),
            "releases": len(state.releases(study_id)),
            "revisions": revisions,
            "series": lines,
            "grants": [grant_row(state, entry) for entry in grants],
        }
    )


@command(app, "fetch")
def fetch(
    call: Call,
    study: Annotated[str, typer.Argument(metavar="ID", help="The study_id.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where series-N/instance-N.dcm are written.")],
    purpose: Annotated[str, typer.Option(metavar="PURPOSE", help="Why: TREAT, ETREAT, PATRQT, …")],
    series: Annotated[int | None, typer.Option(min=1, help="Only this series.", show_default=False)] = None,
) -> None:
    """Request keys, fetch the images, verify every byte against the ledger, write them.

    Nothing is visible in the output folder before all of it was verified. An interrupted fetch is resumed by the
    same command. A revoked grant ends it with exit 3, and what was kept is destroyed. Where several trustees hold the
    keys, those that are down do not matter as long as enough answer (else exit 4: try again), and one that hands over
    what it was not dealt is named.

    \b
    Examples:
      fiducia study fetch 0x3f… --purpose TREAT --out images --as clinician
      fiducia study fetch 0x3f… --purpose PATRQT --out mine --as patient
      fiducia study fetch 0x3f… --purpose FAMRQT --out ours --as parent
    """
    order = FetchOrder(parsing.study_id(study), series or 0, parsing.purpose(purpose), rules.Action.RETAIN)
    profile = call.profile("clinician")
    requester = requester_of(profile)
    label = hashlib.sha256(f"{profile.name}\0{out.absolute()}\0{order}".encode()).hexdigest()[:16]
    with call.house.home.lock(f"fetch-{label}"), call.out.progress() as progress:
        journey = call.house.fetch_study(profile, progress)
        fetched = journey.run(order, requester, call.house.folder(out, label), label=label)
    show_fetched(call.out, fetched, out, gas=fetched.gas_used)


@command(app, "blames")
def blames(
    call: Call,
    forget: Annotated[bool, typer.Option("--forget", help="Destroy the evidence here, after showing it.")] = False,
) -> None:
    """Show the evidence against trustees that handed over what they were not dealt, as whoever fetched.

    With --json the whole hand-over comes with it: the trustee's own signature ties it to what it sealed for this
    request, and anybody can check that against the keys that it published.

    \b
    Example:
      fiducia study blames --as clinician --json
    """
    profile = call.profile("clinician")
    kept = KeptBlames(call.house.vault(profile.name))
    call.out.rows(
        [blame_row(blame, whole=call.out.as_json) for blame in kept.all()], empty="no trustee is to blame for anything"
    )
    if forget:
        kept.forget()
