"""`fiducia study withdraw`, `retain`, `hold`, `lift-hold`, `request-erasure`, `erase`, `record-erasure`: its life."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.acting import deciding_key, patient_of, staff_approver
from fiducia.app.cli.common import Call, add_commands
from fiducia.app.cli.proofs import write_file
from fiducia.app.cli.recovery import WithOption
from fiducia.app.output import utc
from fiducia.app.profiles import KeyName
from fiducia.core.entries import Study
from fiducia.errors import InputError, TrusteeError
from fiducia.journeys.shared.subjects import known_study
from fiducia.records.ledger import Receipt, StudyStatus

StudyArgument = Annotated[str, typer.Argument(metavar="ID", help="The study_id.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `fiducia study`."""
    add_commands(
        app,
        withdraw=withdraw,
        retain=retain,
        hold=hold,
        lift_hold=lift_hold,
        request_erasure=request_erasure,
        erase=erase,
        record_erasure=record_erasure,
    )


def withdraw(
    call: Call,
    study: StudyArgument,
    revision: Annotated[
        int | None, typer.Option(min=1, help="Only this revision. Default: the whole study.", show_default=False)
    ] = None,
) -> None:
    """Withdraw a study, or one revision of it, for good, as its hospital: it is never released again.

    What the ledger says about it stays readable. Nothing is erased by this.

    \b
    Examples:
      fiducia study withdraw 0x3f… --revision 1 --as hospital-a
      fiducia study withdraw 0x3f… --as hospital-a
    """
    study_id = parsing.study_id(study)
    custodian = call.house.institution(call.profile("hospital-a"))
    registrar = custodian.signer(KeyName.REGISTRAR)
    receipt = call.house.withdraw_study(custodian.member).run(study_id, revision or 0, registrar)
    _show(call, custodian.member, study_id, receipt, withdrawn_revision=revision)


def retain(
    call: Call,
    study: StudyArgument,
    until_day: Annotated[str, typer.Option("--until-day", metavar="DATE", help="From this day on it may be erased.")],
) -> None:
    """Keep a study for longer, as its hospital; never for shorter. Only the patient's request ends that sooner.

    \b
    Example:
      fiducia study retain 0x3f… --until-day 2056-01-01 --as hospital-a
    """
    study_id = parsing.study_id(study)
    custodian = call.house.institution(call.profile("hospital-a"))
    registrar = custodian.signer(KeyName.REGISTRAR)
    receipt = call.house.retain_study(custodian.member).run(study_id, parsing.day(until_day), registrar)
    _show(call, custodian.member, study_id, receipt)


def hold(
    call: Call,
    study: StudyArgument,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="What it rests on; stays in the hospital's vault.")
    ] = "legal hold",
) -> None:
    """Put a study under legal hold, as an officer of its hospital: it is not erased while that stands.

    \b
    Example:
      fiducia study hold 0x3f… --reason "case 17 of the district court" --as officer-a
    """
    study_id = parsing.study_id(study)
    officer = call.profile("officer-a")
    receipt = call.house.hold_study(officer.reader).run(study_id, reason, staff_approver(officer))
    _show(call, officer.reader, study_id, receipt)


def lift_hold(call: Call, study: StudyArgument, others: WithOption = None) -> None:
    """Lift a legal hold, as officers of two institutions: yourself, and the one named by --with.

    \b
    Example:
      fiducia study lift-hold 0x3f… --as officer-a --with officer-b
    """
    study_id = parsing.study_id(study)
    officer = call.profile("officer-a")
    if not others:
        raise typer.BadParameter("it takes an officer of a second institution: --with officer-b")
    officers = [staff_approver(officer), *(staff_approver(call.house.profiles().load(name)) for name in others)]
    receipt = call.house.lift_hold(officer.reader).run(study_id, officers)
    _show(call, officer.reader, study_id, receipt)


def request_erasure(call: Call, study: StudyArgument) -> None:
    """Ask for a study's erasure, as the patient or a representative with GRANT. It is withdrawn at once.

    The hospital then destroys its keys and objects and records it; a legal hold must be lifted first.

    \b
    Example:
      fiducia study request-erasure 0x3f… --as patient
    """
    study_id = parsing.study_id(study)
    profile = call.profile("patient")
    subject = known_study(call.house.mirror(profile.reader).catch_up(), study_id).subject
    if not call.acting:
        profile = patient_of(call, subject)
    receipt = call.house.request_erasure(profile, subject).run(study_id, deciding_key(profile))
    _show(call, profile.reader, study_id, receipt)


def erase(
    call: Call,
    study: StudyArgument,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write the certificate.", show_default=False)
    ] = None,
) -> int:
    """Erase a study for good, as its hospital: what is left anywhere opens nothing.

    It is refused, and nothing changes, under a legal hold, and while its retention runs unless the patient asked. Else
    it is withdrawn; every trustee destroys its shares and has its store forget the objects, and signs that it did and
    from when on none of its copies holds them; the hospital does so with its own, with its salts and its directory's
    entries; and the ledger gets the digest of the certificate with all that, which anyone with a ledger checks by
    `fiducia audit verify FILE`. Run it again to finish what was interrupted, or to write the certificate again.

    Exit 4: so many trustees are away that they could open it (it is withdrawn, and not erased yet); or it is erased,
    and one that is away is told again and again by the hospital's broker. Keep pruning copies until `held_until` is
    past.

    \b
    Examples:
      fiducia study erase 0x3f… --out erased.json --as hospital-a
      fiducia audit verify erased.json
    """
    custodian = call.house.institution(call.profile("hospital-a"))
    done = call.house.erase_study(custodian).run(parsing.study_id(study), custodian.signer(KeyName.REGISTRAR))
    if out is not None:
        write_file(out, done.certificate)
    call.out.facts(
        {
            "study_id": done.study_id,
            "changed": done.changed,
            "certificate": hashlib.sha256(done.certificate).digest(),
            "out": str(out) if out else None,
            "destroyed": done.destroyed,
            "waiting": done.waiting,
            "held_until": utc(done.held_until) if done.held_until else None,
        }
    )
    if done.waiting:
        call.out.warn("not every trustee attests that its shares are gone; its broker is told again and again")
    return TrusteeError.exit_code if done.waiting else 0


def record_erasure(
    call: Call,
    study: StudyArgument,
    certificate: Annotated[Path, typer.Option("--certificate", metavar="FILE", help="The certificate of erasure.")],
) -> None:
    """Record that a withdrawn study was erased by other means, as its hospital: the ledger keeps a document's SHA-256.

    Nothing is destroyed by this, and no command checks such a document: see `fiducia study erase`.

    \b
    Example:
      fiducia study record-erasure 0x3f… --certificate certificate.pdf --as hospital-a
    """
    study_id = parsing.study_id(study)
    custodian = call.house.institution(call.profile("hospital-a"))
    try:
        with certificate.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        raise InputError("the certificate cannot be read: give a file that is there") from None
    registrar = custodian.signer(KeyName.REGISTRAR)
    receipt = call.house.record_erasure(custodian.member).run(study_id, digest, registrar)
    _show(call, custodian.member, study_id, receipt)


def life_of(study: Study) -> dict[str, Any]:
    """Return what stands for and against a study's erasure, for people."""
    return {
        "status": study.status,
        "retain_until": retain_until(study.retain_until_day),
        "held": study.held,
        "withdrawn_revisions": [revision.revision for revision in study.revisions if revision.withdrawn],
        "erasure_requested": study.erasure_requested,
        "certificate": study.certificate if study.status == StudyStatus.ERASED else None,
    }


def retain_until(day: int) -> str:
    """Return a day (days since 1970-01-01) as a date; one beyond the calendar as "for ever"."""
    try:
        return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()
    except OverflowError:
        return "for ever"


def _show(call: Call, reader: str, study_id: bytes, receipt: Receipt | None, **more: Any) -> None:
    study = known_study(call.house.mirror(reader).catch_up(), study_id)
    gas = {"changed": receipt is not None, "gas": receipt.gas_used if receipt else 0}
    call.out.facts({"study_id": study_id} | life_of(study) | more | gas)
