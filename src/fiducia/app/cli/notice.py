"""`fiducia notice`: what a hospital owes its patients when somebody else decided."""

from __future__ import annotations

from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.output import Fact, utc
from fiducia.app.profiles import Kind
from fiducia.core import rules
from fiducia.journeys.patients.notices import ListedNotice, Standing

app = noun("notice", "Notices: patients are told of every grant that they did not give themselves.")


@command(app, "list")
def list_notices(
    call: Call,
    every: Annotated[bool, typer.Option("--all", help="Delivered ones, too.")] = False,
) -> None:
    """List the notices that your hospital owes; as a patient, what you are told.

    The list comes from the ledger, so that none can be forgotten. What was delivered stands in the hospital's journal.

    \b
    Example:
      fiducia notice list --as hospital-a
    """
    profile = call.profile("hospital-a")
    journey = call.house.notices(profile)
    if profile.kind is Kind.PATIENT:
        call.out.rows([_row(each) for each in journey.for_patient(profile.subject)], empty="nothing to tell you")
        return
    call.house.institution(profile)
    rows = [_row(each) for each in journey.run() if every or each.standing is not Standing.DELIVERED]
    call.out.rows(rows, empty="no notice is owed")


@command(app, "deliver")
def deliver(
    call: Call,
    grant: Annotated[str, typer.Argument(metavar="GRANT", help="The grant_id.")],
    deferred_until: Annotated[
        str | None,
        typer.Option("--deferred-until", metavar="DATE", help="Not yet, on basis LAW alone: owed again from then on."),
    ] = None,
) -> None:
    """Note that the patient was told of a grant, or, on basis LAW, until when that is put off.

    \b
    Examples:
      fiducia notice deliver 0x9c… --as hospital-a
      fiducia notice deliver 0x9c… --deferred-until 2030-01-31 --as hospital-a
    """
    journey = call.house.notices(call.house.institution(call.profile("hospital-a")))
    grant_id = parsing.grant_id(grant)
    if deferred_until is None:
        call.out.facts(_row(journey.deliver(grant_id)))
    else:
        call.out.facts(_row(journey.defer(grant_id, parsing.until(deferred_until))))


def _row(listed: ListedNotice) -> Fact:
    notice = listed.notice
    return {
        "grant_id": notice.grant_id,
        "subject": notice.subject,
        "basis": notice.basis,
        "notice": listed.standing.value,
        "when": notice.when.value,
        "since": utc(notice.given_at),
        "delivered": utc(listed.at) if listed.standing is Standing.DELIVERED else None,
        "deferred_until": utc(listed.at) if listed.standing is Standing.DEFERRED else None,
        "grantee": notice.grant.grantee,
        "purposes": [purpose.name for purpose in rules.purposes_in(notice.grant.purposes)],
    }
