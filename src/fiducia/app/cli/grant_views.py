"""`fiducia grant list` and `show`: what was granted, as rows, in words, or as FHIR."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command
from fiducia.app.cli.consent import write_consent
from fiducia.app.cli.views import grant_row, scope_of, standing, visible_grants
from fiducia.app.output import utc
from fiducia.core import rules
from fiducia.core.wording import describe
from fiducia.errors import InputError


def register(app: typer.Typer) -> None:
    """Put both under their noun."""
    command(app, "list")(list_grants)
    command(app, "show")(show)


def list_grants(
    call: Call,
    every: Annotated[bool, typer.Option("--all", help="Revoked and ended ones, too.")] = False,
) -> None:
    """List the grants that you gave, that are for you, or that your hospital's patients gave.

    \b
    Example:
      fiducia grant list --all --as patient
    """
    profile = call.profile("patient")
    state = call.house.mirror(profile.member or profile.name).catch_up()
    rows = [grant_row(state, entry) for entry in visible_grants(state, profile)]
    call.out.rows(
        [row for row in rows if every or row["state"] in ("live", "waiting")],
        empty="no grant stands here; --all lists revoked and ended ones, too",
    )


def show(
    call: Call,
    grant: Annotated[str, typer.Argument(metavar="ID", help="The grant_id.")],
    fhir: Annotated[bool, typer.Option("--fhir", help="Print it as a FHIR R4 Consent.")] = False,
) -> None:
    """Show a grant's exact terms, and in words.

    \b
    Examples:
      fiducia grant show 0x9c…
      fiducia grant show 0x9c… --fhir > consent.json
    """
    grant_id = parsing.grant_id(grant)
    state = call.house.mirror(call.house.reader(call.acting)).catch_up()
    entry = state.grant(grant_id)
    if entry is None:
        raise InputError("no such grant on this ledger; see `fiducia grant list --all --as auditor`")
    if fhir:
        call.out.document(write_consent(state, entry))
        return
    facts: dict[str, Any] = grant_row(state, entry) | {"subject": entry.subject, "standing": standing(state, entry)}
    if entry.grant is None:
        call.out.facts(facts)
        return
    terms = entry.grant
    study, series = scope_of(state, terms)
    words = describe(terms, study_id=study or b"", series=series)
    facts |= {
        "basis": rules.Basis(terms.basis).name,
        "from": utc(terms.not_before),
        "epoch": terms.epoch,
        "terms": terms.terms,
        "given": utc(entry.given_at) if entry.given_at else None,
        "revoked": utc(entry.revoked_at) if entry.revoked_at else None,
        "releases": sum(event.grant_id == grant_id for event in state.releases()),
        "words": words.splitlines() if call.out.as_json else None,
    }
    call.out.facts(facts | {"study_id": study, "series": series or None})
    if not call.out.as_json:
        call.out.text("\n" + words)
