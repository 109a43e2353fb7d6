"""`fiducia emergency`: breaking the glass with two badges, also while the chain stalls, and the reviews it owes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.acting import staff_approver, subject_of
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.cli.files import read_document
from fiducia.app.cli.signing import showing
from fiducia.app.cli.views import show_fetched
from fiducia.app.output import Fact, utc
from fiducia.app.profiles import Profile
from fiducia.app.signers import requester_of
from fiducia.core import ids
from fiducia.core.entries import Review
from fiducia.core.rules import Outcome
from fiducia.journeys.grants.emergency import HOURS_MAX
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.shared.subjects import known_study
from fiducia.journeys.stalls.late_fetching import StallOrder
from fiducia.records.images import PatientIdentity

app = noun("emergency", "Emergencies: opened at once by two badges, told to the patient, reviewed by officers.")


@command(app, "open")
def open_(
    call: Call,
    colleague: Annotated[str, typer.Option("--with", metavar="PROFILE", help="The second of the team.")],
    patient_id: Annotated[
        str | None,
        typer.Option("--patient-id", metavar="ID", help="The patient's ID at their hospital; - asks for it."),
    ] = None,
    issuer: Annotated[str, typer.Option(metavar="ISSUER", help="Who gave that ID. Default: the hospital itself.")] = "",
    at: Annotated[
        str, typer.Option("--at", metavar="MEMBER", help="That hospital: a profile, or its number.")
    ] = "hospital-a",
    subject: Annotated[
        str | None, typer.Option(metavar="ID", help="The patient's pseudonym, where it is known.")
    ] = None,
    study: Annotated[str | None, typer.Option(metavar="ID", help="Only this study. Default: all studies.")] = None,
    hours: Annotated[int, typer.Option(min=1, max=HOURS_MAX, help="How long.")] = 8,
) -> None:
    """Open a patient's studies to your institution at once, for emergency treatment (ETREAT).

    Two different persons of one institution sign, with badges that may use ETREAT. Where only the patient ID is known,
    the patient's hospital is asked first; it notes who asked. The patient is told at once, and an officer of yours who
    is neither of the two files a review within 72 hours: while one is overdue, your institution opens no other.

    This needs the chain. While it stalls, brokers hand over to the two badges themselves: `fiducia emergency fetch`.

    \b
    Examples:
      fiducia emergency open --patient-id 4711 --at hospital-a --as clinician --with nurse-b
      fiducia emergency open --study 0x3f… --hours 2 --as clinician --with nurse-b
    """
    first, second = call.profile("clinician"), call.house.profiles().load(colleague)
    team = staff_approver(first), staff_approver(second)
    if patient_id is not None and subject is not None:
        raise typer.BadParameter("give --patient-id or --subject, not both")
    study_id = parsing.study_id(study) if study else b""
    if patient_id == "-":  # it then stays out of histories
        patient_id = typer.prompt("Patient ID")
    if patient_id is not None:
        whose = _looked_up(call, first, team, PatientIdentity(issuer, patient_id), at)
    elif subject is not None:
        whose = subject_of(call, first, subject)
    elif study_id:
        whose = known_study(call.house.mirror(first.reader).catch_up(), study_id).subject
    else:
        raise typer.BadParameter("say whose studies: --patient-id, --subject or --study")
    show, shown = showing(call)
    opened = call.house.open_emergency(first).run(team, subject=whose, study_id=study_id, hours=hours, show=show)
    review = call.house.mirror(first.reader).catch_up().review(opened.given.grant_id)
    call.out.facts(
        {
            "grant_id": opened.given.grant_id,
            "subject": whose,
            "until": utc(opened.given.grant.not_after),
            "review_due": utc(review.due_at) if review else None,
            "words": shown[0].splitlines() if call.out.as_json else None,
            "block": opened.given.receipt.head.number,
            "gas": opened.given.receipt.gas_used,
            "studies": [
                {"study_id": each.study_id, "revision": each.revision, "anchored": utc(each.anchored_at)}
                for each in opened.studies
            ],
        }
    )


@command(app, "fetch")
def fetch(
    call: Call,
    study: Annotated[str, typer.Argument(metavar="ID", help="The study_id.")],
    colleague: Annotated[str, typer.Option("--with", metavar="PROFILE", help="The second of the team.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where series-N/instance-N.dcm are written.")],
    series: Annotated[int | None, typer.Option(min=1, help="Only this series.", show_default=False)] = None,
    hours: Annotated[int, typer.Option(min=1, max=HOURS_MAX, help="How long the emergency lasts.")] = 8,
) -> None:
    """Fetch a study in an emergency while the chain stalls: two of you sign, and brokers hand over to you.

    The emergency is drawn up from the last facts that this home saw, for this study alone. The patient's hospital
    answers first, then as many other trustees as it takes, each once its newest block is older than 60 s. Nothing is
    visible in the output folder before all of it was verified, and no key stays here. Where the answer was lost, or
    too few answered (exit 4), the same command sends the same emergency again.

    While the chain answers this ends with exit 3 (NOT_STALLED): open the emergency and fetch as usual. Afterwards the
    brokers tell the ledger, the patient is told, and an officer of yours who is neither of the two files a review
    within 72 hours, as for any emergency.

    \b
    Example:
      fiducia emergency fetch 0x3f… --out images --as clinician --with nurse-b
    """
    order = StallOrder(parsing.study_id(study), series or 0, hours)
    first, second = call.profile("clinician"), call.house.profiles().load(colleague)
    team = staff_approver(first), staff_approver(second)
    requester, (show, shown) = requester_of(first), showing(call)
    same = _digest(first.name, second.name, order)
    with call.house.home.lock(f"emergency-{same}"), call.out.progress() as progress:
        destination = call.house.folder(out, _digest(same, out.absolute()))
        done = call.house.fetch_in_stall(first, progress).run(order, team, requester, destination, show=show)
    show_fetched(
        call.out,
        done.fetched,
        out,
        grant_id=ids.grant_id(done.grant),
        subject=done.grant.subject,
        until=utc(done.grant.not_after),
        words=shown[0].splitlines() if call.out.as_json else None,
        ledger="is told by the brokers once the chain is back",
        review="due within 72 hours of that",
    )


@command(app, "list")
def list_emergencies(
    call: Call,
    every: Annotated[bool, typer.Option("--all", help="Other institutions', too.")] = False,
) -> None:
    """List your institution's emergencies: reviews that are owed, overdue, filed and contested.

    \b
    Example:
      fiducia emergency list --as officer-b
    """
    profile = call.profile("hospital-b")
    state = call.house.mirror(profile.reader).catch_up()
    now = max(call.house.clock.now(), state.head.time_at)
    rows = [_row(review, now) for review in state.reviews() if every or review.institution == profile.institution]
    call.out.rows(rows, empty="no emergency was opened")


@command(app, "review")
def review(
    call: Call,
    grant: Annotated[str, typer.Argument(metavar="GRANT", help="The emergency's grant_id.")],
    outcome: Annotated[str, typer.Option(metavar="OUTCOME", help="justified, or not-justified.")],
    report: Annotated[Path, typer.Option(metavar="FILE", help="Your report; the ledger keeps a salted hash of it.")],
) -> None:
    """File the review of an emergency as an officer, or contest the one that was filed.

    The institution that opened it owes the review; its officer is neither of the two who opened it. An officer of any
    other institution may file it, too, or find otherwise once it is filed. Keep the report and the salt: together they
    prove what was found.

    \b
    Example:
      fiducia emergency review 0x9c… --outcome justified --report report.txt --as officer-b
    """
    officer = call.profile("officer-b")
    done = call.house.review_emergency(officer).run(
        parsing.grant_id(grant), _outcome(outcome), read_document(report), staff_approver(officer)
    )
    call.out.facts(
        {
            "grant_id": done.review.grant_id,
            "effect": done.effect.value,
            "outcome": _outcome(outcome),
            "report": done.review.report,
            "salt": done.salt,
            "block": done.receipt.head.number,
            "gas": done.receipt.gas_used,
        }
    )


def _looked_up(
    call: Call, first: Profile, team: tuple[Approver, Approver], identity: PatientIdentity, at: str
) -> bytes:
    custodian = parsing.institution(at, call.house.profiles())
    found = call.house.open_emergency(first).look_up(team, identity, custodian)
    call.out.say(f"the patient is known there, with {len(found.studies)} studies")
    return found.subject


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def _outcome(text: str) -> Outcome:
    try:
        return Outcome[text.upper().replace("-", "_")]
    except KeyError:
        raise typer.BadParameter("an outcome is `justified` or `not-justified`") from None


def _row(review: Review, now: int) -> Fact:
    standing = "filed" if review.filed else "overdue" if review.due_at <= now else "owed"
    return {
        "grant_id": review.grant_id,
        "institution": review.institution,
        "review": "contested" if review.contested else standing,
        "due": utc(review.due_at),
        "first": review.first,
        "second": review.second,
        "outcome": Outcome(review.filed.outcome) if review.filed else None,
        "by": review.filed.by if review.filed else None,
        "contested_by": [each.by for each in review.contested] or None,
    }
