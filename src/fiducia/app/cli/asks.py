"""`fiducia grant ask`, `asks` and `decline`: asking a patient for access, and the patient's side of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.acting import deciding_key, staff_approver, subject_of
from fiducia.app.cli.common import Call, command
from fiducia.app.cli.grant_orders import (
    ActionOption,
    EveryOption,
    Options,
    PurposeOption,
    SeriesOption,
    StudyOption,
    SubjectOption,
    UntilOption,
)
from fiducia.app.output import Fact, utc
from fiducia.core import ids, rules
from fiducia.core.rules import DAY_S
from fiducia.journeys.grants.access_requests import ReadAsk
from fiducia.journeys.grants.drafting import Every
from fiducia.journeys.shared.subjects import known_study


def register(app: typer.Typer) -> None:
    """Put the three under their noun."""
    command(app, "ask")(ask)
    command(app, "asks")(list_asks)
    command(app, "decline")(decline)


def ask(
    call: Call,
    study: StudyOption = None,
    purpose: PurposeOption = None,
    until: UntilOption = None,
    series: SeriesOption = None,
    every: EveryOption = None,
    subject: SubjectOption = None,
    action: ActionOption = None,
    for_everybody: Annotated[
        bool, typer.Option("--for-everybody", help="For everybody with a badge of your institution, not you alone.")
    ] = False,
    days: Annotated[int, typer.Option(min=1, max=30, help="How long the question waits for its answer.")] = 7,
) -> None:
    """Ask a patient for access, with your badge. Their hospital's broker keeps the question; it opens nothing.

    No text goes with it: what is asked for is what a grant would say. The patient sees who asks, and answers with a
    grant, declines, or lets it lapse.

    \b
    Example:
      fiducia grant ask --study 0x3f… --purpose TREAT --until 2030-01-31 --as clinician
    """
    asking = call.profile("clinician")
    approver = staff_approver(asking)
    value = ids.institution_grantee(approver.institution) if for_everybody else approver.person
    options = Options(study, series, every, subject, None, purpose, action, None, until)
    order = options.order(call, grantee=parsing.Grantee(value, ""))
    if study is not None:
        whose = known_study(call.house.mirror(asking.reader).catch_up(), parsing.study_id(study)).subject
    else:
        whose = subject_of(call, asking, subject)
    order = replace(order, subject=whose)
    lapses = min(call.house.clock.now() + days * DAY_S, order.not_after)
    ask_id, asked = call.house.ask_for_access(asking, whose).run(order, approver, lapses)
    call.out.facts({"ask_id": ask_id, "subject": asked.subject, "grantee": asked.grantee, "waits_until": utc(lapses)})


def list_asks(call: Call, subject: SubjectOption = None) -> None:
    """List who asks for access, as a patient or a representative. Each badge is verified again.

    \b
    Example:
      fiducia grant asks --as patient
    """
    patient = call.profile("patient")
    key, whose = deciding_key(patient), subject_of(call, patient, subject)
    found = call.house.answer_access(patient, whose).run(whose, key)
    call.out.rows([_row(read) for read in found], empty="nobody asks for access")


def decline(
    call: Call,
    ask: Annotated[str, typer.Argument(metavar="ID", help="The ask's id.")],
    subject: SubjectOption = None,
) -> None:
    """Decline an access request, as a patient or a representative. Whoever asked learns nothing of it.

    \b
    Example:
      fiducia grant decline 0x51… --as patient
    """
    patient = call.profile("patient")
    ask_id, key = parsing.ask_id(ask), deciding_key(patient)
    call.house.answer_access(patient, subject_of(call, patient, subject)).decline(ask_id, key)
    call.out.facts({"ask_id": ask_id, "declined": True})


def _row(read: ReadAsk) -> Fact:
    every = read.order().every
    return {
        "ask_id": read.ask_id,
        "by": read.badge.person,
        "roles": [role.name for role in rules.roles_in(read.badge.roles)],
        "for": "everybody of the institution" if ids.is_institution(read.ask.grantee) else "this person",
        "study_id": read.study_id or None,
        "series": read.series or None,
        "all_studies": _WHICH[every] if every else None,
        "purposes": [purpose.name for purpose in rules.purposes_in(read.ask.purposes)],
        "actions": [action.name for action in rules.actions_in(read.ask.actions)],
        "until": utc(read.ask.not_after),
        "waits_until": utc(read.ask.ask_until),
    }


_WHICH = {Every.UNTIL_NOW: "until-now", Every.FUTURE_TOO: "future-too"}
